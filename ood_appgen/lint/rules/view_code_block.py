"""Indented HTML of a view is shown as code.

Why
    What a view renders goes through markdown. A line that is indented by four blanks or a tab, after
    an empty line or at the very start, begins a code block: the form's tags are shown as text, and there is no
    button. A line with nothing but `<% ... %>` is an empty line in the result; one with `<%- ... -%>` is
    no line. Inside a `<div>` or `<form>` that begins in the first column indentation does not matter.
    (OSC/ondemand apps/dashboard/app/views/batch_connect/sessions/connections/_custom.html.erb;
    OSC/ood_appkit lib/ood_appkit/configuration.rb, markdown.)

Bad
    <% if host %>
        <form action="/rnode/<%= host %>/<%= port %>/">

Good
    <%- if host -%>
    <form action="/rnode/<%= host %>/<%= port %>/">

Fix
    Begin the outermost tag in the first column.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import bash
from ood_appgen.lint.app import App
from ood_appgen.lint.bash import Script
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR

# The tags that begin a block for redcarpet (its html_blocks.h).
_BLOCKS = frozenset(
    "p dl h1 h2 h3 h4 h5 h6 ol ul del div ins pre form math table figure iframe script style "
    "fieldset noscript blockquote video section article header footer nav aside address details "
    "summary main".split()
)
_BEGINS = re.compile(r"<([a-zA-Z][a-zA-Z0-9]*)\b")
_CODE = re.compile(r"(?: {4}|\t| {1,3}\t)\s*</?[a-zA-Z]")


def check(app: App) -> Iterator[Finding]:
    """Read each view as markdown, block by block."""
    for file in app.views:
        if not file.is_erb or file.program.has_errors:
            continue
        for script in bash.scripts(file):
            for line in _code_blocks(script):
                indent = len(line[1]) - len(line[1].lstrip())
                begin = script.offset(line[0] + indent)
                yield Finding(
                    "markdown shows this as code: it is indented, after an empty line",
                    "begin the outermost tag in the first column",
                    file,
                    begin,
                    begin + len(line[1].strip().partition(">")[0].partition(" ")[0]),
                )


def _code_blocks(script: Script) -> Iterator[tuple[int, str]]:
    """The first lines of code blocks that hold tags, with their place."""
    lines = script.text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    index = 0
    while index < len(lines):
        line = lines[index]
        if not line.strip():
            index += 1
        elif line.startswith("<"):
            index = _skip_html(lines, index)
        elif line.startswith(("    ", "\t")) or re.match(r" {1,3}\t", line):
            if _CODE.match(line):
                yield starts[index], line
            while index < len(lines) and (not lines[index].strip() or lines[index][0] in " \t"):
                index += 1
        else:
            index = _skip_paragraph(lines, index)


def _skip_paragraph(lines: list[str], index: int) -> int:
    if lines[index].lstrip().startswith(("```", "~~~")):
        fence = lines[index].lstrip()[:3]
        index += 1
        while index < len(lines) and not lines[index].lstrip().startswith(fence):
            index += 1
        return index + 1
    if re.match(r"\s{0,3}([-*+]|\d+\.)\s", lines[index]):
        # A list: indented text after empty lines is its own.
        while index < len(lines) and (not lines[index].strip() or not lines[index].startswith("<")):
            index += 1
        return index
    while index < len(lines) and lines[index].strip():
        index += 1
    return index


def _skip_html(lines: list[str], index: int) -> int:
    """The line after an HTML block: it ends in its closing tag, unindented where there is one."""
    if lines[index].startswith("<!--"):
        while index < len(lines) and "-->" not in lines[index]:
            index += 1
        return index + 1
    found = _BEGINS.match(lines[index])
    if found is None or found[1].lower() not in _BLOCKS:
        return _skip_paragraph(lines, index)
    closing = f"</{found[1]}>"
    for pattern in (closing, rf".*{closing}"):
        end = re.compile(rf"{pattern}\s*\Z", re.IGNORECASE)
        for number in range(index, len(lines)):
            if end.match(lines[number]):
                return number + 1
    return _skip_paragraph(lines, index)
