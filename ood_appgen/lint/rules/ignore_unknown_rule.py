"""A comment ignores a rule that there is not.

Why
    The id is misspelt, or the rule has another name now: the comment ignores nothing. Each rule is
    named by its whole id; a group, such as form, cannot be ignored on a line.
    (ood_appgen/lint/suppress.py, read.)

Bad
    form:
      - num_cores   # appgen: ignore[form-listed-two-times] our portal's own script needs two

Good
    form:
      - num_cores   # appgen: ignore[form-listed-twice] our portal's own script needs two

Fix
    Copy the id from the end of the finding's first line. `appgen rules` lists all.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import suppress
from ood_appgen.lint.app import App
from ood_appgen.lint.catalog import rule_ids, suggest
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for ids that are none, and for comments without any."""
    for file in app.files.values():
        for comment in suppress.read(file):
            if not comment.words:
                yield Finding(
                    "the comment does not say which rule is ignored",
                    "write ignore[rule-id] and the reason",
                    file,
                    comment.start,
                    comment.end,
                )
            for word in comment.words:
                if word.id not in rule_ids():
                    hint = suggest(word.id, rule_ids()) or "see: appgen rules"
                    message = f"there is no rule {quote(word.id)}"
                    yield Finding(message, hint, file, word.start, word.end)
