"""Findings for a person: place, severity, message and rule, then the line with a mark under it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ood_appgen.diagnostics import Diagnostic, Span

ReadLine = Callable[[str, int], str]
"""The text of a line of a file, by path and number from 1; "" where it cannot be had."""

_WIDEST = 120


def report(diagnostics: Iterable[Diagnostic], read_line: ReadLine) -> str:
    """The whole report; empty where there is nothing to say."""
    return "".join(f"{line}\n" for d in diagnostics for line in describe(d, read_line))


def describe(diagnostic: Diagnostic, read_line: ReadLine) -> Iterator[str]:
    """The lines about one finding."""
    place = str(diagnostic.span) if diagnostic.span else diagnostic.path
    yield f"{place}: {diagnostic.severity.word}: {diagnostic.message} [{diagnostic.rule}]"
    if diagnostic.span:
        yield from _show_line(diagnostic.span, read_line)
    for span, text in diagnostic.related:
        yield f"  {span}: {text}"
    if diagnostic.hint:
        yield f"  hint: {diagnostic.hint}"


def _show_line(span: Span, read_line: ReadLine) -> Iterator[str]:
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
    shown = "".join(c if c.isprintable() or c == "\t" else "?" for c in line)
    yield f"  {number} | {shown}"
    yield f"  {' ' * len(number)} | {before}^{'~' * (marked - 1)}"
