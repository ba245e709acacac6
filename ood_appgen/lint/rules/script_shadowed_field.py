"""A script reads a form field whose name `context` has a method for.

Why
    Below template/, `context` is a list of fields with methods of its own. `context.count` is the
    number of fields, `context.first` the first of them, whatever the form's field of that name holds.
    In submit.yml.erb the same name is the field. (OSC/ondemand apps/dashboard/app/models/batch_connect/
    session_context.rb: Enumerable and ActiveModel come before method_missing.)

Bad
    form.yml:      form: [count]
    script.sh.erb: run --count <%= context.count %>

Good
    form.yml:      form: [run_count]
    script.sh.erb: run --count <%= context.run_count %>

Fix
    Give the field another name, or read it with `context.to_h[:count]`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import context
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for names that are both a field and a method."""
    shadowed = app.field_names & context.METHODS
    if not shadowed:
        return
    for file in app.scripts:
        if not context.is_rendered(file):
            continue
        for name in context.names(file.program):
            if name.name in shadowed:
                yield at(
                    name,
                    f"{quote(name.name)} is a method of the context here, and not the form's field",
                    f"give the field another name, or read context.to_h[:{name.name}]",
                    file=file,
                )
