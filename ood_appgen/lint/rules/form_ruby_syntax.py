"""The Ruby of the form, of a submit file or of a template cannot be parsed.

Why
    A syntax error in form.yml.erb makes the app invalid; one in submit.yml.erb, or in a file below
    template/, is not caught when a user submits, who then gets an error page (HTTP 500). An `end` too
    many is one too. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, form_config and submit_opts;
    apps/dashboard/app/models/batch_connect/session.rb, stage and save, which rescue StandardError only.)

Bad
    <%- if cores.to_i > 4 then -%>
    native: ["-n", "<%= cores -%>"]

Good
    <%- if cores.to_i > 4 -%>
    native: ["-n", "<%= cores -%>"]
    <%- end -%>

Fix
    Each `if`, `unless`, `case` and each block with `do` needs its `<% end %>`, and each bracket its other.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import context
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import read_by_ood
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR
_HINT = "look for an `end`, a bracket or a quote that is missing"


def check(app: App) -> Iterator[Finding]:
    """Look for programs that the grammar cannot read; the first error of a file is enough."""
    for file in (*read_by_ood(app), *filter(context.is_rendered, app.scripts)):
        if not file.tags or not file.program.has_errors:
            continue
        if any(
            not tag.closed or "<%" in _code(file, tag.code_start, tag.code_end) for tag in file.tags
        ):
            continue  # form-unclosed-tag says it
        node = _first_error(file)
        if node is None:
            continue
        start = min(node.start_byte, max(len(file.text) - 1, 0))
        end = min(max(node.end_byte, start + 1), start + 60)
        message, hint = "Ruby cannot parse what begins here", _HINT
        if node.is_missing:
            message = f"Ruby expects {quote(node.type)} here"
        elif node.type == "identifier":
            message = f"this `{file.program.source(node)}` belongs to nothing that is open"
            hint = "delete it, or write the `if` or the loop that it closes"
        yield Finding(
            message,
            hint,
            file,
            start,
            min(end, start + max(1, len(file.text[start:end].partition("\n")[0]))),
        )


def _code(file: SourceFile, start: int, end: int) -> str:
    return file.text[start:end]


def _first_error(file: SourceFile) -> Node | None:
    """The first place that is no Ruby; the grammar takes an `end` too many for a name."""
    stray = file.program.stray_keywords
    for node in file.program.nodes:
        if node.is_error or node.is_missing or node in stray:
            return node
    return None
