"""An option hides a field and leaves its value, where another option sets it as well.

Why
    A hidden field is submitted with the value it had. Where one option hides a field and sets it, and
    another one hides it alone, the job gets what the user had entered before. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, updateVisibility; seen in Chromium.)

Bad
    options:
      - [any, any, data-hide-gpus: true, data-set-gpus: 0]
      - [hugemem, hugemem, data-hide-gpus: true]

Good
    options:
      - [any, any, data-hide-gpus: true, data-set-gpus: 0]
      - [hugemem, hugemem, data-hide-gpus: true, data-set-gpus: 0]

Fix
    Set the field on every option that hides it, or let submit.yml.erb use it only where it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Page, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.NOTE
DEFAULT = False  # most submit files look at the choice again


def check(app: App) -> Iterator[Finding]:
    """Compare the options that hide one field with each other."""
    for page in pages(app).each:
        for source in page.elements:
            hiding: dict[str, list[tuple[Placed, Placed | None]]] = {}
            for option, own in page.options(source):
                if not option.complete:
                    continue
                for placed in own:
                    effect = page.read(placed) if placed.kind == "hide" else None
                    if effect is None or placed.value != "true":
                        continue
                    if page.judge(placed).why is Why.WORKS:
                        setter = _find_set(page, own, effect.target)
                        hiding.setdefault(effect.target, []).append((placed, setter))
            for target, pairs in hiding.items():
                setter = next((s for _, s in pairs if s is not None), None)
                if setter is None:
                    continue
                for placed, own_setter in pairs:
                    if own_setter is None:
                        name = setter.directive.name
                        yield at(
                            placed.directive.name,
                            f"{quote(placed.name)} keeps the value of {quote(target)}, which is "
                            "submitted; another option sets it as well",
                            f"write {setter.name} here too",
                            related=((name.file, name.start, "set here"),),
                        )


def _find_set(page: Page, own: list[Placed], target: str) -> Placed | None:
    for placed in own:
        effect = page.read(placed) if placed.kind in ("set", "min", "max") else None
        if effect is not None and effect.target == target and not effect.condition:
            return placed
    return None
