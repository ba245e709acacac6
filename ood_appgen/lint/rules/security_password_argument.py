"""A password is an argument of a command, where other users of the node see it.

Why
    The arguments of a running program are shown by `ps` to every user of the node, unless the site
    mounts /proc with hidepid. Environment variables and files of mode 600 are not shown. Commands that
    the shell runs itself (echo, printf) are no programs and do no harm. (proc(5), /proc/PID/cmdline.)

Bad
    code serve-web --connection-token "${password}"

Good
    (umask 077; echo "${password}" > "$PWD/token")
    code serve-web --connection-token-file "$PWD/token"

Fix
    Give the password in a file or an environment variable, or on standard input: nearly every program has
    a way. Where it has none, make a new password for each session, and ask for the node alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import shell
from ood_appgen.lint.app import App
from ood_appgen.lint.erb import MASK
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.shell import Command, Word

SEVERITY = Severity.WARNING
_OPTION = re.compile(
    r"--?(?:[\w.-]*[-_.])?(?:password|passwd|passphrase|token|secret|api-?key)\Z", re.IGNORECASE
)
# Settings of Jupyter that hold a hash, and options that are about passwords and are none.
_HARMLESS = re.compile(
    r"\.(?:password|hashed_password)\Z|encrypt|require|prompt|file|path|stdin|\A-?-no|env|max",
    re.IGNORECASE,
)
_NOT_THE_SECRET = re.compile(
    r"_?(?:file|path|dir|hash|sha\d*)\}?\"?\Z|/|\A(?:file|env|fd|stdin):", re.I
)
_OPENSSL = re.compile(r"-pass(?:in|out)?\Z")
_BUILTINS = frozenset(
    "echo printf export declare local readonly typeset test [ [[ read eval source . set : return".split()
)


def check(app: App) -> Iterator[Finding]:
    """Look for options with a variable after them, and for the special forms of some programs."""
    for part in shell.parts(app):
        script = part.script
        for command in script.commands:
            if command.name in _BUILTINS or command.name in script.functions:
                continue
            for word, option in _secrets(command):
                yield Finding(
                    f"{quote(option)} puts a secret on the command line, which all users of the node see",
                    "give it in a file of mode 600, in an environment variable or on standard input",
                    part.file,
                    word.start,
                    word.end,
                )


def _secrets(command: Command) -> Iterator[tuple[Word, str]]:
    words = command.words
    for index, word in enumerate(words[1:], 1):
        option, equals, value = word.text.partition("=")
        given = word
        if not equals and index + 1 < len(words):
            given = words[index + 1]
            value = given.text
        if _OPTION.match(option) and not _HARMLESS.search(option) and _is_variable(value):
            yield given, option
        elif _OPENSSL.match(word.text) and value.startswith("pass:") and _is_variable(value):
            yield given, word.text
    if command.name in ("curl", "wget"):
        yield from _after(command, ("-u", "--user"), ":")
    elif command.name in ("sshpass", "mysql", "mysqldump", "mysqladmin"):
        yield from _glued(command, "-p")


def _after(command: Command, options: tuple[str, ...], needed: str) -> Iterator[tuple[Word, str]]:
    for word, following in zip(command.words, command.words[1:], strict=False):
        if word.text in options and _is_variable(following.text.partition(needed)[2]):
            yield following, word.text


def _glued(command: Command, option: str) -> Iterator[tuple[Word, str]]:
    for word in command.arguments:
        if word.text.startswith(option) and _is_variable(word.text[len(option) :]):
            yield word, option


def _is_variable(value: str) -> bool:
    """Whether a value is something that is made at run time, and not the name of a file."""
    return ("$" in value or MASK in value) and not _NOT_THE_SECRET.search(value)
