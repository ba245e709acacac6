"""A comment ignores a rule that finds nothing there.

Why
    Either the fault was mended, or the comment stands at the wrong line. A comment that ignores
    nothing today hides the next fault of that kind. It counts for its own line; alone on a line, for
    the next one. It is only reported when the rule ran. (ood_appgen/lint/suppress.py, apply.)

Bad
    attributes:
      num_cores:
        widget: number_field   # appgen: ignore[form-unknown-widget] our own widget

Good
    attributes:
      num_cores:
        widget: number_field

Fix
    Delete the comment, or move it to the line that is reported. `appgen lint --fix` deletes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.WARNING


def check(_: App) -> Iterator[Finding]:
    """Nothing: `suppress.apply` reports it, once the other rules have run."""
    yield from ()
