"""`native:` erases the nodes that the user chose in the form.

Why
    The fields bc_num_slots and bc_num_nodes ask the scheduler through `native` (`-N 2` on Slurm). A
    list in the submit file replaces that list, it does not extend it. When the submit file
    and the scripts do not use the field either, the user's choice does nothing.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, submit_opts, deep_merge;
    app/lib/smart_attributes/attributes/bc_num_slots.rb and bc_num_nodes.rb, submit.)

Bad
    # form.yml lists bc_num_slots
    script:
      native:
        - "--exclusive"

Good
    script:
      native:
        - "--nodes=<%= bc_num_slots %>"
        - "--exclusive"

Fix
    Say the number in `native:` as well, or take the field out of the form.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Sequence
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR

_FIELDS = ("bc_num_slots", "bc_num_nodes")


def check(app: App) -> Iterator[Finding]:
    """Look for such a field on the page that nothing reads, and a `native:` that is a list."""
    for field in _FIELDS:
        if not _is_asked(app, field) or _is_read(app, field):
            continue
        for section in submit.sections(app, "script"):
            native, key = section.get("native"), section.key("native")
            if isinstance(native, Sequence) and key is not None:
                yield Finding(
                    f"`native:` replaces what `{field}` of the form sets: the user's number is lost",
                    f"say it here too, with <%= {field} %>, or take the field out of the form",
                    key.file,
                    key.start,
                    key.end,
                )


def _is_asked(app: App, field: str) -> bool:
    """Whether each form that lists it lets the user choose among several numbers."""
    listing = [form for form in app.forms if field in form.rendered]
    for form in listing:
        attribute = form.attribute(field)
        if attribute is None:
            if not form.attributes_complete:
                return False
            continue
        if attribute.opaque:
            return False
        if attribute.fixed or (attribute.text("max") or "") == (attribute.text("min") or "1"):
            return False
    return bool(listing)


def _is_read(app: App, field: str) -> bool:
    """Whether any file names the field, or may do so unseen."""
    files = [*app.submit_files, *app.scripts, *app.form_scripts]
    if any(field in file.text for file in files):
        return True
    unseen = any(file.tags and file.program.reads_unseen for file in app.submit_files)
    return unseen or any(file.binary for file in app.submit_files)
