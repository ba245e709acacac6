"""A value printed with `-%>` at the end of a line joins the next line to it.

Why
    `-%>` takes the end of the line away. After `<% if x -%>` that is what one wants; after `<%= x -%>`
    the next line of the script goes on right behind the value: `export A=<%= a -%>` and
    `cd "$A"` become `export A=1cd "$A"`. (OSC/ondemand apps/dashboard/app/models/batch_connect/
    session.rb, render_erb_files: trim mode "-".)

Bad
    module load <%= context.version -%>
    python main.py

Good
    module load <%= context.version %>
    python main.py

Fix
    Write `%>` instead of `-%>`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Edit, Severity
from ood_appgen.lint import bash
from ood_appgen.lint.app import App
from ood_appgen.lint.erb import Tag
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for printing tags of shell scripts that eat the end of a line with something on it."""
    for file in app.scripts:
        if not bash.shell_of(file):
            continue
        for tag in file.tags:
            if tag.kind == "output" and bash.eats_newline(file, tag) and _joins(file, tag):
                end = tag.end
                yield Finding(
                    "-%> joins the next line to what is printed here",
                    "write %> to end the line",
                    file,
                    end - 3,
                    end,
                    fix=Edit(file.path, end - 3, end - 2, ""),
                )


def _joins(file: SourceFile, tag: Tag) -> bool:
    """Whether a statement stands before the tag, and another one on the line after it."""
    line, _ = file.position(tag.start)
    before = file.text[file.line_offset(line) : tag.start].strip()
    next_line = file.text[tag.end + 1 :].partition("\n")[0].strip()
    code = file.text[tag.code_start : tag.code_end]
    plain = code.strip().replace(".", "").replace("_", "").isalnum()
    return bool(before) and plain and bool(next_line) and not next_line.startswith(("<%", "\\"))
