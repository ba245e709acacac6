"""Files on disk: all or nothing, and what a person made stays as it was."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import random
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ood_appgen import __version__ as VERSION  # noqa: N812
from ood_appgen import api, cli, writer
from ood_appgen.render import RenderedFile
from ood_appgen.writer import LOCK_NAME, AppChanges, WriteError
from samples import make_site
from tools import require_tool

SCRIPT = "template/script.sh.erb"
OLD = (
    RenderedFile("form.yml", b"form: []\n"),
    RenderedFile(SCRIPT, b"#!/bin/sh\nexec true\n", executable=True),
    RenderedFile("view.html.erb", b"<a>old</a>\n"),
)
# form.yml changes, the view goes, a file in a new folder comes, the script stays.
NEW = (
    RenderedFile("deep/down/note.txt", b"new\n"),
    RenderedFile("form.yml", b"form: [cluster]\n"),
    OLD[1],
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "out"


def compare(root: Path, files: tuple[RenderedFile, ...], app: str = "one") -> AppChanges:
    return writer.compare(root / app, files, VERSION)


def compare_app(root: Path, app: api.RenderedApp) -> AppChanges:
    return writer.compare(root / app.id, app.files, VERSION, app.id, app.inputs)


def put(root: Path, files: tuple[RenderedFile, ...], app: str = "one") -> AppChanges:
    changes = compare(root, files, app)
    writer.write([changes], root)
    return changes


def said(changes: AppChanges) -> dict[str, str]:
    """What is not unchanged: path -> kind, and who made the file."""
    return {
        c.path: f"{c.kind} ({c.by_hand})" if c.by_hand else c.kind
        for c in changes.changes
        if c.kind != "unchanged"
    }


def snapshot(folder: Path) -> dict[str, Any]:
    """Everything below a folder: kinds, modes, contents, where links lead."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name, mode = path.relative_to(folder).as_posix(), stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_dir():
            found[f"{name}/"] = mode
        else:
            found[name] = (mode, path.read_bytes() if path.is_file() else "special")
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def wanted(files: tuple[RenderedFile, ...]) -> dict[str, bytes]:
    lock = writer.compare(Path("/nowhere"), files, VERSION).files[-1]
    return {f.path: f.content for f in (*files, lock)}


def write_blocked(root: Path, files: tuple[RenderedFile, ...]) -> None:
    """What `--force` does: the writer itself does not ask."""
    changes = compare(root, files)
    assert changes.blocked
    writer.write([changes], root)


# -- a first time, and again --------------------------------------------------------------------


def test_a_fresh_directory_and_its_lock(root: Path) -> None:
    changes = put(root, OLD)
    assert said(changes) == dict.fromkeys(
        ["appgen.lock", "form.yml", SCRIPT, "view.html.erb"], "create"
    )
    assert [c.path for c in changes.changes] == sorted(c.path for c in changes.changes)
    assert contents(root / "one") == wanted(OLD)
    lock = json.loads((root / "one" / LOCK_NAME).read_text())
    assert lock["made_by"] == f"ood-appgen {VERSION}"
    assert {path: digest[:2] for path, digest in lock["files"].items()} == {
        "form.yml": "-:",
        SCRIPT: "x:",
        "view.html.erb": "-:",
    }
    assert os.listdir(root) == ["one"]
    assert compare(root, OLD).is_clean


def test_nothing_to_do_touches_nothing(root: Path) -> None:
    put(root, OLD)
    before = root.stat().st_mtime_ns, (root / "one").stat().st_ino
    writer.write([compare(root, OLD)], root)
    writer.write([], root / "other")
    assert (root.stat().st_mtime_ns, (root / "one").stat().st_ino) == before
    assert not (root / "other").exists()


def test_a_new_version_updates_creates_and_removes(root: Path) -> None:
    put(root, OLD)
    assert said(compare(root, NEW)) == {
        "appgen.lock": "update",
        "deep/down/note.txt": "create",
        "form.yml": "update",
        "view.html.erb": "remove",
    }
    put(root, NEW)
    assert contents(root / "one") == wanted(NEW)
    put(root, OLD)
    assert contents(root / "one") == wanted(OLD)


