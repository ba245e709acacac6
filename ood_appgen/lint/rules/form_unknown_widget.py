"""A widget's name is unknown.

Why
    Open OnDemand calls the form builder's method of that name. Where there is none the whole form is
    an error page (HTTP 500). (OSC/ondemand
    apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb, create_widget.)

Bad
    accept_terms:
      widget: checkbox

Good
    accept_terms:
      widget: check_box

Fix
    Use one of: select, number_field, text_field, text_area, check_box, radio_button, path_selector,
    hidden_field, email_field, password_field, url_field, date_field, time_field, datetime_field,
    file_field, file_attachments, resolution_field and the other inputs of bootstrap_form.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import on_page
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at, replace
from ood_appgen.lint.widgets import MEANT_WIDGETS, WIDGETS, fixed_widget

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for widgets that are neither Open OnDemand's nor the form builder's."""
    for form in app.forms:
        for attribute, settings, _ in on_page(form):
            node = settings.get("widget")
            if not isinstance(node, Scalar) or node.opaque or node.kind in ("null", "bool"):
                continue
            name = node.value
            if name in WIDGETS or fixed_widget(attribute.name) is not None:
                continue
            meant = MEANT_WIDGETS.get(name.lower())
            near = [meant] if meant else difflib.get_close_matches(name.lower(), WIDGETS, 1, 0.75)
            yield at(
                node,
                f"there is no widget {quote(name)}: the form is an error page",
                f"did you mean {near[0]}?" if near else "see `appgen rules form-unknown-widget`",
                fix=replace(node, near[0]) if near else None,
            )
