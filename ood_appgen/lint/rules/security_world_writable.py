"""A file or directory is made writable for all users of the system.

Why
    Every other user of the node, and of the file system, can then put files there or change those that
    are there; what the job reads or runs next may be theirs. The job runs as one user: nobody else
    needs to write. A directory with the sticky bit (1777, as /tmp has it) is fine.
    (chmod(2); OODT-08, insecure configuration, of the Appverse review's threat list.)

Bad
    chmod 777 "$workdir"

Good
    chmod 700 "$workdir"

Fix
    Give the rights to the user alone (700, 600, u+rwx), or to a group (770).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import shell
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.shell import Command, Script, Word

SEVERITY = Severity.ERROR
_OCTAL = re.compile(r"[0-7]{1,5}\Z")
_SYMBOLIC = re.compile(r"[ugoa]*[+=-][rwxXst]*(?:,[ugoa]*[+=-][rwxXst]*)*\Z")
_DEVICE = re.compile(r"/dev/|/proc/")


def check(app: App) -> Iterator[Finding]:
    """Look at chmod, mkdir -m, install -m and umask."""
    for part in shell.parts(app):
        script = part.script
        for command in script.commands:
            word = _mode(command)
            if word is None:
                continue
            if command.name == "umask":
                if not _OCTAL.match(word.text) or int(word.text, 8) & 0o002:
                    continue
                yield Finding(
                    f"with umask {word.text} every new file can be changed by all users of the system",
                    "use umask 077, or 022 where others may read",
                    part.file,
                    word.start,
                    word.end,
                )
            elif _opens(word.text) and not _is_sticky(script, command):
                yield Finding(
                    f"the mode {quote(word.text)} lets all users of the system write there",
                    "give the rights to the user alone, such as 700, 600 or u+rwx",
                    part.file,
                    word.start,
                    word.end,
                )


def _mode(command: Command) -> Word | None:
    """The word that is the mode in a command."""
    if command.name in ("chmod", "umask"):
        found = (w for w in command.arguments if not re.match(r"--|-[RvcfhHLPS]+\Z", w.text))
        return next(found, None)
    if command.name in ("mkdir", "install"):
        for index, word in enumerate(command.arguments):
            if re.fullmatch(r"-\w*m|--mode", word.text):
                return next(iter(command.arguments[index + 1 :]), None)
            if word.text.startswith("--mode="):
                return Word(word.text[7:], word.start, word.end, word.literal)
    return None


def _opens(mode: str) -> bool:
    """Whether a mode lets others write, and has no sticky bit."""
    if _OCTAL.match(mode):
        bits = int(mode, 8)
        return bool(bits & 0o002) and not bits & 0o1000
    if not _SYMBOLIC.match(mode):
        return False
    opened = sticky = False
    for clause in mode.split(","):
        found = re.match(r"([ugoa]*)([+=-])([rwxXst]*)", clause)
        if found is None or found[2] == "-":
            continue
        sticky = sticky or "t" in found[3]
        opened = opened or ("w" in found[3] and ("o" in found[1] or "a" in found[1]))
    return opened and not sticky


def _is_sticky(script: Script, command: Command) -> bool:
    """Whether another chmod sets the sticky bit on the same things, or they are devices."""
    targets = {w.text for w in command.arguments[1:]}
    if any(_DEVICE.match(target) for target in targets):
        return True
    for other in script.commands:
        mode = _mode(other) if other.name == "chmod" and other is not command else None
        if mode is not None and targets & {w.text for w in other.arguments}:
            octal = _OCTAL.match(mode.text) and int(mode.text, 8) & 0o1000
            if octal or re.match(r"[ugoa]*[+=][rwxXs]*t", mode.text):
                return True
    return False
