"""`cluster:` is set at the top, and once more under `attributes:`.

Why
    Open OnDemand makes the cluster's field from the `cluster:` at the top and merges what `attributes:` says of
    it. A plain value there cannot be merged: TypeError, and the form is an error page. Before release
    4.1 anything under `attributes:` was overwritten. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, add_cluster_widget.)

Bad
    cluster: "pitzer"
    attributes:
      cluster: "pitzer"

Good
    cluster: "pitzer"

Fix
    Keep the one at the top. To change the field's label or widget (since release 4.1), write a mapping.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for both in one view."""
    newer = app.settings.at_least("4.1")
    for form in app.forms:
        top = form.root.get("cluster") if form.root else None
        attribute = form.attribute("cluster")
        if top is None or attribute is None or (isinstance(top, Scalar) and not top.value.strip()):
            continue
        node = attribute.node
        if isinstance(node, Scalar):
            if node.kind == "null" or node.value == "false":
                continue
            said = "a text" if node.opaque else quote(node.value)
            if newer:
                yield at(
                    attribute.key,
                    f"the cluster is set at the top, and {said} cannot be merged with it: "
                    "the form is an error page",
                    "delete this line",
                )
            else:
                yield at(
                    attribute.key, "the cluster at the top overwrites this one", "delete this line"
                )
        elif isinstance(node, Mapping) and node.items and not newer:
            yield at(
                attribute.key,
                "before release 4.1 the cluster at the top overwrites these settings",
                "delete them, or use the app on 4.1 and newer",
                severity=Severity.WARNING,
            )
