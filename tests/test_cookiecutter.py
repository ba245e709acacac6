"""The cookiecutter template: through the cookiecutter program, and every combination of answers."""

from __future__ import annotations

import itertools
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from ood_appgen import api, scaffold
from ood_appgen.cli import cli
from ood_appgen.verify.ruby import RubyOracle
from ood_appgen.verify.run import verify
from samples import ROOT, SAMPLES, SITES
from sessions import Browser, Form, run_session
from tools import require_tool

TEMPLATE = ROOT / "cookiecutter-template"
KINDS = (
    *("web", "jupyter", "rstudio", "codeserver", "vnc"),
    *("shiny", "streamlit", "marimo", "tensorboard"),
)
GUARDED = ("web", "shiny", "streamlit", "tensorboard")
COMBINATIONS = [
    {"kind": kind, "schedulers": schedulers, "software": software}
    for kind, schedulers, software in itertools.product(
        KINDS, ("slurm", "slurm and kubernetes"), ("modules", "container")
    )
    if (kind, schedulers) != ("vnc", "slurm and kubernetes")
]
OWN_REPOSITORY = [
    *(".github", ".gitignore", ".gitlab-ci.yml", ".pre-commit-config.yaml"),
    *("CHANGELOG.md", "LICENSE", "site.yml"),
]
# Braces too, but not where cookiecutter's own command line takes them for a template.
HOSTILE = 'Tom\'s "best" <%= `id` %> $(id) `id` \\n \\ # | > & * [x](y) %s <b>é 🎉'
BRACES = HOSTILE + " {{ cookiecutter }} {% raw %} {# x #} ${HOME}"


def name_of(answers: dict[str, str]) -> str:
    where = "kubernetes" if "kubernetes" in answers["schedulers"] else "slurm"
    return f"{answers['kind']}-{where}-{answers['software']}"


def run_cookiecutter(folder: Path, **answers: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "cookiecutter", "--no-input", "-o", str(folder), str(TEMPLATE)]
    return subprocess.run(
        [*program, *[f"{key}={value}" for key, value in answers.items()]],
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(folder.parent)},
    )