def test_comparing_writes_nothing(root: Path) -> None:
    compare(root, OLD)
    assert not root.exists()
    put(root, OLD)
    before = snapshot(root)
    "".join(writer.diff(compare(root, NEW), "one"))
    assert snapshot(root) == before


def test_diff_of_a_new_version(root: Path) -> None:
    put(root, OLD)
    assert list(writer.diff(compare(root, NEW), "one")) == [
        "--- /dev/null",
        "+++ b/one/deep/down/note.txt",
        "@@ -0,0 +1 @@",
        "+new",
        "--- a/one/form.yml",
        "+++ b/one/form.yml",
        "@@ -1 +1 @@",
        "-form: []",
        "+form: [cluster]",
        "--- a/one/view.html.erb",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "-<a>old</a>",
    ]


# -- what a person did --------------------------------------------------------------------------


def edit(app: Path) -> None:
    (app / "form.yml").write_bytes(b"form: [mine]\n")


def lose_run_bit(app: Path) -> None:
    (app / SCRIPT).chmod(0o644)


def gain_run_bit(app: Path) -> None:
    (app / "form.yml").chmod(0o755)


def make_link(app: Path) -> None:
    (app / "form.yml").rename(app / "real.yml")
    (app / "form.yml").symlink_to("real.yml")


def make_dangling_link(app: Path) -> None:
    (app / "form.yml").unlink()
    (app / "form.yml").symlink_to("nowhere")


def make_fifo(app: Path) -> None:
    (app / "form.yml").unlink()
    os.mkfifo(app / "form.yml")


EDITED = "update (edited since appgen wrote it)"
KEPT = "keep (edited since appgen wrote it)"
BY_HAND = [
    (edit, "form.yml"),
    (lose_run_bit, SCRIPT),
    (gain_run_bit, "form.yml"),
    (make_link, "form.yml"),
    (make_dangling_link, "form.yml"),
    (make_fifo, "form.yml"),
]


@pytest.mark.parametrize(("act", "path"), BY_HAND, ids=lambda p: getattr(p, "__name__", ""))
def test_what_was_changed_by_hand_is_named(
    root: Path, act: Callable[[Path], None], path: str
) -> None:
    put(root, OLD)
    act(root / "one")
    before = snapshot(root / "one")
    changes = compare(root, OLD)
    assert said(changes) == {path: KEPT}
    assert not changes.blocked and not changes.is_clean
    put(root, OLD)  # there is nothing new for the file
    assert snapshot(root / "one") == before
    put(root, (*OLD, RenderedFile("new.txt", b"new\n")))
    kept = {k: v for k, v in snapshot(root / "one").items() if k not in ("new.txt", LOCK_NAME)}
    assert kept == {k: v for k, v in before.items() if k != LOCK_NAME}
    put(root, OLD)
    writer.write([writer.force(compare(root, OLD))], root)
    assert compare(root, OLD).is_clean
    extra = {"real.yml": b"form: []\n"} if act is make_link else {}
    assert contents(root / "one") == {**wanted(OLD), **extra}
    assert not (root / "one/form.yml").is_symlink()


def test_an_edit_that_the_new_version_also_makes_is_no_trouble(root: Path) -> None:
    put(root, OLD)
    (root / "one/form.yml").write_bytes(NEW[1].content)
    assert not compare(root, NEW).blocked
    put(root, NEW)
    assert contents(root / "one") == wanted(NEW)


def test_a_foreign_file_of_the_same_name(root: Path) -> None:
    (root / "one").mkdir(parents=True)
    (root / "one/form.yml").write_bytes(b"form: [mine]\n")
    (root / "one/view.html.erb").write_bytes(OLD[2].content)
    assert said(compare(root, OLD)) == {
        "appgen.lock": "create",
        "form.yml": "update (not written by appgen)",
        SCRIPT: "create",
    }
    write_blocked(root, OLD)
    assert contents(root / "one") == wanted(OLD)


