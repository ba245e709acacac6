"""A service is started with its login switched off.

Why
    A service of a Batch Connect app listens on a port of the compute node. The portal's login stands
    before /node and /rnode, but not before the port: whoever reaches the node, and every user of the
    portal who guesses the port, gets in and works as the user who started it, files and jobs included.
    (OSC/ondemand mod_ood_proxy/lib/node_proxy.lua passes any user of the portal to any host and port.)

Bad
    rserver --www-port "${port}" --auth-none 1

Good
    export RSTUDIO_PASSWORD="${password}"
    rserver --www-port "${port}" --auth-none 0 --auth-pam-helper-path "${RSTUDIO_AUTH}"

Fix
    Give the service a password that is made for each session (`create_passwd 16` in before.sh.erb), and
    hand it over in view.html.erb. Where a service has no login of its own, let it listen on a Unix
    socket and put a proxy that asks for the password before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import jupyter, logins, shell
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR
_LOCAL = re.compile(r"\b(?:127\.0\.0\.1|localhost)\b|\[::1\]|(?<![\w-])-localhost\b")
_SOCKET = re.compile(r"(?<![\w-])--socket\b|\bunix:")


def check(app: App) -> Iterator[Finding]:
    """Look for switches in scripts, and for a Jupyter with neither token nor password."""
    for part in shell.parts(app):
        for found, hint in logins.find(part):
            around = _statement(part.code, found.start())
            if _SOCKET.search(around):
                continue
            local = _LOCAL.search(around)
            who = "any user of the node" if local else "whoever reaches the node"
            text = " ".join(re.sub(r"[\"']|\\\n", " ", found[0]).split()).replace("= ", "=")
            yield Finding(
                f"{quote(text)} switches the login off: {who} can work as the user of the session",
                hint,
                part.file,
                part.offset(found.start()),
                part.offset(found.end()),
            )
    yield from _check_jupyter(app)


def _statement(text: str, offset: int) -> str:
    """The lines around an offset that are joined by a backslash at their end."""
    start = text.rfind("\n", 0, offset) + 1
    while start > 0 and text[: start - 1].endswith("\\"):
        start = text.rfind("\n", 0, start - 1) + 1
    end = text.find("\n", offset)
    while end > 0 and text[end - 1] == "\\":
        end = text.find("\n", end + 1)
    return text[start : end if end >= 0 else len(text)]


def _check_jupyter(app: App) -> Iterator[Finding]:
    settings = jupyter.settings(app)
    secrets = [s for s in settings if s.name in ("token", "password", "hashed_password")]
    if not any(s.value not in ("", "None") for s in secrets) and not _sets_token(app):
        for setting in secrets:
            if setting.name == "token":
                yield Finding(
                    "Jupyter has an empty token and no password: whoever reaches the node can work "
                    "as the user of the session",
                    "set PasswordIdentityProvider.hashed_password, or a token made for the session",
                    setting.file,
                    setting.start,
                    setting.end,
                )
    for setting in settings:
        if setting.name == "allow_unauthenticated_access" and setting.value == "True":
            yield Finding(
                "Jupyter answers some requests without a login",
                "delete allow_unauthenticated_access",
                setting.file,
                setting.start,
                setting.end,
                Severity.WARNING,
            )


def _sets_token(app: App) -> bool:
    return any(
        a.name == "JUPYTER_TOKEN" and a.value.text
        for part in shell.parts(app)
        for a in part.script.assignments
    )
