"""A key of the manifest is misspelt.

Why
    Open OnDemand drops keys that it does not know, without a word. What the key was to say is then
    missing: without `category` the app is in no menu, without `role` it is no interactive app.
    (OSC/ondemand apps/dashboard/app/apps/manifest.rb, initialize.)

Bad
    catagory: Interactive Apps

Good
    category: Interactive Apps

Fix
    Write the key as Open OnDemand knows it, in lower case.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for keys that are nearly one that is known, and that the manifest has not got."""
    root = manifest.read_mapping(app)
    for meant, key in manifest.find_misspelt(root).items() if root is not None else ():
        yield at(
            key,
            f"the key {quote(key.text)} is unknown and dropped",
            f"did you mean {quote(meant)}?",
            fix=replace(key, meant) if not key.style else None,
        )
