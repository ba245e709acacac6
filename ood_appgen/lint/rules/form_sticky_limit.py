"""An option has no limit where the other options have one: the last limit stays.

Why
    `data-min-` and `data-max-` are written into the field when their option is chosen, and nothing takes
    them out again. An option without its own keeps the limit of the option that was chosen before, so
    what the user may enter depends on the way he took. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, toggleMinMax; seen in Chromium.)

Bad
    options:
      - [any, any]
      - [gpu, gpu, data-max-num-cores: 28]

Good
    options:
      - [any, any, data-max-num-cores: 96]
      - [gpu, gpu, data-max-num-cores: 28]

Fix
    Give every option of the select all the limits that one of them has.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Option
from ood_appgen.lint.page import Page, Placed, Why, pages
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Compare the limits of a select's options with each other."""
    for page in pages(app).each:
        for source, element in page.elements.items():
            if element.is_only("select") and not element.fixed:
                yield from _check_select(page, source)


def _check_select(page: Page, source: str) -> Iterator[Finding]:
    options = page.options(source)
    limits: dict[tuple[str, str], list[Placed]] = {}
    has: dict[int, set[tuple[str, str]]] = {}
    for option, placed in options:
        own = has.setdefault(id(option), set())
        for one in placed:
            effect = page.read(one) if one.kind in ("min", "max") else None
            if effect is None or page.judge(one).why is not Why.WORKS:
                continue
            own.add((effect.kind, effect.target))
            if not effect.condition:
                limits.setdefault((effect.kind, effect.target), []).append(one)
    for (kind, target), given in limits.items():
        lacking = [
            option
            for option, placed in options
            if (kind, target) not in has[id(option)] and _may_lack(page, option, placed, target)
        ]
        if not lacking or page.limits_elsewhere(source, kind, target):
            continue
        first = lacking[0]
        named = ", ".join(quote(_name(option)) for option in lacking[:3])
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        which = "these options have" if len(lacking) > 1 else "this option has"
        yield at(
            first.value or first.node,
            f"{which} no data-{kind}-{target.replace('_', '-')}, and the limit of the option "
            f"chosen before stays: {named}{more}",
            f"write data-{kind}-{target.replace('_', '-')} on every option",
            related=(
                (given[0].directive.name.file, given[0].directive.name.start, "a limit here"),
            ),
        )


def _may_lack(page: Page, option: Option, placed: list[Placed], target: str) -> bool:
    """Whether a missing limit counts: the option is known, and the field is to be seen with it."""
    value = option.value
    if not option.complete or value is None or value.opaque or not value.value:
        return False
    if page.hides(placed, target):
        return False
    for one in placed:
        effect = page.read(one)
        if one.kind == "set" and effect is not None and effect.target == target:
            return False
    return True


def _name(option: Option) -> str:
    return option.value.value if isinstance(option.value, Scalar) else ""