def test_a_file_that_was_deleted_comes_back(root: Path) -> None:
    put(root, OLD)
    shutil.rmtree(root / "one/template")
    assert said(compare(root, OLD)) == {SCRIPT: "create"}
    put(root, OLD)
    assert contents(root / "one") == wanted(OLD)


def test_a_removed_file_that_was_edited_is_blocked_and_named(root: Path) -> None:
    put(root, OLD)
    (root / "one/view.html.erb").write_bytes(b"<a>mine</a>\n")
    changes = compare(root, NEW)
    assert said(changes)["view.html.erb"] == "remove (edited since appgen wrote it)"
    assert [c.path for c in changes.blocked] == ["view.html.erb"]
    assert (root / "one/view.html.erb").read_bytes() == b"<a>mine</a>\n"


def test_a_removed_file_that_is_already_gone(root: Path) -> None:
    put(root, OLD)
    (root / "one/view.html.erb").unlink()
    assert "view.html.erb" not in said(compare(root, NEW))
    put(root, NEW)
    assert contents(root / "one") == wanted(NEW)


# -- the lock -----------------------------------------------------------------------------------


def test_without_a_lock_what_differs_is_somebody_elses(root: Path) -> None:
    put(root, OLD)
    (root / "one" / LOCK_NAME).unlink()
    assert said(compare(root, OLD)) == {"appgen.lock": "create"}
    assert said(compare(root, NEW)) == {
        "appgen.lock": "create",
        "deep/down/note.txt": "create",
        "form.yml": "update (not written by appgen)",
    }
    put(root, OLD)
    assert compare(root, OLD).is_clean


