"""A data- key looks like a directive and is none that Open OnDemand knows.

Why
    Directives begin with data-option-for-, data-exclusive-option-for-, data-min-, data-max-, data-set-,
    data-hide-, data-label-, data-help- or data-alias-. Others are written into the page and read by
    nobody; there is no data-show-, which is data-hide- with false. Keys that form.js mentions, and
    those that name no field, are left alone. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, makeChangeHandlers.)

Bad
    options:
      - [gpu, gpu, data-show-gpus: true]

Good
    options:
      - [gpu, gpu, data-hide-gpus: false]
      - [any, any, data-hide-gpus: true]

Fix
    Write the directive that is meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Element, Pages, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING
_KINDS = (
    "option-for",
    "exclusive-option-for",
    "min",
    "max",
    "set",
    "hide",
    "label",
    "help",
    "alias",
)
_HINTS = {
    "show": "write data-hide-{field}: false here, and true on the options that hide it",
    "unhide": "write data-hide-{field}: false",
    "enable": "fields cannot be disabled: hide them with data-hide-{field}",
    "disable": "fields cannot be disabled: hide them with data-hide-{field}",
    "value": "write data-set-{field}",
    "default": "write data-set-{field}",
    "required": "a directive cannot make a field required",
    "require": "a directive cannot make a field required",
}


def check(app: App) -> Iterator[Finding]:
    """Look for unknown first words before the name of a field."""
    found = pages(app)
    for placed in found.placed:
        if found.judge(placed).why is not Why.KIND or found.is_read_by_script(placed):
            continue
        hint = _find_hint(placed, found)
        if hint:
            message = f"{quote(placed.name)} is no directive of Open OnDemand: it does nothing"
            # A field that is not hidden shows anyway.
            harmless = placed.key.startswith("data-show-")
            severity = Severity.NOTE if harmless else SEVERITY
            yield at(placed.directive.name, message, hint, severity=severity)


def _find_hint(placed: Placed, found: Pages) -> str:
    name = placed.name.lower().removeprefix("data-")
    for element in found.union.elements.values():
        word = element.id.replace("_", "-")
        for start, rest in _split(name, word):
            if start in _HINTS and not rest:
                return _HINTS[start].format(field=word)
            close = difflib.get_close_matches(start, _KINDS, n=1, cutoff=0.7)
            if close and _fits(close[0], rest, element):
                return f"did you mean data-{close[0]}-{word}{rest}?"
    return ""


def _split(name: str, word: str) -> Iterator[tuple[str, str]]:
    start, found, rest = name.partition(f"-{word}")
    if found and (not rest or rest.startswith("-")):
        yield start, rest


def _fits(kind: str, rest: str, element: Element) -> bool:
    if kind in ("option-for", "exclusive-option-for"):
        return bool(rest)
    return not rest or rest.startswith(("-for-", "-when-"))
