"""The repository has no README.

Why
    Who finds the app, or takes it over, has nothing that says what it starts, what must be installed and
    what to change for another site. Only repositories are asked: directories with .git, a licence, a
    .gitignore or the like in them or above them. (Sweet-and-Fizzy/ood-appverse
    docs/appverse-contributor-guide.md, Required Files.)

Bad
    .gitignore
    LICENSE
    form.yml

Good
    .gitignore
    LICENSE
    README.md
    form.yml

Fix
    Write a README.md: what the app starts, what it needs, how it is installed, what is to be configured.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import manifest, repository
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.NOTE


def check(app: App) -> Iterator[Finding]:
    """Look in the app's directory and in those above it."""
    if not manifest.is_app(app) or not repository.is_published(app):
        return
    if not any(name.lower().startswith("readme") for name in repository.names(app)):
        yield Finding(
            f"{repository.name(app)} has no README",
            "write a README.md: what the app starts, what it needs, what is to be configured",
            path=repository.shown_as(app),
        )
