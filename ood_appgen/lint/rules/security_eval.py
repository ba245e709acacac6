"""A text that the user types is run as a command.

Why
    `eval` and `bash -c` read their arguments as a script once more, so quotes around a value do not
    help: a directory called `a;b` or `$(x)` is run. People's own files then break their jobs; and what a
    colleague sent as a path, or what a saved setting holds, runs with the rights of the one who starts
    the app. Fields that ask for arguments or commands are meant to be run and left alone. (bash(1), eval.)

Bad
    eval "run_tool --input <%= context.input_file %>"

Good
    run_tool --input <%= context.input_file.shellescape %>

Fix
    Call the program directly. Where words must be collected first, use an array: `args=(--input "$file")`,
    then `run_tool "${args[@]}"`. For `bash -c`, hand values over as arguments: `bash -c 'ls "$1"' _ "$file"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import shell, taint
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.shell import Command, Script, Word
from ood_appgen.lint.taint import Kind, Print

SEVERITY = Severity.WARNING
_SHELLS = ("bash", "sh", "dash", "ksh", "zsh")
_USE = re.compile(r"(?<!\\)\$\{?(\w+)\}?")
_MEANT = (Kind.WORD, Kind.WORDS)


def check(app: App) -> Iterator[Finding]:
    """Look for tags with typed text in what eval and `bash -c` run, also by way of a variable."""
    for part in shell.parts(app):
        if part.file not in app.scripts:
            continue
        prints = [
            p
            for p in taint.prints(app, part.file, taint.SHELL)
            if any(field.kind not in _MEANT for field in p.fields)
        ]
        if prints:
            yield from _check_script(part, prints)


def _check_script(part: shell.Part, prints: list[Print]) -> Iterator[Finding]:
    script = part.script
    holding = dict(_variables(script, prints))
    for command in script.commands:
        for word in _code(command):
            for found in prints:
                if word.start <= found.tag.start and found.tag.end <= word.end:
                    yield _finding(part, found, found.tag.start, found.tag.end, command.name)
            source = part.file.masked[word.start : word.end]
            for use in _USE.finditer(source) if not source.startswith("'") else ():
                held = holding.get(use[1])
                if held is not None:
                    start = word.start + use.start()
                    yield _finding(part, held, start, word.start + use.end(), command.name)


def _variables(script: Script, prints: list[Print]) -> Iterator[tuple[str, Print]]:
    for assignment in script.assignments:
        for found in prints:
            if assignment.value.start <= found.tag.start and found.tag.end <= assignment.value.end:
                yield assignment.name, found


def _code(command: Command) -> Iterator[Word]:
    """The words of a command that are read as a script."""
    if command.name == "eval":
        yield from (w for w in command.arguments if not w.text.startswith(("$(", "`")))
        return
    for word, name, following in zip(
        command.words, command.words[1:], command.words[2:], strict=False
    ):
        if word.text.rpartition("/")[2] in _SHELLS and re.fullmatch(r"-[a-z]*c", name.text):
            yield following


def _finding(part: shell.Part, found: Print, start: int, end: int, command: str) -> Finding:
    # Quotes of the inner script hold until the text has one in it.
    quoted = part.file.text[max(0, start - 2) : start].endswith(("'", '\\"'))
    names = ", ".join(quote(f.id) for f in found.fields if f.kind not in _MEANT)
    how = "eval" if command == "eval" else "sh -c"
    return Finding(
        f"what the user types as {names} is run as a command by {how}",
        "call the program directly, with .shellescape after the value; collect words in an array",
        part.file,
        start,
        end,
        Severity.NOTE if quoted else None,
    )
