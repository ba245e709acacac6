"""The login that the template puts in front of programs without one, with a program that says what it got."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from samples import ROOT

GUARD = ROOT / "cookiecutter-template/{{cookiecutter.app_id}}/kinds/parts/guard.py"
PASSWORD = "correct-horse"


def answer(connection: socket.socket) -> None:
    """Send back what came: the head and the body, or after an upgrade each line."""
    with connection:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        if b"upgrade: websocket" in head.lower():
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
            )
            while more := connection.recv(65536):
                connection.sendall(more.upper())
            return
        if b"transfer-encoding" in head.lower():
            while not body.endswith(b"0\r\n\r\n"):
                body += connection.recv(65536)
        length = next(
            (int(x[15:]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")),
            0,
        )
        while len(body) < length:
            body += connection.recv(65536)
        text = head + b"|" + body
        # It keeps the connection, as a program that does not care for `close`.
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nSet-Cookie: own=1\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(text), text)
        )
        while connection.recv(65536):
            pass


@dataclass
class Guard:
    """A guard that is up."""

    port: int
    cookie: str = ""

    def send(self, *parts: str, until: bytes = b"") -> bytes:
        """Send a request; its answer until the end of the connection, or until some text."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            said = b""
            for part in parts:
                connection.sendall(part.replace("{cookie}", self.cookie).encode())
                time.sleep(0.05)
            while not until or until not in said:
                more = connection.recv(65536)
                if not more:
                    break
                said += more
        return said


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guard]:
    folder = Path(os.path.relpath(tmp_path_factory.mktemp("guard")))
    path = folder / "app.sock"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ,
        "GUARD_PASSWORD": PASSWORD,
        "APP_SOCKET": str(path),
        "APP_BASE_URL": f"/node/h/{port}",
        "LISTEN_PORT": str(port),
        "GUARD_PARENT": str(os.getpid()),
    }
    process = subprocess.Popen([sys.executable, "-I", str(GUARD)], env=env)
    try:
        time.sleep(1)
        with pytest.raises(OSError):  # not before the program is there
            socket.create_connection(("127.0.0.1", port), timeout=1)
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(path))
        server.listen(50)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        up = Guard(port)
        said = up.send(
            login(f"/node/h/{port}/.session/login", PASSWORD, "X-Forwarded-Proto: https")
        )
        assert said.startswith(b"HTTP/1.1 303 ") and b"; Secure\r\n" in said
        up.cookie = said.split(b"Set-Cookie: ")[1].split(b";")[0].decode()
        yield up
    finally:
        process.kill()
        process.wait()


def login(path: str, password: str, *fields: str) -> str:
    body = f"password={password}"
    lines = [f"POST {path} HTTP/1.1", "Host: portal", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join(lines) + "\r\n\r\n" + body


def request(method: str, *fields: str, cookie: str = "{cookie}") -> str:
    lines = [f"{method} /x?y HTTP/1.1", "Host: portal", f"Cookie: a=b; {cookie}; c=d", *fields]
    return "\r\n".join(lines) + "\r\n\r\n"


def test_the_program_gets_the_request_without_the_cookie(guard: Guard) -> None:
    said = guard.send(request("GET", "Connection: keep-alive", "X-Own: 1"), until=b"close|")
    head, _, text = said.partition(b"\r\n\r\n")
    assert b"\r\nSet-Cookie: own=1" in head
    assert head.lower().count(b"connection: close") == 1 and b"keep-alive" not in head
    assert text == (
        b"GET /x?y HTTP/1.1\r\nHost: portal\r\nCookie: a=b; c=d\r\nX-Own: 1\r\nConnection: close|"
    )


def test_bodies_arrive_and_nothing_after_them(guard: Guard) -> None:
    more = "GET /stolen HTTP/1.1\r\nHost: portal\r\n\r\n"
    said = guard.send(request("POST", "Content-Length: 5"), "ab", "cde" + more, until=b"|abcde")
    assert said.endswith(b"|abcde") and b"stolen" not in said
    chunks = "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    said = guard.send(
        request("POST", "Transfer-Encoding: chunked"), chunks + more, until=b"0\r\n\r\n"
    )
    assert said.endswith(b"|" + chunks.encode())


