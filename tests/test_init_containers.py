"""What init containers do, done: the words of the pod's command by the real sh, git and cp.

Where there are no containers, the job does the same before its program starts.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from git_server import GitServer, make_repository, serve
from ood_appgen import api
from ood_appgen.api import RenderedApp
from ood_appgen.model.admission import apply
from ood_appgen.model.plan import Submitter, choices, evaluate_submission
from ood_appgen.verify.pod import check_objects, predict_objects
from ood_appgen.verify.predict import Session, merge_submission
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, Rendered, Request, RubyOracle
from tools import require_tool

SITE = """\
site: Demo
ondemand: "4.1"
clusters:
  hpc: {scheduler: slurm, node_types: {n: {cores: {max: 2}}}}
  cloud:
    scheduler: kubernetes
    connection: appgen
    wall_time: unlimited
    node_types: {n: {cores: {max: 2}, memory_mb_per_core: 1000}}
"""
APP = """\
id: demo
title: Demo
form:
  - {id: cluster, from: clusters}
  - {id: node_type, from: node_types}
  - {id: num_cores, from: cores}
scripts: {script: "true\\n"}
container: {image: "demo:1", port: 8080}
view: {kind: link}
"""
GIT = """\
mounts: [{name: code, pvc: {name: code}, to: PLACE, directory: PLACE}]
init:
  - name: clone
    image: git:2
    git: {repository: "https://git.example.org/lab/pi.git", into: code, depth: 1, credentials: {secret: github}}
"""
COPY = """\
mounts:
  - {name: data, pvc: {name: data}, to: PLACE, directory: PLACE}
  - {name: source, pvc: {name: source}, to: SOURCE, directory: SOURCE}
init: [{name: fill, copy: {from: SOURCE, into: data, folder: reference}}]
"""
PI = """\
import os
steps = int(os.environ["PI_STEPS"])
print(round(4 * sum(steps / (steps**2 + (i + 0.5) ** 2) for i in range(steps)), 3))
"""
# What OOD's job script defines before it sources before.sh.
JOB_SCRIPT = """\
set -u
host=node1
find_port() { echo 4321; }
create_passwd() { printf '%*s' "$1" '' | tr ' ' x; }
clean_up() { exit "${1:-0}"; }
"""


def make(folder: Path, rest: str, place: Path, mounts: str = "") -> RenderedApp:
    folder.mkdir()
    (folder / "site.yml").write_text(SITE + mounts)
    text = APP + rest.replace("PLACE", str(place)).replace("SOURCE", str(place.parent / "source"))
    (folder / "app.yml").write_text(text)
    result = api.render_apps([folder], folder / "site.yml")
    assert [f.format() for f in result.findings] == []
    return result.apps[0]


def expand(text: str, env: Mapping[str, str]) -> str:
    """A word of a command, or an env value, as the kubelet makes it.

    Source: kubernetes/kubernetes third_party/forked/golang/expansion/expand.go.
    """
    return re.sub(
        r"\$(\$|\(([^)]*)\)|.)",
        lambda m: "$" if m[1] == "$" else env.get(m[2], m[0]) if m[2] is not None else m[0],
        text,
        flags=re.DOTALL,
    )


@dataclass(frozen=True)
class Ran:
    """How it ended, and all that was said."""

    status: int
    said: str


def of_pod(app: RenderedApp) -> dict[str, Any]:
    """The init container, once the cluster's policy has changed the pod."""
    plan = app.plan
    choice = next(c for c in choices(plan) if c["cluster"] == "cloud")
    person = {"name": ADA.name, "home": ADA.home, "uid": ADA.uid, "gid": ADA.gid}
    document = evaluate_submission(plan, choice, Submitter(person, {}, STAGED_ROOT))
    submission = merge_submission(document, choice, [f.id for f in plan.form], "slurm")
    objects = predict_objects(submission, Session(app.id, "cloud", STAGED_ROOT, ADA))
    assert check_objects(objects) == []
    admission = plan.admission("cloud")
    policy = admission.policy(choice["node_type"]) if admission else None
    pod = apply(policy.change, objects.pod) if policy else objects.pod
    return pod["spec"]["initContainers"][0]


