"""Options are given to a widget that shows none.

Why
    Only select, radio and radio_button read `options:`. Without `widget: select` the field is a text field,
    and the options are dropped. (OSC/ondemand
    apps/dashboard/app/lib/smart_attributes/attribute.rb, widget and reserved_keys.)

Bad
    version:
      label: Version
      options:
        - "4.2"
        - "4.3"

Good
    version:
      widget: select
      label: Version
      options:
        - "4.2"
        - "4.3"

Fix
    Write `widget: select`, or delete the options.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import has_site_made_keys, on_page
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import WIDGETS, fixed_widget, takes_options

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for options where the widget is known and is another."""
    for form in app.forms:
        site_made = has_site_made_keys(form)
        for attribute, settings, widget in on_page(form):
            key = settings.key("options")
            if key is None or widget not in WIDGETS or takes_options(widget):
                continue
            if not settings.complete or (site_made and settings.get("widget") is None):
                continue
            if attribute.name.startswith("global_") or attribute.name == "cluster":
                continue
            own = fixed_widget(attribute.name)
            yield at(
                key,
                f"{quote(attribute.name)} is a {widget}: its options are not shown",
                "use a field with a name of your own" if own else "write widget: select",
            )