def test_a_body_that_waits_for_permission(guard: Guard) -> None:
    said = guard.send(
        request("PUT", "Content-Length: 2", "Expect: 100-continue"), "ab", until=b"|ab"
    )
    assert said.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")


def test_websockets(guard: Guard) -> None:
    ask = ("Connection: Upgrade", "Upgrade: websocket")
    said = guard.send(request("GET", *ask, "Origin: https://portal"), "hello", until=b"HELLO")
    assert said.startswith(b"HTTP/1.1 101 ") and said.endswith(b"HELLO")
    for origin in ("https://evil.example", "null", "https://portal.evil.example", "https://x:1"):
        said = guard.send(request("GET", *ask, f"Origin: {origin}"))
        assert said.startswith(b"HTTP/1.1 403 "), origin
    assert guard.send(request("GET", *ask, cookie="x=y")).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("path", ["/.session/login", "/node/h/PORT/.session/login"])
def test_the_login_wants_the_password_and_the_portal(guard: Guard, path: str) -> None:
    path = path.replace("PORT", str(guard.port))
    for said in (
        guard.send(login(path, "wrong")),
        guard.send(login(path, "")),
        guard.send(login(path, "%ff")),
        guard.send(login(path, PASSWORD, "Origin: https://evil.example")),
    ):
        assert said.startswith(b"HTTP/1.1 403 ")
        assert b"Set-Cookie" not in said
    said = guard.send(login(path, PASSWORD, "Origin: https://portal"))
    assert said.startswith(b"HTTP/1.1 303 ") and b"; Secure" not in said
    assert guard.send(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 403 ")
    long = login(path, "x" * 5000)
    assert guard.send(long).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("cookie", ["x=y", "ood_session_1=a", "{cookie}x", "{cookie}".upper()])
def test_no_other_cookie_opens(guard: Guard, cookie: str) -> None:
    assert guard.send(request("GET", cookie=cookie)).startswith(b"HTTP/1.1 403 ")
    name = guard.cookie.split("=")[0]
    for value in ("", "é", '"'):
        assert guard.send(request("GET", cookie=f"{name}={value}")).startswith(b"HTTP/1.1 403 ")


def test_it_is_python_that_old_nodes_have() -> None:
    ast.parse(GUARD.read_text(), feature_version=(3, 6))


def test_it_ends_with_its_session(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "GUARD_PASSWORD": "x",
        "APP_SOCKET": "/nowhere",
        "APP_BASE_URL": "/node/h/1",
    }
    env |= {"LISTEN_PORT": "1", "GUARD": str(GUARD), "PYTHON": sys.executable}
    script = 'GUARD_PARENT=$$ "$PYTHON" -I "$GUARD" > /dev/null 2>&1 & echo $!'
    done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True)
    pid = int(done.stdout)
    deadline = time.monotonic() + 15
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not Path(f"/proc/{pid}").exists()


def test_strangers_do_not_keep_the_owner_out(guard: Guard) -> None:
    """More silent connections than the guard keeps: the oldest are closed, the owner is served."""
    silent = []
    try:
        for _ in range(150):
            silent.append(socket.create_connection(("127.0.0.1", guard.port), timeout=20))
            silent[-1].sendall(b"G")
        said = guard.send(request("GET"), until=b"close|")
        assert said.startswith(b"HTTP/1.1 200 ")
        silent[0].settimeout(5)  # sooner than one that sends no head is given up
        assert silent[0].recv(1) == b""
    finally:
        for connection in silent:
            connection.close()


def test_a_session_without_a_password_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-I", str(GUARD)],
        env={**os.environ, "GUARD_PASSWORD": ""},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The session has no password")
