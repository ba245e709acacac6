"""A directive needs a newer Open OnDemand than the one that is to run the app.

Why
    An older portal does not know the directive and says nothing. Labels, exclusive options and a
    `data-hide-` that is false came with 4.0; help texts, aliases and hiding of radio buttons, path selectors
    and attachments with 4.1; `-when-checked` of check boxes with 3.1. Before 4.0 a single cluster was a
    fixed field that no directive reaches. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js at the tags v3.1.0 to v4.2.3, packs/batch_connect.js at
    v3.0.3; app/models/batch_connect/app.rb, add_cluster_widget.)

Bad
    # .appgen.toml: ondemand = "3.1"
    options:
      - [gpu, gpu, data-label-count: Number of GPUs]

Good
    options:
      - [gpu, gpu, data-set-count: 1]

Fix
    Raise `ondemand` in the configuration if every portal is that new, or do without the directive.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Page, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING
_RELEASES = {"label": "4.0", "exclusive-option-for": "4.0", "help": "4.1", "alias": "4.1"}
_LATE_WIDGETS = ("radio", "radio_button", "path_selector", "file_attachments")


def check(app: App) -> Iterator[Finding]:
    """Look for directives that the configured release does not know."""
    found = pages(app)
    for placed in found.placed:
        if found.judge(placed).why not in (Why.WORKS, Why.FAILS) or found.is_read_by_script(placed):
            continue
        needed = _find_release(placed, found.union)
        if needed and not app.settings.at_least(needed):
            yield at(
                placed.directive.name,
                f"{quote(placed.name)} does nothing before Open OnDemand {needed}",
                f"the configuration says ondemand = {quote(app.settings.ondemand)}",
            )


def _find_release(placed: Placed, page: Page) -> str:
    needed = _RELEASES.get(placed.kind, "")
    if placed.kind != "hide":
        return needed
    effect = page.read(placed)
    target = page.elements.get(effect.target) if effect is not None else None
    if target is not None and any(a.widget in _LATE_WIDGETS for a in target.attributes):
        return "4.1"
    if placed.value == "false":
        return "4.0"
    return "3.1" if placed.option is None else ""
