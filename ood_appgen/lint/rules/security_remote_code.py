"""A script from the network is run as it arrives.

Why
    What the server sends today is run with the user's rights, on each start, unseen. Who controls that
    server, or the name that leads to it, controls the accounts of all who start the app; and a
    transfer that breaks off runs half of a script. (OODT-07 of the Appverse review's threat list.)

Bad
    curl -LsSf https://example.org/install.sh | sh

Good
    curl -LsSf -o install.sh https://example.org/install-1.2.3.sh
    echo "0f3c...  install.sh" | sha256sum --check --quiet && sh install.sh

Fix
    Install the software once, as a module or in a container image; or fetch a fixed version into a file
    and compare its checksum before it is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import shell
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.shell import Command, Script

SEVERITY = Severity.WARNING
_FETCHERS = ("curl", "wget")
_SHELLS = ("bash", "sh", "dash", "ksh", "zsh")
_OTHERS = ("perl", "ruby", "node", "Rscript", "R")
_PREFIXES = ("sudo", "env", "exec", "command", "nohup", "time")
_PYTHON = re.compile(r"python[\d.]*\Z")
_HERE = re.compile(r"//(?:localhost|127\.0\.0\.1|\[::1\])|\Alocalhost|\A127\.0\.0\.1|\Afile:")


def check(app: App) -> Iterator[Finding]:
    """Look for pipes from curl or wget into an interpreter, and for their output run by a shell."""
    for part in shell.parts(app):
        script = part.script
        for pipeline in script.pipelines:
            for fetch, run in zip(pipeline, pipeline[1:], strict=False):
                if _fetches(fetch) and _reads_code(run):
                    yield _finding(part, fetch, run.end)
        for command in script.commands:
            if command.name in (*_SHELLS, "source", ".", "eval"):
                yield from _check_words(part, script, command)


def _check_words(part: shell.Part, script: Script, command: Command) -> Iterator[Finding]:
    named = command.name in _SHELLS and not any(
        w.text in ("-c", "-s") or w.text.startswith("<(") for w in command.arguments
    )
    if named:
        return  # bash FILE "$(curl ...)": what was fetched is an argument
    for word in command.arguments:
        if not word.text.startswith(("<(", "$(", "`")):
            continue
        for inner in script.inside(word):
            if _fetches(inner):
                yield _finding(part, command, command.end)
                return


def _finding(part: shell.Part, first: Command, end: int) -> Finding:
    return Finding(
        "what the server sends is run unseen, with the rights of each user of the app",
        "install the software beforehand, or fetch a fixed version and compare its checksum",
        part.file,
        first.start,
        end,
    )


def _fetches(command: Command) -> bool:
    words = _without_prefixes(command)
    if not words or words[0].rpartition("/")[2] not in _FETCHERS:
        return False
    to_output = words[0].endswith("curl") or any(
        re.fullmatch(r"-[a-zA-Z]*O-?|--output-document=?-?", w) for w in words
    )
    return to_output and not any(_HERE.search(word) for word in words[1:])


def _reads_code(command: Command) -> bool:
    words = _without_prefixes(command)
    if not words:
        return False
    name, arguments = words[0].rpartition("/")[2], words[1:]
    if name in _SHELLS:
        return not arguments or arguments[0].startswith("-") and "-c" not in arguments
    if _PYTHON.match(name) or name in _OTHERS:
        return not arguments or arguments == ["-"]
    return False


def _without_prefixes(command: Command) -> list[str]:
    words = [w.text for w in command.words]
    while words and (words[0] in _PREFIXES or (words[0].startswith("-") and len(words) > 1)):
        words.pop(0)
    return words