def files_of(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def expected_files(kind: str, standalone: bool) -> list[str]:
    files = ["README.md", "app.yml", "appverse.yml", "before.sh", "icon.svg", "script.sh"]
    if kind in (*GUARDED, "rstudio", "vnc"):
        files.append("clean.sh")
    return sorted(files + (OWN_REPOSITORY if standalone else []))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An app for each combination, by its id."""
    folder = tmp_path_factory.mktemp("apps")
    return {
        # The hook, which is a part of this, has the same say as `make_app` gives it before.
        name_of(answers): scaffold._generate(
            {**answers, "app_id": name_of(answers), "standalone": "no"}, folder
        )
        for answers in COMBINATIONS
    }


# -- the program itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"app_id": "viewer-2", "title": HOSTILE, "description": HOSTILE, "modules": ""},
        {"app_id": "a" * 40, "maintainer": HOSTILE, "kind": "streamlit", "standalone": "no"},
        {"kind": "tensorboard", "software": "container", "schedulers": "slurm and kubernetes"},
    ],
    ids=["as it is", "hostile", "hostile maintainer", "containers"],
)
def test_a_new_app_renders_for_both_sites(answers: dict[str, str], tmp_path: Path) -> None:
    done = run_cookiecutter(tmp_path / "out", **answers)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / answers.get("app_id", "my_app")
    kind = answers.get("kind", "web")
    assert files_of(folder) == expected_files(kind, answers.get("standalone", "yes") == "yes")
    for site in SITES.values():
        result = api.render_apps([folder], site)
        assert [f.format() for f in result.findings] == []
        assert result.apps[0].plan.title == answers.get(
            "title", folder.name.title().replace("_", " ")
        )


def ask(
    program: list[str], folder: Path, typed: dict[str, str], env: dict[str, str]
) -> tuple[int, str]:
    """Run a program on a terminal; answer a prompt that holds a key with its text, others with Return."""
    left = dict(typed)
    pid, terminal = pty.fork()
    if pid == 0:  # pragma: no cover
        os.chdir(folder)
        os.execvpe(program[0], program, os.environ | {"TERM": "dumb", "COLUMNS": "200"} | env)
    said, answered, deadline = "", 0, time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.25)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                break
            if not data:
                break
            said += data.decode("utf-8", "replace")
            continue
        news = said[answered:]
        if not news.strip():
            continue
        answered = len(said)
        key = next((k for k in left if k in news), None)
        os.write(terminal, (left.pop(key) if key else "").encode() + b"\n")
    _, status = os.waitpid(pid, 0)
    assert not left, (left, said)
    return os.waitstatus_to_exitcode(status), said


def test_cookiecutter_asks_on_a_terminal(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "cookiecutter", "-o", "out", str(TEMPLATE)]
    typed = {"Id:": "my_tb", "Title": 'A "title" {{ 7 }}', "What it starts": "9", "own?": "2"}
    status, said = ask(program, tmp_path, typed, {"HOME": str(tmp_path)})
    assert status == 0, said
    assert "TensorBoard" in said
    assert files_of(tmp_path / "out" / "my_tb") == expected_files("tensorboard", False)
    assert 'title: "A \\"title\\" {{ 7 }}"' in (tmp_path / "out" / "my_tb" / "app.yml").read_text()


def test_appgen_new_asks_on_a_terminal_and_asks_again(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "ood_appgen", "new", "--kind", "marimo"]
    typed = {"Id:": "dashboard", "which this one would replace": "notes", "Modules": "marimo/1 py"}
    status, said = ask(program, tmp_path, typed, {"PYTHONPATH": str(ROOT)})
    assert status == 0, said
    assert "What it starts" not in said and "Apptainer image" not in said
    assert "apps/notes/app.yml: created" in said
    assert 'modules: ["marimo/1", "py"]' in (tmp_path / "apps/notes/app.yml").read_text()


# -- refused answers --------------------------------------------------------------------------------

BAD = [
    ({"app_id": "My App"}, 'the id "My App" must start with a lower-case letter'),
    ({"app_id": "../x"}, 'the id "../x" must start with a lower-case letter'),
    ({"app_id": "x" * 41}, "has more than 40 characters"),
    ({"app_id": "dashboard"}, "is the name of one of Open OnDemand's own apps"),
    ({"app_id": "apps"}, 'the id "apps" is a reserved word'),
    ({"app_id": "x_"}, 'the id "x_" must start with'),
    ({"modules": "a;b"}, 'modules: "a;b" is not a module name'),
    ({"modules": "a $(id)"}, 'has "$(id)", which is not a module name'),
    ({"title": "one\ntwo"}, 'the title "one\\ntwo" must be one line of text'),
    ({"title": " "}, 'the title " " must not be empty'),
    ({"description": "a\x1bb"}, "the description"),
    ({"maintainer": "a\u2028b"}, "the maintainer"),
    ({"support_url": "javascript:alert(1)"}, "must be a web address"),
    ({"support_url": "https://x.org/> <b"}, "must be a web address"),
    ({"kind": "vnc", "program": "xterm; id"}, "must be the name or path of one command"),
    ({"software": "container", "image": '/a" b'}, "must be an absolute path"),
    (
        {"schedulers": "slurm and kubernetes", "kubernetes_image": "a b"},
        "must be the name of an image",
    ),
    ({"kind": "vnc", "schedulers": "slurm and kubernetes"}, "VNC runs on Slurm alone"),
]


@pytest.mark.parametrize(("answers", "message"), BAD, ids=[m for _, m in BAD])
def test_a_bad_answer_is_refused(answers: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(scaffold.ScaffoldError, match=re.escape(message)):
        scaffold.make_app({"app_id": "fine", **answers}, tmp_path / "apps")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [0, 1, 3, 6, 8, 17])
def test_cookiecutter_writes_nothing_then(number: int, tmp_path: Path) -> None:
    answers, message = BAD[number]
    done = run_cookiecutter(tmp_path / "out", **answers)
    assert done.returncode != 0
    assert f"error: {message}" in done.stderr or message in done.stderr
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("kind", ["web", "vnc", "jupyter"])
def test_hostile_answers_are_only_text(kind: str, tmp_path: Path) -> None:
    texts = dict.fromkeys(("title", "description", "maintainer"), BRACES)
    app = scaffold.make_app({"app_id": "x", "kind": kind, "standalone": "yes", **texts}, tmp_path)
    for file in ("before.sh", "script.sh"):
        assert "Tom's" not in (app / file).read_text()
    result = api.render_apps([app], app / "site.yml")
    assert [f.format() for f in result.findings] == []
    assert result.apps[0].plan.title == BRACES
    catalogue = (app / "appverse.yml").read_text()
    from ruamel.yaml import YAML

    data = YAML(typ="safe").load(catalogue)
    assert (data["title"], data["description"], data["maintainer"]["name"]) == (BRACES,) * 3


# -- every combination ------------------------------------------------------------------------------


def site_of(name: str) -> str:
    """The site that has what a combination asks for."""
    return "osc" if "kubernetes" in name else "arc"


def needs_modules_in_pods(name: str) -> bool:
    return "kubernetes" in name and name.endswith("-modules")


def test_every_combination_renders_and_lints_clean(made: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("MIT\n")
    for name, site in SITES.items():
        # The cloud's containers have no modules.
        here = {n: f for n, f in made.items() if name != "cloud" or not needs_modules_in_pods(n)}
        assert len(here) > 20
        result = api.render_apps(list(here.values()), site)
        assert [f.format() for f in result.findings] == []
        assert sorted(app.id for app in result.apps) == sorted(here)
        for app in result.apps:
            if site_of(app.id) != name:  # linting takes its time
                continue
            for file in app.files:
                path = tmp_path / app.id / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.content)
                path.chmod(0o755 if file.path.endswith("script.sh.erb") else 0o644)
    found = CliRunner().invoke(cli, ["lint", "--no-cache", str(tmp_path)])
    assert (found.exit_code, found.stdout) == (0, "")


@pytest.mark.parametrize("site", ["osc", "arc"])
def test_every_combination_verifies(site: str, made: dict[str, Path], tmp_path: Path) -> None:
    require_tool("ruby")
    apps = [folder for name, folder in made.items() if site_of(name) == site]
    targets, findings = api.find_targets(apps, SITES[site], tmp_path)
    assert findings == []
    assert len(targets) == len(apps) > 15
    with RubyOracle() as oracle:
        for target in targets:
            report = verify(target, oracle, 1, 25)
            assert not report.failed, target.name


def test_an_app_runs_where_it_says(made: dict[str, Path]) -> None:
    result = api.render_apps(list(made.values()), SITES["osc"])
    for app in result.apps:
        clusters = {cluster.id for cluster in app.plan.site.clusters}
        assert "kubernetes" in clusters
        submit = next(f.content for f in app.files if f.path == "submit.yml.erb").decode()
        assert ("kubernetes" in app.id) == ("# Kubernetes" in submit), app.id


def test_shellcheck_finds_nothing(made: dict[str, Path]) -> None:
    require_tool("shellcheck")
    scripts = [str(p) for app in made.values() for p in app.glob("*.sh")]
    done = subprocess.run(["shellcheck", "--shell=bash", *scripts], capture_output=True, text=True)
    assert done.stdout == ""


@pytest.mark.parametrize("kind", KINDS)
def test_an_app_of_its_own_repository(kind: str, tmp_path: Path, monkeypatch) -> None:
    """What its CI does, in the order of its workflow."""
    app = scaffold.make_app({"app_id": "mine", "kind": kind, "standalone": "yes"}, tmp_path)
    assert files_of(app) == expected_files(kind, True)
    monkeypatch.chdir(app)
    made = CliRunner().invoke(cli, ["render", "."])
    assert (made.exit_code, made.stderr) == (0, "")
    workflow = Path(".github/workflows/appgen.yml").read_text()
    commands = re.findall(r"- run: appgen (.*)", workflow)
    assert commands == ["render . --check", "lint build", "verify ."]
    assert re.findall(r"bin/appgen (.*)", Path(".gitlab-ci.yml").read_text()) == commands
    for command in commands[:2]:
        done = CliRunner().invoke(cli, command.split())
        assert done.exit_code == 0, done.output


def test_a_readme_has_the_sections_of_the_catalogue(made: dict[str, Path]) -> None:
    wanted = "Overview Screenshots Features Requirements App Installation Configure Verify"
    for app in made.values():
        text = (app / "README.md").read_text()
        headings = re.findall(r"^## (.*)$", text, re.M)
        assert " ".join(headings).startswith(wanted)
        assert headings[7:] == ["Troubleshooting", "Testing", "Known Limitations", "References"]
        assert "\n\n\n" not in text
        assert "{{" not in text and "{%" not in text


def test_scripts_are_those_of_the_sample_apps() -> None:
    """They were run for real there; a mend there belongs into the template too."""
    kinds = TEMPLATE / "{{cookiecutter.app_id}}" / "kinds"
    for kind, app in (("jupyter", "jupyter"), ("rstudio", "rstudio"), ("codeserver", "codeserver")):
        for file in (kinds / kind).iterdir():
            assert file.read_bytes() == (SAMPLES / "apps" / app / file.name).read_bytes(), file
    for name in ("before.sh", "clean.sh"):
        assert (kinds / "vnc" / name).read_bytes() == (SAMPLES / "apps/desktop" / name).read_bytes()


def test_shared_parts_are_put_in(made: dict[str, Path]) -> None:
    parts = TEMPLATE / "{{cookiecutter.app_id}}" / "kinds" / "parts"
    scripts = [path.read_text() for app in made.values() for path in app.glob("*.sh")]
    for part in parts.iterdir():
        assert any(part.read_text() in script for script in scripts), part
    assert not [line for s in scripts for line in s.splitlines() if re.fullmatch(r"@.*@", line)]


# -- a session --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory):
    """The example of `web`, behind its login."""
    for tool in ("ruby", "ps", "pkill"):
        require_tool(tool)
    folder = tmp_path_factory.mktemp("session")
    app = scaffold.make_app({"app_id": "web_app", "kind": "web", "modules": ""}, folder)
    with run_session(app, folder) as running:
        yield running


def test_only_the_password_opens_a_session(session) -> None:
    form = Form(session.view)
    stranger = Browser(session)
    assert stranger.ask("GET", session.base + "/")[0].status == 403
    assert stranger.ask("POST", form.action, {"password": "x" * 32})[0].status == 403
    assert stranger.ask("POST", form.action, {})[0].status == 403
    evil = {"Origin": "https://evil.example"}
    assert stranger.ask("POST", form.action, form.fields, evil)[0].status == 403
    assert stranger.cookies == {}
    owner = Browser(session)
    entered = owner.enter()
    assert (entered.status, entered.headers["Location"]) == (303, session.base + "/")
    cookie = entered.headers["Set-Cookie"]
    assert cookie.endswith(f"; Path={session.base}/; HttpOnly; SameSite=Lax")
    answer, text = owner.ask("GET", session.base + "/")
    assert (answer.status, answer.headers["Connection"]) == (200, "close")
    assert b"It works" in text
    stranger.cookies = {key: value[::-1] for key, value in owner.cookies.items()}
    assert stranger.ask("GET", session.base + "/")[0].status == 403
    assert owner.ask("POST", session.base + "/", {}, evil)[0].status == 403


def test_the_password_is_where_it_belongs(session) -> None:
    assert "guard.py" in session.command_lines()
    assert session.password not in session.command_lines()
    assert session.password not in session.log.read_text()
    for file in session.folder.rglob("*"):
        if file.is_file() and session.password in file.read_text(errors="replace"):
            assert (file.name, file.stat().st_mode & 0o777) == ("connection.yml", 0o600)


@pytest.mark.parametrize(
    "head",
    [
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Length: 5\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nX : y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nX: y\r\n z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nX: y\nZ: z\r\n\r\n",
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nX: " + "y" * 70000 + "\r\n\r\n",
    ],
)
def test_requests_that_can_be_read_in_two_ways_are_refused(session, head: str) -> None:
    owner = Browser(session)
    owner.enter()
    answer = send(session, owner, head)
    assert re.match(rb"HTTP/1.1 4(00|31) ", answer)


def test_a_connection_carries_one_request(session) -> None:
    """Open OnDemand may send another user's request over the same connection."""
    owner = Browser(session)
    owner.enter()
    first = "GET / HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n"
    answer = send(session, owner, first + "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.count(b"HTTP/1.") == 1


def send(session, owner: Browser, head: str) -> bytes:
    import socket

    cookie = "; ".join(f"{k}={v}" for k, v in owner.cookies.items())
    with socket.create_connection((session.host, session.port), timeout=20) as connection:
        connection.sendall(head.replace("{cookie}", cookie).encode())
        said = b""
        while data := connection.recv(65536):
            said += data
    return said
