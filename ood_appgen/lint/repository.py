"""The repository that an app is in, as far as the files there and in the directories above tell."""

from __future__ import annotations

import re

from ood_appgen.diagnostics import quote
from ood_appgen.lint.app import App
from ood_appgen.lint.source_file import SourceFile

# What is there where a directory is published, and not where an app is only installed or rendered.
_SIGN = re.compile(
    r"(?:\.git|\.gitignore|\.gitattributes|\.gitlab-ci\.yml|\.travis\.yml|\.pre-commit-config\.yaml|CITATION\.cff"
    r"|appverse\.yml|(?:licen[cs]e|copying|changelog|changes|contributing|code_of_conduct)(?:\..*)?)\Z",
    re.IGNORECASE,
)


def names(app: App) -> frozenset[str]:
    """The names of files at the app's top and in the directories above it."""
    return frozenset(name for name in app.names if "/" not in name) | app.outer


def is_published(app: App) -> bool:
    """Whether anything says that the app is in a repository."""
    return any(_SIGN.match(name) for name in names(app)) or any(
        name.startswith(".github/") for name in app.names
    )


def shown_as(app: App) -> str:
    """The repository's directory as the user knows it: findings there are the same for all its apps."""
    if not app.inner:
        return app.shown_as
    if app.shown_as == app.inner:
        return "."
    return app.shown_as.removesuffix(f"/{app.inner}")


def name(app: App) -> str:
    """What messages call the repository; the same for all apps in it."""
    last = shown_as(app).rstrip("/").rpartition("/")[2]
    return f"the repository {quote(last)}" if last.strip(".") else "the repository"


def readmes(app: App) -> tuple[SourceFile, ...]:
    """The README files that could be read, the app's own first."""
    own = [f for name, f in app.files.items() if name.lower() == "readme.md"]
    return (*own, *(f for name, f in app.above.items() if name.lower().endswith("/readme.md")))
