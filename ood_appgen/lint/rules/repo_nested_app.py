"""An app lies inside another app, where Open OnDemand does not see it.

Why
    Open OnDemand takes each directory of /var/www/ood/apps/sys, and of a user's ~/ondemand/dev, for an app, and
    looks no deeper. Often such a directory is a copy that came in by a second `git clone` or `cp -r`. It is
    not checked where the outer app is; `appgen lint` with its own path does. (OSC/ondemand
    apps/dashboard/app/apps/sys_router.rb and dev_router.rb, apps.)

Bad
    jupyter/form.yml
    jupyter/submit.yml.erb
    jupyter/jupyter/form.yml
    jupyter/jupyter/submit.yml.erb

Good
    jupyter/form.yml
    jupyter/submit.yml.erb
    jupyter_gpu/form.yml
    jupyter_gpu/submit.yml.erb

Fix
    Delete the inner directory, or move it beside the outer app. One app with several forms has them in `local/`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import FORM_NAMES, App
from ood_appgen.lint.folder import APP_NAMES
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for directories with a form and what else makes an app, in an app that is whole itself."""
    if not app.names.intersection(APP_NAMES):
        return
    found = set()
    for name in app.names:
        inside, _, last = name.rpartition("/")
        if last not in FORM_NAMES or inside.partition("/")[0] in ("", "template", "local"):
            continue
        if any(f"{inside}/{other}" in app.names for other in APP_NAMES):
            found.add(inside)
    before = f"{app.shown_as}/" if app.shown_as not in ("", ".") else ""
    for inside in sorted(found):
        yield Finding(
            "this app lies inside another app: Open OnDemand does not see it",
            "delete it, or move it beside the outer one",
            path=before + inside,
        )
