"""The manifest does not say that the app is an interactive one.

Why
    Open OnDemand takes a directory for a Batch Connect app only when its manifest has exactly
    `role: batch_connect`. With another role, or none, the link leads to a web application that is not
    there, and the form is not among the interactive apps.
    (OSC/ondemand apps/dashboard/app/apps/ood_app.rb, batch_connect_app? and links.)

Bad
    role: batch-connect

Good
    role: batch_connect

Fix
    Write `role: batch_connect`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.ERROR
_ROLE = "batch_connect"
_HINT = "write role: batch_connect"


def check(app: App) -> Iterator[Finding]:
    """Look at the role of a directory that has something to submit."""
    root = manifest.read_mapping(app)
    if root is None or not manifest.is_app(app):
        return
    node = root.get("role")
    if node is None:
        if not manifest.text(root, "url") and manifest.lacks(root, "role"):
            yield Finding(
                "the manifest has no role: Open OnDemand does not take this for an interactive app",
                _HINT,
                root.file,
            )
        return
    if isinstance(node, Scalar) and node.value == _ROLE:
        return
    said = node.value if isinstance(node, Scalar) else ""
    plain = "".join(c if c.isalpha() else "_" for c in said.strip().lower())
    near = bool(difflib.get_close_matches(plain, (_ROLE, "batchconnect"), 1, 0.85))
    yield at(
        node,
        f"the role {quote(said)} is none that Open OnDemand takes for an interactive app",
        _HINT,
        fix=replace(node, _ROLE) if near and isinstance(node, Scalar) and not node.style else None,
    )
