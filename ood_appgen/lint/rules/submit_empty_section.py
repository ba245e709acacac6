"""`script:` or `batch_connect:` can end up with nothing under it.

Why
    In YAML a key with nothing under it is nil. Open OnDemand merges the submit file over what the smart
    attributes of the form say (wall time, account, queue...), and nil replaces it all: the job is
    submitted without them, and nobody is told. An `if` that yields nothing does it, and so do
    comments alone.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, submit_opts, deep_merge;
    session.rb, submit, compact.)

Bad
    # with bc_num_hours in the form
    script:
      <%- if node_type == "gpu" -%>
      gpus_per_node: 1
      <%- end -%>

Good
    <%- if node_type == "gpu" -%>
    script:
      gpus_per_node: 1
    <%- end -%>

Fix
    Put the key inside the condition, delete it, or write `script: {}`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Scalar
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for sections that are nil in some view, for values that the form can give."""
    for file in app.submit_files:
        roots = [d.root for d in submit.documents(file) if isinstance(d.root, Mapping)]
        starts = sorted({key.start for root in roots for key, _ in root.items})
        for name, attributes in (
            ("script", submit.SCRIPT_ATTRIBUTES),
            ("batch_connect", submit.BATCH_CONNECT_ATTRIBUTES),
        ):
            lost = _find_lost(app, attributes)
            key = next((k for root in roots if (k := _empty_key(root, name)) is not None), None)
            if not lost or key is None:
                continue
            end = next((start for start in starts if start > key.start), len(file.text))
            witness = _find_witness(app, file, key.end + 1, end)
            if witness is None:
                continue
            yield at(
                key,
                f"`{name}:` is nil{witness}: what the form's {lost} sets is lost",
                f"delete the key, put it inside the condition, or write `{name}: {{}}`",
            )


def _empty_key(root: Mapping, name: str) -> Scalar | None:
    value = root.get(name)
    if isinstance(value, Scalar) and value.kind == "null" and not value.opaque:
        return root.key(name)
    return None


def _find_lost(app: App, attributes: dict[str, str]) -> str:
    """Fields of the form whose setting would vanish."""
    found = dict.fromkeys(
        name
        for form in app.forms
        for name in form.ids
        if name.removeprefix("global_") in attributes and name != "bc_vnc_resolution"
    )
    return " and ".join(list(found)[:2]) if found else ""


def _find_witness(app: App, file: SourceFile, start: int, end: int) -> str | None:
    """When nothing shows there, in words ("" for always); None when that is not sure."""
    if file.program.has_errors or any(start <= o < end for o in file.program.loop_starts):
        return None
    if submit.first_raise(file.program) is not None:
        return None
    region = submit.region(file, start, end)
    if region.always:
        return None
    if not region.branchings:
        return ""
    fields = region.fields
    rows = submit.combinations(app, fields)
    if rows is None or not fields:
        alone = len(region.branchings) == 1 and not region.branchings[0][0].exhaustive
        single = alone and len(region.branchings[0][1]) == 1
        return " when the condition below it is false" if single else None
    for row in rows:
        if region.shows(row) is False:
            given = ", ".join(f"{field} {quote(value)}" for field, value in row.items())
            return f" with {given}"
    return None