def start(
    container: Mapping[str, Any],
    more: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start an init container's command; `more` is environment of this machine alone."""
    env = {"PATH": os.environ["PATH"]}
    for variable in container["env"]:
        if "value" in variable:
            env[variable["name"]] = expand(variable["value"], env)
        elif reference := variable["valueFrom"].get("secretKeyRef"):
            assert reference["name"] == "github"
            if secrets:
                env[variable["name"]] = secrets[reference["key"]]
    command = [expand(word, env) for word in container["command"]]
    return subprocess.Popen(
        command,
        env={**env, **(more or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def run(
    container: Mapping[str, Any],
    more: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Ran:
    process = start(container, more, secrets)
    said, _ = process.communicate(timeout=60)
    return Ran(process.returncode, said)


@pytest.fixture(scope="module")
def git() -> str:
    program = require_tool("git")
    done = subprocess.run([program, "--exec-path"], capture_output=True, text=True, check=True)
    require_tool(str(Path(done.stdout.strip()) / "git-http-backend"))
    return program


@pytest.fixture(scope="module")
def repositories(git: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with lab/pi.git in it."""
    folder = tmp_path_factory.mktemp("repositories")
    make_repository(git, folder, "lab/pi.git", {"pi.py": PI})
    return folder


@pytest.fixture
def server(git: str, repositories: Path) -> Iterator[GitServer]:
    with serve(git, repositories) as running:
        running.user, running.token = "ada", "ghp_0123456789"
        yield running


@dataclass(frozen=True)
class Clone:
    """An app that clones, and where to. `here` is the environment that leads git to our server."""

    app: RenderedApp
    container: dict[str, Any]
    to: Path
    here: dict[str, str]


@pytest.fixture
def clone(server: GitServer, tmp_path: Path) -> Clone:
    place = tmp_path / "code"
    place.mkdir()
    app = make(tmp_path / "app", GIT, place)
    here = {**server.instead_of("https://git.example.org/"), "GIT_CONFIG_NOSYSTEM": "1"}
    return Clone(app, of_pod(app), place / "pi", here)


def secret(server: GitServer) -> dict[str, str]:
    return {"username": server.user, "token": server.token}


def test_the_clone_computes_pi(server: GitServer, clone: Clone) -> None:
    ran = run(clone.container, clone.here, secret(server))
    assert ran.status == 0, ran.said
    done = subprocess.run(
        [sys.executable, "pi.py"],
        cwd=clone.to,
        env={"PI_STEPS": "1000"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert done.stdout == "3.142\n"
    # depth: 1
    assert (clone.to / ".git" / "shallow").is_file()
    config = (clone.to / ".git" / "config").read_text()
    assert "url = https://git.example.org/lab/pi.git\n" in config
    assert [p.name for p in clone.to.parent.iterdir()] == ["pi"]


@pytest.mark.parametrize("given", [None, {"username": "ada", "token": "wrong"}])
def test_without_the_right_token_nothing_is_cloned(
    clone: Clone, given: dict[str, str] | None
) -> None:
    ran = run(clone.container, clone.here, given)
    assert ran.status == 128
    assert "Authentication failed" in ran.said
    assert list(clone.to.parent.iterdir()) == []


def test_without_a_password_on_the_server_none_is_needed(server: GitServer, clone: Clone) -> None:
    server.token = ""
    assert run(clone.container, clone.here).status == 0
    assert server.given == []


@pytest.mark.parametrize(
    "token",
    ["a'b\"c", " two  words ", "$HOME ${PATH} $$ $(id) `id`", "100%s %d %%", "back\\slash \\n \\", "-n",
     "!x;&|<>*?[a]{b,c}#", "été ☃", "a=b\tc"],
)  # fmt: skip
def test_a_token_is_taken_literally_and_told_to_nobody_else(
    server: GitServer, clone: Clone, token: str
) -> None:
    server.user, server.token = f"of {token}".replace(":", ""), token
    words: set[bytes] = set()

    def look() -> None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words.update(process.read_bytes().split(b"\0"))
            except OSError:
                continue  # it has ended

    server.during = look
    ran = run(clone.container, {**clone.here, "GIT_TRACE": "1"}, secret(server))
    assert ran.status == 0, ran.said
    assert server.given[-1] == (server.user, token)
    # Git says which programs it runs, with all their words.
    assert "; f get" in ran.said
    if len(token) > 2:
        assert token not in ran.said
        assert not any(token.encode() in word for word in words)
        kept = [p for p in clone.to.rglob("*") if p.is_file() and token.encode() in p.read_bytes()]
        assert kept == []


def test_a_line_break_behind_a_secret_is_none_of_it(server: GitServer, clone: Clone) -> None:
    given = {key: f"{text}\n" for key, text in secret(server).items()}
    assert run(clone.container, clone.here, given).status == 0
    assert server.given[-1] == (server.user, server.token)


def test_a_clone_that_is_there_is_left_alone(server: GitServer, clone: Clone) -> None:
    assert run(clone.container, clone.here, secret(server)).status == 0
    (clone.to / "pi.py").write_text("mine\n")
    server.given.clear()
    ran = run(clone.container, clone.here)
    assert (ran.status, ran.said) == (0, f"{clone.to} is there already\n")
    assert server.given == []
    assert (clone.to / "pi.py").read_text() == "mine\n"


def test_other_files_in_its_place_stay(server: GitServer, clone: Clone) -> None:
    clone.to.mkdir()
    (clone.to / "notes").write_text("mine\n")
    ran = run(clone.container, clone.here, secret(server))
    assert ran.status != 0
    assert "not empty" in ran.said
    assert [p.name for p in clone.to.iterdir()] == ["notes"]
    (clone.to / "notes").unlink()
    assert run(clone.container, clone.here, secret(server)).status == 0
    assert (clone.to / "pi.py").is_file()


def test_after_a_clone_that_was_killed_the_next_one_starts_over(
    server: GitServer, clone: Clone
) -> None:
    requests: list[str] = []

    def kill() -> None:
        requests.append("")
        if len(requests) == 2:  # the first only asks what there is
            os.killpg(process.pid, signal.SIGKILL)

    server.during = kill
    process = start(clone.container, clone.here, secret(server))
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert not clone.to.exists()
    server.during = lambda: None
    assert run(clone.container, clone.here, secret(server)).status == 0
    assert [p.name for p in clone.to.parent.iterdir()] == ["pi"]


def test_the_place_is_taken_literally(server: GitServer, tmp_path: Path) -> None:
    place = tmp_path / "a$(id)'`id`$$;#*"
    place.mkdir()
    container = of_pod(make(tmp_path / "app", GIT, place))
    here = server.instead_of("https://git.example.org/")
    ran = run(container, here, secret(server))
    assert ran.status == 0, ran.said
    assert (place / "pi" / "pi.py").is_file()


def test_environment_is_text_in_pods_too(tmp_path: Path) -> None:
    text = "$$ $(POD_NAME) $(HOME $HOME \\ \" ' $"
    init = {"name": "own", "image": "a:1", "command": ["env"], "only_in_pods": True}
    rest = f"init: {json.dumps([{**init, 'environment': {'TEXT': text}}])}\n"
    container = of_pod(make(tmp_path / "app", rest, tmp_path / "x"))
    variable = next(v for v in container["env"] if v["name"] == "TEXT")
    assert expand(variable["value"], {"POD_NAME": "demo-0", "HOME": "/home/ada"}) == text


# -- copy ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Copying:
    """An app that copies: where from, and where to."""

    app: RenderedApp
    container: dict[str, Any]
    source: Path
    to: Path


@pytest.fixture
def copying(tmp_path: Path) -> Copying:
    place = tmp_path / "data"
    place.mkdir()
    app = make(tmp_path / "app", COPY, place)
    return Copying(app, of_pod(app), tmp_path / "source", place / "reference")


def fill(source: Path) -> None:
    (source / "deep").mkdir(parents=True)
    (source / ".hidden").write_text("h")
    (source / "deep" / "a 'b'").write_text("read only")
    (source / "deep" / "a 'b'").chmod(0o444)
    (source / "link").symlink_to("deep")


def test_a_directory_is_copied_once(copying: Copying) -> None:
    fill(copying.source)
    ran = run(copying.container)
    assert (ran.status, ran.said) == (0, "")
    assert (copying.to / "deep" / "a 'b'").read_text() == "read only"
    assert (copying.to / ".hidden").read_text() == "h"
    assert os.readlink(copying.to / "link") == "deep"
    (copying.to / ".hidden").write_text("mine")
    (copying.source / "new").write_text("new")
    ran = run(copying.container)
    assert (ran.status, ran.said) == (0, f"{copying.to} is filled already\n")
    assert (copying.to / ".hidden").read_text() == "mine"
    assert not (copying.to / "new").exists()


def test_a_file_is_copied(copying: Copying) -> None:
    copying.source.write_text("a file")
    copying.source.chmod(0o444)
    assert run(copying.container).status == 0
    names = {p.name for p in copying.to.iterdir()}
    assert names == {".copied-fill", "source"}
    assert "filled already" in run(copying.container).said


def test_a_copy_that_was_interrupted_is_done_again(copying: Copying) -> None:
    fill(copying.source)
    assert run(copying.container).status == 0
    (copying.to / ".copied-fill").unlink()
    file = copying.to / "deep" / "a 'b'"
    file.chmod(0o644)
    file.write_text("half")
    file.chmod(0o444)
    ran = run(copying.container)
    assert (ran.status, ran.said) == (0, "")
    assert file.read_text() == "read only"


def test_nothing_to_copy_is_an_error(copying: Copying) -> None:
    assert run(copying.container).status != 0
    assert not (copying.to / ".copied-fill").exists()


# -- jobs without containers ----------------------------------------------------------------------


def run_job(app: RenderedApp, folder: Path, more: Mapping[str, str] | None = None) -> Ran:
    """What before.sh does on the cluster without containers."""
    text = next(f.content.decode() for f in app.files if f.path == "template/before.sh.erb")
    choice = next(c for c in choices(app.plan) if c["cluster"] == "hpc")
    with RubyOracle(require_tool("ruby")) as ruby:
        answer = ruby.evaluate(
            Request("template", path="before.sh", text=text, context=choice, user=ADA)
        )
    assert isinstance(answer, Rendered)
    done = subprocess.run(
        [require_tool("bash")],
        input=JOB_SCRIPT + answer.text,
        env={"PATH": os.environ["PATH"], "USER": "ada", "HOME": str(folder), **(more or {})},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return Ran(done.returncode, done.stdout)


def test_a_job_clones_with_the_credentials_of_the_user(
    server: GitServer, clone: Clone, tmp_path: Path
) -> None:
    ran = run_job(clone.app, tmp_path, clone.here)
    assert ran.status == 1
    assert not clone.to.exists()
    name, token = server.user, server.token
    address = server.url.replace("//", f"//{name}:{token}@").rstrip("/")
    (tmp_path / ".git-credentials").write_text(f"{address}\n")
    (tmp_path / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    unfinished = clone.to.with_name("pi.part")
    (unfinished / ".git").mkdir(parents=True)
    ran = run_job(clone.app, tmp_path, clone.here)
    assert ran.status == 0, ran.said
    assert [p.name for p in clone.to.parent.iterdir()] == ["pi"]
    (clone.to / "pi.py").write_text("mine\n")
    server.given.clear()
    assert run_job(clone.app, tmp_path, clone.here).status == 0
    assert server.given == []
    assert (clone.to / "pi.py").read_text() == "mine\n"


@pytest.mark.parametrize("single", [False, True], ids=["directory", "file"])
def test_a_job_copies_as_a_pod_does(copying: Copying, tmp_path: Path, single: bool) -> None:
    if single:
        copying.source.write_text("a file")
    else:
        fill(copying.source)
    for _ in range(2):
        ran = run_job(copying.app, tmp_path)
        assert ran.status == 0, ran.said
    by_job = sorted(str(p.relative_to(copying.to)) for p in copying.to.rglob("*"))
    (copying.to / ".copied-fill").unlink()
    assert run(copying.container).status == 0
    assert sorted(str(p.relative_to(copying.to)) for p in copying.to.rglob("*")) == by_job
    assert ".copied-fill" in by_job


@pytest.mark.parametrize("whose", ["the app's", "its own"])
@pytest.mark.parametrize("source", ["/lib/deep/x.txt", "/lib/deep", "/lib/deep/"])
def test_a_job_copies_from_where_its_cluster_has_a_mount(
    tmp_path: Path, whose: str, source: str
) -> None:
    """Of two mounts at one path the longer is the one; a path that only begins alike is none."""
    for name in ("lib", "deep", "dee"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.txt").write_text(name)
    places = {"data": "/data", "lib": "/lib", "dee": "/lib/dee", "deep": "/lib/deep"}
    mounts = "mounts:\n" + "".join(
        f"  {name}: {{pvc: {{name: {name}}}, to: {to}, directory: {tmp_path / name}}}\n"
        for name, to in places.items()
    )
    own, apps = "", "data, lib, dee, deep"
    if whose == "its own":
        own, apps = "mounts: [lib, dee, deep], ", "data"
    init = f"{{name: fill, {own}copy: {{from: {source}, into: data}}}}"
    app = make(tmp_path / "app", f"mounts: [{apps}]\ninit: [{init}]\n", tmp_path, mounts)
    ran = run_job(app, tmp_path)
    assert (ran.status, ran.said) == (0, "")
    assert (tmp_path / "data" / "x.txt").read_text() == "deep"
