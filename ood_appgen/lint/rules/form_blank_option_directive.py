"""An option whose value is blank carries a limit or sets a field: it is not read.

Why
    The tables of limits and of values to set leave out an option whose value is "". Hiding and help texts
    work. (OSC/ondemand apps/dashboard/app/javascript/dynamic_forms.js, Table, put; seen in Chromium.)

Bad
    options:
      - [none, "", data-set-gpus: 0]

Good
    options:
      - [none, none, data-set-gpus: 0]

Fix
    Give the option a value, and let submit.yml.erb know it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for min, max and set on options without a value."""
    found = pages(app)
    for placed in found.placed:
        if found.judge(placed).why is Why.NO_VALUE:
            yield at(
                placed.directive.name,
                f"{quote(placed.name)} does nothing: its option has a blank value",
                "give the option a value that is not blank",
            )