BROKEN = {
    "empty": b"",
    "no JSON": b"<<<<<<< HEAD\n",
    "no UTF-8": b'{"files": "\xff"}',
    "a list": b"[]",
    "a number": b"7",
    "null": b"null",
    "no files": b'{"made_by": "x"}',
    "files are null": b'{"files": null}',
    "files are a list": b'{"files": ["form.yml"]}',
    "files are text": b'{"files": "form.yml"}',
    "digests are no texts": b'{"files": {"form.yml": 1, "view.html.erb": null, "template/script.sh.erb": []}}',
    "a lone surrogate": b'{"files": {"\\ud800": "x"}}',
    "a NUL": b'{"files": {"a\\u0000b": "x"}}',
    "a name that is too long": json.dumps({"files": {"x" * 300: "y"}}).encode(),
    "nested without end": pytest.param(b"[" * 100_000),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_a_broken_lock_protects_what_differs(root: Path, text: bytes) -> None:
    put(root, OLD)
    (root / "one" / LOCK_NAME).write_bytes(text)
    assert said(compare(root, OLD)) == {"appgen.lock": "update"}
    assert [c.path for c in compare(root, NEW).blocked] in (
        [],
        ["form.yml"],
        ["form.yml", "view.html.erb"],
    )
    assert "form.yml" in {c.path for c in compare(root, NEW).blocked}
    put(root, OLD)
    assert contents(root / "one") == wanted(OLD)


@pytest.mark.parametrize(
    "path",
    ["../two/form.yml", "a/../../two/form.yml", "/etc/hostname", "template/../../two/form.yml"],
)
def test_a_lock_cannot_reach_out_of_its_directory(root: Path, path: str) -> None:
    put(root, OLD)
    put(root, OLD, "two")
    digest = json.loads((root / "two" / LOCK_NAME).read_text())["files"]["form.yml"]
    lock = json.loads((root / "one" / LOCK_NAME).read_text())
    lock["files"] |= {path: digest, "form.yml": lock["files"]["form.yml"]}
    (root / "one" / LOCK_NAME).write_text(json.dumps(lock))
    before = snapshot(root / "two")
    assert path not in said(compare(root, NEW))
    put(root, NEW)
    assert snapshot(root / "two") == before
    assert contents(root / "one") == wanted(NEW)


@pytest.mark.parametrize("path", ["", ".", "template"])
def test_a_lock_names_files_alone(root: Path, path: str) -> None:
    put(root, OLD)
    lock = json.loads((root / "one" / LOCK_NAME).read_text())
    lock["files"][path] = "-:0"
    (root / "one" / LOCK_NAME).write_text(json.dumps(lock))
    assert said(compare(root, OLD)) == {"appgen.lock": "update"}


def test_a_lock_that_is_a_directory_is_said_to_be_unreadable(root: Path) -> None:
    put(root, OLD)
    (root / "one" / LOCK_NAME).unlink()
    (root / "one" / LOCK_NAME).mkdir()
    with pytest.raises(WriteError, match=r"one/appgen\.lock: cannot be read: Is a directory$"):
        compare(root, OLD)


# -- what else is in the directory --------------------------------------------------------------


def test_what_appgen_knows_nothing_of_stays(root: Path, tmp_path: Path) -> None:
    put(root, OLD)
    app = root / "one"
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kept").write_text("kept")
    (app / ".git/objects").mkdir(parents=True)
    (app / ".git/HEAD").write_text("ref: x\n")
    (app / ".git/objects/pack").write_bytes(b"\x00" * 100_000)
    (app / "form.js").write_text("// mine\n")
    (app / "form.js").chmod(0o640)
    os.utime(app / "form.js", (1_000_000_000, 1_000_000_000))
    (app / "template/extra.sh").write_text("#!/bin/sh\n")
    (app / "template/extra.sh").chmod(0o755)
    (app / "name with\nnewline").write_text("x")
    os.link(app / "form.js", app / "hard")
    (app / "link").symlink_to("form.js")
    (app / "dangling").symlink_to("/nowhere")
    (app / "folder").symlink_to(tmp_path / "elsewhere")
    (app / "empty").mkdir(mode=0o700)
    (app / "empty").chmod(0o2770)
    os.mkfifo(app / "pipe")
    app.chmod(0o751)
    before = snapshot(app)
    put(root, NEW)
    after = snapshot(app)
    ours = {f.path for f in (*OLD, *NEW)} | {LOCK_NAME, "deep/", "deep/down/"}
    assert {k: v for k, v in after.items() if k not in ours} == {
        k: v for k, v in before.items() if k not in ours
    }
    assert contents(app) == {
        **{k: v for k, v in contents(app).items() if k not in ours},
        **wanted(NEW),
    }
    assert (app / "form.js").stat().st_mtime == 1_000_000_000
    assert (app / "hard").stat().st_ino == (app / "form.js").stat().st_ino
    assert stat.S_IMODE(app.stat().st_mode) == 0o751
    assert (tmp_path / "elsewhere/kept").read_text() == "kept"


def test_empty_folders_in_empty_folders_stay(root: Path) -> None:
    put(root, OLD)
    (root / "one/a/b/c").mkdir(parents=True)
    put(root, NEW)
    assert (root / "one/a/b/c").is_dir()


def test_nothing_is_written_through_a_link(root: Path, tmp_path: Path) -> None:
    (root / "one").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (root / "one/template").symlink_to(tmp_path / "elsewhere")
    with contextlib.suppress(WriteError):
        write_blocked(root, OLD)
    assert os.listdir(tmp_path / "elsewhere") == []


@pytest.mark.parametrize("way", ["a directory of the file's name", "a file of the folder's name"])
def test_what_stands_in_the_way_is_named(root: Path, way: str) -> None:
    (root / "one").mkdir(parents=True)
    if way.startswith("a directory"):
        (root / "one/form.yml").mkdir()
    else:
        (root / "one/template").write_text("x")
    before = snapshot(root)
    with pytest.raises(WriteError, match="move it away"):
        write_blocked(root, OLD)
    assert snapshot(root) == before


def test_a_folder_in_a_files_way_is_kept(root: Path) -> None:
    (root / "one/form.yml").mkdir(parents=True)
    (root / "one/form.yml/mine").write_text("x")
    before = snapshot(root)
    with pytest.raises(WriteError, match="form.yml: appgen writes a file of that name"):
        write_blocked(root, OLD)
    assert snapshot(root) == before


def test_a_target_that_is_a_link_or_a_file(root: Path, tmp_path: Path) -> None:
    root.mkdir()
    (tmp_path / "real").mkdir()
    (root / "one").symlink_to(tmp_path / "real")
    with pytest.raises(
        WriteError, match="out/one: is a symbolic link; appgen replaces whole directories"
    ):
        compare(root, OLD)
    (root / "one").unlink()
    (root / "one").symlink_to(tmp_path / "nowhere")
    with pytest.raises(WriteError, match="is a symbolic link"):
        compare(root, OLD)
    (root / "two").write_text("x")
    with pytest.raises(
        WriteError, match="out/two: is a file; move it away, or choose another --output"
    ):
        compare(root, OLD, "two")
    assert (root / "two").read_text() == "x"


def test_an_output_that_is_a_link_is_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    root.symlink_to(tmp_path / "real")
    put(root, OLD)
    put(root, NEW)
    assert contents(tmp_path / "real/one") == wanted(NEW)
    assert root.is_symlink()


# -- the disk says no ---------------------------------------------------------------------------


def require_root() -> None:
    """Skip without root's rights, which mounting takes; in CI fail."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail("this test mounts file systems: run as root in CI", pytrace=False)
    pytest.skip("this test mounts file systems, and needs root")


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[Path]:
    """A tmpfs at a place, which is made."""
    require_root()
    mount, umount = require_tool("mount"), require_tool("umount")
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run([umount, str(place)], check=True)


def test_a_full_disk_leaves_all_as_it_was(root: Path) -> None:
    big = (RenderedFile("big", bytes(400_000)), *NEW)
    with mounted(root, "size=256k"):
        put(root, OLD)
        put(root, OLD, "two")
        before = snapshot(root)
        with pytest.raises(
            WriteError, match=r"cannot be written: No space left on device; nothing was changed$"
        ):
            writer.write([compare(root, NEW), compare(root, big, "two")], root)
        assert snapshot(root) == before
        put(root, NEW)
        assert contents(root / "one") == wanted(NEW)


def test_a_full_quota_of_inodes(root: Path) -> None:
    with mounted(root, "size=1m,nr_inodes=12"):
        put(root, OLD)
        before = snapshot(root)
        with pytest.raises(WriteError, match=r"No space left on device; nothing was changed$"):
            put(root, (*NEW, *(RenderedFile(f"extra/{n}", b"") for n in range(20))))
        assert snapshot(root) == before


def test_a_limit_on_the_size_of_files(root: Path) -> None:
    put(root, OLD)
    before = snapshot(root)
    changes = compare(root, (RenderedFile("big", bytes(400_000)), *NEW))
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with pytest.raises(WriteError, match=r"File too large; nothing was changed$"):
            writer.write([changes], root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert snapshot(root) == before


def test_a_read_only_output(root: Path) -> None:
    with mounted(root, "size=256k"):
        put(root, OLD)
        before = snapshot(root)
        subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)
        assert said(compare(root, NEW))["form.yml"] == "update"
        with pytest.raises(
            WriteError, match=r"cannot be written: Read-only file system; nothing was changed$"
        ):
            put(root, NEW)
        assert compare(root, OLD).is_clean
        writer.write([compare(root, OLD)], root)
        assert snapshot(root) == before


def test_an_output_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for root in (tmp_path / "file", tmp_path / "file/deep"):
        with pytest.raises(
            WriteError,
            match=r"cannot be written: (File exists|Not a directory); nothing was changed$",
        ):
            put(root, OLD)
    assert os.listdir(tmp_path) == ["file"]


def test_an_output_that_may_not_be_read_or_written(tmp_path: Path) -> None:
    """As a user without rights: in a child process that gives up root's."""

    def act() -> str:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        try:
            put(tmp_path / "out", NEW)
        except WriteError as exc:
            return str(exc)
        return "written"

    put(tmp_path / "out", OLD)
    before = snapshot(tmp_path / "out")
    if os.geteuid() == 0:  # pytest's directories are root's own
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "out").chmod(0o555)
    try:
        assert in_child(act).endswith("cannot be written: Permission denied; nothing was changed")
        (tmp_path / "out/one/form.yml").chmod(0)
        assert in_child(act) == f"{tmp_path}/out/one/form.yml: cannot be read: Permission denied"
    finally:
        (tmp_path / "out").chmod(0o755)
        (tmp_path / "out/one/form.yml").chmod(0o644)
    assert snapshot(tmp_path / "out") == before


