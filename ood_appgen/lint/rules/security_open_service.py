"""A service that has no login listens on the network.

Why
    Some programs serve everybody who connects: they leave it to their users not to let others connect. On
    a compute node others are there, on the node and on its network, and every user of the portal gets
    to the port through /node and /rnode. They read what the service shows, or run what it runs.
    (OSC/ondemand mod_ood_proxy/lib/node_proxy.lua passes any user of the portal to any host and port.)

Bad
    tensorboard --logdir="$logs" --host=0.0.0.0 --port="${port}"

Good
    tensorboard --logdir="$logs" --host=127.0.0.1 --port="${inner_port}" &
    ./proxy.py --listen "${port}" --to "127.0.0.1:${inner_port}" --password-file ./password

Fix
    Let the service listen on 127.0.0.1 or a Unix socket, and put a proxy before it that asks for a
    password made for the session; or switch on the program's own login where it has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import shell
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.shell import Command, Word

SEVERITY = Severity.WARNING
_LOCAL = re.compile(r"\A(?:127\.|localhost\b|::1|\[::1\]|/|unix:)")
_WIDE = re.compile(
    r"\A(?:0\.0\.0\.0|\[?::\]?|\*|all|\$\{?(?:host|hostname|HOST|HOSTNAME)\b\}?|\$\(hostname.*\))",
    re.I,
)
_SECRET = re.compile(r"passw|token|secret|auth|api-?key|\bcredential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Service:
    """A program without a login: `host` are its options for the address.

    `everywhere` is how it listens without them; `needed` are words that must follow its name.
    """

    host: tuple[str, ...]
    everywhere: bool = False
    needed: tuple[str, ...] = ()
    wide_flags: tuple[str, ...] = ()


# From each program's documentation: none of them asks who connects unless it is told to.
_SERVICES = {
    "tensorboard": _Service(("--host",), wide_flags=("--bind_all",)),
    "mlflow": _Service(("--host", "-h"), needed=("ui", "server")),
    "http.server": _Service(("--bind", "-b"), everywhere=True),
    "streamlit": _Service(
        ("--server.address", "--browser.serverAddress"), everywhere=True, needed=("run",)
    ),
    "redis-server": _Service(("--bind",)),
    "mongod": _Service(("--bind_ip",), wide_flags=("--bind_ip_all",)),
    "llama-server": _Service(("--host",)),
    "bokeh": _Service(("--address",), needed=("serve",)),
    "ray": _Service(("--dashboard-host",), needed=("start",)),
}


def check(app: App) -> Iterator[Finding]:
    """Look for such programs in commands, also where a container or `python -m` starts them."""
    for part in shell.parts(app):
        for command in part.script.commands:
            found = _find(command)
            if found is not None:
                word, name = found
                yield Finding(
                    f"{name} has no login and listens on the network: others can use what is yours",
                    "let it listen on 127.0.0.1, behind a proxy that asks for the session's password",
                    part.file,
                    word.start,
                    word.end,
                )


def _find(command: Command) -> tuple[Word, str] | None:
    if command.name in ("echo", "printf", "which", "type", "command", "pip", "conda", "module"):
        return None
    for index, word in enumerate(command.words):
        name = word.text.rpartition("/")[2]
        service = _SERVICES.get(name)
        if service is None or (name == "http.server" and command.words[index - 1].text != "-m"):
            continue
        rest = [w.text for w in command.words[index + 1 :]]
        if service.needed and (not rest or rest[0] not in service.needed):
            return None
        return (word, name) if _is_open(service, command, index) else None
    return None


def _is_open(service: _Service, command: Command, index: int) -> bool:
    words = command.words[index:]
    if any(_SECRET.search(word.text) for word in words):
        return False
    texts = [w.text for w in words]
    if any(flag in texts for flag in service.wide_flags):
        return True
    hosts = [v for n, v, _ in Command(words, 0, 0).options() if n in service.host and v]
    if hosts:
        return bool(_WIDE.match(hosts[-1])) and not _LOCAL.match(hosts[-1])
    return service.everywhere
