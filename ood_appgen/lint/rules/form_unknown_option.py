"""A directive names a value that its field cannot have.

Why
    `data-option-for-cluster-hpc2: false` hides an option while the cluster is hpc2, and does nothing when
    no option of the field has that value. With `data-exclusive-option-for-...: true` and no other
    exclusive one the option is never shown. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, sharedToggleOptionsFor, toggleMinMax; seen in Chromium.)

Bad
    cluster: [pitzer, cardinal]
    node_type:
      options:
        - [debug, debug, data-option-for-cluster-cardnal: false]

Good
    options:
      - [debug, debug, data-option-for-cluster-cardinal: false]

Fix
    Write the option's value as directives have it: in lower case, `_` as `-`, `/` as `_`. Where the
    value is gone from the list, the directive can go too.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen import directives
from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Element, Pages, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for values that are no option: near to one a warning, else perhaps a remnant."""
    found = pages(app)
    for placed in found.placed:
        verdict = found.judge(placed)
        if verdict.effect is None or found.is_read_by_script(placed):
            continue
        never = verdict.why is Why.WORKS and _is_never_shown(placed, found)
        if verdict.why is not Why.NO_OPTION and not never:
            continue
        limit = placed.kind in ("min", "max")
        field = found.union.elements[verdict.effect.condition if limit else verdict.effect.target]
        if limit and directives.wanted_condition(placed.key, field.id) is None:
            continue  # not the field that is meant: form-limit-condition
        value = directives.wanted_condition(placed.key, field.id) or ""
        near = _find_near(value, field)
        if limit and near is not None and directives.plain(near) == directives.plain(value):
            continue
        right = _respell(placed, field, near, found) if near is not None else ""
        does = "the option is never shown" if never else "it does nothing"
        yield at(
            placed.directive.name,
            f"{quote(placed.name)} names a value that {quote(field.id)} does not have: {does}",
            _advise(near, right),
            severity=Severity.WARNING if near is not None or never else Severity.NOTE,
            fix=Edit(placed.directive.name.file.path, *_range(placed), right) if right else None,
        )


def _is_never_shown(placed: Placed, found: Pages) -> bool:
    """Whether an exclusive directive is alone and names no option."""
    if placed.kind != "exclusive-option-for" or placed.value != "true":
        return False
    effect = found.union.read(placed)
    field = found.union.elements.get(effect.target) if effect is not None else None
    if field is None or field.open or field.fixed:
        return False
    return not found.union.matches(placed, field)


def _find_near(value: str, field: Element) -> str | None:
    spelled = {directives.plain(v): v for v in field.values}
    close = difflib.get_close_matches(directives.plain(value), list(spelled), n=1, cutoff=0.75)
    return spelled[close[0]] if close else None


def _respell(placed: Placed, field: Element, near: str, found: Pages) -> str:
    """The directive as it must be written for that value, when only the spelling is wrong."""
    value = directives.wanted_condition(placed.key, field.id) or ""
    if directives.plain(near) != directives.plain(value) or placed.directive.name.style:
        return ""
    right = directives.option_for(field.id, near)
    if placed.kind == "exclusive-option-for":
        right = right.replace("data-", "data-exclusive-", 1)
    if not right.isascii() or any(c in right for c in " :,[]{}#&*!|>'\"%@`"):
        return ""
    return right if directives.option_for_matches(right, field.id, near, found.union.ids) else ""


def _range(placed: Placed) -> tuple[int, int]:
    return placed.directive.name.start, placed.directive.name.end


def _advise(near: str | None, right: str) -> str:
    if right:
        return f"write {right}"
    if near is not None:
        return f"did you mean {quote(near)}?"
    return "correct the value, or delete the directive if the value is gone"
