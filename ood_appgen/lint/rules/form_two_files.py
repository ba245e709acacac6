"""A file is ignored because there is one of the same name with .erb.

Why
    Where form.yml.erb is, Open OnDemand never opens form.yml; the same holds for submit.yml and for the
    files of sub-apps. Whoever edits the ignored one wonders why nothing changes.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, form_file and submit_file.)

Bad
    form.yml
    form.yml.erb

Good
    form.yml.erb

Fix
    Delete the file without .erb.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for pairs of files."""
    found = {"form.yml", "submit.yml"} | {f"local/{stem}.yml" for stem in app.sub_app_files}
    for name in sorted(found & app.names):
        if f"{name}.erb" in app.names:
            yield Finding(
                f"this file is never read: {name}.erb takes its place",
                "delete it",
                app.files.get(name),
                path=f"{app.shown_as}/{name}",
            )
