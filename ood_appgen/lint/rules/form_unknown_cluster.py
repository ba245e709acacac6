"""The form names a cluster that the site does not have.

Why
    Open OnDemand leaves out clusters that it does not know. If none is left the app is invalid: "This app
    requires clusters that do not exist". The rule needs the site's profile (`--site`). (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, clusters and validation_reason.)

Bad
    # the site has pitzer and owens
    cluster: "pitzr"

Good
    cluster: "pitzer"

Fix
    Write the name of one of the site's clusters, as its file in clusters.d is called.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from fnmatch import fnmatchcase

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look up each cluster of the form."""
    if app.settings.site is None:
        return
    known = [cluster.id for cluster in app.settings.site.clusters]
    for form in app.forms:
        for node in form.clusters:
            name = node.value.strip()
            if not name or node.opaque or name in known or "{" in name:
                continue
            if any(fnmatchcase(cluster, name) for cluster in known):
                continue
            near = difflib.get_close_matches(name, known, 1, 0.7)
            yield at(
                node,
                f"the site has no cluster {quote(name)}",
                f"did you mean {quote(near[0])}?" if near else f"it has {', '.join(known)}",
            )
