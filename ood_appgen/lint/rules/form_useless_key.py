"""A key is one of another widget and does nothing here.

Why
    `min`, `max` and `step` limit number, range and date fields only; `checked_value` is of check boxes;
    `show_files`, `favorites` and their like are of path selectors. On other widgets they become HTML
    attributes that browsers ignore: a text field with `max: 8` takes any number. (OSC/ondemand
    apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb, create_widget;
    app/views/batch_connect/session_contexts/_path_selector.html.erb.)

Bad
    num_gpus:
      widget: text_field
      min: 0
      max: 2

Good
    num_gpus:
      widget: number_field
      min: 0
      max: 2

Fix
    Use the widget that has the key, or delete the key.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import has_site_made_keys, on_page
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import READERS, WIDGETS

SEVERITY = Severity.WARNING
_QUIET = ("hidden_field", "resolution_field")


def check(app: App) -> Iterator[Finding]:
    """Look for keys whose widgets are all others."""
    for form in app.forms:
        site_made = has_site_made_keys(form)
        for attribute, settings, widget in on_page(form):
            if widget not in WIDGETS or widget in _QUIET:
                continue
            if site_made and settings.get("widget") is None:
                continue  # a class of the site's own may say another widget
            if attribute.get("type") is not None or attribute.get("html_options") is not None:
                continue  # another type of input may be asked for
            for key, _ in settings.entries:
                readers = READERS.get(key.text)
                if readers is None or widget in readers:
                    continue
                yield at(
                    key,
                    f"{quote(key.text)} does nothing on a {widget}",
                    f"it is a key of {readers[0]}: change the widget, or delete the key",
                )
