"""A password, key or token is written in a file of the app.

Why
    Every user of the portal can read the app's files: the job script and its parts are copied to each
    user's home, and the repository may be public. A secret that is the same for all is no secret, and one
    that was committed stays in the history. (OODT-02, credentials, of the Appverse review's threat list;
    OSC/ondemand apps/dashboard/app/models/batch_connect/session.rb, stage, copies template/.)

Bad
    export RSTUDIO_PASSWORD="rstudio"

Good
    export RSTUDIO_PASSWORD="$(create_passwd 16)"

Fix
    Make a password for each session with `create_passwd` in before.sh.erb. Read what must stay the same
    from a file that only the right people can read. Change a secret that has been committed. Nothing is
    said of a login's password where the same script switches the login off (security-auth-off).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.credentials import find_credentials, may_be_secret, names_secret
from ood_appgen.diagnostics import Severity
from ood_appgen.lint import logins, psych, shell
from ood_appgen.lint.app import App
from ood_appgen.lint.erb import MASK
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR
_HINT = "make one for each session (create_passwd 16), or read it from a protected file; change this one"

_LOGIN = re.compile(r"(?:RSTUDIO_|VNC_)?PASSW(?:OR)?D", re.IGNORECASE)
_WORD = re.compile(r"pass|secret|key|token", re.IGNORECASE)
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*([uUbBrR]?)(['\"])([^'\"\n]*)\3"
    r"[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
_DECLARING = ("export", "declare", "local", "readonly", "typeset")  # its words are assignments


def check(app: App) -> Iterator[Finding]:
    """Look for secrets of known forms anywhere, and for literals under names that say what they are."""
    for file in app.files.values():
        if not file.name.endswith(".md") and "/node_modules/" not in file.name:
            yield from _check_formats(file)
    shells = {part.file for part in shell.parts(app)}
    for part in shell.parts(app):
        yield from _check_shell(part)
    for file in app.scripts:
        if file not in shells and file.name.removesuffix(".erb").endswith((".py", ".conf", ".cfg")):
            yield from _check_lines(file, file.masked, 0)
    for config in (app.form_file, *app.submit_files):
        if config is not None:
            yield from _check_yaml(config)


def _is_secret(text: str) -> bool:
    return MASK not in text and may_be_secret(text)


def _check_formats(file: SourceFile) -> Iterator[Finding]:
    for found in find_credentials(file.text):
        message = f"{found.what} is written in a file of the app"
        yield Finding(message, _HINT, file, found.start, found.end)


def _check_shell(part: shell.Part) -> Iterator[Finding]:
    login_off = any(logins.find(part))
    for assignment in part.script.assignments:
        name = re.sub(r"\A(?:SINGULARITY|APPTAINER)ENV_", "", assignment.name)
        value = assignment.value
        if _LOGIN.fullmatch(name) and login_off:
            continue  # nobody is asked for it
        if value.literal and names_secret(name) and _is_secret(value.text):
            yield _finding(part.file, assignment.name, value.start, value.end)
    for command in part.script.commands:
        for word in command.arguments:
            name, equals, text = word.text.partition("=")
            named = equals and name.isidentifier() and names_secret(name)
            if named and word.literal and _is_secret(text) and command.name not in _DECLARING:
                yield _finding(part.file, name, word.start, word.end)
    for heredoc in part.script.heredocs:
        for line in heredoc.lines:
            yield from _check_lines(part.file, line.text, line.start)


def _check_lines(file: SourceFile, text: str, start: int) -> Iterator[Finding]:
    """Lines `name = "value"` of configuration."""
    for found in _LINE.finditer(text):
        if names_secret(found[1]) and _is_secret(found[4]):
            yield _finding(file, found[1], start + found.start(3), start + found.end(4) + 1)


def _check_yaml(file: SourceFile) -> Iterator[Finding]:
    if not _WORD.search(file.text):
        return
    for view in file.views:
        root = psych.read(file, view).root
        for node in psych.walk(root) if root is not None else ():
            for key, value in node.entries if isinstance(node, psych.Mapping) else ():
                if not isinstance(value, psych.Scalar) or value.opaque or value.style in ("|", ">"):
                    continue
                if value.kind != "null" and names_secret(key.text) and _is_secret(value.text):
                    yield _finding(file, key.text, value.start, value.end)


def _finding(file: SourceFile, name: str, start: int, end: int) -> Finding:
    return Finding(f"the value of {name} is written in a file of the app", _HINT, file, start, end)
