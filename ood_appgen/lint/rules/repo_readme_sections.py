"""The README lacks sections that the Appverse catalogue asks for.

Why
    People at other sites decide by the README whether the app can work for them. Reviewers of the
    catalogue look for eight sections, and for what is left over from the template. This rule is on with
    `--profile catalogue` alone. (Sweet-and-Fizzy/ood-appverse docs/appverse-contributor-guide.md, The
    README; tamu-edu/appverse_readme_template README.md.)

Bad
    # Jupyter
    Ask hpc@example.edu.

Good
    # Jupyter
    ## Overview
    ## Features
    ## Requirements
    ## Installation
    ## Configuration
    ## Troubleshooting
    ## Testing
    ## Known Limitations

Fix
    Add the sections; begin with the template https://github.com/tamu-edu/appverse_readme_template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import manifest, repository
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.NOTE
PROFILE = "catalogue"
# The sections, and words by which a heading is one.
_SECTIONS = {
    "Overview": r"overview|about|description|introduction|what (?:is|it)",
    "Features": r"feature",
    "Requirements": r"requirement|prerequisite|dependenc",
    "Installation": r"install|deploy|set ?up",
    "Configuration": r"configur|customi[sz]|settings",
    "Troubleshooting": r"troubleshoot|faq|known issues|common (?:issues|problems)",
    "Testing": r"test|verif",
    "Known Limitations": r"limitation|known issues|caveat",
}
_HEADING = re.compile(r"^(?:#{1,6}[ \t]*(\S.*)|(\S.*)\r?\n(?:=+|-+)[ \t]*)$", re.MULTILINE)
_PLACEHOLDER = re.compile(
    r"\[Application Name\]|\bYOUR-ORG/YOUR-APP\b|\[Your Institution\]|\[OOD App Name\]"
)


def check(app: App) -> Iterator[Finding]:
    """Look at the headings of the app's README, or else of the one above it."""
    readme = next(iter(repository.readmes(app)), None)
    if readme is None or not manifest.is_app(app):
        return
    headings = " / ".join(h[1] or h[2] for h in _HEADING.finditer(readme.text))
    missing = [n for n, words in _SECTIONS.items() if not re.search(words, headings, re.IGNORECASE)]
    if missing:
        yield Finding(
            f"the README has no section {_join(missing)}, which the catalogue asks for",
            "begin with the template https://github.com/tamu-edu/appverse_readme_template",
            path=readme.path,
        )
    yield from _check_placeholders(app, readme)


def _check_placeholders(app: App, readme: SourceFile) -> Iterator[Finding]:
    found = _PLACEHOLDER.search(readme.text)
    if found is not None:
        own = readme in app.files.values()
        yield Finding(
            f"{quote(found[0])} is left over from the README template",
            "fill in the template",
            file=readme if own else None,
            start=found.start() if own else None,
            end=found.end() if own else None,
            severity=Severity.WARNING,
            path=readme.path,
        )


def _join(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
