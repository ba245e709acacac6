"""An option has no help text for a field where the other options have one: the last one stays.

Why
    When an option is chosen its `data-help-FIELD` is written over the field's help text. An option without
    it leaves what the option before has written; the text of `help:` does not come back. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, updateHelp; seen in Chromium.)

Bad
    options:
      - [CPU, cpu]
      - [GPU, gpu, data-help-count: Up to 2]

Good
    options:
      - [CPU, cpu, data-help-count: Up to 48]
      - [GPU, gpu, data-help-count: Up to 2]

Fix
    Write the directive on every option of the select.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for selects of which some options, not all, set a help text."""
    if not app.settings.at_least("4.1"):
        return
    for page in pages(app).each:
        for option, example, target in page.find_lacking("help"):
            name = example.directive.name
            yield at(
                option.value or option.node,
                f"this option has no {example.name}: the help text of {quote(target)} "
                "stays as the option before has set it",
                f"write {example.name} on every option",
                related=((name.file, name.start, "a help text here"),),
            )
