"""Which files below `overrides/` are taken, and why others are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ood_appgen import overrides
from ood_appgen.render import RenderedFile


@pytest.fixture
def app(tmp_path: Path) -> Path:
    (tmp_path / "one/overrides/template").mkdir(parents=True)
    return tmp_path / "one"


def put(app: Path, name: str, text: str = "ours\n", mode: int = 0o644) -> Path:
    path = app / "overrides" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def refused(app: Path) -> list[tuple[str, str, str]]:
    """What is refused, and why; nothing of it is taken."""
    files, findings = overrides.read(app)
    assert files == ()
    assert all(f.rule == "override-file" for f in findings)
    return [(Path(f.path).name, f.message, f.hint) for f in findings]


def test_without_the_directory_there_are_none(tmp_path: Path) -> None:
    assert overrides.read(tmp_path) == ((), [])


def test_files_are_taken_as_they_are_in_the_order_of_their_names(app: Path) -> None:
    put(app, "view.html.erb", "<p>\r\n")
    put(app, "template/script.sh.erb", "#!/bin/sh\n", 0o755)
    put(app, "form.js")
    (app / "overrides/empty").mkdir()
    assert overrides.read(app) == (
        (
            RenderedFile("form.js", b"ours\n"),
            RenderedFile("view.html.erb", b"<p>\r\n"),
            RenderedFile("template/script.sh.erb", b"#!/bin/sh\n", executable=True),
        ),
        [],
    )


def test_what_editors_and_git_leave_is_not_taken(app: Path) -> None:
    for name in (".view.swp", ".git/config", "template/.git/config", "view.html.erb~"):
        put(app, name)
    assert overrides.read(app) == ((), [])


@pytest.mark.parametrize("name", ["appgen.lock", "appgen.lock/note"])
def test_the_lock_is_appgens(app: Path, name: str) -> None:
    put(app, name)
    said = ("appgen keeps its own record under this name", "delete it")
    assert refused(app) == [(Path(name).name, *said)]


def test_a_file_that_is_called_like_the_lock_elsewhere_is_taken(app: Path) -> None:
    put(app, "template/appgen.lock")
    assert [f.path for f in overrides.read(app)[0]] == ["template/appgen.lock"]


def test_names_that_cannot_be_printed(app: Path) -> None:
    put(app, "a\nb")
    (app / "overrides" / os.fsdecode(b"caf\xe9")).write_text("")
    said = ("its name holds a character that no file of an app can have", "rename it")
    assert refused(app) == [("a\nb", *said), ("caf\\udce9", *said)]


def test_links_and_pipes(app: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (app / "overrides/away").symlink_to(tmp_path / "outside")
    (app / "overrides/broken").symlink_to("nowhere")
    os.mkfifo(app / "overrides/pipe")
    plain = ("is no plain file", "put the file itself there")
    assert refused(app) == [
        ("away", "is a link out of the app's directory", "put the file itself there"),
        ("broken", *plain),
        ("pipe", *plain),
    ]


def test_links_within_the_app_are_followed(app: Path) -> None:
    (app / "view.html").write_text("<p>")
    (app / "overrides/view.html.erb").symlink_to("../view.html")
    assert overrides.read(app) == ((RenderedFile("view.html.erb", b"<p>"),), [])


def test_a_file_that_cannot_be_read(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(app, "view.html.erb")

    def fail(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", fail)
    assert refused(app) == [("view.html.erb", "cannot be read: Permission denied", "")]


def test_overrides_replace_and_join_what_is_rendered() -> None:
    rendered = (RenderedFile("b", b"theirs", executable=True), RenderedFile("c", b"theirs"))
    ours = (RenderedFile("d", b"ours"), RenderedFile("a", b"ours"), RenderedFile("b", b"ours"))
    assert overrides.apply(rendered, ours) == (ours[1], ours[2], rendered[1], ours[0])
