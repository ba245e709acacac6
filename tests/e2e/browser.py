"""What a browser does with a session's card, through OOD's proxy, which hands on paths and Host as they are."""

from __future__ import annotations

import html.parser
import http.client
import socket
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

PORTAL = "ondemand.example.edu"


class Form(html.parser.HTMLParser):
    """The login form of a session's card."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.method = ""
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if tag == "form":
            self.action, self.method = values["action"], values["method"]
        if tag == "input":
            self.fields[values["name"]] = values["value"]


@dataclass
class Browser:
    """Asks a server, and keeps its cookies; `text` is what came last."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    text: str = ""

    def ask(
        self, method: str, path: str, fields: Mapping[str, str] | None = None, origin: str = PORTAL
    ) -> http.client.HTTPResponse:
        headers = {"Host": PORTAL}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            headers |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{origin}",
            }
        connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        self.text = answer.read().decode()
        connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            key, value = cookie.split(";")[0].split("=", 1)
            self.cookies[key] = value
        return answer


def check_login(card: str, base: str, password: str, address: tuple[str, int]) -> Browser:
    """The card lets its user into Jupyter, and nobody else; `base` is where the proxy has the session.

    Returns a browser that is logged in. `address` is the server's own.
    """
    form = Form(card)
    assert (form.method, form.fields) == ("post", {"password": password})
    assert form.action.startswith(f"{base}/login?next=")

    browser = Browser(*address)
    assert browser.ask("GET", f"{base}/lab").status == 302  # to the login
    assert browser.ask("GET", f"{base}/api/contents").status == 403
    wrong = Browser(*address)
    refused = wrong.ask(form.method.upper(), form.action, {"password": password[::-1]})
    assert refused.status == 401
    assert wrong.ask("GET", f"{base}/api/contents").status == 403
    foreign = Browser(*address)
    stolen = foreign.ask(form.method.upper(), form.action, form.fields, origin="evil.example")
    assert stolen.status == 403
    assert foreign.ask("GET", f"{base}/api/contents").status == 403

    browser = Browser(*address)
    entered = browser.ask(form.method.upper(), form.action, form.fields)
    assert (entered.status, entered.headers["Location"]) == (302, f"{base}/lab")
    assert browser.ask("GET", entered.headers["Location"]).status == 200
    assert browser.ask("GET", f"{base}/api/contents").status == 200
    return browser


def is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True