# -- several apps, several writers --------------------------------------------------------------


def put_both(root: Path, files: tuple[RenderedFile, ...]) -> None:
    writer.write([compare(root, files, app) for app in ("one", "two")], root)


def test_an_app_that_cannot_be_exchanged_takes_back_the_others(root: Path) -> None:
    put(root, OLD)
    with mounted(root / "two", "size=256k"):  # a mount point cannot be renamed
        (root / "two/mine").write_text("mine")
        before = snapshot(root)
        with pytest.raises(
            WriteError, match=r"out/two: cannot be written: .* busy; nothing was changed$"
        ):
            put_both(root, NEW)
        assert snapshot(root) == before
        assert sorted(os.listdir(root)) == ["one", "two"]


@pytest.mark.parametrize("there", [("one", "two"), ("one",), ("two",), ()], ids="+".join)
@pytest.mark.parametrize("exchange", [True, False], ids=["exchange", "two renames"])
def test_whatever_fails_in_the_exchange_nothing_changes(
    root: Path, monkeypatch: pytest.MonkeyPatch, there: tuple[str, ...], exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    root.mkdir()
    for app in there:
        put(root, OLD, app)
        (root / app / "mine").write_text("mine")
    before = snapshot(root)
    real = writer._exchange
    calls = []

    def fail_second(target: Path, stage: Path) -> None:
        calls.append(target.name)
        if len(calls) == 2:
            raise OSError(errno.EIO, "Input/output error", str(target))
        real(target, stage)

    monkeypatch.setattr(writer, "_exchange", fail_second)
    with pytest.raises(
        WriteError, match="out/two: cannot be written: Input/output error; nothing was changed"
    ):
        put_both(root, NEW)
    assert calls == ["one", "two", "one"]
    assert snapshot(root) == before
    monkeypatch.setattr(writer, "_exchange", real)
    put_both(root, NEW)
    for app in ("one", "two"):
        mine = {"mine": b"mine"} if app in there else {}
        assert contents(root / app) == {**wanted(NEW), **mine}
    assert sorted(os.listdir(root)) == ["one", "two"]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EIO])
