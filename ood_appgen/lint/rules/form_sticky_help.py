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
from ood_appgen.lint.page import Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for selects of which some options, not all, set a help text."""
    if not app.settings.at_least("4.1"):
        return
    for page in pages(app).each:
        for source, element in page.elements.items():
            if not element.is_only("select") or element.fixed:
                continue
            options = page.options(source)
            targets = {
                effect.target: placed
                for _, own in options
                for placed in own
                if placed.kind == "help"
                and page.judge(placed).why is Why.WORKS
                and (effect := page.read(placed)) is not None
            }
            for target, example in targets.items():
                for option, own in options:
                    written = any(
                        p.kind == "help"
                        and (effect := page.read(p)) is not None
                        and effect.target == target
                        for p in own
                    )
                    if written or not option.complete or page.hides(own, target):
                        continue
                    name = example.directive.name
                    yield at(
                        option.value or option.node,
                        f"this option has no {example.name}: the help text of {quote(target)} "
                        "stays as the option before has set it",
                        f"write {example.name} on every option",
                        related=((name.file, name.start, "a help text here"),),
                    )
