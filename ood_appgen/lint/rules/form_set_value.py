"""A data-set directive sets what the field cannot hold.

Why
    A select that is set to a value which is none of its options is left empty, and nothing is posted for
    it; a blank value is taken to be meant so. A check box is checked for its checked value (1) alone:
    `true` unchecks it. Radio buttons and attachments cannot be set. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, setValue; seen in Chromium.)

Bad
    queue: {widget: select, options: [short, long]}
    node_type:
      options:
        - [gpu, gpu, data-set-queue: gpu]

Good
    queue: {widget: select, options: [short, long, gpu]}

Fix
    Write a value that the field has, as its option spells it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.catalog import suggest
from ood_appgen.lint.page import Element, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR
_OFF = ("0", "false", "", "off", "no")


def check(app: App) -> Iterator[Finding]:
    """Look for values that no option, check box or number field takes."""
    found = pages(app)
    for placed in found.placed:
        if placed.kind != "set" or placed.value is None:
            continue
        verdict = found.judge(placed)
        target = found.union.elements.get(verdict.effect.target) if verdict.effect else None
        if target is None or target.fixed:
            continue
        if verdict.why is Why.NOT_SETTABLE:
            message = (
                f"{quote(target.id)} has no value of its own: {quote(placed.name)} does nothing"
            )
            yield at(placed.directive.name, message, "make the field a select")
        elif verdict.why is Why.WORKS:
            yield from _check_value(placed, target)


def _check_value(placed: Placed, target: Element) -> Iterator[Finding]:
    value = placed.value or ""
    if target.is_only("select") and not target.open and value and value not in target.values:
        yield at(
            placed.directive.value,
            f"{quote(target.id)} has no option {quote(value)}: setting it leaves the field empty",
            suggest(value, target.values) or "write the value of one of its options",
        )
    elif target.is_only("check_box") and not target.open:
        if value in target.values or value.lower() in _OFF:
            return
        unchecked = {a.text("unchecked_value") for a in target.attributes}
        if value not in unchecked:
            yield at(
                placed.directive.value,
                f"{quote(value)} unchecks the check box {quote(target.id)}",
                f"write {quote(target.values[0])} to check it, 0 to uncheck it",
            )