def test_a_file_system_without_an_exchange(
    root: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    class Library:
        @staticmethod
        def renameat2(*_: object) -> int:
            return -1

    put(root, OLD)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Library)
    monkeypatch.setattr(ctypes, "get_errno", lambda: code)
    if code == errno.EIO:
        before = snapshot(root)
        with pytest.raises(WriteError, match="Input/output error"):
            put(root, NEW)
        assert snapshot(root) == before
        return
    put(root, NEW)
    assert contents(root / "one") == wanted(NEW)
    assert os.listdir(root) == ["one"]


def test_killed_between_the_two_renames_the_old_directory_comes_back(root: Path) -> None:
    put(root, OLD)
    (root / "one/mine").write_text("mine")
    (root / "one").rename(root / ".appgen-one-abcd_123.old")
    shutil.copytree(root / ".appgen-one-abcd_123.old", root / ".appgen-one-abcd_123")
    with pytest.raises(WriteError, match="out/one: changed while rendering; run again"):
        put(root, NEW)
    assert contents(root / "one") == {**wanted(OLD), "mine": b"mine"}
    put(root, NEW)
    assert contents(root / "one") == {**wanted(NEW), "mine": b"mine"}
    assert os.listdir(root) == ["one"]


def test_what_changes_between_comparing_and_writing_is_not_lost(root: Path) -> None:
    put(root, OLD)
    changes = compare(root, NEW)
    edit(root / "one")
    before = snapshot(root)
    with pytest.raises(WriteError, match="out/one: changed while rendering; run again"):
        writer.write([changes], root)
    assert snapshot(root) == before


