"""A directive acts on another field than the one that it names.

Why
    A field is found by the beginning of the directive's words. `data-hide-gpus-per-node` hides the field
    `gpus` where there is no `gpus_per_node`. Nothing is said about it. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, idFromToken; seen in Chromium.)

Bad
    gpus: {widget: number_field}
    node_type:
      widget: select
      options:
        - [any, any, data-hide-gpus-per-node: true]

Good
    options:
      - [any, any, data-hide-gpus: true]

Fix
    Write the name of the field that is meant, in full; or list that field under `form:`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen import directives
from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for directives that work, on a field that only begins like the one they name."""
    found = pages(app)
    if not found.union.complete:
        return
    for placed in found.placed:
        verdict = found.judge(placed)
        effect = verdict.effect
        if (
            verdict.why is not Why.WORKS
            or effect is None
            or effect.target not in found.union.elements
        ):
            continue
        if placed.kind.endswith("option-for") or directives.named_exactly(
            placed.key, effect.target
        ):
            continue
        if found.is_read_by_script(placed):
            continue
        wanted = directives.wanted_field(placed.key)
        yield at(
            placed.directive.name,
            f"{quote(placed.name)} acts on the field {quote(effect.target)}: there is no {quote(wanted)}",
            f"write the field's name in full, or list {quote(wanted)} under form:",
        )
