"""A smart attribute is given a widget that it does not take.

Why
    Fields such as bc_queue, bc_num_hours or auto_accounts have a widget of their own, and
    Open OnDemand does not look at `widget:` there. A bc_queue with `widget: select` is a text field, and one
    with `widget: hidden_field` is on the page. Of these only bc_account takes another widget.
    (OSC/ondemand apps/dashboard/app/lib/smart_attributes/attributes, the method widget of each.)

Bad
    bc_queue:
      widget: select
      options: ["short", "long"]

Good
    queue:
      widget: select
      options: ["short", "long"]

Fix
    Use a field with a name of your own, and hand its value over in submit.yml.erb (`queue_name`,
    `wall_time`...). To keep a user from changing a value, write it as a fixed one: `bc_queue: "short"`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import on_page
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import fixed_widget

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for widgets that differ from a smart attribute's own."""
    for form in app.forms:
        for attribute, settings, _ in on_page(form):
            own, node = fixed_widget(attribute.name), settings.get("widget")
            if own is None or not isinstance(node, Scalar) or node.opaque or node.value == own:
                continue
            yield at(
                node,
                f"{quote(attribute.name)} is always a {own}: the widget {quote(node.value)} is ignored",
                "use a field with a name of your own, or a fixed value",
            )
