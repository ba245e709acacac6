"""A Git server for tests: git's own `http-backend` behind a user name and a password.

Sources: git-http-backend(1); RFC 3875 for the variables of a CGI program, RFC 7617 for what a client
sends as its name and password.
"""

from __future__ import annotations

import base64
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


@dataclass
class GitServer:
    """A running server. Whoever is not `user` with `token` is refused; "" takes everybody.

    `given` are the names and tokens that came, `during` is called before each answer to the right
    ones.
    """

    url: str = ""
    user: str = ""
    token: str = ""
    given: list[tuple[str, str]] = field(default_factory=list)
    during: Callable[[], None] = lambda: None

    def instead_of(self, prefix: str) -> dict[str, str]:
        """Environment by which git comes here for all addresses that begin so (git-config(1))."""
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{self.url}.insteadOf",
            "GIT_CONFIG_VALUE_0": prefix,
        }


def make_repository(git: str, served: Path, name: str, files: Mapping[str, str]) -> None:
    """Put a repository of two commits into a folder to be served."""
    work = served / "work"
    work.mkdir(parents=True)

    def call(*words: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run([git, *who, *words], cwd=work, env=env, check=True, capture_output=True)

    call("init", "-q", "-b", "main")
    for path, text in files.items():
        (work / path).write_text(text)
    call("add", ".")
    call("commit", "-qm", "Pi")
    call("commit", "-qm", "More", "--allow-empty")
    call("clone", "-q", "--bare", ".", str(served / name))
    shutil.rmtree(work)


@contextmanager
def serve(git: str, folder: Path) -> Iterator[GitServer]:
    """Serve the repositories of a folder on a free port of this machine."""
    shared = GitServer()

    class Handler(_Handler):
        root = folder
        program = git
        state = shared

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shared.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield shared
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    root: Path
    program: str
    state: GitServer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self._may_enter():
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="tests"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.state.during()
        address = urlsplit(self.path)
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "PATH_INFO": address.path,
            "QUERY_STRING": address.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        command = [self.program, "http-backend"]
        done = subprocess.run(command, input=body, env=env, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = dict(fields).get("Status", "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in fields:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _may_enter(self) -> bool:
        if not self.state.token:
            return True
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Basic":
            return False
        user, _, token = base64.b64decode(encoded).decode().partition(":")
        self.state.given.append((user, token))
        return (user, token) == (self.state.user, self.state.token)
