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

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import logins, psych, shell
from ood_appgen.lint.app import App
from ood_appgen.lint.erb import MASK
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR
_HINT = "make one for each session (create_passwd 16), or read it from a protected file; change this one"

# Secrets that are known by their form (from their makers' documentation), and a part of each.
_FORMATS = (
    ("AKIA", "an AWS access key", r"\bAKIA[0-9A-Z]{16}\b"),
    ("gh", "a GitHub token", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
    ("github_pat_", "a GitHub token", r"\bgithub_pat_\w{60,}\b"),
    ("glpat-", "a GitLab token", r"\bglpat-[\w-]{20,}"),
    ("xox", "a Slack token", r"\bxox[abprs]-[0-9A-Za-z-]{20,}"),
    ("AIza", "a Google API key", r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("hf_", "a Hugging Face token", r"\bhf_[A-Za-z]{34,}\b"),
    ("npm_", "an npm token", r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("sk-ant-", "an Anthropic key", r"\bsk-ant-[\w-]{40,}"),
    ("sk-", "an OpenAI key", r"\bsk-(?:proj-[\w-]{40,}|[A-Za-z0-9]{48})\b"),
    ("PRIVATE KEY", "a private key", r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    (
        "://",
        "a password in an address",
        r"://[\w.%-]+:([^\s:@/$<>{}\"'`*\[\]]{3,})@[\w.-]+",
    ),
)
_PATTERNS = tuple((begin, what, re.compile(pattern)) for begin, what, pattern in _FORMATS)
_NAME = re.compile(
    r"(?:\A|[_.-])(?:passw(?:or)?d|passphrase|secret|secret[_-]?key|api[_-]?key|access[_-]?token"
    r"|auth[_-]?token|private[_-]?token|secret[_-]?access[_-]?key|secret[_-]?key[_-]?base"
    r"|cookie[_-]?(?:key|secret)s?|encryption[_-]?key|signing[_-]?key)\Z",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"(?:RSTUDIO_|VNC_)?PASSW(?:OR)?D", re.IGNORECASE)
_WORD = re.compile(r"pass|secret|key|token", re.IGNORECASE)
_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*([uUbBrR]?)(['\"])([^'\"\n]*)\3"
    r"[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
_DECLARING = ("export", "declare", "local", "readonly", "typeset")  # its words are assignments
_NO_SECRET = re.compile(
    r"\A(?:\s*|true|false|yes|no|none|null|nil|x+|\*+|\.+|[/~].*|.*[\s$`<>{}%\[\]].*|.*example.*"
    r"|.*your.*|.*change.?me.*|.*placeholder.*|.*redacted.*|sha\d*:.*|argon2:.*|\d)\Z",
    re.IGNORECASE | re.DOTALL,
)


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
    return MASK not in text and not _NO_SECRET.match(text)


def _check_formats(file: SourceFile) -> Iterator[Finding]:
    for begin, what, pattern in _PATTERNS:
        for found in pattern.finditer(file.text) if begin in file.text else ():
            if not _is_secret(found[found.lastindex or 0]) and what != "a private key":
                continue
            line_end = file.text.find("\n", found.end())
            rest = file.text[found.end() : line_end if line_end >= 0 else None]
            if what == "a private key" and not _is_key_body(file.text, found.end(), rest):
                continue
            start = found.start(1) if found.lastindex else found.start()
            end = found.end(1) if found.lastindex else found.end()
            yield Finding(f"{what} is written in a file of the app", _HINT, file, start, end)


def _is_key_body(text: str, end: int, rest: str) -> bool:
    """Whether a key follows its first line, and no test for one."""
    following = text[end + len(rest) + 1 : end + len(rest) + 65].strip()
    return not rest.strip() and bool(re.match(r"[A-Za-z0-9+/=]{40}|Proc-Type:", following))


def _check_shell(part: shell.Part) -> Iterator[Finding]:
    login_off = any(logins.find(part))
    for assignment in part.script.assignments:
        name = re.sub(r"\A(?:SINGULARITY|APPTAINER)ENV_", "", assignment.name)
        value = assignment.value
        if _LOGIN.fullmatch(name) and login_off:
            continue  # nobody is asked for it
        if value.literal and _NAME.search(name) and _is_secret(value.text):
            yield _finding(part.file, assignment.name, value.start, value.end)
    for command in part.script.commands:
        for word in command.arguments:
            name, equals, text = word.text.partition("=")
            named = equals and name.isidentifier() and _NAME.search(name)
            if named and word.literal and _is_secret(text) and command.name not in _DECLARING:
                yield _finding(part.file, name, word.start, word.end)
    for heredoc in part.script.heredocs:
        for line in heredoc.lines:
            yield from _check_lines(part.file, line.text, line.start)


def _check_lines(file: SourceFile, text: str, start: int) -> Iterator[Finding]:
    """Lines `name = "value"` of configuration."""
    for found in _LINE.finditer(text):
        if _NAME.search(found[1]) and _is_secret(found[4]):
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
                if value.kind != "null" and _NAME.search(key.text) and _is_secret(value.text):
                    yield _finding(file, key.text, value.start, value.end)


def _finding(file: SourceFile, name: str, start: int, end: int) -> Finding:
    return Finding(f"the value of {name} is written in a file of the app", _HINT, file, start, end)
