"""A directive's value is none that it takes.

Why
    `data-hide-` takes true and false, option-for directives too, and limits take whole numbers. The words
    are compared exactly: "True" and 1 are neither. A directive without a value is not written into the
    page at all, and a limit that is no number becomes NaN, which is no limit. `-for-` at the end of a limit
    needs a field and its value: with one word it is left unread, and of two limits for one field the last
    counts. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, updateVisibility, sharedToggleOptionsFor,
    addMinMaxForHandler, parseMinMaxFor; seen in Chromium.)

Bad
    options:
      - [any, any, data-hide-gpus: 1, data-max-num-cores: many]

Good
    options:
      - [any, any, data-hide-gpus: true, data-max-num-cores: 48]

Fix
    Write true or false without quotes, and numbers for limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR
_NUMBER = re.compile(r"\s*[-+]?[0-9]")


def check(app: App) -> Iterator[Finding]:
    """Look for values that the JavaScript compares with nothing, and limits that are no numbers."""
    found = pages(app)
    for placed in found.placed:
        verdict = found.judge(placed)
        value, name = placed.value, placed.directive.name
        if not placed.kind or found.is_read_by_script(placed):
            continue
        if verdict.why is Why.EMPTY and found.union.reaches(placed):
            message = f"{quote(placed.name)} has no value: it is left out of the page"
            yield at(name, message, "write a value after the colon, or delete the directive")
        elif verdict.why is Why.WRONG_VALUE and value is not None:
            message = f"{quote(value)} is neither true nor false: {quote(placed.name)} does nothing"
            yield at(placed.directive.value, message, "write true or false")
        elif verdict.why is Why.WORKS and placed.kind in ("min", "max"):
            if value is None or _NUMBER.match(value):
                continue
            message = f"{quote(value)} is no number: {quote(placed.name)} takes the limit away"
            hint = "write a whole number"
            plain, clause, end = placed.name.partition("-for-")
            if clause and verdict.effect is not None and not verdict.effect.condition:
                message = (
                    f"{quote(placed.name)} counts as {quote(plain)}, as its end names no field and "
                    f"value, and {quote(value)} takes the limit away"
                )
                hint = f"delete -for-{end}, or write -for-FIELD-VALUE, and give a whole number"
            yield at(placed.directive.value, message, hint)
