"""The app has no manifest that Open OnDemand can use.

Why
    The manifest says that a directory is an interactive app (`role: batch_connect`), what it is called
    and in which menu it is. Without one, or with one that is no mapping, the app is in no menu and on no
    list; only who knows the address of its form can start it. The name is exactly `manifest.yml`, and
    it is never run through ERB. (OSC/ondemand apps/dashboard/app/apps/manifest.rb, load and
    initialize; apps/dashboard/app/apps/ood_app.rb, should_appear_in_nav?.)

Bad
    form.yml
    manifest.yaml
    submit.yml.erb

Good
    form.yml
    manifest.yml
    submit.yml.erb

Fix
    Write a manifest.yml with name, description, category, subcategory and `role: batch_connect`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.WARNING
_NEARLY = (
    "manifest.yaml",
    "manifest.yml.erb",
    "manifest.yaml.erb",
    "Manifest.yml",
    "manifest.json",
)


def check(app: App) -> Iterator[Finding]:
    """Look for the file, and for keys in it."""
    if not manifest.is_app(app):
        return
    if manifest.NAME not in app.names:
        near = next((name for name in _NEARLY if name in app.names), None)
        yield Finding(
            "there is no manifest.yml: Open OnDemand does not show the app in any menu",
            f"rename {near} to manifest.yml"
            if near and "erb" not in near and "json" not in near
            else f"{quote(near)} is not read; write a plain manifest.yml"
            if near
            else "write one with name, description, category, subcategory and role: batch_connect",
            file=app.form_file,
        )
        return
    found = manifest.read(app)
    if found is not None and not isinstance(found[1], Mapping):
        yield Finding(
            "the manifest has no keys: Open OnDemand does not show the app in any menu",
            "write name, description, category, subcategory and role: batch_connect",
            found[0],
        )
