"""Mends: what is changed, and what never is."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from lint_apps import make_app
from ood_appgen.diagnostics import Diagnostic, Edit, Severity
from ood_appgen.lint import fixes, folder
from ood_appgen.lint.config import Config
from ood_appgen.lint.fixes import Fixed, FixError
from ood_appgen.lint.folder import AppFolder
from ood_appgen.lint.run import Outcome, Target
from tools import require_tool

Find = Callable[[str], Iterable[Edit]]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_app(tmp_path / "one", "abcdef\n")


def finding(edit: Edit) -> Diagnostic:
    return Diagnostic(edit.path, None, "a", Severity.ERROR, "wrong", fix=edit)


def mend(app: Path, find: Find, allowed: Path | None = None, name: str = "form.yml") -> Fixed:
    """Mend by what `find` says of the text of a file."""

    def check(target: Target, files: AppFolder) -> list[Diagnostic]:
        return [finding(e) for e in find(files.contents[name].data.decode("utf-8-sig"))]

    files = folder.read(app)
    target = Target(app, "one", Config(), None)
    outcome = Outcome(target, files, tuple(check(target, files)))
    return fixes.mend(outcome, [(allowed or app).resolve()], check)


def once(text: str, *edits: tuple[int, int, str]) -> Find:
    """Findings as long as the file is as it was."""
    found = [Edit("one/form.yml", *edit) for edit in edits]
    return lambda now: found if now == text else []


def mended(app: Path, find: Find) -> str:
    fixed = mend(app, find)
    fixes.write(fixed)
    return (app / "form.yml").read_bytes().decode()


def test_several_mends_of_a_file(app: Path) -> None:
    find = once("abcdef\n", (4, 5, "E"), (0, 1, "A"), (2, 2, "--"), (6, 6, "!"))
    assert mended(app, find) == "Ab--cdEf!\n"


def test_of_mends_that_overlap_the_first_counts(app: Path) -> None:
    fixed = mend(app, once("abcdef\n", (0, 3, "X"), (2, 4, "Y"), (3, 4, "Z"), (3, 3, "W")))
    assert fixed.after.files.contents["form.yml"].data == b"XWdef\n"
    assert fixed.count == 2
    same = once("abcdef\n", (0, 3, "X"), (0, 3, "X"))
    assert mend(app, same).count == 1


def test_mends_that_are_no_place_of_the_file(app: Path) -> None:
    find = once("abcdef\n", (5, 99, "X"), (-1, 2, "X"), (3, 2, "X"), (0, 1, "a"))
    assert mend(app, find).changed == []
    other = [
        Edit("two/form.yml", 0, 1, "X"),
        Edit("one/none.yml", 0, 1, "X"),
        Edit("form.yml", 0, 1),
    ]
    assert mend(app, lambda _: other).changed == []


def test_round_by_round_until_there_is_nothing_more(app: Path) -> None:
    def find(text: str) -> list[Edit]:
        at = next((i for i, c in enumerate(text) if c.islower()), None)
        return [] if at is None else [Edit("one/form.yml", at, at + 1, text[at].upper())]

    fixed = mend(app, find)
    assert (fixed.count, fixed.after.findings) == (6, ())
    assert fixed.after.files.contents["form.yml"].data == b"ABCDEF\n"


def test_mends_without_end_are_ended(app: Path) -> None:
    fixed = mend(app, lambda text: [Edit("one/form.yml", 0, 0, "x")])
    assert fixed.count == 10
    assert len(fixed.after.findings) == 1


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"ab\r\ncd\r\n", b"ab\r\nX\r\nY\r\n"),
        (b"\xef\xbb\xbfab\r\ncd\r\n", b"\xef\xbb\xbfab\r\nX\r\nY\r\n"),
        (b"\xef\xbb\xbfabc\ncd", b"\xef\xbb\xbfabc\nX\nY"),
        ("éé\ncd\n".encode(), "éé\nX\nY\n".encode()),
        ("\U0001f600ab\ncd\n".encode(), "\U0001f600ab\nX\nY\n".encode()),
    ],
)
def test_line_ends_and_byte_order_marks_stay(app: Path, content: bytes, wanted: bytes) -> None:
    (app / "form.yml").write_bytes(content)

    def find(text: str) -> list[Edit]:
        at = text.find("cd")
        return [Edit("one/form.yml", at, at + 2, "X\nY")] if at >= 0 else []

    fixes.write(mend(app, find))
    assert (app / "form.yml").read_bytes() == wanted


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o444, 0o755, 0o2640])
def test_the_mode_stays(app: Path, mode: int) -> None:
    (app / "form.yml").chmod(mode)
    assert mended(app, once("abcdef\n", (0, 1, "A"))) == "Abcdef\n"
    assert (app / "form.yml").stat().st_mode & 0o7777 == mode
    assert sorted(p.name for p in app.iterdir()) == ["form.yml", "submit.yml.erb", "template"]


@pytest.mark.parametrize(("mode", "wanted"), [(0o644, 0o755), (0o640, 0o750), (0o600, 0o700)])
def test_the_run_bit(app: Path, mode: int, wanted: int) -> None:
    (app / "form.yml").chmod(mode)
    inode = (app / "form.yml").stat().st_ino

    def check(target: Target, files: AppFolder) -> list[Diagnostic]:
        runs = files.contents["form.yml"].executable
        return [] if runs else [finding(Edit("one/form.yml", run_bit=True))]

    target = Target(app, "one", Config(), None)
    files = folder.read(app)
    fixed = fixes.mend(Outcome(target, files, tuple(check(target, files))), [app], check)
    assert list(fixes.diff(fixed)) == [
        "diff --git a/one/form.yml b/one/form.yml\nold mode 100644\nnew mode 100755\n"
    ]
    fixes.write(fixed)
    status = (app / "form.yml").stat()
    assert (status.st_mode & 0o7777, status.st_ino) == (wanted, inode)


# -- what is left alone ---------------------------------------------------------------------------


def test_a_link_out_of_the_paths_is_left_alone(app: Path, tmp_path: Path) -> None:
    outside = tmp_path / "common.yml"
    outside.write_text("abcdef\n")
    (app / "form.yml").unlink()
    (app / "form.yml").symlink_to("../common.yml")
    find = once("abcdef\n", (0, 1, "A"))
    assert mend(app, find).changed == []
    assert mended(app, find) == "abcdef\n"
    # With the directory above it named, it is inside.
    fixes.write(mend(app, find, allowed=tmp_path))
    assert outside.read_text() == "Abcdef\n"
    assert (app / "form.yml").is_symlink()


def test_a_link_within_is_followed(app: Path) -> None:
    (app / "form.yml").rename(app / "template/real.yml")
    (app / "form.yml").symlink_to("template/real.yml")
    assert mended(app, once("abcdef\n", (0, 1, "A"))) == "Abcdef\n"
    assert (app / "form.yml").is_symlink()
    assert not (app / "template/real.yml").is_symlink()


def test_of_a_path_that_is_a_file_nothing_else_is_changed(app: Path) -> None:
    find = once("abcdef\n", (0, 1, "A"))
    assert mend(app, find, allowed=app / "submit.yml.erb").changed == []
    assert mend(app, find, allowed=app / "form.yml").changed == ["form.yml"]


def test_a_file_that_changed_meanwhile_is_left_alone(app: Path) -> None:
    fixed = mend(app, once("abcdef\n", (0, 1, "A")))
    (app / "form.yml").write_text("mine\n")
    with pytest.raises(FixError, match="changed while it was linted"):
        fixes.write(fixed)
    assert (app / "form.yml").read_text() == "mine\n"


def test_a_file_that_cannot_be_written(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fixed = mend(app, once("abcdef\n", (0, 1, "A")))

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(FixError, match="cannot be written: No space left on device"):
        fixes.write(fixed)
    assert (app / "form.yml").read_text() == "abcdef\n"
    assert sorted(p.name for p in app.iterdir()) == ["form.yml", "submit.yml.erb", "template"]


# -- differences ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"a\nb\nc\n", b"a\nb\nc", b"a\r\nb\r\nc\r\n", b"a\x0bb\x0c\nc\xe2\x80\xa8\n", b"a"]
)
def test_git_can_apply_the_diff(app: Path, content: bytes) -> None:
    (app / "form.yml").write_bytes(content)
    text = content.decode()
    fixed = mend(app, once(text, (0, 1, "A"), (len(text), len(text), "z")))
    patch = "".join(fixes.diff(fixed)).encode()
    subprocess.run(
        [require_tool("git"), "apply", "-p1", "-"], input=patch, cwd=app.parent, check=True
    )
    assert (app / "form.yml").read_bytes() == fixed.after.files.contents["form.yml"].data
    fixes_again = replace(fixed, before=fixed.after.files)
    assert list(fixes.diff(fixes_again)) == []
