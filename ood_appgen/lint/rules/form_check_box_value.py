"""A check box is meant to start checked, and does not.

Why
    A check box starts checked when the text of `value:` equals `checked_value:`, which is the text "1" unless
    the form says otherwise. `value: true` is the text "true" and not "1". A checked_value that is a number or a
    boolean in YAML equals no text at all. (OSC/ondemand
    apps/dashboard/app/lib/smart_attributes/attribute.rb, value and checked_value; Rails
    ActionView::Helpers::Tags::CheckBox, input_checked?.)

Bad
    use_gpu:
      widget: check_box
      value: true

Good
    use_gpu:
      widget: check_box
      value: "1"

Fix
    Write `value: "1"`, or the text of checked_value, in quotes both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import named_in_form_scripts, on_page, quoted
from ood_appgen.lint.psych import Node, Scalar
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.WARNING
_MEANS_YES = ("1", "true", "yes", "on", "checked", "t", "y")


def check(app: App) -> Iterator[Finding]:
    """Look for defaults that mean yes and are not the checked value."""
    for form in app.forms:
        for attribute, settings, widget in on_page(form):
            value, wanted = settings.get("value"), settings.get("checked_value")
            if widget != "check_box" or not isinstance(value, Scalar) or value.opaque:
                continue
            if settings.get("checked") is not None or not settings.complete:
                continue
            if value.value.lower() not in _MEANS_YES:
                continue
            if named_in_form_scripts(app, attribute.name):
                continue
            if wanted is None:
                if value.value != "1":
                    yield at(
                        value,
                        f"the box starts unchecked: {quote(value.value)} is not the checked value, "
                        'which is "1"',
                        'write value: "1"',
                        fix=replace(value, '"1"'),
                    )
            elif _is_no_text(wanted) and wanted.value == value.value:
                yield at(
                    wanted,
                    f"the box starts unchecked: {quote(wanted.text)} is no text here",
                    "put it in quotes",
                    fix=replace(wanted, quoted(wanted.value)),
                )


def _is_no_text(node: Node) -> TypeGuard[Scalar]:
    return isinstance(node, Scalar) and not node.opaque and node.kind in ("int", "float", "bool")
