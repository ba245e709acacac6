"""A text that the user types is printed into a shell script without quotes.

Why
    Open OnDemand prints the text as it is. Bash then reads it as part of the script: of `/home/me/my data`
    it makes two words, and `it's` opens a quote that eats the rest of the script. The job fails,
    or works on another file. A password with `$`, a quote or a backtick changes even inside double quotes.
    Paths and other texts inside quotes are noted: an apostrophe or `$(...)` still reaches the shell.
    Fields for arguments, modules and commands are left alone: those are meant to be split. So are, inside
    quotes, paths that Ruby has looked up (`exist?`), and fields whose own value has a `$` to expand.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/session.rb, stage and render_erb_files.)

Bad
    cd <%= context.working_dir %>
    export LOG_IN="<%= context.db_password %>"

Good
    cd <%= context.working_dir.shellescape %>
    export LOG_IN=<%= context.db_password.shellescape %>

Fix
    Write `.shellescape` after the value, and no quotes around the tag. A `~` or `$HOME` that is typed
    is not expanded then. Double quotes around the tag keep `$HOME` working; a `~` needs `$HOME` in its
    place in either case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ood_appgen.bash_grammar import Place, Quoting
from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import bash, taint
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.taint import Kind, Print, Typed

SEVERITY = Severity.WARNING

_HINT = "print it with .shellescape, and without quotes around the tag"
_TYPED_PATH = (
    "print it with .shellescape; where people type $HOME, put double quotes around the tag instead "
    "(a ~ is expanded in neither)"
)
_QUOTED = (Quoting.DOUBLE, Quoting.SINGLE, Quoting.HEREDOC)
_MOST_NAMES = 4


def check(app: App) -> Iterator[Finding]:
    """Look at each tag of a shell script that prints typed text, and how bash reads its place."""
    for file in app.scripts:
        if not bash.shell_of(file):
            continue
        raw = taint.prints(app, file, taint.SHELL)
        places = bash.places(file) if raw else {}
        noted: dict[bool, list[tuple[Finding, Typed]]] = {}
        for found in raw:
            place = places.get(found.tag.start)
            problem = _problem(found, place) if place is not None else None
            if problem is not None and place is not None:
                field, message, hint, severity = problem
                tag = found.tag
                finding = Finding(message, hint, file, tag.start, tag.end, severity)
                if severity is not Severity.NOTE:
                    yield finding
                else:
                    noted.setdefault(place.quoting in _QUOTED, []).append((finding, field))
        for quoted, findings in noted.items():
            yield _join(findings, "in quotes" if quoted else "without quotes")


def _join(findings: list[tuple[Finding, Typed]], how: str) -> Finding:
    """One note for all of a file: they are mended together."""
    first = findings[0][0]
    names = list(dict.fromkeys(field.id for _, field in findings))
    message = first.message
    if len(names) > 1:
        shown = names[:_MOST_NAMES]
        others = len(names) - len(shown)
        tail = f" and {others} more" if others else ""
        listed = ", ".join(map(quote, shown)) + tail
        message = f"what the user types as {listed} is printed {how}: bash reads quotes and `$(...)` in it"
    more = len(findings) - 1
    if more:
        message += f" ({more} more place{'s' if more > 1 else ''} in the file)"
    return replace(first, message=message)


def _problem(found: Print, place: Place) -> tuple[Typed, str, str, Severity] | None:
    for field in found.fields:
        quoted = place.quoting in _QUOTED
        if quoted and (field.id in found.found or _is_expanded(field)):
            continue
        what = _what_happens(field, place)
        if what:
            note = quoted and field.kind in (Kind.TEXT, Kind.PATH)
            severity = Severity.NOTE if note or _is_identifier(field) else SEVERITY
            message = f"what the user types as {quote(field.id)} {what}"
            return field, message, _hint(field, place), severity
    return None


def _is_expanded(field: Typed) -> bool:
    """Whether the form's own value is one that bash must expand."""
    return "$" in field.default or field.default.startswith("~")


def _is_identifier(field: Typed) -> bool:
    """Whether it is a number or a code that somebody is given: letters, digits and dashes."""
    return field.id.rpartition("_")[2] in ("id", "uuid", "guid")


def _hint(field: Typed, place: Place) -> str:
    if place.quoting is Quoting.COMMENT:
        return "leave it out of the comment"
    if place.quoting is Quoting.HEREDOC:
        return "export it before as a variable, with .shellescape, and use the variable here"
    if field.kind is Kind.LINES:
        return "print it with .shellescape; a list of words with .split.shelljoin"
    if field.default.startswith("~"):
        return (
            "put double quotes around the tag, and write $HOME for ~ in the form: quotes keep a ~"
        )
    if _is_expanded(field):
        return (
            f"put double quotes around the tag: the $ in {quote(field.default)} is expanded there"
        )
    if field.kind is Kind.PATH and not field.picked and place.quoting not in _QUOTED:
        return _TYPED_PATH
    return _HINT


def _what_happens(field: Typed, place: Place) -> str:
    quoting = place.quoting
    if field.kind in (Kind.WORD, Kind.WORDS):
        return ""
    if quoting is Quoting.COMMENT:
        return (
            "is printed into a comment: its second line is run as a command"
            if field.kind is Kind.LINES
            else ""
        )
    if field.shell:
        return ""
    if quoting is Quoting.WORD:
        if field.kind is Kind.LINES:
            return "is printed without quotes: bash runs its second line as a command"
        if field.kind is Kind.PASSWORD:
            return 'is printed without quotes: "$", "&", "#" and quotes in it change it'
        if place.command in ("echo", "printf"):
            return ""
        sample = "/home/me/my data" if field.kind is Kind.PATH else "a b"
        return f"is printed without quotes: {quote(sample)} is two words to bash"
    if field.kind is Kind.PASSWORD and quoting in (Quoting.DOUBLE, Quoting.HEREDOC):
        return f'is printed {quoting.value}: "$" and a backtick in it change it'
    if field.kind is Kind.PASSWORD and quoting is Quoting.SINGLE:
        return "is printed in single quotes: an apostrophe in it ends them"
    if quoting is Quoting.DOUBLE:
        return "is printed in double quotes: a quote in it ends them, `$(...)` is run"
    if quoting is Quoting.SINGLE:
        return "is printed in single quotes: an apostrophe in it ends them"
    if quoting is Quoting.HEREDOC:
        # Configuration written from the script.
        return "is printed into a here-document: `$(...)` in it is run"
    return ""
