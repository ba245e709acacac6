"""The default value of a select is not among its options.

Why
    `value:` is compared with the options' values, not with their labels. When there is none like it, the
    form starts with the first option and says nothing. (OSC/ondemand
    apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb, create_widget: form.select.)

Bad
    widget: select
    value: "Large"
    options:
      - ["Small", "small"]
      - ["Large", "large"]

Good
    widget: select
    value: "large"
    options:
      - ["Small", "small"]
      - ["Large", "large"]

Fix
    Write the value of an option; upper and lower case count. `appgen lint --fix` does so where a label was
    written, or the case is another.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import named_in_form_scripts, on_page, quoted
from ood_appgen.lint.form import Attribute, Option
from ood_appgen.lint.psych import Node, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at, replace
from ood_appgen.lint.widgets import fixed_widget, takes_options

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look at defaults where all options are known; one that means the first is as good as written.

    What resembles no option and no label, or the first option, is a note: that may be what is wanted.
    """
    for form in app.forms:
        for attribute, settings, widget in on_page(form):
            value = settings.get("value")
            if not isinstance(value, Scalar) or value.opaque or not value.value:
                continue
            if not takes_options(widget) or not settings.complete or not _are_known(attribute):
                continue
            if fixed_widget(attribute.name) or named_in_form_scripts(app, attribute.name):
                continue
            by_label = {
                o.label.value: o.value.value for o in attribute.options if o.label and o.value
            }
            values = list(by_label.values())
            meant = by_label.get(value.value)
            alike = None if meant is not None else _find_alike(value, attribute.options)
            if value.value in values or not values or values[0] in (meant, alike):
                continue
            near = difflib.get_close_matches(value.value, values, 1, 0.6)
            told = _find_in_help(settings.get("help"), value.value, values)
            if meant is not None:
                hint = f"that is a label; its value is {quote(meant)}"
            elif alike is not None:
                hint = f"upper and lower case count: write {quote(alike)}"
            elif near:
                hint = f"did you mean {quote(near[0])}?"
            elif told is not None:
                hint = f"the help speaks of {quote(told)}: if that is meant, write it"
            else:
                hint = f"the values are {', '.join(quote(v) for v in values[:6])}"
            yield at(
                value,
                f"the default {quote(value.value)} is no option: "
                f"the form starts with {quote(values[0])}",
                hint,
                severity=None
                if meant or alike or told or near[:1] not in ([], values[:1])
                else Severity.NOTE,
                fix=replace(value, quoted(meant or alike or "")) if meant or alike else None,
            )


def _find_alike(value: Scalar, options: tuple[Option, ...]) -> str | None:
    """The value of the first option that differs in case alone, by label or by value."""
    words = {value.value.lower(), value.text.lower()}
    for option in options:
        for node in (option.value, option.label):
            if (
                node is not None
                and option.value
                and words & {node.value.lower(), node.text.lower()}
            ):
                return option.value.value
    return None


def _find_in_help(node: Node | None, value: str, values: list[str]) -> str | None:
    """The one option, not the first, that a line of the help names together with the default."""
    if not isinstance(node, Scalar) or node.opaque:
        return None
    for line in node.value.splitlines():
        words = re.findall(r"[\w.-]+", line)
        named = [v for v in values if v in words]
        if value in words and len(named) == 1 and named[0] != values[0]:
            return named[0]
    return None


def _are_known(attribute: Attribute) -> bool:
    nested = any(
        isinstance(part, Sequence)
        for option in attribute.options
        if isinstance(option.node, Sequence)
        for part in option.node.items
    )
    labels = all(o.label is not None and not o.label.opaque for o in attribute.options)
    return attribute.options_complete and labels and not nested
