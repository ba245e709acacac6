"""A rule failed on this app, and the others went on.

Why
    The fault is in appgen, not in the app: a rule met something that its author had not thought of.
    What that rule would have found in this app is not known, so the run does not pass.
    (ood_appgen/lint/engine.py, check.)

Bad
    appgen lint says: the rule form-dead-directive failed: KeyError: 'x'

Good
    appgen lint says nothing of the kind.

Fix
    Please report it with the message and, if you can, the app. Until it is mended, switch the rule off
    for this app in .appgen.toml: per-file-ignores = {"apps/one/**" = ["form-dead-directive"]}.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR


def check(_: App) -> Iterator[Finding]:
    """Nothing: `engine.check` reports it."""
    yield from ()
