"""A number field has no largest number.

Why
    Whatever is typed goes to the scheduler: a user who asks for 1000 cores waits for a job that never
    starts, or gets an error of the scheduler's. (OSC/ondemand
    apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb, create_widget.)

Bad
    num_cores:
      widget: number_field
      min: 1

Good
    num_cores:
      widget: number_field
      min: 1
      max: 48

Fix
    Write `max:`, or set it by a directive such as `data-max-num-cores` on each option of a select. This rule
    is off unless it is selected.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import named_in_form_scripts, on_page
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.NOTE
DEFAULT = False


def check(app: App) -> Iterator[Finding]:
    """Look for number fields without max that nothing else limits."""
    for form in app.forms:
        words = {
            directive.name.text.lower().replace("-", "_")
            for attribute in form.attributes.values()
            for option in attribute.options
            for directive in option.directives
        }
        for attribute, settings, widget in on_page(form):
            if widget != "number_field" or not settings.complete or settings.get("max") is not None:
                continue
            if any(w.startswith(f"data_max_{attribute.name}") for w in words):
                continue
            if not named_in_form_scripts(app, attribute.name):
                yield at(
                    attribute.key,
                    f"the number {quote(attribute.name)} has no max",
                    "write max:, so that the browser refuses what the scheduler would",
                )
