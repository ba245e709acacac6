"""A directive stands where none is read: not on a select's option, nor on a check box.

Why
    Options of a select with one choice are read, and a check box's own `data-hide-FIELD-when-checked`
    and `-when-unchecked`. Radio buttons, selects with several choices, text and number fields drive
    nothing; Rails does not even write the attributes of radio buttons. Some smart attributes, such as
    bc_queue, are text or number fields whatever `widget:` says. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, makeChangeHandlers; app/lib/smart_attributes; seen in
    Chromium.)

Bad
    mode:
      widget: radio_button
      options:
        - [Desktop, desktop, data-hide-version: true]

Good
    mode:
      widget: select
      options:
        - [Desktop, desktop, data-hide-version: true]

Fix
    Make the field a `select`, or move the directive to the one that decides.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Pages as AllPages
from ood_appgen.lint.page import Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING
_SHOWN = {
    "multiple": "a select with several choices",
    "radio": "a group of radio buttons",
    "hidden": "a hidden field",
    "input": "no select",
    "number": "a number field",
    "block": "no select",
    "check_box": "a check box",
    "select": "a select",
}


def check(app: App) -> Iterator[Finding]:
    """Look for directives on fields that drive nothing."""
    found = pages(app)
    for placed in found.placed:
        if found.judge(placed).why is not Why.SOURCE or found.is_read_by_script(placed):
            continue
        if placed.option is None and placed.source in found.scripts:
            continue  # form.js looks after the field
        element = found.union.elements[placed.source]
        if "" in element.kinds or not _resembles(placed, found):
            continue
        if element.fixed:
            message = f"{quote(placed.name)} is on a fixed field, which is not on the page"
        elif placed.option is None and element.is_only("select"):
            message = f"{quote(placed.name)} is on the select itself: only its options are read"
        elif placed.option is None and element.is_only("check_box"):
            message = (
                f"{quote(placed.name)} is on a check box, which can only hide: it does nothing"
            )
        else:
            what = _SHOWN[min(element.kinds)]
            message = f"{quote(placed.name)} does nothing: {quote(element.id)} is {what}"
        yield at(placed.directive.name, message, _advise(placed, element.is_only("check_box")))


def _resembles(placed: Placed, found: AllPages) -> bool:
    """Whether it names a field: other data- attributes may be meant for anything."""
    from ood_appgen import directives

    wanted = directives.wanted_field(placed.key)
    return any(wanted == name or wanted.startswith(f"{name}_") for name in found.union.elements)


def _advise(placed: Placed, check_box: bool) -> str:
    if check_box:
        return "write data-hide-FIELD-when-checked or data-hide-FIELD-when-unchecked"
    if placed.option is None:
        return "write it on the options that should do it"
    return "make the field a select"
