"""An attribute is defined, and no form lists its name.

Why
    Open OnDemand builds the fields that `form:` lists and looks for their settings under
    `attributes:`. Settings of other names are dropped without a word: no field, no value. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, attributes.)

Bad
    form:
      - num_core
    attributes:
      num_cores:
        widget: number_field

Good
    form:
      - num_cores
    attributes:
      num_cores:
        widget: number_field

Fix
    List the name under `form:`, correct its spelling there, or delete the attribute. A line of the list
    that is commented out is taken as meant.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Attribute
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.WARNING
_COMMENTED = re.compile(r"^\s*#[\s#]*-\s*[\"']?([\w/-]+)", re.MULTILINE)


def check(app: App) -> Iterator[Finding]:
    """Look for attributes that no view of no sub-app lists; one that nothing reads is a note."""
    if not app.fields_complete:
        return
    listed = {item.node.value for form in app.forms for item in form.items} | {"cluster"}
    defined = {name for form in app.forms for name in form.attributes}
    bare = sorted(listed - defined)
    read = {
        name.name
        for file in app.files.values()
        if file.tags
        for name in (*file.program.names, *file.program.context_names)
        if not _is_in_comment(file, name.start)
    }
    for form in app.forms:
        for name, attribute in form.attributes.items():
            if name in listed or _is_nothing(attribute) or _is_commented_out(attribute):
                continue
            near = difflib.get_close_matches(name, bare, 1, 0.8)
            hint = f"did you mean the field {quote(near[0])}?" if near else "list it, or delete it"
            serious = bool(near) or name in read
            yield at(
                attribute.key,
                f"the attribute {quote(name)} is not listed under form: it has no effect",
                hint,
                severity=None if serious else Severity.NOTE,
            )


def _is_in_comment(file: SourceFile, offset: int) -> bool:
    """Whether a tag stands in a line of YAML or shell that is commented out."""
    start = file.text.rfind("\n", 0, offset) + 1
    return file.text[start:offset].lstrip().startswith("#")


def _is_nothing(attribute: Attribute) -> bool:
    """Whether it would be an empty fixed value: `bc_queue: null` means that there is no such field."""
    node = attribute.node
    return isinstance(node, Scalar) and not node.opaque and not node.value


def _is_commented_out(attribute: Attribute) -> bool:
    return attribute.name in _COMMENTED.findall(attribute.key.file.text)
