"""A key of the job gets an empty text when the user leaves a field empty.

Why
    In quotes, an empty field is the empty text, and not nothing: Open OnDemand passes it on, as
    `-p ""`, which Slurm refuses. Without quotes it would be nil, and the option would be left
    out.
    (OSC/ood_core lib/ood_core/job/script.rb, initialize; job/adapters/slurm.rb, submit.)

Bad
    # queue is a text field that may stay empty
    script:
      queue_name: "<%= queue %>"

Good
    script:
      queue_name: <%= queue.blank? ? "null" : queue.to_json %>

Fix
    Print null when the field is blank, or make the field `required: true`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING

# What Slurm refuses when it is empty; of the others it depends on the scheduler's configuration.
_REFUSED = ("queue_name",)
_KEYS = (*_REFUSED, "accounting_id", "qos", "reservation_id", "job_array_request")
_TEXT = ("text_field", "text_area")


def check(app: App) -> Iterator[Finding]:
    """Look at quoted fields that may be empty, where no condition stands around them."""
    if not app.fields_complete:
        return
    for section in submit.sections(app, "script"):
        for key in _KEYS:
            node = section.get(key)
            if not isinstance(node, Scalar) or not node.opaque or node.style not in ("'", '"'):
                continue
            field = submit.printed_field(node)
            if field is None or node.file.program.arm_at(node.start) is not None:
                continue
            why = _may_be_empty(app, field)
            if why:
                yield at(
                    node,
                    f"{quote(field)} {why}: then `{key}:` is an empty text, and not left out",
                    f'print <%= {field}.blank? ? "null" : {field}.to_json %>, without quotes',
                    severity=Severity.WARNING if key in _REFUSED else Severity.NOTE,
                )


def _may_be_empty(app: App, field: str) -> str:
    """How the field can be empty; "" when it cannot, or nobody knows."""
    found = submit.values(app, field)
    if found is not None:
        return "has an empty option" if "" in found.offered and len(found.offered) > 1 else ""
    if any(field in file.text for file in app.form_scripts):
        return ""
    for form in app.forms:
        if field not in form.rendered or not form.attributes_complete:
            continue
        attribute = form.attribute(field)
        if attribute is None:
            return "may stay empty" if not field.startswith(("auto_", "global_", "bc_num")) else ""
        if field.startswith(("auto_", "global_", "bc_num")) or attribute.opaque or attribute.fixed:
            return ""
        if attribute.widget in _TEXT and attribute.text("required") in (None, "false", ""):
            node = attribute.get("required")
            return "may stay empty" if node is None or attribute.text("required") else ""
    return ""
