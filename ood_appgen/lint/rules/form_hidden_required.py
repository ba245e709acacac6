"""A directive hides a field that is required and may be empty: the form cannot be submitted.

Why
    A hidden field is still part of the form. When it is required and empty the browser refuses to submit,
    and cannot show why, because the field is not to be seen: the Launch button seems to do nothing.
    (OSC/ondemand apps/dashboard/app/javascript/dynamic_forms.js, toggleItemVisible; seen in Chromium.)

Bad
    project: {widget: text_field, required: true}
    node_type:
      options:
        - [any, any, data-hide-project: true]

Good
    options:
      - [any, any, data-hide-project: true, data-set-project: none]

Fix
    Set the field where it is hidden, give it a `value:`, or drop `required` and check it in submit.yml.erb.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Attribute
from ood_appgen.lint.page import Page, Placed, Why, pages
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for hidden fields that are required, start empty and are not set."""
    found = pages(app)
    for page in found.each:
        told: set[str] = set()
        for placed in page.placed:
            effect = page.read(placed) if placed.kind == "hide" else None
            if effect is None or placed.value != "true" or effect.target in told:
                continue
            if page.judge(placed).why is not Why.WORKS:
                continue
            target = page.elements[effect.target]
            if not target.is_only("input", "number") or target.id in found.scripts:
                continue
            if not all(map(_is_empty_and_required, target.attributes)) or not target.attributes:
                continue
            if _is_set(page, placed, target.id):
                continue
            told.add(effect.target)
            yield at(
                placed.directive.name,
                f"{quote(target.id)} is required and may be empty while this hides it: "
                "the browser then refuses to submit without a word",
                f"write data-set-{target.id.replace('_', '-')} beside it, or give the field a value",
            )


def _is_empty_and_required(attribute: Attribute) -> bool:
    required, value = attribute.get("required"), attribute.get("value")
    options = attribute.get("html_options")
    return (
        not attribute.opaque
        and options is None
        and isinstance(required, Scalar)
        and not required.opaque
        and required.value not in ("", "false")
        and (value is None or (isinstance(value, Scalar) and not value.opaque and not value.value))
        and attribute.name.startswith("bc_num_") is False
    )


def _is_set(page: Page, placed: Placed, target: str) -> bool:
    for other in page.on(placed.source):
        effect = page.read(other) if other.kind in ("set", "min", "max") else None
        if effect is None or effect.target != target:
            continue
        if other.option is placed.option or other.kind != "set":
            return True
    return False
