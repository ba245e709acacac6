"""`appgen.lock`: what is written, and what is read of one that somebody has had in hands."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ood_appgen import lock
from ood_appgen.lock import LOCK_NAME, Lock
from ood_appgen.render import RenderedFile

FILES = (
    RenderedFile("view.html.erb", "<p>é\n".encode()),
    RenderedFile("a.sh", b"true\n", executable=True),
    RenderedFile("icon.png", b"\x89PNG\xff"),
    RenderedFile("nul", b"a\0b"),
)


def put(folder: Path, data: Any) -> Lock:
    """The lock that is read of such a file."""
    (folder / LOCK_NAME).write_text(json.dumps(data))
    return lock.read(folder)


def test_a_lock_is_the_same_for_the_same_files_and_can_be_reviewed() -> None:
    made = lock.make(FILES, "1.2", "one", {"site.yml": "-:1", "apps/one/app.yml": "-:2"})
    again = lock.make(FILES[::-1], "1.2", "one", {"apps/one/app.yml": "-:2", "site.yml": "-:1"})
    assert made == again and made.path == LOCK_NAME and not made.executable
    digest = hashlib.sha256(b"true\n").hexdigest()
    lines = made.content.decode().splitlines()
    assert [line for line in lines if line.startswith('  "')] == [
        '  "app": "one",',
        '  "base": {',
        '  "files": {',
        '  "inputs": {',
        '  "made_by": "ood-appgen 1.2"',
    ]
    assert lines[2:5] == [
        '  "base": {',
        '    "a.sh": "true\\n",',
        '    "view.html.erb": "<p>é\\n"',
    ]
    assert f'    "a.sh": "x:{digest}",' in lines
    assert made.content.endswith(b"}\n")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    made = lock.make(FILES, "1.2", "one", {"site.yml": "-:1"})
    (tmp_path / LOCK_NAME).write_bytes(made.content)
    assert lock.read(tmp_path) == Lock(
        "ood-appgen 1.2",
        "one",
        {"site.yml": "-:1"},
        {f.path: lock.digest(f.content, f.executable) for f in FILES},
        {"a.sh": "true\n", "view.html.erb": "<p>é\n"},
    )


def test_the_executable_bit_is_part_of_a_digest() -> None:
    assert lock.digest(b"a", True) != lock.digest(b"a") == lock.digest(b"a", False)
    assert lock.digest(b"a") != lock.digest(b"b")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../b", "a/../b", "./b", "a/./b", "."])
def test_paths_that_lead_elsewhere_are_not_read(tmp_path: Path, path: str) -> None:
    found = put(tmp_path, {"files": {path: "-:1", "a": "-:2"}, "base": {path: "x", "a": "y"}})
    assert (found.files, found.base) == ({"a": "-:2"}, {"a": "y"})


def test_names_of_another_kind_are_none(tmp_path: Path) -> None:
    assert put(tmp_path, {"app": 7, "made_by": ["x"], "files": {}}) == Lock()
    assert put(tmp_path, {"app": "one", "files": {"..a": "-:1"}}).files == {"..a": "-:1"}


@pytest.mark.parametrize(
    "data", [[], None, 7, {}, {"files": []}, {"files": {}, "inputs": 1}, {"files": {}, "base": []}]
)
def test_a_lock_that_is_none_says_nothing(tmp_path: Path, data: Any) -> None:
    assert put(tmp_path, data) == Lock()


def test_where_there_is_no_lock_nothing_is_known(tmp_path: Path) -> None:
    assert lock.read(tmp_path) == lock.read(tmp_path / "nowhere") == Lock()
    (tmp_path / "file").write_text("")
    assert lock.read(tmp_path / "file") == Lock()
    (tmp_path / LOCK_NAME).write_text("[" * 100_000)
    assert lock.read(tmp_path) == Lock()
