"""What sessions on Slurm have besides their program: cloned code, scratch that ends with the job, data that stays."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import Browser, check_login
from slurm_node import SlurmNode, wait_for
from slurm_sessions import Session, start
from staging import APPS, SITE, Staging, write_app

from git_server import GitServer, make_repository, serve
from ood_appgen import api
from ood_appgen.model.plan import AppPlan, choices
from samples import SAMPLES
from tools import require_tool

REPOSITORY = "https://github.com/PRP-Workshop/"
FOLDER = "PEARC23-code-private"
PI = """\
import os

steps = int(os.environ["PI_STEPS"])
print(round(4 * sum((-1) ** n / (2 * n + 1) for n in range(steps)), 2))
"""

# Computes pi, listens, and writes into its scratch until it is stopped: where it is asked to end, for
# another two seconds.
BUSY = """\
cd "${MOUNT_CODE}/PEARC23-code-private" || exit 1
python3 pi.py > "${SESSION_DIR}/pi"
printf '%s' "${MOUNT_CODE}" > "${SESSION_DIR}/scratch"
cat > "${SESSION_DIR}/busy.py" <<'PYTHON'
import os, pathlib, signal, socket, time

ends = []
signal.signal(signal.SIGTERM, lambda *_: ends.append(time.monotonic() + 2))
listening = socket.create_server(("", int(os.environ["LISTEN_PORT"])))
stop = pathlib.Path(os.environ["SESSION_DIR"], "stop")
scratch = pathlib.Path(os.environ["MOUNT_CODE"])
number = 0
while not stop.exists() and not (ends and time.monotonic() > ends[0]):
    number += 1
    try:
        (scratch / f"work.{number}").touch()
    except FileNotFoundError:  # it is gone
        break
    time.sleep(0.001)
PYTHON
python3 "${SESSION_DIR}/busy.py"
"""


@dataclass(frozen=True)
class Desk:
    """Where a user's sessions start: their home, and a Git server that knows their password."""

    slurm: SlurmNode
    staging: Staging
    git: GitServer
    folder: Path

    @property
    def home(self) -> Path:
        return Path(self.slurm.user.pw_dir)

    def give(self, path: str, text: str) -> Path:
        """Write a file of the user's own, below their home."""
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for one in (file, *(p for p in file.parents if p.is_relative_to(self.home))):
            os.chown(one, self.slurm.user.pw_uid, self.slurm.user.pw_gid)
        return file

    def start(self, app: str, script: str = "") -> Session:
        """A session of a sample app for the fewest cores; `script` is another program than its own."""
        folder, plan = self.folder / "samples" / app, APPS[app].plan
        if script:
            folder, plan = self._changed(app, script)
        elif not folder.exists():
            write_app(APPS[app], folder.parent)
        choice = next(c for c in choices(plan) if c["num_cores"] == "1") | {"account": "PZS0001"}
        return start(self.slurm, self.staging, folder, [f.id for f in plan.form], choice)

    def _changed(self, app: str, script: str) -> tuple[Path, AppPlan]:
        copies = self.folder / f"changed{len(list(self.folder.iterdir()))}"
        shutil.copytree(SAMPLES / "apps", copies)
        (copies / app / "script.sh").write_text(script)
        result = api.render_apps([copies / app], SITE)
        assert [f.format() for f in result.findings] == []
        return write_app(result.apps[0], copies / "written"), result.apps[0].plan

    def scratch(self) -> set[Path]:
        """The directories that the user's sessions have made for themselves alone."""
        found = Path("/tmp").glob("notebook-from-git-code.*")
        return {path for path in found if path.stat().st_uid == self.slurm.user.pw_uid}


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    program = require_tool("git")
    folder = tmp_path_factory.mktemp("git")
    make_repository(program, folder, f"{FOLDER}.git", {"pi.py": PI})
    with serve(program, folder) as server:
        server.user, server.token = "ada", "a-token-of-the-tests"
        yield server


@pytest.fixture
def desk(
    slurm: SlurmNode, staging: Staging, jupyter: None, git: GitServer, tmp_path: Path
) -> Iterator[Desk]:
    """A user whose Git knows a password, and who has said how many steps."""
    desk = Desk(slurm, staging, git, tmp_path)
    address = f'[url "{git.url}"]\n  insteadOf = {REPOSITORY}\n'
    desk.give(".gitconfig", f"{address}[credential]\n  helper = store\n")
    known = git.url.replace("://", f"://{git.user}:{git.token}@")
    desk.give(".git-credentials", f"{known}\n")
    desk.give("pi-steps", "1000\n")
    for left in desk.scratch():  # by a run that was killed, of an account with this number
        shutil.rmtree(left)
    yield desk
    for job in slurm.submitted:
        slurm.cancel(job)


