"""A directive names no field that is on the form's page.

Why
    The form's JavaScript looks for a field by the words of the directive's name. When it finds none it
    does nothing and says nothing. In a directive every `_` of a field's name is written `-`; a field
    that is fixed, or that `form:` does not list, is not on the page. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, idFromToken, addMinMaxForHandler; seen in Chromium.)

Bad
    num_cores: {widget: number_field}
    node_type:
      widget: select
      options:
        - [gpu, gpu, data-max-num_cores: 28]

Good
    options:
      - [gpu, gpu, data-max-num-cores: 28]

Fix
    Write the field's name with `-` in place of `_`, list the field under `form:`, or delete the directive.
    Directives that the app's own form.js mentions are left alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen import directives
from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.catalog import suggest
from ood_appgen.lint.page import Pages, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for directives whose target is missing or fixed in every way the form can be."""
    found = pages(app)
    for placed in found.placed:
        why = found.judge(placed).why
        if why not in (Why.UNKNOWN, Why.FIXED) or placed.kind == "alias":
            continue
        if found.is_read_by_script(placed) or not (why is Why.FIXED or found.union.complete):
            continue
        name = placed.directive.name
        if why is Why.FIXED:
            yield at(
                name,
                f"{quote(placed.name)} names a fixed field, which is not on the page: it does nothing",
                "delete the directive, or let the field be a widget",
            )
            continue
        right = _respell(placed, found)
        shadow = _find_shadow(placed, found)
        message = f"{quote(placed.name)} names no field of this form: it does nothing"
        hint = f"write {right}" if right else _advise(app, placed, found)
        if shadow and not right:
            field, other = shadow
            message = (
                f"{quote(placed.name)} does nothing: the name of {quote(field)} begins with that of "
                f"the field {quote(other)}"
            )
            hint = "rename one of the two fields"
        fix = Edit(name.file.path, name.start, name.end, right) if right else None
        yield at(name, message, hint, fix=fix)


def _find_shadow(placed: Placed, found: Pages) -> tuple[str, str] | None:
    """The field that is meant, and the one whose name is in the way of a condition."""
    if not placed.kind.endswith("option-for"):
        return None
    shown = [e.id for e in found.union.elements.values() if not e.fixed]
    for field in sorted(shown, key=len, reverse=True):
        if directives.wanted_condition(placed.key, field) is not None:
            return next(((field, o) for o in shown if o != field and field.startswith(o)), None)
    return None


def _respell(placed: Placed, found: Pages) -> str:
    """The same name with `-` for `_`, and max for maximum, where that is one that works."""
    right = placed.name.lower().replace("_", "-")
    first, _, rest = right.removeprefix("data-").partition("-")
    if first != placed.kind and not placed.kind.endswith("option-for"):
        right = f"data-{placed.kind}-{rest}"
    if right == placed.name.lower():
        return ""
    effect = directives.read(right, found.union.ids)
    if effect is None or not directives.named_exactly(right, effect.target):
        return ""
    return right if effect.target in found.union.elements else ""


def _advise(app: App, placed: Placed, found: Pages) -> str:
    wanted = directives.wanted_field(placed.key)
    described = {name for form in app.forms for name in form.attributes}
    if wanted in described - set(found.union.elements):
        return f"attributes: describes {quote(wanted)}, but form: does not list it"
    shown = [e.id for e in found.union.elements.values() if not e.fixed]
    if placed.kind.endswith("option-for"):
        for element in found.union.elements.values():
            if any(directives.wanted_field(f"data-hide-{v}") == wanted for v in element.values):
                word = element.id.replace("_", "-")
                rest = placed.name.removeprefix(f"data-{placed.kind}-")
                return f"that is a value of {quote(element.id)}: write data-{placed.kind}-{word}-{rest}"
    return suggest(wanted, shown) or "correct the name, or delete the directive"
