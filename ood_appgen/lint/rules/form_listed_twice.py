"""A field is listed twice under `form:`.

Why
    Open OnDemand makes the widget twice, with the same id. The page's JavaScript finds the first one
    alone, and the browser posts both values, of which the last counts.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, attributes.)

Bad
    form:
      - num_cores
      - bc_num_hours
      - num_cores

Good
    form:
      - num_cores
      - bc_num_hours

Fix
    Delete one of the two lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Item
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for names that one view of the form lists twice, outside of loops."""
    for form in app.forms:
        first: dict[str, Item] = {}
        for item in form.items:
            program = item.node.file.program
            if program.in_loop(item.node.start):
                continue
            other = first.setdefault(item.id, item)
            if other is item or program.arm_at(other.node.start) != program.arm_at(item.node.start):
                continue
            yield at(
                item.node,
                f"the field {quote(item.id)} is listed twice",
                "delete one of the two lines",
                related=((other.node.file, other.node.start, "listed first here"),),
            )
