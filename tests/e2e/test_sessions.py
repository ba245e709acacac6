"""One whole session of an app: staged, submitted, run, logged in to, ended."""

from __future__ import annotations

import html.parser
import http.client
import re
import socket
import time
import urllib.parse
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from slurm_node import SlurmError, SlurmNode, wait_for
from staging import APPS, Staging
from wrapper import job_script

from ood_appgen.model.plan import choices

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
    """Asks a server what a browser asks through OOD's proxy, which hands on paths and Host as they are."""

    host: str
    port: int
    cookies: dict[str, str] = field(default_factory=dict)

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
        answer.read()
        connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            key, value = cookie.split(";")[0].split("=", 1)
            self.cookies[key] = value
        return answer


def is_open(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def test_jupyter(
    slurm: SlurmNode,
    staging: Staging,
    jupyter: None,
    written: dict[str, Path],
    record_property,
) -> None:
    began = time.monotonic()
    app, plan = written["jupyter"], APPS["jupyter"].plan
    home = Path(slurm.user.pw_dir)
    work = home / "my notebooks; $HOME"
    work.mkdir()
    choice = next(
        c for c in choices(plan) if (c["node_type"], c["num_cores"]) == ("48core", "1")
    ) | {"account": "PZS0001", "working_dir": str(work)}
    staged = home / "ondemand/data/sys/dashboard/batch_connect/sys/jupyter/output"
    staged = staged / str(uuid.uuid4())
    staging.stage(app, choice, staged)
    assert (staged / "script.sh").stat().st_mode & 0o111
    submission = staging.submission(app, [f.id for f in plan.form], choice, staged)
    script = job_script(staged, submission.batch_connect["conn_params"])
    job = slurm.submit(submission.arguments, script)

    def said() -> str:
        log = staged / "output.log"
        return log.read_text(errors="replace") if log.exists() else "(no output.log)"

    file = staged / "connection.yml"
    try:
        wait_for(
            lambda: file.exists() or slurm.show(job)["JobState"] not in ("PENDING", "RUNNING"),
            "connection.yml",
            120,
        )
    except SlurmError as exc:
        pytest.fail(f"{exc}\n{said()}")
    finally:
        (slurm.folder / "log" / "jupyter-output.log").write_text(said())
    assert file.exists(), said()
    record_property("seconds until connection.yml", round(time.monotonic() - began, 1))
    assert slurm.show(job)["JobState"] == "RUNNING"

    # connection.yml is the user's alone, and says what OOD's proxy and the view need.
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, slurm.user.pw_uid)
    wait_for(lambda: "password" in file.read_text(), "the last line of connection.yml", 5)
    connection = YAML(typ="safe").load(file)
    host, port, password = (connection[k] for k in ("host", "port", "password"))
    assert sorted(connection) == ["host", "jupyter_api", "password", "port"]
    assert host == socket.gethostname()
    assert re.fullmatch("[A-Za-z0-9]{32}", password)

    # The card's form, posted as the browser posts it.
    form = Form(staging.view(app, connection, staged))
    base = f"/node/{host}/{port}"
    assert (form.method, form.fields) == ("post", {"password": password})
    assert form.action.startswith(f"{base}/login?next=")

    browser = Browser(host, port)
    assert browser.ask("GET", f"{base}/lab").status == 302  # to the login
    assert browser.ask("GET", f"{base}/api/contents").status == 403
    wrong = Browser(host, port)
    refused = wrong.ask(form.method.upper(), form.action, {"password": password[::-1]})
    assert refused.status == 401
    assert wrong.ask("GET", f"{base}/api/contents").status == 403
    foreign = Browser(host, port)
    stolen = foreign.ask(form.method.upper(), form.action, form.fields, origin="evil.example")
    assert stolen.status == 403
    assert foreign.ask("GET", f"{base}/api/contents").status == 403

    browser = Browser(host, port)
    entered = browser.ask(form.method.upper(), form.action, form.fields)
    assert (entered.status, entered.headers["Location"]) == (302, f"{base}/lab")
    assert browser.ask("GET", entered.headers["Location"]).status == 200
    assert browser.ask("GET", f"{base}/api/contents").status == 200

    # The password is in no command line, where others on the node could read it.
    running = "\n".join(slurm.processes())
    assert "jupyter" in running
    assert password not in running

    slurm.cancel(job)
    wait_for(lambda: not is_open(host, port), f"{host}:{port} to be closed", 30)
    wait_for(lambda: not slurm.processes(), "the session's processes to end", 30)
    assert slurm.show(job)["JobState"] == "CANCELLED"
    record_property("seconds in all", round(time.monotonic() - began, 1))
