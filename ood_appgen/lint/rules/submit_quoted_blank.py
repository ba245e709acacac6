"""A key of the job gets an empty text when the user leaves a field empty.

Why
    In quotes, an empty field is the empty text, and not nothing: Open OnDemand passes it on, as
    `-p ""`, which Slurm refuses. Without quotes it would be nil, and the option would be left
    out. A field that comes with a value is noted only. On Kubernetes an empty account is left out.
    (OSC/ood_core lib/ood_core/job/script.rb, initialize; job/adapters/slurm.rb, submit;
    job/adapters/kubernetes/templates/pod.yml.erb.)

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
from ood_appgen.lint.erb import MASK
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING

# What Slurm refuses when it is empty; of the others it depends on the scheduler's configuration.
_REFUSED = ("queue_name",)
_KEYS = (*_REFUSED, "accounting_id", "qos", "reservation_id", "job_array_request")
_OPTIONS = {
    "queue_name": ("-p", "--partition", "-q", "--queue"),
    "accounting_id": ("-A", "--account", "-P", "--project"),
    "qos": ("-q", "--qos"),
    "reservation_id": ("--reservation",),
    "job_array_request": ("-a", "--array"),
}
_TEXT = ("text_field", "text_area")


def check(app: App) -> Iterator[Finding]:
    """Look at quoted fields that may be empty, where no condition stands around them."""
    if not app.fields_complete:
        return
    for section in submit.sections(app, "script"):
        native = section.get("native")
        if isinstance(native, Mapping):
            continue  # Kubernetes
        for key in _KEYS:
            node = section.get(key)
            if not isinstance(node, Scalar) or not node.opaque or node.style not in ("'", '"'):
                continue
            field = submit.printed_field(node)
            if field is None or node.file.program.arm_at(node.start) is not None:
                continue
            why = _may_be_empty(app, field)
            if why and not _is_repeated(native, key, field):
                refused = key in _REFUSED and not _has_default(app, field)
                yield at(
                    node,
                    f"{quote(field)} {why}: then `{key}:` is an empty text, and not left out",
                    f'print <%= {field}.blank? ? "null" : {field}.to_json %>, without quotes',
                    severity=Severity.WARNING if refused else Severity.NOTE,
                )


def _is_repeated(native: Node | None, key: str, field: str) -> bool:
    """Whether `native` says the same with an option of its own, so that a mend here mends nothing."""
    options = _OPTIONS.get(key, ())
    items = native.items if isinstance(native, Sequence) else ()
    texts = [item if isinstance(item, Scalar) else None for item in items]
    for index, item in enumerate(texts):
        if item is None:
            continue
        option = item.text.split(MASK)[0].strip()
        if option.rstrip("= ") not in options:
            continue
        value = item if MASK in item.text else next(iter(texts[index + 1 : index + 2]), None)
        if value is not None and field in _words(value):
            return True
    return False


def _words(node: Scalar) -> set[str]:
    """The names in what a scalar prints."""
    file = node.file
    return {name.name for name in file.program.names if node.start <= name.start < node.end}


def _has_default(app: App, field: str) -> bool:
    """Whether the form fills the field in by itself."""
    attributes = [form.attribute(field) for form in app.forms if field in form.rendered]
    return bool(attributes) and all(a is not None and a.text("value") for a in attributes)


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
        if attribute.text("readonly") not in (None, "", "false") and attribute.text("value"):
            continue
        if attribute.widget in _TEXT and attribute.text("required") in (None, "false", ""):
            node = attribute.get("required")
            return "may stay empty" if node is None or attribute.text("required") else ""
    return ""
