"""The settings of a field stand beside `attributes:` and not below it.

Why
    Open OnDemand looks for a field's settings under `attributes:`. What stands at the left edge of form.yml is
    read for a few names of its own (cluster, title, description...), so that the field is a plain text field
    without label, default and limits. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, attributes.)

Bad
    form:
      - num_cores
    attributes:
      bc_num_hours:
        value: 1
    num_cores:
      widget: number_field

Good
    form:
      - num_cores
    attributes:
      bc_num_hours:
        value: 1
      num_cores:
        widget: number_field

Fix
    Move the settings below `attributes:`, two blanks further in.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import KEYS

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for keys at the top that are named as a field is, with keys of an attribute below them.

    They are one finding: it is `attributes:` that ended too early.
    """
    for form in app.forms:
        listed = {item.node.value for item in form.items}
        found = [
            key
            for key, value in (form.root.entries if form.root else ())
            if key.text in listed and key.text not in ("cluster", "form", "attributes")
            if isinstance(value, Mapping) and any(k.text in KEYS for k, _ in value.entries)
        ]
        if found:
            others = ", ".join(quote(key.text) for key in found[1:])
            yield at(
                found[0],
                f"the settings of {quote(found[0].text)} are not under attributes: they have no effect",
                "move them below attributes:, two blanks further in"
                + (f"; those of {others} too" if others else ""),
            )
