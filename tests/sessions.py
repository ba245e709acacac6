"""Runs a session of an app on this machine, as Open OnDemand's job would, without a scheduler."""

from __future__ import annotations

import html.parser
import http.client
import os
import pwd
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from ruamel.yaml import YAML

from ood_appgen import api
from ood_appgen.model.plan import choices
from ood_appgen.verify.ruby import RubyOracle

sys.path.append(str(Path(__file__).with_name("e2e")))

from staging import Staging, write_app  # noqa: E402
from wrapper import job_script  # noqa: E402

PORTAL = "ondemand.example.edu"
_SITE = """\
site: This machine
ondemand: "4.1"
account: {ask: none}
hours: {max: 8}
clusters:
  here:
    scheduler: slurm
    node_types: {any: {cores: {max: 4}}}
"""


@dataclass
class Running:
    """A session that is under way. `log` is what the job says."""

    base: str
    host: str
    port: int
    password: str
    view: str
    folder: Path
    log: Path
    job: subprocess.Popen[bytes]

    def command_lines(self) -> str:
        """The command lines of the job's processes, as other users of the node see them."""
        group = str(os.getpgid(self.job.pid))
        shown = subprocess.run(["ps", "-eo", "pgid,args", "-ww"], capture_output=True, text=True)
        lines = (line.split(None, 1) for line in shown.stdout.splitlines())
        return "\n".join(words[1] for words in lines if words[0] == group and len(words) > 1)


class Form(html.parser.HTMLParser):
    """The form of a session's card."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        if tag == "form":
            self.action = values["action"]
        if tag == "input":
            self.fields[values["name"]] = values["value"]


@dataclass
class Browser:
    """Asks as a browser does through OOD's proxy, which hands on Host, and takes /rnode/... away."""

    session: Running
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Paths begin with /node or /rnode, as the browser has them."""
        sent = {"Host": PORTAL, **(headers or {})}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        body = None
        if fields is not None:
            body = urllib.parse.urlencode(fields)
            sent = {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": f"https://{PORTAL}",
                **sent,
            }
        if path.startswith("/rnode/"):
            path = path.removeprefix(self.session.base) or "/"
        connection = http.client.HTTPConnection(self.session.host, self.session.port, timeout=60)
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        content = answer.read() if answer.status != 101 else b""
        connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            key, value = cookie.split(";")[0].split("=", 1)
            self.cookies[key] = value
        return answer, content

    def enter(self) -> http.client.HTTPResponse:
        """Push the button on the session's card."""
        form = Form(self.session.view)
        return self.ask("POST", form.action, form.fields)[0]


@contextmanager
def run_session(
    app_dir: Path,
    folder: Path,
    choice: Mapping[str, str] | None = None,
    path: Path | None = None,
    wait_s: float = 90,
) -> Iterator[Running]:
    """Render an app, stage a session, run its job in `folder`; `path` is put before $PATH."""
    site = folder / "site.yml"
    site.write_text(_SITE)
    result = api.render_apps([app_dir], site)
    assert [f.format() for f in result.findings] == []
    app = result.apps[0]
    rendered = write_app(app, folder / "apps")
    chosen = next(iter(choices(app.plan))) | dict(choice or {})
    staged = folder / "session"
    with RubyOracle() as ruby:
        staging = Staging(ruby, pwd.getpwuid(os.getuid()))
        staging.stage(rendered, chosen, staged)
        submission = staging.submission(rendered, [f.id for f in app.plan.form], chosen, staged)
        script = job_script(staged, submission.batch_connect.get("conn_params", ()))
        # The wrapper asks nc, which is not on every machine that runs these tests.
        script = script.replace(
            'nc -w 2 "$where" "$number" < /dev/null', '(exec 3<> "/dev/tcp/$where/$number")'
        )
        log = folder / "output.log"
        env = os.environ | ({"PATH": f"{path}:{os.environ['PATH']}"} if path else {})
        with log.open("wb") as out:
            job = subprocess.Popen(
                ["bash"],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=env,
                start_new_session=True,
            )
            assert job.stdin
            job.stdin.write(script.encode())
            job.stdin.close()
        try:
            file = staged / "connection.yml"
            deadline = time.monotonic() + wait_s
            while not (file.exists() and "password" in file.read_text()):
                assert job.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < deadline, log.read_text(errors="replace")
                time.sleep(0.2)
            connection = YAML(typ="safe").load(file)
            view = staging.view(rendered, connection, staged)
            host, port = connection["host"], int(connection["port"])
            proxy = app.plan.app.view.proxy if app.plan.app.view else "node"
            yield Running(
                f"/{proxy}/{host}/{port}",
                host,
                port,
                str(connection["password"]),
                view,
                staged,
                log,
                job,
            )
        finally:
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(job.pid, signal.SIGTERM)
                job.wait(20)
            with suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)
            job.wait()
