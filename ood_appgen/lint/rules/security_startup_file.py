"""The app writes to a file that the user's logins or other sessions read.

Why
    A job writes to its own session directory. A line that it adds to ~/.bashrc or to
    ~/.ssh/authorized_keys stays when the session has ended: it changes every later login, is added again
    with each start, and a key or job that stays behind is a way into the account.
    (OODT-07, persistence, of the Appverse review's threat list.)

Bad
    echo "export PATH=$HOME/tool/bin:$PATH" >> ~/.bashrc

Good
    export PATH="$HOME/tool/bin:$PATH"

Fix
    Set what the session needs in the script itself. Where a program insists on a file, point it to one
    in the session directory: HOME, XDG_CONFIG_HOME, `bash --rcfile`, `ssh -F`, `ssh -i`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import shell
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.shell import Command, Word

SEVERITY = Severity.WARNING
_FILE = re.compile(
    r"(?:~|\$\{?HOME\}?|/home/[^/]+|~\$\{?USER\}?)/"
    r"\.(?:bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zprofile|zshenv|zlogin|cshrc|tcshrc"
    r"|login|kshrc|pam_environment|ssh/(?:authorized_keys2?|rc|environment|config)"
    r"|config/systemd/user/.+)\Z"
)


def check(app: App) -> Iterator[Finding]:
    """Look for redirects to such files, for programs that change them, and for crontab."""
    for part in shell.parts(app):
        script = part.script
        if any(a.name == "HOME" for a in script.assignments):
            continue  # the script has a home of its own
        for redirect in script.redirects:
            if redirect.operator in (">", ">>", ">|", "&>", "&>>") and _is_startup(redirect.target):
                yield _finding(part, redirect.target)
        for command in script.commands:
            for word in _written(command):
                if _is_startup(word):
                    yield _finding(part, word)
            yield from _check_crontab(part, command)


def _is_startup(word: Word) -> bool:
    return bool(_FILE.match(word.text))


def _written(command: Command) -> Iterator[Word]:
    """The files that a command writes to."""
    plain = [w for w in command.arguments if not w.text.startswith("-")]
    if command.name == "tee":
        yield from plain
    elif command.name in ("cp", "mv", "ln", "install", "rsync"):
        yield from plain[-1:] if len(plain) > 1 else ()


def _check_crontab(part: shell.Part, command: Command) -> Iterator[Finding]:
    if command.name != "crontab" or not command.arguments:
        return
    if any(w.text in ("-l", "-r") for w in command.arguments):
        return
    yield Finding(
        "the app changes the user's crontab, which goes on when the session has ended",
        "start what is needed in script.sh and stop it in clean.sh",
        part.file,
        command.start,
        command.end,
    )


def _finding(part: shell.Part, word: Word) -> Finding:
    return Finding(
        f"the app writes to {quote(word.text)}, which is read long after the session has ended",
        "set what the session needs in the script, or use a file in the session directory",
        part.file,
        word.start,
        word.end,
    )
