"""Two fields limit, or hide, the same field: the one that was changed last wins.

Why
    Limits and visibility are not combined. When the cluster allows 40 cores and the node type 28, a user
    who changes the node type first and the cluster then may enter 40; and a field that one select hides
    is shown again when the other changes. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, toggleMinMax, updateVisibility; seen in Chromium.)

Bad
    cluster:
      options:
        - [pitzer, pitzer, data-max-num-cores: 40]
    node_type:
      options:
        - [gpu, gpu, data-max-num-cores: 28]

Good
    node_type:
      options:
        - [gpu, gpu, data-max-num-cores-for-cluster-pitzer: 28]

Fix
    Let one field alone do it: a limit with `-for-FIELD-VALUE`, or one option for each case.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING
_DOES = {"min": "sets the minimum of", "max": "sets the maximum of", "hide": "hides"}


def check(app: App) -> Iterator[Finding]:
    """Look for two sources of one limit, or of one field's visibility."""
    for page in pages(app).each:
        first: dict[tuple[str, str], Placed] = {}
        told: set[tuple[str, str, str]] = set()
        for placed in page.placed:
            if placed.kind not in _DOES or page.judge(placed).why is not Why.WORKS:
                continue
            effect = page.read(placed)
            if effect is None or effect.condition:
                continue
            other = first.setdefault((effect.kind, effect.target), placed)
            if page.hides(page.on(other.source), placed.source) or page.hides(
                page.on(placed.source), other.source
            ):
                continue  # a field that is itself hidden: a choice within a choice
            key = (effect.kind, effect.target, placed.source)
            if other.source == placed.source or key in told:
                continue
            told.add(key)
            name = other.directive.name
            yield at(
                placed.directive.name,
                f"{quote(placed.source)} {_DOES[placed.kind]} {quote(effect.target)}, and so does "
                f"{quote(other.source)}: the one changed last wins",
                "let one of the two do it",
                related=((name.file, name.start, "the other one"),),
            )
