"""Two options of a select have the same value.

Why
    What is submitted is the value alone: the app cannot tell which of the two a user chose, and when the
    form is opened again the first of them is shown. (OSC/ondemand
    apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb, create_widget: form.select.)

Bad
    options:
      - ["4 cores, short", "4"]
      - ["4 cores, long", "4"]

Good
    options:
      - ["4 cores, short", "4-short"]
      - ["4 cores, long", "4-long"]

Fix
    Give each option a value of its own, or delete one. Options that directives show for different choices
    may share a value; nothing is said about those.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import named_in_form_scripts, on_page
from ood_appgen.lint.form import Option
from ood_appgen.lint.psych import Sequence
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import takes_options

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Compare the values of options that no directive and no arm tells apart."""
    for form in app.forms:
        for attribute, _, widget in on_page(form):
            if not takes_options(widget) or named_in_form_scripts(app, attribute.name):
                continue
            first: dict[str, Option] = {}
            for option in attribute.options:
                value = option.value
                if value is None or value.opaque or option.directives or not option.complete:
                    continue
                if isinstance(option.node, Sequence) and any(
                    isinstance(part, Sequence) for part in option.node.items
                ):
                    continue
                program = value.file.program
                if program.in_loop(value.start):
                    continue
                other = first.setdefault(value.value, option)
                if other is option or other.value is None:
                    continue
                if program.arm_at(other.node.start) != program.arm_at(option.node.start):
                    continue
                labels = {o.label.value for o in (other, option) if o.label is not None}
                if len(labels) == 2 and value.value in labels:
                    continue  # another name for the same, such as "newest (4.3)" for 4.3
                yield at(
                    value,
                    f"another option has the value {quote(value.value)} already: "
                    "the app cannot tell them apart",
                    "give each option a value of its own, or delete one",
                    severity=None if len(labels) < 2 else Severity.NOTE,
                    related=((other.value.file, other.value.start, "the first one"),),
                )
