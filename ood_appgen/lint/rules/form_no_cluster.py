"""The form names no cluster where it should.

Why
    Without `cluster:` at the top of the form, a field named cluster, or `cluster:` in the submit file, nothing
    says where the job goes: each submission fails with "The cluster was never set". Settings under
    `attributes: cluster:` count only if `form:` lists cluster. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/session.rb, save; app.rb, configured_clusters.)

Bad
    form:
      - bc_num_hours
    attributes:
      cluster: "pitzer"

Good
    cluster: "pitzer"
    form:
      - bc_num_hours

Fix
    Write `cluster:` with a name or a list of names. A form that does not speak of clusters at all is left
    alone: sites may add the cluster in files of their own (/etc/ood/config/apps).
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Form
from ood_appgen.lint.psych import Mapping
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for forms in which nothing can name a cluster, in no view."""
    if not app.forms or any(_may_have_cluster(form) for form in app.forms):
        return
    for file in app.submit_files:
        for view in file.views:
            root = psych.read(file, view).root
            if (
                not isinstance(root, Mapping)
                or not root.complete
                or root.get("cluster") is not None
            ):
                return
    form = app.forms[0]
    attribute = form.attribute("cluster")
    key = form.root.key("cluster") if form.root is not None else None
    if attribute is not None:
        yield at(
            attribute.key,
            "these settings do not count, and no cluster is set: each submission fails",
            "list cluster under form:, or write cluster: at the top",
        )
    elif key is not None:
        message = "no cluster is named: each submission fails until a name stands here"
        yield at(key, message, "write the name of a cluster", severity=Severity.NOTE)


def _may_have_cluster(form: Form) -> bool:
    listed = any(item.id == "cluster" for item in form.items)
    return (
        form.root is None
        or not form.root.complete
        or bool(form.clusters)
        or not form.clusters_complete
        or not form.items_complete
        or listed
    )
