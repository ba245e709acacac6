"""A script has carriage returns at the ends of its lines.

Why
    Bash takes the carriage return (Windows' end of a line) as part of the last word: `#!/bin/bash\\r` is no
    program, `fi\\r` is no `fi`. A text area posts them too, so lines that a user types need them taken
    out. (OSC/ondemand apps/dashboard/app/models/batch_connect/session.rb, render_erb_files: files
    are written as they are.)

Bad
    <%= context.commands %>

Good
    <%= context.commands.gsub("\\r", "") %>

Fix
    Save the file with Unix line ends (`sed -i 's/\\r$//' FILE`); for a text area, add `.gsub("\\r", "")`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.bash_grammar import Quoting
from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import bash, taint
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.taint import Kind

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for them in shell scripts, and for text areas that are printed as commands."""
    for file in app.scripts:
        if not bash.is_run_by_bash(file):
            continue
        place = file.text.find("\r\n")
        if place >= 0:
            yield Finding(
                "the lines of this script end in carriage returns, which bash reads as text",
                "save it with Unix line ends",
                file,
                place,
                place + 1,
            )
        raw = taint.prints(app, file, taint.SHELL)
        lines = [p for p in raw if any(f.kind is Kind.LINES for f in p.fields)]
        places = bash.places(file) if lines else {}
        for found in lines:
            where = places.get(found.tag.start)
            code = file.text[found.tag.code_start : found.tag.code_end]
            cleaned = "\\r" in file.program.code or "universal_newline" in code or "split" in code
            if where is None or where.quoting is not Quoting.COMMAND or cleaned:
                continue
            names = " and ".join(quote(f.id) for f in found.fields if f.kind is Kind.LINES)
            yield Finding(
                f"the lines that the user types as {names} end in carriage returns",
                'take them out: .gsub("\\r", "")',
                file,
                found.tag.start,
                found.tag.end,
            )
