"""The app has no category, so it is in no menu.

Why
    Menus, the list of all apps and pinned apps are made of the apps that have a category. An app of the
    system without one is on none of them (in a developer's own sandbox it is under "Sandbox Apps").
    Since 3.1 the form may give the category too.
    (OSC/ondemand apps/dashboard/app/apps/ood_app.rb, should_appear_in_nav? and category;
    apps/dashboard/app/models/batch_connect/app.rb, category.)

Bad
    name: Jupyter
    role: batch_connect

Good
    name: Jupyter
    category: Interactive Apps
    subcategory: Servers
    role: batch_connect

Fix
    Write `category: Interactive Apps`, and a subcategory, under which the menu shows it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING
_MESSAGE = "the app has no category: Open OnDemand shows it in no menu"
_HINT = "write category: Interactive Apps"


def check(app: App) -> Iterator[Finding]:
    """Look for a category in the manifest, and in the form where the release reads it there."""
    root = manifest.read_mapping(app)
    if root is None or not manifest.is_app(app):
        return
    if app.settings.at_least("3.1") and manifest.form_says(app, "category"):
        return
    node = root.get("category")
    if manifest.lacks(root, "category"):
        yield Finding(_MESSAGE, _HINT, root.file)
    elif isinstance(node, Scalar) and not node.value:
        key = root.key("category")
        yield at(key if key is not None else node, _MESSAGE, _HINT)