@pytest.mark.parametrize("how", ["it ends", "cancelled", "time is over"])
def test_scratch_goes_with_the_job(desk: Desk, how: str) -> None:
    session = desk.start("notebook-from-git", BUSY)
    session.wait_until_ready()
    scratch = Path((session.staged / "scratch").read_text())
    assert (scratch.stat().st_uid, scratch.stat().st_mode & 0o777) == (
        desk.slurm.user.pw_uid,
        0o700,
    )
    assert (scratch / FOLDER / "pi.py").read_text() == PI
    assert (session.staged / "pi").read_text() == "3.14\n"
    if how == "it ends":
        (session.staged / "stop").touch()
    elif how == "cancelled":
        desk.slurm.run("scancel", session.job)
    else:
        update = ("scontrol", "update", f"JobId={session.job}", "TimeLimit=1")
        desk.slurm.run(*update, as_root=True)
    ended = session.wait_until_ended(180)
    assert ended == {"it ends": "COMPLETED", "cancelled": "CANCELLED"}.get(how, "TIMEOUT")
    wait_for(lambda: not desk.slurm.processes(), "the session's processes to end", 30)
    assert not scratch.exists(), session.said


def test_a_clone_that_is_cancelled_leaves_nothing(desk: Desk) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def during() -> None:
        asked.set()
        go_on.wait(60)

    desk.git.during = during
    try:
        session = desk.start("notebook-from-git")
        wait_for(asked.is_set, "Git to ask", 60)
        assert len(desk.scratch()) == 1
        desk.slurm.run("scancel", session.job)
        assert session.wait_until_ended() == "CANCELLED"
    finally:
        desk.git.during = lambda: None
        go_on.set()
    wait_for(lambda: not desk.slurm.processes(), "the session's processes to end", 30)
    assert not desk.scratch()


def test_code_that_the_user_may_not_read_ends_the_session(desk: Desk) -> None:
    """Nobody is there to be asked for a password."""
    (desk.home / ".git-credentials").unlink()
    session = desk.start("notebook-from-git")
    assert session.wait_until_ended() == "FAILED"
    assert not desk.scratch()
    assert "fatal: could not read Username" in session.said
    assert "terminal prompts disabled" in session.said
    assert not session.connection_file.exists()


def test_a_variable_whose_file_cannot_be_read_ends_the_session(desk: Desk) -> None:
    (desk.home / "pi-steps").unlink()
    session = desk.start("notebook-from-git")
    assert session.wait_until_ended() == "FAILED"
    assert session.said == f"Not started: {desk.home}/pi-steps cannot be read.\n"


def log_in(session: Session) -> Browser:
    """A browser that is logged in to the session's Jupyter."""
    connection = session.wait_until_ready()
    host, port, password = (connection[key] for key in ("host", "port", "password"))
    return check_login(session.card(connection), base(connection), password, (host, port))


def base(connection: dict[str, object]) -> str:
    return f"/node/{connection['host']}/{connection['port']}"


def listed(browser: Browser, folder: str = "") -> list[str]:
    """What Jupyter's file browser shows."""
    browser.ask("GET", f"/node/{browser.host}/{browser.port}/api/contents/{folder}")
    return sorted(item["name"] for item in json.loads(browser.text)["content"])


def test_notebooks_from_git(desk: Desk) -> None:
    session = desk.start("notebook-from-git")
    assert listed(log_in(session)) == ["pi.py"]
    desk.slurm.cancel(session.job)
    wait_for(lambda: not desk.slurm.processes(), "the session's processes to end", 30)
    assert not desk.scratch()
    assert desk.git.token not in session.said


def test_data_is_copied_once_and_stays(desk: Desk) -> None:
    """The source lies where the site's `directory` for the mount says."""
    desk.give("cvmfs/data.example.org/reference/genome/x.fa", "ACGT\n")
    desk.give("cvmfs/data.example.org/reference/y.txt", "y\n")
    session = desk.start("data-mover")
    browser = log_in(session)
    assert listed(browser) == ["reference"]
    assert listed(browser, "reference") == ["genome", "y.txt"]
    desk.slurm.cancel(session.job)
    data = desk.home / "ondemand-data"
    assert (data / "reference/genome/x.fa").read_text() == "ACGT\n"
    (data / "reference/genome/x.fa").write_text("mine\n")
    (data / "reference/y.txt").unlink()
    session = desk.start("data-mover", "true\n")
    session.wait_until_ended()
    assert (data / "reference/genome/x.fa").read_text() == "mine\n"
    assert not (data / "reference/y.txt").exists()


def test_a_file_is_copied_as_one(desk: Desk) -> None:
    for name in ("ondemand-data", "cvmfs"):
        shutil.rmtree(desk.home / name, ignore_errors=True)
    desk.give("cvmfs/data.example.org/reference", "one file\n")
    desk.start("data-mover", "true\n").wait_until_ended()
    assert (desk.home / "ondemand-data/reference/reference").read_text() == "one file\n"


def test_data_that_cannot_be_copied_ends_the_session(desk: Desk) -> None:
    """The next session tries again."""
    for name in ("ondemand-data", "cvmfs"):
        shutil.rmtree(desk.home / name, ignore_errors=True)
    session = desk.start("data-mover")
    assert session.wait_until_ended() == "FAILED"
    assert "data.example.org/reference': No such file or directory" in session.said
    desk.give("cvmfs/data.example.org/reference/y.txt", "y\n")
    desk.start("data-mover", "true\n").wait_until_ended()
    assert (desk.home / "ondemand-data/reference/y.txt").read_text() == "y\n"
