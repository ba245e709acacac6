"""A select has both option-for and exclusive-option-for directives: each undoes the other.

Why
    Both kinds go through all options of the select and show each one that they do not hide themselves. When
    a field changes that option-for directives name, the options that exclusive ones had hidden are back,
    and the other way round. (OSC/ondemand apps/dashboard/app/javascript/dynamic_forms.js,
    sharedToggleOptionsFor; seen in Chromium.)

Bad
    options:
      - [a, a, data-option-for-cluster-pitzer: false]
      - [b, b, data-exclusive-option-for-mode-batch: true]

Good
    options:
      - [a, a, data-option-for-cluster-pitzer: false]
      - [b, b, data-option-for-mode-desktop: false, data-option-for-mode-lab: false]

Fix
    Use one of the two kinds throughout the select.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for selects with working directives of both kinds."""
    if not app.settings.at_least("4.0"):
        return
    for page in pages(app).each:
        for source in page.elements:
            first: dict[str, Placed] = {}
            for placed in page.on(source):
                hides = "false" if placed.kind == "option-for" else "true"
                if not placed.kind.endswith("option-for") or placed.value != hides:
                    continue
                if page.judge(placed).why is Why.WORKS:
                    first.setdefault(placed.kind, placed)
            if len(first) < 2:
                continue
            one, other = sorted(first.values(), key=lambda p: p.directive.name.start)
            yield at(
                other.directive.name,
                f"{quote(other.name)} and {quote(one.name)} are in one select: each shows what "
                "the other hides",
                "use one of the two kinds throughout the select",
                related=((one.directive.name.file, one.directive.name.start, "the other kind"),),
            )
