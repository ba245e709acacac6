"""Findings as GitHub Actions shows them beside the code: workflow commands, one a line.

GitHub docs, "Workflow commands for GitHub Actions", and what reads them: actions/runner,
`ActionCommand.cs` (escapes: `%25 %0D %0A`, in properties also `%3A %2C`) and
`ActionCommandManager.cs`, `ValidateLinesAndColumns` (columns only where both lines are the same).
GitHub shows no more than ten of each severity for a step; the log has them all, but of a command
it prints the message alone: so the message starts with the place.
"""

from __future__ import annotations

from collections.abc import Iterable

from ood_appgen.diagnostics import Diagnostic, Severity, Span
from ood_appgen.report.common import add_hint, clean, from_root

_COMMANDS = {Severity.NOTE: "notice", Severity.WARNING: "warning", Severity.ERROR: "error"}


def report(diagnostics: Iterable[Diagnostic], root: str = ".") -> str:
    """The whole report; `root` is the top of the repository."""
    return "".join(_describe(diagnostic, root) + "\n" for diagnostic in diagnostics)


def _describe(diagnostic: Diagnostic, root: str) -> str:
    path = from_root(diagnostic.path, root)
    span = diagnostic.span
    properties: dict[str, object] = {"file": path}
    if span:
        properties |= _place(span)
    properties["title"] = diagnostic.rule
    shown = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
    place = f"{path}:{span.line}:{span.column}" if span else path
    message = _escape(f"{place}: {add_hint(diagnostic)}")
    return f"::{_COMMANDS[diagnostic.severity]} {shown}::{message}"


def _place(span: Span) -> dict[str, object]:
    if not (span.end_line and span.end_column):
        return {"line": span.line, "col": span.column}
    if span.end_line != span.line:
        return {"line": span.line, "endLine": span.end_line}
    return {
        "line": span.line,
        "endLine": span.end_line,
        "col": span.column,
        "endColumn": span.end_column,
    }


def _escape(text: str) -> str:
    return clean(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(value: object) -> str:
    return _escape(str(value)).replace(":", "%3A").replace(",", "%2C")