def test_two_writers_at_once(root: Path) -> None:
    put(root, OLD)
    before = snapshot(root)
    held = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        said_by_child = in_child(lambda: raised(lambda: put(root, NEW)))
        assert said_by_child == f"{root}: another appgen is writing here; wait for it and run again"
        assert snapshot(root) == before
        writer.write([compare(root, OLD)], root)  # nothing to write, nobody to wait for
    finally:
        os.close(held)
    put(root, NEW)
    assert contents(root / "one") == wanted(NEW)


def test_many_writers_leave_one_whole_version(root: Path) -> None:
    put(root, OLD)
    (root / "one/mine").write_text("mine")
    children = []
    for number in range(8):
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                for turn in range(10):
                    with contextlib.suppress(WriteError):
                        put(root, (OLD, NEW)[(number + turn) % 2])
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    assert contents(root / "one") in (
        {**wanted(OLD), "mine": b"mine"},
        {**wanted(NEW), "mine": b"mine"},
    )
    assert os.listdir(root) == ["one"]


def raised(act: Callable[[], object]) -> str:
    try:
        act()
    except Exception as exc:
        return str(exc)
    return ""


def in_child(act: Callable[[], str]) -> str:
    """What a function returns in a process of its own."""
    reader, sender = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        try:
            text = act()
        except BaseException as exc:
            text = f"{type(exc).__name__}: {exc}"
        os.write(sender, text.encode())
        os._exit(0)
    os.close(sender)
    with os.fdopen(reader) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    return text


# -- kill -9 ------------------------------------------------------------------------------------

APPS = ("one", "two")
VERSIONS = ("4", "6")
KILL_COUNT = int(os.environ.get("APPGEN_KILL_COUNT", "40"))


