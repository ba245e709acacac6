"""For one of the app's clusters, or of the form's options, the submit file says nothing.

Why
    When all of a submit file stands in branches, and no branch is for a cluster that form.yml names,
    the file is empty for it: the job is submitted there without any of the options, as a `basic`
    session, and nobody is told.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, submit_config and submit_opts.)

Bad
    # form.yml has the clusters owens, pitzer and cardinal
    <%- if cluster == "owens" -%>
    script: {queue_name: serial}
    <%- elsif cluster == "pitzer" -%>
    script: {queue_name: cpu}
    <%- end -%>

Good
    <%- if cluster == "owens" -%>
    script: {queue_name: serial}
    <%- elsif cluster == "pitzer" -%>
    script: {queue_name: cpu}
    <%- else raise "no settings for the cluster #{cluster}" -%>
    <%- end -%>

Fix
    Add the branch, or an `else` that raises an error.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for values of the form with which no text of the file shows."""
    for file in app.submit_files:
        program = file.program
        if not program.branchings or program.has_errors or program.loop_starts:
            continue
        if submit.first_raise(program) is not None:
            continue
        region = submit.region(file, 0, len(file.text))
        if region.always or not region.branchings or not region.fields:
            continue
        for row in submit.combinations(app, region.fields) or ():
            if region.shows(row) is not False:
                continue
            given = ", ".join(f"{field} {quote(value)}" for field, value in row.items())
            node = region.branchings[-1][0].node
            yield Finding(
                f"the submit file says nothing with {given}",
                "add the branch, or an `else` that raises an error",
                file,
                node.start_byte,
                node.start_byte + len(node.type),
            )
            break
