"""A directive stops the form's JavaScript: it and all directives after it are dead.

Why
    Four directives make the JavaScript fail while the page is loaded, with a message in the browser's
    console alone: `data-label-FIELD` for a field that has no label on the page; `data-hide-FIELD` on a
    check box without `-when-checked` or `-when-unchecked`, or with a name that has `-` before a digit;
    an option-for directive that names a group of radio buttons or attachments, which have no value; and a
    limit for a value of a select with several choices.
    (OSC/ondemand apps/dashboard/app/javascript/dynamic_forms.js, updateLabel, parseCheckedWhen,
    sharedToggleOptionsFor, toggleMinMax; seen in Chromium.)

Bad
    advanced:
      widget: check_box
      data-hide-extra-args: true

Good
    advanced:
      widget: check_box
      data-hide-extra-args-when-unchecked: true

Fix
    Correct the name as the finding says, or delete the directive.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen import directives
from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.catalog import suggest
from ood_appgen.lint.page import Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for directives at which the JavaScript fails."""
    found = pages(app)
    for placed in found.placed:
        verdict = found.judge(placed)
        if verdict.why is not Why.FAILS:
            continue
        if verdict.effect is None and placed.option is not None and not found.union.complete:
            continue
        if placed.kind == "label" and not app.settings.at_least("4.0"):
            continue
        element = found.union.elements[placed.source]
        if "" in element.kinds:
            continue
        wanted = directives.wanted_field(placed.key)
        shown = [e.id for e in found.union.elements.values() if not e.fixed]
        if placed.option is None:
            why = "it says neither -when-checked nor -when-unchecked"
            hint = f"write {placed.name}-when-checked or {placed.name}-when-unchecked"
            if "-when-" in placed.name:
                why = "a check box cannot name it, as - stands before a digit"
                hint = "rename the field"
        elif placed.kind == "label":
            hidden = verdict.effect is not None
            why = "a hidden field has no label" if hidden else f"there is no field {quote(wanted)}"
            hint = suggest(wanted, shown) if not hidden else ""
        elif placed.kind in ("min", "max"):
            field = verdict.effect.condition if verdict.effect is not None else wanted
            why = f"{quote(field)} is a select with several choices, which has a list of values"
            hint = f"make {quote(field)} a select with one choice"
        else:
            target = verdict.effect.target if verdict.effect is not None else wanted
            why = f"{quote(target)} is no element with a value, such as a select"
            hint = f"make {quote(target)} a select"
        yield at(
            placed.directive.name,
            f"{quote(placed.name)} stops the form's JavaScript: {why}",
            hint or "delete the directive: those after it do nothing either",
        )
