"""The repository has no CHANGELOG, which the Appverse catalogue asks for.

Why
    Sites that have installed the app look there for what an update changes. This rule is on with
    `--profile catalogue` alone. (Sweet-and-Fizzy/ood-appverse docs/appverse-contributor-guide.md,
    Required Files, for Batch Connect apps.)

Bad
    README.md
    form.yml

Good
    CHANGELOG.md
    README.md
    form.yml

Fix
    Keep a CHANGELOG.md with a heading for each release, and tag the releases.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import manifest, repository
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.NOTE
PROFILE = "catalogue"
_NAMES = ("changelog", "changes", "history", "news")


def check(app: App) -> Iterator[Finding]:
    """Look in the app's directory and in those above it."""
    stems = {name.lower().partition(".")[0] for name in repository.names(app)}
    if manifest.is_app(app) and not stems.intersection(_NAMES):
        yield Finding(
            "there is no CHANGELOG, which the catalogue asks for",
            "keep a CHANGELOG.md with a heading for each release",
            path=repository.shown_as(app),
        )
