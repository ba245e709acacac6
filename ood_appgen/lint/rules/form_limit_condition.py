"""A limit for one value of another field is not read as that.

Why
    In `data-max-TARGET-for-FIELD-VALUE` the JavaScript finds FIELD and VALUE by upper-case letters that it
    made of the hyphens. It cannot see a VALUE with a digit after `-` or `_` or at its start, with a dot or
    a slash, with upper-case letters, or with "for" in it; nor a FIELD whose name begins with that of
    another field. Then the limit holds whatever FIELD is, or it never does. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, parseMinMaxFor, idFromToken; seen in Chromium.)

Bad
    cluster: [hpc-1, hpc-2]
    node_type:
      options:
        - [gpu, gpu, data-max-gpus-for-cluster-hpc-2: 4]

Good
    options:
      - [gpu (hpc-2), gpu-b, data-max-gpus: 4, data-option-for-cluster-hpc-1: false]

Fix
    Give the option a value of lower-case words, or make one option for each case, with limits
    of its own and option-for directives that show it in that case alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen import directives
from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Page, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for limits that name a field and a value of it, and are read otherwise."""
    found = pages(app)
    for placed in found.placed:
        if placed.kind not in ("min", "max") or found.is_read_by_script(placed):
            continue
        meant = _find_meant(placed, found.union)
        verdict = found.judge(placed)
        effect = verdict.effect
        if meant is None or effect is None:
            continue
        field, value = meant
        if verdict.why is Why.WORKS and not effect.condition and not effect.value:
            what = f"holds whatever {quote(field)} is"
        elif verdict.why in (Why.LOST_CONDITION, Why.NO_OPTION):
            what = "never holds"
        elif effect.condition != field:
            what = f"is read as one for {quote(effect.condition)}"
        else:
            continue
        yield at(
            placed.directive.name,
            f"{quote(placed.name)} {what}: {_explain(field, value, found.union)}",
            "rename it, or make options of their own for the cases",
        )


def _find_meant(placed: Placed, page: Page) -> tuple[str, str] | None:
    """The field and the value that a person would read in the condition."""
    _, clause, rest = placed.name.lower().partition("-for-")
    while clause:
        for element in sorted(page.elements.values(), key=lambda e: -len(e.id)):
            word = element.id.replace("_", "-")
            if not rest.startswith(f"{word}-"):
                continue
            for value in element.values:
                if directives.plain(value) == directives.plain(rest[len(word) + 1 :]):
                    return element.id, value
        _, clause, rest = rest.partition("-for-")
    return None


def _explain(field: str, value: str, page: Page) -> str:
    for other in page.elements:
        if other != field and field.startswith(other) and not page.elements[other].fixed:
            return f"{quote(field)} begins with the name of the field {quote(other)}"
    if any(c.isupper() for c in value):
        return f"the value {quote(value)} has upper-case letters"
    if "for" in value:
        return f'the value {quote(value)} has "for" in it'
    if not directives.can_be_condition(value):
        return f"no limit can name the value {quote(value)}"
    return f"no limit can name {quote(value)} of {quote(field)} here"
