"""An option has no label for a field where the other options have one: it reads "undefined".

Why
    When an option is chosen, and when the page is loaded, its `data-label-FIELD` is written over the
    field's label. From an option without it the label becomes the word undefined. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, updateLabel, newLabel; seen in Chromium.)

Bad
    options:
      - [CPU, cpu]
      - [GPU, gpu, data-label-count: Number of GPUs]

Good
    options:
      - [CPU, cpu, data-label-count: Number of cores]
      - [GPU, gpu, data-label-count: Number of GPUs]

Fix
    Write the directive on every option of the select.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for selects of which some options, not all, set a label."""
    if not app.settings.at_least("4.0"):
        return
    for page in pages(app).each:
        for option, example, target in page.find_lacking("label"):
            name = example.directive.name
            yield at(
                option.value or option.node,
                f"this option has no {example.name}: with it the label of {quote(target)} "
                'is "undefined"',
                f"write {example.name} on every option",
                related=((name.file, name.start, "a label here"),),
            )