class Killable:
    """A site of two apps in two versions, and `appgen render` in a process that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "build"
        self.apps: dict[str, dict[str, api.RenderedApp]] = {}
        self.trees: dict[str, dict[str, dict[str, bytes]]] = {}
        for version in VERSIONS:
            site = make_site(folder / version, *APPS, most_cores=int(version))
            result = api.render_apps([site / "apps" / app for app in APPS], site / "site.yml")
            assert not result.failed
            self.apps[version] = {a.id: a for a in result.apps}
            changes = [compare_app(folder, app) for app in result.apps]
            self.trees[version] = {
                c.target.name: {f.path: f.content for f in c.files} for c in changes
            }
        self.folder = folder

    def start(self, version: str) -> int:
        """Fork a child that is `appgen render`."""

        def render() -> None:
            site_file = str(self.folder / version / "site.yml")
            sys.argv = ["appgen", "render", "--site", site_file, "--output", str(self.root)]
            cli.main()

        return self.fork(render)

    def write(self, version: str, kill_at: int = -1) -> int:
        """Write alone; the child may kill itself before its n-th look at the disk."""

        def write() -> None:
            if kill_at >= 0:
                _die_at(kill_at, str(self.root))
            apps = self.apps[version]
            writer.write([compare_app(self.root, apps[app]) for app in APPS], self.root)

        return self.wait(self.fork(write))

    @staticmethod
    def fork(act: Callable[[], None]) -> int:
        child = os.fork()
        if child:
            return child
        try:
            null = os.open(os.devnull, os.O_RDWR)
            for handle in (0, 1, 2):
                os.dup2(null, handle)
            act()
            os._exit(0)
        except SystemExit as exc:
            os._exit(int(exc.code or 0))
        except BaseException:
            os._exit(99)

    def wait(self, child: int) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def versions(self) -> tuple[str, ...]:
        """The version of each app; fails where a directory is neither wholly."""
        found = []
        for app in APPS:
            there = contents(self.root / app)
            assert there.pop("mine/notes.txt") == b"mine\n", app
            is_wholly = [v for v in VERSIONS if self.trees[v][app] == there]
            assert len(is_wholly) == 1, (app, sorted(there))
            assert os.access(self.root / app / SCRIPT, os.X_OK)
            found += is_wholly
        return tuple(found)


def _die_at(count: int, root: str) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        disk = event in _DISK_EVENTS and any(str(a).startswith(root) for a in arguments)
        if not disk and event not in ("ctypes.dlsym", "fcntl.flock"):
            return
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    sys.addaudithook(hook)


_DISK_EVENTS = frozenset(
    "open os.mkdir os.link os.rename os.remove os.rmdir os.chmod os.utime os.setxattr os.scandir os.listdir "
    "tempfile.mkdtemp shutil.rmtree shutil.copystat".split()
)


@pytest.fixture
def killable(tmp_path: Path) -> Killable:
    made = Killable(tmp_path)
    assert made.wait(made.start(VERSIONS[0])) == 0
    for app in APPS:
        (made.root / app / "mine").mkdir()
        (made.root / app / "mine/notes.txt").write_text("mine\n")
    assert made.versions() == (VERSIONS[0],) * 2
    return made


def test_killed_at_random_each_app_is_wholly_old_or_wholly_new(killable: Killable) -> None:
    assert killable.wait(killable.start(VERSIONS[1])) == 0
    began = time.monotonic()  # the first time, the linter had to read what was rendered
    assert killable.wait(killable.start(VERSIONS[0])) == 0
    duration = time.monotonic() - began
    rng = random.Random(20)
    killed = 0
    for turn in range(KILL_COUNT):
        child = killable.start(VERSIONS[(turn + 1) % 2])
        time.sleep(rng.uniform(0.3, 1.1) * duration)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        killed += killable.wait(child) == -signal.SIGKILL
        killable.versions()
    assert killed
    for version in VERSIONS:
        assert killable.wait(killable.start(version)) == 0
        assert killable.versions() == (version,) * 2
    assert sorted(os.listdir(killable.root)) == sorted(APPS)


def test_killed_before_every_step_each_app_is_wholly_old_or_wholly_new(killable: Killable) -> None:
    seen = set()
    for step in range(2000):
        to = VERSIONS[(step + 1) % 2]
        status = killable.write(to, kill_at=step)
        done = tuple(v == to for v in killable.versions())
        seen.add(done)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        assert killable.write(to) == 0  # the next run ends the business
        assert killable.versions() == (to, to)
        if not all(done):
            assert sorted(os.listdir(killable.root)) == sorted(APPS)
    else:
        raise AssertionError("no end")
    assert step > 50
    # Neither, one alone, and both: the kill met each moment there is.
    assert seen == {(False, False), (True, False), (True, True)}


def test_leftovers_go_even_when_there_is_nothing_to_write(root: Path) -> None:
    put(root, OLD)
    shutil.copytree(root / "one", root / ".appgen-one-abcd_123")
    put(root, OLD)
    assert os.listdir(root) == ["one"]


def test_a_persons_folder_of_a_similar_name_is_no_leftover(root: Path) -> None:
    put(root, OLD)
    (root / ".appgen-notes").mkdir()
    (root / ".appgen-notes/todo").write_text("x")
    put(root, NEW)
    assert (root / ".appgen-notes/todo").exists()


def test_owner_and_group_of_the_directory_are_kept(root: Path) -> None:
    require_root()
    put(root, OLD)
    os.chown(root / "one", 1234, 4321)
    put(root, NEW)
    assert ((root / "one").stat().st_uid, (root / "one").stat().st_gid) == (1234, 4321)
