"""The limits of a number contradict each other, or its default is outside of them.

Why
    With `min` above `max` no number is valid, and the browser refuses to submit the form. A default outside
    of the limits is refused in the same way until the user changes it. (OSC/ondemand
    apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb, create_widget: min, max and
    value are handed to the browser's input as they are.)

Bad
    num_cores:
      widget: number_field
      min: 1
      max: 48
      value: 0

Good
    num_cores:
      widget: number_field
      min: 1
      max: 48
      value: 1

Fix
    Correct the limit or the default.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import named_in_form_scripts, on_page
from ood_appgen.lint.form import Form
from ood_appgen.lint.psych import Mapping, Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR
_NUMBERS = ("number_field", "range_field")
# Smart attributes have a smallest number of their own (attributes/bc_num_*.rb, auto_cores.rb).
_SMALLEST = {"bc_num_hours": 1.0, "bc_num_slots": 1.0, "bc_num_nodes": 1.0, "auto_cores": 1.0}


def check(app: App) -> Iterator[Finding]:
    """Compare min, max and value where all are plain numbers."""
    for form in app.forms:
        limited = _limited_by_directives(form)
        for attribute, settings, widget in on_page(form):
            if widget not in _NUMBERS or not settings.complete:
                continue
            low, high, value = (_number(settings, key) for key in ("min", "max", "value"))
            if low is None and settings.get("min") is None:
                low = _SMALLEST.get(attribute.name)
            if low is not None and high is not None and low > high:
                node = settings.get("max")
                if isinstance(node, Scalar):
                    yield at(
                        node,
                        f"max is {_show(high)}, and min is {_show(low)}: no number is valid",
                        "correct one of the two",
                    )
                continue
            node = settings.get("value")
            if value is None or not isinstance(node, Scalar):
                continue
            if attribute.name in limited or named_in_form_scripts(app, attribute.name):
                continue  # JavaScript may have set other limits before anybody submits
            if low is not None and value < low:
                message = f"the default {quote(node.value)} is below min, which is {_show(low)}"
            elif high is not None and value > high:
                message = f"the default {quote(node.value)} is above max, which is {_show(high)}"
            else:
                continue
            yield at(node, message, "the browser refuses it; choose one within the limits")


def _limited_by_directives(form: Form) -> set[str]:
    names = set(form.attributes)
    found: set[str] = set()
    for attribute in form.attributes.values():
        directives = [d for option in attribute.options for d in option.directives]
        for directive in (*directives, *attribute.own_directives):
            word = directive.name.text.lower().replace("-", "_")
            if word.startswith(("data_min_", "data_max_", "data_set_")):
                found |= {name for name in names if name.replace("-", "_") in word}
    return found


def _number(settings: Mapping, key: str) -> float | None:
    node = settings.get(key)
    if not isinstance(node, Scalar) or node.opaque:
        return None
    try:
        return float(node.value)
    except ValueError:
        return None


def _show(number: float) -> str:
    return str(int(number)) if number.is_integer() else str(number)
