"""How `appgen status` tells what happened to a rendered app, one change at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ood_appgen import status, writer
from ood_appgen.lock import LOCK_NAME
from ood_appgen.render import RenderedFile

SCRIPT = RenderedFile("run.sh", b"one\ntwo\nthree\nfour\n", executable=True)
PICTURE = RenderedFile("icon.png", b"\x89PNG\xff\0")
FORM = RenderedFile("form.yml", b"form: []\n")
FILES = (SCRIPT, PICTURE, FORM)
INPUTS = {"site.yml": "-:1", "apps/one/app.yml": "-:2"}

States = dict[str, tuple[str, ...]]


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app as version 1 of appgen rendered it."""
    root = tmp_path / "build"
    writer.write([writer.compare(root / "one", FILES, "1", "one", INPUTS)], root)
    return root / "one"


def examine(
    app: Path,
    files: tuple[RenderedFile, ...] = FILES,
    inputs: Mapping[str, str] = INPUTS,
    version: str = "1",
) -> States:
    changes = writer.compare(app, files, version, "one", inputs)
    found = status.examine(changes, inputs, f"ood-appgen {version}")
    assert found.is_clean == (dict(found.states) == {status.UP_TO_DATE: ()})
    return dict(found.states)


def edit(old: str, new: str) -> Callable[[Path], object]:
    return lambda file: file.write_text(file.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (edit("two\n", "2\n"), "run.sh: line 2"),
        (edit("two\nthree\n", "2\n3\n"), "run.sh: lines 2 to 3"),
        (edit("two\n", ""), "run.sh: line after 1"),
        (edit("one\n", "ONE\n0\nzero\n"), "run.sh: lines 1 to 3"),
        (lambda f: f.write_text("0\n" + f.read_text() + "five\n"), "run.sh: lines 1, 6"),
        (lambda f: f.chmod(0o644), "run.sh: the executable bit"),
        (lambda f: f.write_bytes(b"\xff"), "run.sh"),
    ],
)
def test_the_lines_of_an_edit(app: Path, act: Callable[[Path], object], said: str) -> None:
    act(app / "run.sh")
    assert examine(app) == {status.BY_HAND: (said,)}


def test_an_edit_of_what_is_no_text(app: Path) -> None:
    (app / "icon.png").write_text("a text, now")
    assert examine(app) == {status.BY_HAND: ("icon.png",)}


def test_files_of_somebody_elses(app: Path) -> None:
    (app / "view.html.erb").write_text("mine")
    (app / "run.sh").write_text("mine too")
    found = examine(app, (*FILES, RenderedFile("view.html.erb", b"new")))
    assert found[status.BY_HAND] == ("run.sh: line 1", "view.html.erb: not written by appgen")


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ((*FILES, RenderedFile("view.html.erb", b"new")), "view.html.erb"),
        ((SCRIPT, PICTURE, RenderedFile("form.yml", b"form: [cluster]\n")), "form.yml"),
        ((SCRIPT, PICTURE), "form.yml"),
    ],
    ids=["comes", "changes", "goes"],
)
def test_what_differs_for_no_known_reason(
    app: Path, files: tuple[RenderedFile, ...], said: str
) -> None:
    assert examine(app, files) == {status.BEHIND: (said,)}
    assert examine(app, files, version="2") == {
        status.TOOL: ("ood-appgen 1 made it, this is ood-appgen 2",)
    }


def test_the_inputs_that_changed_came_and_went(app: Path) -> None:
    inputs = {"site.yml": "-:9", "apps/one/app.yml": "-:2", "quota.sh": "-:3"}
    assert examine(app, (SCRIPT, PICTURE), inputs) == {
        status.INPUTS: ("quota.sh (new)", "site.yml")
    }
    assert examine(app, (SCRIPT, PICTURE), {"site.yml": "-:1"}) == {
        status.INPUTS: ("apps/one/app.yml (gone)",)
    }


def test_what_changes_nothing_that_is_rendered_is_no_news(app: Path) -> None:
    assert examine(app, inputs={"site.yml": "-:9"}, version="2") == {status.UP_TO_DATE: ()}


def test_a_lock_that_says_little(app: Path) -> None:
    """Of an older appgen, or mended by hand: what it does not say is not made up."""
    lock = json.loads((app / LOCK_NAME).read_text())
    (app / LOCK_NAME).write_text(json.dumps({"files": lock["files"]}))
    (app / "run.sh").write_text("mine")
    assert examine(app, (SCRIPT, PICTURE), version="2") == {
        status.BEHIND: ("form.yml",),
        status.BY_HAND: ("run.sh",),
    }


def test_what_is_not_rendered_yet(app: Path) -> None:
    assert examine(app.parent / "two") == {status.NEW: ()}
    (app.parent / "two").mkdir()
    (app.parent / "two/notes.txt").write_text("mine")
    assert examine(app.parent / "two") == {status.NEW: ()}


def test_orphans_are_what_appgen_made_and_no_app_makes(app: Path) -> None:
    root = app.parent
    assert status.find_orphans(root / "nowhere", []) == []
    for name in ("zwei", "alt", ".hidden"):
        writer.write([writer.compare(root / name, FILES, "1", name)], root)
    (root / "somebody's").mkdir()
    (root / "a file").write_text("")
    found = status.find_orphans(root, ["one"])
    assert [orphan.target.name for orphan in found] == ["alt", "zwei"]
    assert all([state for state, _ in orphan.states] == [status.ORPHANED] for orphan in found)
    assert not any(orphan.is_clean for orphan in found)
