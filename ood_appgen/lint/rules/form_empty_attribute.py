"""An attribute has nothing below it, so that its field is fixed and not on the page.

Why
    An attribute that is no mapping is a fixed value. With nothing after the colon the value is nil:
    the field is not shown, and the job gets an empty text. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, attributes.)

Bad
    form:
      - account
    attributes:
      account:

Good
    form:
      - account
    attributes:
      account:
        label: Account

Fix
    Indent the settings below the name, delete the line (the field is then a plain text field), or write
    `""` if an empty fixed value is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import has_tag_below, listed_attributes
from ood_appgen.lint.psych import Mapping, Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for names with nothing after the colon."""
    for form in app.forms:
        parent = form.root.get("attributes") if form.root else None
        for attribute in listed_attributes(form):
            node = attribute.node
            if attribute.name in ("cluster", "bc_vnc_resolution"):
                continue  # OOD gives these a value of their own
            if not isinstance(node, Scalar) or node.kind != "null" or node.text or node.opaque:
                continue
            if not isinstance(parent, Mapping) or has_tag_below(parent, attribute.key):
                continue
            yield at(
                attribute.key,
                f"nothing is below {quote(attribute.name)}: "
                "the field is fixed to an empty text and not shown",
                "indent its settings below it, or delete the line for a plain text field",
            )
