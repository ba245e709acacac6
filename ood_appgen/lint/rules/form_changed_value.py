"""YAML makes something else of a value than what is written.

Why
    Without quotes `3.10` is the number 3.1, `yes` and `on` are true, `010` is 8, `1:30` is 5400 and `1_000` is
    1000: users see that in the form, and the job gets it. (ruby/psych lib/psych/scalar_scanner.rb;
    OSC/ondemand apps/dashboard/app/lib/smart_attributes/attribute.rb, value and label, which call to_s.)

Bad
    options:
      - ["Python 3.10", 3.10]
      - ["none", no]

Good
    options:
      - ["Python 3.10", "3.10"]
      - ["none", "no"]

Fix
    Put the value in quotes. `appgen lint --fix` does so, but not for a boolean where Ruby of the app compares
    something with "true" or "false".
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import listed_attributes, on_page, quoted
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at, replace
from ood_appgen.lint.widgets import takes_options

SEVERITY = Severity.WARNING
_NUMBERS = ("number_field", "range_field")
_KINDS = ("int", "float", "bool")


def check(app: App) -> Iterator[Finding]:
    """Look at labels, defaults and options; keys that expect booleans or numbers are left alone."""
    compares = any(
        literal in file.text[tag.code_start : tag.code_end]
        for file in app.files.values()
        for tag in file.tags
        for literal in ('"true"', "'true'", '"false"', "'false'")
    )
    for form in app.forms:
        for _, settings, widget in on_page(form):
            places = [settings.get("label")]
            if widget not in ("check_box", ""):
                places.append(settings.get("value"))
            if takes_options(widget):
                places += _option_parts(settings)
            for node in places:
                if widget not in _NUMBERS or not _is_same_number(node):
                    yield from _check_value(node, compares)
        for attribute in listed_attributes(form):
            if attribute.settings is None and not _is_same_number(attribute.node):
                yield from _check_value(attribute.node, compares)


def _check_value(node: Node | None, compares: bool) -> Iterator[Finding]:
    if not isinstance(node, Scalar) or node.opaque or node.tag:
        return
    if node.kind not in _KINDS or node.value == node.text:
        return
    safe = node.kind != "bool" or not compares
    yield at(
        node,
        f"YAML makes {quote(node.value)} of {quote(node.text)}",
        "put it in quotes",
        fix=replace(node, quoted(node.text)) if safe else None,
    )


def _option_parts(settings: Mapping) -> Iterator[Node]:
    options = settings.get("options")
    for option in options.items if isinstance(options, Sequence) else ():
        if isinstance(option, Sequence):
            yield from option.items


def _is_same_number(node: Node | None) -> bool:
    try:
        return isinstance(node, Scalar) and float(node.text) == float(node.value)
    except ValueError:
        return False
