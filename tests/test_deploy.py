"""Deploying and rolling back: all of the apps or none, and nothing of anybody else's."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ood_appgen import deploy, lock, writer
from ood_appgen.deploy import PREVIOUS, Step
from ood_appgen.writer import WriteError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def render(name: str, text: str) -> Path:
    """An app below build/, as if rendered."""
    app = Path("build", name)
    (app / "template").mkdir(parents=True, exist_ok=True)
    (app / lock.LOCK_NAME).write_text("{}")
    (app / "form.yml").write_text(text)
    return app


def read(folder: Path) -> dict[str, str]:
    """All files, and where links lead."""
    return {
        str(p.relative_to(folder)): f"-> {os.readlink(p)}" if p.is_symlink() else p.read_text()
        for p in sorted(folder.rglob("*"))
        if p.is_symlink() or p.is_file()
    }


def deploy_versions(name: str, *texts: str) -> None:
    for text in texts:
        deploy.deploy([render(name, text)], Path("sys"))


# -- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".hidden", "a b", "-x"])
def test_only_what_is_called_like_an_app_is_deployed(name: str) -> None:
    with pytest.raises(WriteError, match="is no app's name; nothing was changed"):
        deploy.deploy([render(name, "1")], Path("sys"))
    assert not Path("sys").exists()


def test_an_app_is_not_deployed_into_itself() -> None:
    one = render("one", "1")
    before = read(Path("build"))
    with pytest.raises(WriteError, match=r"lies inside build/one, which is to be deployed"):
        deploy.deploy([one], one / "sys")
    assert read(Path("build")) == before


def test_versions_before_of_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    deploy_versions("one", "1")
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(WriteError, match=f"{PREVIOUS}: belongs to somebody else; nothing was"):
        deploy_versions("one", "2")
    assert Path("sys/one/form.yml").read_text() == "1"


@pytest.mark.parametrize("busy", ["build", "sys"])
def test_nobody_renders_or_deploys_at_the_same_time(busy: str) -> None:
    deploy_versions("one", "1", "2")
    before = read(Path("sys"))
    render("one", "3")
    with writer.exclusive(Path(busy)), pytest.raises(WriteError, match="another appgen is writing"):
        deploy.deploy([Path("build/one")], Path("sys"))
    assert read(Path("sys")) == before


def test_nobody_deploys_while_we_roll_back() -> None:
    deploy_versions("one", "1", "2")
    before = read(Path("sys"))
    with (
        writer.exclusive(Path("sys")),
        pytest.raises(WriteError, match="another appgen is writing"),
    ):
        deploy.roll_back(["one"], Path("sys"))
    assert read(Path("sys")) == before


def take_lock(app: Path) -> None:
    (app / lock.LOCK_NAME).unlink()


def link_previous(_: Path) -> None:
    Path("sys", PREVIOUS).rename("elsewhere")
    Path("sys", PREVIOUS).symlink_to(Path("elsewhere").absolute())


@pytest.mark.parametrize(
    ("place", "act", "said"),
    [
        ("sys/one", take_lock, "sys/one: was not made by appgen"),
        (f"sys/{PREVIOUS}/one", take_lock, "no version before is kept"),
        (f"sys/{PREVIOUS}", link_previous, "no version before is kept"),
    ],
)
def test_what_appgen_did_not_make_is_not_rolled_back(
    place: str, act: Callable[[Path], None], said: str
) -> None:
    deploy_versions("one", "1", "2")
    act(Path(place))
    before = read(Path("."))
    with pytest.raises(WriteError, match=said):
        deploy.roll_back(["one"], Path("sys"))
    assert read(Path(".")) == before


# -- what differs ---------------------------------------------------------------------------------


def add_mode(app: Path) -> None:
    (app / "form.yml").chmod(0o755)


def add_link(app: Path) -> None:
    (app / "link").symlink_to("template")


def turn_link(app: Path) -> None:
    (app / "old").unlink()
    (app / "old").symlink_to("nowhere")


@pytest.mark.parametrize(
    ("act", "files"),
    [
        (lambda app: None, ()),
        (add_mode, (("form.yml", "changed"),)),
        (add_link, (("link", "created"),)),
        (turn_link, (("old", "changed"),)),
        (lambda app: (app / "old").unlink(), (("old", "removed"),)),
    ],
    ids=["nothing", "a mode", "a link", "another link", "no link"],
)
def test_what_differs_is_deployed(
    act: Callable[[Path], object], files: tuple[tuple[str, str], ...]
) -> None:
    one = render("one", "1")
    (one / "old").symlink_to("form.yml")
    deploy.deploy([one], Path("sys"))
    act(one)
    kind = "update" if files else "unchanged"
    assert deploy.deploy([one], Path("sys"), dry_run=True) == [Step("one", kind, files)]
    assert deploy.deploy([one], Path("sys")) == [Step("one", kind, files)]
    assert deploy.plan([one], Path("sys")) == [Step("one", "unchanged")]
    assert read(Path("sys/one")) == read(one)
    assert os.access("sys/one/form.yml", os.X_OK) == os.access(one / "form.yml", os.X_OK)


def test_where_there_is_nothing_to_do_nothing_is_touched() -> None:
    deploy_versions("one", "1")
    Path("sys", PREVIOUS).rmdir()
    before = os.stat("sys").st_mtime_ns
    deploy_versions("one", "1")
    assert os.stat("sys").st_mtime_ns == before
    assert deploy.deploy([Path("build/one")], Path("build")) == [Step("one", "unchanged")]


def test_an_app_that_is_named_twice_is_one() -> None:
    one = render("one", "1")
    assert len(deploy.deploy([one, one], Path("sys"))) == 1
    deploy_versions("one", "2")
    assert deploy.roll_back(["one", "one"], Path("sys")) == [Step("one", "roll back")]
    assert Path("sys/one/form.yml").read_text() == "1"


# -- the version before ---------------------------------------------------------------------------


def test_one_version_before_is_kept_and_nothing_else() -> None:
    deploy_versions("one", "1")
    assert deploy.find_previous(Path("sys")) == []
    deploy_versions("one", "2", "3")
    assert read(Path("sys", PREVIOUS)) == {"one/appgen.lock": "{}", "one/form.yml": "2"}
    assert sorted(p.name for p in Path("sys").iterdir()) == [PREVIOUS, "one"]
    for name in (".appgen-one-12345678.old", "not an app"):
        Path("sys", PREVIOUS, name).mkdir()
    Path("sys", PREVIOUS, "file").write_text("")
    assert deploy.find_previous(Path("sys")) == ["one"]


def test_what_was_kept_of_an_app_that_somebody_deleted_stays() -> None:
    deploy_versions("one", "1", "2")
    shutil.rmtree("sys/one")
    deploy_versions("one", "3")
    assert Path("sys", PREVIOUS, "one/form.yml").read_text() == "1"


@pytest.mark.parametrize("failing", range(1, 6))
@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()])
def test_whichever_exchange_fails_nothing_is_changed(
    monkeypatch: pytest.MonkeyPatch, failing: int, error: BaseException
) -> None:
    """Of three apps one is new, so that there are three exchanges, and two to keep what was there."""
    deploy_versions("one", "1", "2")
    deploy_versions("two", "1")
    before = read(Path("sys"))
    apps = [render(name, "3") for name in ("one", "two", "new")]
    real, calls = writer._exchange, 0

    def exchange(target: Path, stage: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise error
        real(target, stage)

    monkeypatch.setattr(writer, "_exchange", exchange)
    with pytest.raises((WriteError, KeyboardInterrupt)):
        deploy.deploy(apps, Path("sys"))
    assert read(Path("sys")) == before
    assert calls >= failing
    deploy.deploy(apps, Path("sys"))
    kept = Path("sys", PREVIOUS)
    assert read(kept) == {
        "one/appgen.lock": "{}",
        "one/form.yml": "2",
        "two/appgen.lock": "{}",
        "two/form.yml": "1",
    }
