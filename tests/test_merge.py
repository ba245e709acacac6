"""What `--merge` and `--force` make of edits, file by file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ood_appgen import writer
from ood_appgen.lock import LOCK_NAME
from ood_appgen.render import RenderedFile
from ood_appgen.writer import AppChanges

TEXT = "".join(f"line {n}\n" for n in range(1, 10))
SCRIPT = "template/script.sh"


def file(text: str | bytes, path: str = SCRIPT) -> RenderedFile:
    content = text if isinstance(text, bytes) else text.encode()
    return RenderedFile(path, content, executable=path == SCRIPT)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An app as it was rendered: a script, and what is no text."""
    target = tmp_path / "build/one"
    put(compare(target, file(TEXT), file(b"\xff\0", "icon.png")))
    return target


def compare(target: Path, *files: RenderedFile) -> AppChanges:
    return writer.compare(target, files, "1", "one")


def put(changes: AppChanges) -> None:
    writer.write([changes], changes.target.parent)


def merge(target: Path, *files: RenderedFile) -> tuple[str, int]:
    """Merge and write; what was done to the first file, and the number of conflicts."""
    changes = writer.merge(compare(target, *files))
    put(changes)
    path = files[0].path if files else SCRIPT
    done = next(c for c in changes.changes if c.path == path)
    assert not changes.blocked
    return done.kind, done.conflicts


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def test_lines_of_both_sides_stand_in_the_merged_file(app: Path) -> None:
    edit(app / SCRIPT, "line 2\n", "mine\n")
    new = TEXT.replace("line 8\n", "new\n")
    assert merge(app, file(new)) == ("merge", 0)
    assert (app / SCRIPT).read_text() == new.replace("line 2\n", "mine\n")
    assert os.access(app / SCRIPT, os.X_OK)
    assert merge(app, file(new)) == ("keep", 0)


def test_an_edit_that_is_new_too_is_no_conflict(app: Path) -> None:
    edit(app / SCRIPT, "line 2\n", "both\n")
    new = TEXT.replace("line 2\n", "both\n").replace("line 8\n", "new\n")
    assert merge(app, file(new)) == ("merge", 0)
    assert (app / SCRIPT).read_text() == new


def test_each_conflict_shows_both_sides_and_counts(app: Path) -> None:
    for number in (2, 5, 8):
        edit(app / SCRIPT, f"line {number}\n", f"mine {number}\n")
    new = TEXT.replace("line 2\n", "new 2\n").replace("line 8\n", "new 8\n")
    assert merge(app, file(new)) == ("merge", 2)
    wanted = TEXT.replace("line 5\n", "mine 5\n")
    for number in (2, 8):
        both = f"mine {number}\n=======\nnew {number}\n"
        marked = f"<<<<<<< edited by hand\n{both}>>>>>>> appgen\n"
        wanted = wanted.replace(f"line {number}\n", marked)
    assert (app / SCRIPT).read_text() == wanted


def test_line_ends_stay_as_they_are(app: Path) -> None:
    put(writer.force(compare(app, file(TEXT.replace("\n", "\r\n").rstrip()))))
    edit(app / SCRIPT, "line 2\r\n", "mine\r\n")
    new = TEXT.replace("\n", "\r\n").replace("line 8", "new").rstrip()
    assert merge(app, file(new)) == ("merge", 0)
    assert (app / SCRIPT).read_bytes() == new.replace("line 2", "mine").encode()


def link(path: Path) -> None:
    other = path.parent.parent.parent / "other"
    other.write_text(TEXT.replace("line 2", "mine"))
    path.unlink()
    path.symlink_to(other)


@pytest.mark.parametrize("act", [lambda path: path.write_bytes(b"mine \xff"), link])
def test_what_cannot_be_merged_is_kept(app: Path, act: Callable[[Path], object]) -> None:
    act(app / SCRIPT)
    before = (app / SCRIPT).read_bytes(), (app / SCRIPT).is_symlink()
    assert merge(app, file(TEXT.replace("line 8", "new"))) == ("keep", 0)
    assert ((app / SCRIPT).read_bytes(), (app / SCRIPT).is_symlink()) == before


def test_pictures_and_files_without_a_base_are_kept(app: Path) -> None:
    (app / "icon.png").write_bytes(b"mine \xff")
    assert merge(app, file(b"new \xff", "icon.png")) == ("keep", 0)
    assert (app / "icon.png").read_bytes() == b"mine \xff"
    lock = json.loads((app / LOCK_NAME).read_text())
    (app / LOCK_NAME).write_text(json.dumps(lock | {"base": {}}))
    put(writer.force(compare(app, file(TEXT))))
    edit(app / SCRIPT, "line 2\n", "mine\n")
    lock = json.loads((app / LOCK_NAME).read_text())
    (app / LOCK_NAME).write_text(json.dumps(lock | {"base": {}}))
    assert merge(app, file(TEXT.replace("line 8", "new"))) == ("keep", 0)
    assert (app / SCRIPT).read_text() == TEXT.replace("line 2\n", "mine\n")


def test_an_edited_file_that_is_made_no_more_stays_until_it_is_forced(app: Path) -> None:
    edit(app / SCRIPT, "line 2\n", "mine\n")
    icon = file(b"\xff\0", "icon.png")
    assert [c.path for c in compare(app, icon).blocked] == [SCRIPT]
    changes = writer.merge(compare(app, icon))
    assert not changes.blocked
    put(changes)
    assert "mine\n" in (app / SCRIPT).read_text()


def test_force_takes_ours_of_everything(app: Path) -> None:
    edit(app / SCRIPT, "line 2\n", "mine\n")
    changes = compare(app, file(TEXT), file(b"\xff\0", "icon.png"))
    assert [c.kind for c in changes.changes if c.path == SCRIPT] == ["keep"]
    put(changes)
    assert "mine\n" in (app / SCRIPT).read_text()
    put(writer.force(changes))
    assert (app / SCRIPT).read_text() == TEXT
    edit(app / SCRIPT, "line 2\n", "mine\n")
    put(writer.force(compare(app, file(b"\xff\0", "icon.png"))))
    assert not (app / SCRIPT).exists()


def test_a_lock_that_alone_is_out_of_date_is_no_difference(app: Path) -> None:
    files = (file(TEXT), file(b"\xff\0", "icon.png"))
    changes = writer.compare(app, files, "2", "one", {"site.yml": "-:1"})
    assert changes.is_clean
    assert [c.path for c in changes.changes if c.kind != "unchanged"] == [LOCK_NAME]
    put(changes)
    assert compare(app, *files).is_clean
    assert '"made_by": "ood-appgen 2"' in (app / LOCK_NAME).read_text()
