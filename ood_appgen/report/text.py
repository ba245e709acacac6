"""Findings for a person: place, severity, message and rule, then the line with a mark under it.

In colour as ruff has it: the path bold, the mark green, the severity by how bad it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import click

from ood_appgen.diagnostics import Diagnostic, Severity, Span

ReadLine = Callable[[str, int], str]
"""The text of a line of a file, by path and number from 1; "" where it cannot be had."""

_WIDEST = 120
_COLOURS = {Severity.NOTE: "cyan", Severity.WARNING: "yellow", Severity.ERROR: "red"}


def report(diagnostics: Iterable[Diagnostic], read_line: ReadLine, colour: bool = False) -> str:
    """The whole report; empty where there is nothing to say."""
    return "".join(f"{line}\n" for d in diagnostics for line in describe(d, read_line, colour))


def describe(diagnostic: Diagnostic, read_line: ReadLine, colour: bool = False) -> Iterator[str]:
    """The lines about one finding."""
    span = diagnostic.span
    path = _paint(colour, _show(diagnostic.path or "."), bold=True)
    place = f"{path}:{span.line}:{span.column}" if span else path
    word = _paint(colour, diagnostic.severity.word, _COLOURS[diagnostic.severity], bold=True)
    yield f"{place}: {word}: {_show(diagnostic.message)} [{diagnostic.rule}]"
    if span:
        yield from _show_line(span, read_line, colour)
    for other, text in diagnostic.related:
        path = _paint(colour, _show(other.path), bold=True)
        yield f"  {path}:{other.line}:{other.column}: {_show(text)}"
    if diagnostic.hint:
        yield f"  hint: {_show(diagnostic.hint)}"


def _show_line(span: Span, read_line: ReadLine, colour: bool) -> Iterator[str]:
    line = read_line(span.path, span.line)
    if not line.strip():
        return
    end = span.end_column if span.end_line == span.line else len(line) + 1
    start = span.column - 1
    marked = max(1, min(end, len(line) + 1) - 1 - start)
    if len(line) > _WIDEST:  # a window around the place
        first = max(0, min(start - 40, len(line) - _WIDEST))
        line = line[first : first + _WIDEST]
        start -= first
        marked = max(1, min(marked, len(line) - start))
    number = str(span.line)
    # Tabs stay tabs before the mark, so that it stands under its word.
    before = "".join("\t" if c == "\t" else " " for c in line[:start])
    shown = line
    if not line.isprintable():
        shown = "".join(c if c.isprintable() or c == "\t" else "?" for c in line)
    yield f"  {number} | {shown}"
    mark = _paint(colour, f"^{'~' * (marked - 1)}", "green", bold=True)
    yield f"  {' ' * len(number)} | {before}{mark}"


def _show(text: str) -> str:
    """Text that stays on its line, and does nothing to a terminal: files are named by anyone."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _paint(colour: bool, text: str, name: str | None = None, *, bold: bool) -> str:
    return click.style(text, fg=name, bold=bold) if colour else text
