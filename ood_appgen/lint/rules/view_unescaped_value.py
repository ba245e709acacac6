"""A text that the user types is printed into an info or completed view without escaping.

Why
    The view becomes a part of the session's card, as HTML, after it went through markdown. A `<` or `&`
    that was typed is read as HTML, and so is a `"` inside an attribute: the text is cut or the card breaks.
    A script in it would run in the user's browser. (OSC/ondemand apps/dashboard/
    app/models/batch_connect/session.rb, render_info_view and user_context.)

Bad
    <p>Notes: <%= user_context["notes"] %></p>

Good
    <p>Notes: <%= ERB::Util.html_escape(user_context["notes"]) %></p>

Fix
    Print it with `ERB::Util.html_escape(...)`; inside an address, with `ERB::Util.url_encode(...)`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import taint
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.taint import Kind

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look at each tag of the views that prints typed text."""
    for file in app.views:
        for found in taint.prints(app, file, taint.HTML):
            free = [f for f in found.fields if f.kind is not Kind.WORD]
            if not free:
                continue
            names = " and ".join(quote(f.id) for f in free)
            yield Finding(
                f"what the user types as {names} is printed as HTML: < and & in it are not text",
                "print it with ERB::Util.html_escape(...), in an address with ERB::Util.url_encode(...)",
                file,
                found.tag.start,
                found.tag.end,
                Severity.NOTE if all(f.kind is Kind.PATH for f in free) else SEVERITY,
            )
