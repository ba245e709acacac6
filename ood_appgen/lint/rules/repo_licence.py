"""The repository has no licence.

Why
    Without a licence nobody else has the right to copy or change the app, however public it is. One
    licence at the top speaks for all apps of a repository. Only repositories are
    asked: directories with .git, a .gitignore or the like in them or above them; a README that speaks
    of a licence is enough.
    (Sweet-and-Fizzy/ood-appverse docs/appverse-contributor-guide.md, Required Files.)

Bad
    .gitignore
    README.md
    form.yml

Good
    .gitignore
    LICENSE
    README.md
    form.yml

Fix
    Add a file LICENSE; Open OnDemand and most of its apps use the MIT licence. For apps that are for one
    site alone, switch this rule off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import manifest, repository
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.NOTE
_LICENCE = re.compile(r"(?:un)?licen[cs]es?\b|copying|.*[-_.]licen[cs]e\b", re.IGNORECASE)
_WORD = re.compile(r"licen[cs]ed|licen[cs]e", re.IGNORECASE)
_NO_WORDS = re.compile(r"icon", re.IGNORECASE)  # LICENSE_icon.txt is about a picture


def check(app: App) -> Iterator[Finding]:
    """Look in the app's directory and in those above it, and into the README."""
    if not manifest.is_app(app) or not repository.is_published(app):
        return
    named = (name for name in repository.names(app) if not _NO_WORDS.search(name))
    if any(_LICENCE.match(name) for name in named):
        return
    if any(name.startswith("LICENSES/") for name in app.names):
        return
    if any(_WORD.search(readme.text) for readme in repository.readmes(app)):
        return
    yield Finding(
        f"{repository.name(app)} has no licence, and so grants no right to copy or change it",
        "add a file LICENSE; most apps for Open OnDemand use the MIT licence",
        path=repository.shown_as(app),
    )
