"""The manifest has no name or no description.

Why
    Without a name Open OnDemand makes one of the directory's name: `bc_osc_rstudio` is "Bc Osc Rstudio"
    in the menu. The description stands above the form and on the list of apps; without one users
    see nothing there. A form's `title:` and `description:` stand before the manifest's.
    (OSC/ondemand apps/dashboard/app/apps/ood_app.rb, title; app/models/batch_connect/app.rb, title
    and description.)

Bad
    category: Interactive Apps
    role: batch_connect

Good
    name: RStudio
    description: RStudio Server on one node of Pitzer.
    category: Interactive Apps
    role: batch_connect

Fix
    Write what users see in the menu as `name`, and a sentence or two as `description`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.NOTE


def check(app: App) -> Iterator[Finding]:
    """Look for both, in the manifest and in the form."""
    root = manifest.read_mapping(app)
    if root is None or not manifest.is_app(app):
        return
    if manifest.lacks(root, "name") and not manifest.form_says(app, "title"):
        yield Finding(
            "the manifest has no name: the menu shows the directory's name",
            "write name: and what users are to see in the menu",
            root.file,
        )
    if manifest.lacks(root, "description") and not manifest.form_says(app, "description"):
        yield Finding(
            "the manifest has no description: users see nothing above the form",
            "write description: and a sentence or two on what the app starts",
            root.file,
        )
