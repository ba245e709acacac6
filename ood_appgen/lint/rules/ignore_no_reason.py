"""A comment that ignores a rule gives no reason.

Why
    Whoever reads the app next year cannot tell whether the comment is still right, and keeps it. The
    finding is ignored all the same. (ood_appgen/lint/suppress.py, read.)

Bad
    form:
      - num_cores   # appgen: ignore[form-listed-twice]

Good
    form:
      - num_cores   # appgen: ignore[form-listed-twice] our portal's own script needs two

Fix
    Write after the bracket, in a few words, why the finding is wrong here.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import suppress
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for comments with nothing after the list of rules."""
    for file in app.files.values():
        for comment in suppress.read(file):
            if comment.words and not any(c.isalpha() for c in comment.reason):
                yield Finding(
                    "the comment does not say why the rule is ignored",
                    "write the reason after the bracket",
                    file,
                    comment.start,
                    comment.end,
                )
