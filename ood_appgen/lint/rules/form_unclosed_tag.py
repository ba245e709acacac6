"""An ERB tag of the form or of a submit file is never closed.

Why
    Without `%>` ERB takes all that follows, up to the next `%>`, as Ruby; a last tag that is not
    closed becomes plain text. Either way the form is invalid, or the submission fails.
    (Ruby's erb/compiler.rb; OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, render_erb_file.)

Bad
    queue_name: <%= queue

Good
    queue_name: <%= queue %>

Fix
    Close the tag.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import read_by_ood
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for tags that run to the end of the file, or that swallow the beginning of another."""
    for file in read_by_ood(app):
        for tag in file.tags:
            inner = file.text.find("<%=", tag.code_start, tag.code_end)
            if not tag.closed:
                message = "this tag is never closed"
            elif inner >= 0 and file.program.has_errors and "\n" in file.text[tag.start : inner]:
                message = "this tag is not closed before the next one begins"
            else:
                continue
            yield Finding(message, "add %>", file, tag.start, tag.code_start)
