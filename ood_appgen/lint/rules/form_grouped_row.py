"""Fields are grouped in a row, which releases up to 4.2.3 do not know.

Why
    A list inside of `form:` puts its fields into one row of the page, in the releases after 4.2.3. Until then
    the form is an error page, since a list is no name. In a row, `cluster` is not found: Open OnDemand
    adds a second cluster field. (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, form_layout
    and attributes; pull request 5632.)

Bad
    form:
      - [cluster, num_cores]

Good
    form:
      - cluster
      - num_cores

Fix
    List each field on a line of its own; keep cluster out of rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar, Sequence
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for lists in the list of names."""
    rows = app.settings.at_least("4.3")
    for form in app.forms:
        names = form.root.get("form") if form.root else None
        for row in names.items if isinstance(names, Sequence) else ():
            if not isinstance(row, Sequence):
                continue
            if not rows:
                yield at(
                    row,
                    "a row of fields is an error page until release 4.2.3",
                    "list each field on a line of its own",
                )
                continue
            for item in row.items:
                if isinstance(item, Scalar) and item.text == "cluster" and not item.opaque:
                    yield at(
                        item,
                        "in a row, cluster is not found: the form gets a second cluster field",
                        "list cluster on a line of its own",
                    )
