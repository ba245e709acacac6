"""What went wrong, where, and what to do: the one shape in which the project reports findings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """How bad a finding is; errors stop a file from being written, notes stop nothing."""

    NOTE = 0
    WARNING = 1
    ERROR = 2

    @property
    def word(self) -> str:
        """The word a report prints for it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a file: `path` as the user knows it, line and column from 1.

    `end_line` and `end_column` say where it ends (the column after its last character); 0 where
    only the start is known.
    """

    path: str
    line: int
    column: int
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Edit:
    """A mend that cannot do harm: characters `start` to `end` of a file become `text`.

    With `run_bit` the file's mode is mended instead, and nothing of its text.
    """

    path: str
    start: int = 0
    end: int = 0
    text: str = ""
    run_bit: bool = False


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `span` is None where the whole file is meant, never line 1 by default. `related` are other
    places that take part, each with what it contributes: a plan error names the line of app.yml
    that asked and the line of site.yml that cannot give. `fix` is what `appgen lint --fix` does.
    """

    path: str
    span: Span | None
    rule: str
    severity: Severity
    message: str
    hint: str = ""
    related: tuple[tuple[Span, str], ...] = ()
    fix: Edit | None = None

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Total order: path, line, column, rule, message; whole files first."""
        line, column = (self.span.line, self.span.column) if self.span else (0, 0)
        return (self.path, line, column, self.rule, self.message)

    def format(self) -> str:
        """The lines a person reads."""
        place = str(self.span) if self.span else self.path
        lines = [f"{place}: {self.severity.word}: {self.message} [{self.rule}]"]
        lines += [f"  {span}: {text}" for span, text in self.related]
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


def error(
    span: Span, rule: str, message: str, hint: str = "", *related: tuple[Span, str]
) -> Diagnostic:
    """An error at a place."""
    return Diagnostic(span.path, span, rule, Severity.ERROR, message, hint, related)


def warning(
    span: Span, rule: str, message: str, hint: str = "", *related: tuple[Span, str]
) -> Diagnostic:
    """Something the user should know, that stops nothing."""
    return Diagnostic(span.path, span, rule, Severity.WARNING, message, hint, related)


def file_error(path: str, rule: str, message: str, hint: str = "") -> Diagnostic:
    """An error that concerns a whole file."""
    return Diagnostic(path, None, rule, Severity.ERROR, message, hint)


def sort(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted and without repetitions."""
    return sorted(set(diagnostics), key=lambda d: d.sort_key)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether anything must not be written."""
    return any(d.severity >= Severity.ERROR for d in diagnostics)


def quote(value: object, limit: int = 60) -> str:
    """A value as messages show it: on one line, in quotes, not endless."""
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return f'"{text[:limit]}..."' if len(text) > limit else f'"{text}"'
