"""The life of rendered apps, as a transcript: edits, changes of the profile, merges, deployments.

`stories/*.txt` hold commands and all that they print; `APPGEN_UPDATE_GOLDEN=1` writes them anew: read
them as somebody who has to act on each message.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from appgen_runner import Appgen
from ood_appgen import api, deploy, lock
from ood_appgen.writer import WriteError
from samples import make_app, make_site

STORIES = Path(__file__).resolve().parent / "stories"
UPDATE = bool(os.environ.get("APPGEN_UPDATE_GOLDEN"))


class Story:
    """Runs commands and writes down what is seen."""

    def __init__(self, run: Appgen, folder: Path) -> None:
        self.run, self.folder = run, folder
        self.lines: list[str] = []

    def appgen(self, *arguments: str) -> str:
        ran = self.run(*arguments)
        self.lines.append(f"$ appgen {' '.join(arguments)}")
        self.lines += (ran.out + ran.err).splitlines()
        if ran.code:
            self.lines.append(f"(exit code {ran.code})")
        self.lines.append("")
        return ran.out + ran.err

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.folder / path
        text = file.read_text()
        assert text.count(old) == 1, (path, old)
        file.write_text(text.replace(old, new))
        self.lines += [f"# {path}: {old.strip()!r} becomes {new.strip()!r}", ""]

    def check(self, name: str) -> None:
        text = re.sub(r"(?m)[ ]+$", "", "\n".join(self.lines)) + "\n"
        path = STORIES / f"{name}.txt"
        if UPDATE:
            STORIES.mkdir(exist_ok=True)
            path.write_text(text)
        assert text == path.read_text()


@pytest.fixture
def story(appgen: Appgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Story:
    folder = make_site(tmp_path / "site", "one")
    monkeypatch.chdir(folder)
    return Story(appgen, folder)


def test_edits_survive(story: Story) -> None:
    form = story.folder / "build/one/form.yml"
    story.appgen("status")
    story.appgen("render")
    story.appgen("status")
    story.edit("build/one/form.yml", 'label: "Number of cores"', 'label: "Cores"')
    story.appgen("status")
    story.appgen("render")  # nothing new for it: kept
    assert 'label: "Cores"' in form.read_text()
    story.edit("site.yml", "hours: {max: 8}", "hours: {max: 12}")
    story.appgen("status")
    story.appgen("render")
    story.appgen("diff")
    story.appgen("render", "--merge", "--dry-run")
    story.appgen("render", "--merge")
    assert 'label: "Cores"' in form.read_text() and "max: 12" in form.read_text()
    story.appgen("status")
    story.appgen("render", "--merge")
    story.edit("build/one/form.yml", "max: 12", "max: 11")
    story.edit("site.yml", "hours: {max: 12}", "hours: {max: 24}")
    story.appgen("render", "--merge")
    assert form.read_text().count("<<<<<<<") == 1
    story.appgen("deploy", "--to", "sys")
    story.appgen("render", "--merge", "--force")
    story.appgen("render", "--force")
    story.appgen("status")
    story.check("edits")


def test_a_tool_and_orphans(story: Story) -> None:
    make_app(story.folder / "apps/two", "two")
    story.appgen("render")
    lock = story.folder / "build/one/appgen.lock"
    lock.write_text(re.sub(r"ood-appgen [^\"]+", "ood-appgen 0.0.1", lock.read_text()))
    story.lines += ["# appgen.lock says that an older appgen made it", ""]
    story.appgen("status")
    story.edit("apps/one/script.sh", "exec sleep", "exec nap")
    story.edit("apps/two/app.yml", "title: The two", "title: Two")
    story.appgen("status")
    for path in (story.folder / "apps/two").iterdir():
        path.unlink()
    story.lines += ["# apps/two is deleted", ""]
    story.appgen("status")
    text = story.folder.joinpath("build/one/appgen.lock").read_text()
    story.folder.joinpath("build/one/appgen.lock").write_text(text[:40])
    story.lines += ["# appgen.lock is cut in half", ""]
    story.appgen("status")
    story.appgen("render", "--merge")
    # The version differs from release to release.
    story.lines = [
        re.sub(r"this is ood-appgen \S+", "this is ood-appgen X", x) for x in story.lines
    ]
    story.check("tool")


def test_overrides_and_blocks(story: Story) -> None:
    overrides = story.folder / "apps/one/overrides"
    (overrides / "template").mkdir(parents=True)
    (overrides / "template/extra.txt").write_text("ours\n")
    (overrides / "view.html.erb").write_text("<p>\nour own view\n</p>\n")
    (overrides / ".swp").write_text("an editor's")
    story.appgen("render")
    assert (story.folder / "build/one/template/extra.txt").read_text() == "ours\n"
    assert "our own view" in (story.folder / "build/one/view.html.erb").read_text()
    assert not (story.folder / "build/one/.swp").exists()
    story.appgen("status")
    story.edit("apps/one/overrides/view.html.erb", "our own", "our new")
    story.appgen("status")
    story.appgen("render")
    story.appgen("explain", "build/one/view.html.erb:2")
    story.edit(
        "site.yml",
        "clusters:",
        "apps: {one: {blocks: {before_end: blocks/quota.sh}}}\nclusters:",
    )
    story.appgen("render")
    (story.folder / "blocks").mkdir()
    (story.folder / "blocks/quota.sh").write_text("check_quota '<%= not ours %>'\n")
    story.lines += ["# blocks/quota.sh is written", ""]
    story.appgen("render")
    before = (story.folder / "build/one/template/before.sh.erb").read_text()
    assert before.endswith("blocks.before_end --\ncheck_quota '<%%= not ours %>'\n")
    story.edit("blocks/quota.sh", "check_quota", "look_at_quota")
    story.appgen("status")
    story.check("overrides")


def test_apps_are_made_from_digests_that_are_read_once(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app(story.folder / "apps/two", "two")
    (story.folder / "apps/one/overrides").mkdir()
    (story.folder / "apps/one/overrides/note.txt").write_text("ours\n")
    (story.folder / "apps/one/overrides/note.txt").chmod(0o755)
    (story.folder / "quota.sh").write_text("true\n")
    story.edit("site.yml", "clusters:", "apps: {one: {blocks: {before_end: quota.sh}}}\nclusters:")
    read: list[str] = []
    real = Path.read_bytes

    def note(path: Path) -> bytes:
        read.append(path.name)
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", note)
        result = api.render_apps([Path("apps/one"), Path("apps/two")], Path("site.yml"))
    assert read.count("site.yml") == 2  # once for what it says, once for its digest
    own = ["apps/one/app.yml", "apps/one/overrides/note.txt", "apps/one/script.sh", "quota.sh"]
    wanted = {
        "one": [*own, "site.yml"],
        "two": ["apps/two/app.yml", "apps/two/script.sh", "site.yml"],
    }
    assert {app.id: list(app.inputs) for app in result.apps} == wanted
    for app in result.apps:
        for name, found in app.inputs.items():
            assert found == lock.digest(Path(name).read_bytes(), name.endswith("note.txt"))


def test_explain(story: Story) -> None:
    story.appgen("render")
    lines = (story.folder / "build/one/form.yml").read_text().splitlines()
    for words in ("max: 4", 'label: "Number of cores"', "cluster:"):
        number = next(i for i, line in enumerate(lines, 1) if words in line)
        story.appgen("explain", f"build/one/form.yml:{number}")
    story.edit("build/one/form.yml", 'label: "Number of cores"', 'label: "Cores"')
    number = next(i for i, line in enumerate(lines, 1) if "Number of cores" in line)
    story.appgen("explain", f"build/one/form.yml:{number}")
    story.appgen("explain", "build/one/manifest.yml")
    story.appgen("explain", "--value", "any.cores.max")
    story.appgen("explain", "--value", "scripts.script")
    story.appgen("explain", "--value", "cores.maximum")
    story.appgen("explain", "build/one/form.yml:999")
    story.appgen("explain", "site.yml:3")
    story.appgen("explain", "build/one/appgen.lock")
    story.appgen("explain")
    story.check("explain")


def test_deploy_and_back(story: Story) -> None:
    sys_apps = story.folder / "sys"
    story.appgen("deploy", "--to", "sys")
    story.appgen("render")
    story.appgen("deploy", "--to", "sys", "--dry-run")
    assert not sys_apps.exists()
    story.appgen("deploy", "--to", "sys")
    first = (sys_apps / "one/form.yml").read_text()
    assert os.access(sys_apps / "one/template/script.sh.erb", os.X_OK)
    story.appgen("deploy", "--to", "sys")
    story.appgen("deploy", "--to", "sys", "--rollback")
    story.edit("site.yml", "hours: {max: 8}", "hours: {max: 12}")
    story.appgen("render")
    story.appgen("deploy", "one", "--to", "sys")
    second = (sys_apps / "one/form.yml").read_text()
    assert first != second
    story.appgen("deploy", "--to", "sys", "--rollback", "--dry-run")
    assert (sys_apps / "one/form.yml").read_text() == second
    story.appgen("deploy", "--to", "sys", "--rollback")
    assert (sys_apps / "one/form.yml").read_text() == first
    story.appgen("deploy", "--to", "sys", "--rollback", "one")
    assert (sys_apps / "one/form.yml").read_text() == second
    (sys_apps / "theirs").mkdir()
    (sys_apps / "theirs/form.yml").write_text("cluster: x\n")
    make_app(story.folder / "apps/theirs", "theirs")
    story.appgen("render")
    before = (sys_apps / "one/form.yml").stat().st_ino
    story.appgen("deploy", "--to", "sys")
    assert (sys_apps / "theirs/form.yml").read_text() == "cluster: x\n"
    assert (sys_apps / "one/form.yml").stat().st_ino == before
    story.appgen("deploy", "nothing", "--to", "sys")
    story.appgen("deploy", "--to", "sys", "--rollback", "theirs")
    assert sorted(p.name for p in sys_apps.iterdir()) == [".appgen-previous", "one", "theirs"]
    story.check("deploy")


@pytest.mark.parametrize("name", ["../one", "..", ".git", "a/b", "one/", ""])
def test_only_names_of_apps_are_deployed_or_rolled_back(story: Story, name: str) -> None:
    story.appgen("render")
    story.appgen("deploy", "--to", "sys")
    before = sorted(str(p) for p in story.folder.rglob("*"))
    with pytest.raises(WriteError, match="is no app's name; nothing was changed"):
        deploy.roll_back([name], Path("sys"))
    assert sorted(str(p) for p in story.folder.rglob("*")) == before


@pytest.mark.parametrize("way", ["a link to nowhere", "a link", "a file"])
def test_a_version_before_that_cannot_be_kept_stops_a_deployment(story: Story, way: str) -> None:
    story.appgen("render")
    story.appgen("deploy", "--to", "sys")
    story.edit("site.yml", "hours: {max: 8}", "hours: {max: 12}")
    story.appgen("render")
    kept = story.folder / "sys" / deploy.PREVIOUS
    kept.rmdir()
    if way == "a file":
        kept.write_text("x")
    else:
        kept.symlink_to(story.folder / ("nowhere" if way.endswith("nowhere") else "apps"))
    before = (story.folder / "sys/one/form.yml").read_bytes()
    with pytest.raises(WriteError, match="is no directory; move it away"):
        deploy.deploy([Path("build/one")], Path("sys"))
    assert (story.folder / "sys/one/form.yml").read_bytes() == before
    assert (story.folder / "apps/one/app.yml").is_file()


def test_ctrl_c_between_two_apps_takes_both_back(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app(story.folder / "apps/two", "two")
    story.appgen("render")
    story.appgen("deploy", "--to", "sys")
    story.edit("site.yml", "hours: {max: 8}", "hours: {max: 12}")
    story.appgen("render")
    (story.folder / "sys/one/note").write_text("mine")
    real = deploy.writer._exchange
    calls: list[Path] = []

    def interrupt(target: Path, stage: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(target, stage)

    monkeypatch.setattr(deploy.writer, "_exchange", interrupt)
    before = {str(p): p.read_bytes() for p in (story.folder / "sys").rglob("*") if p.is_file()}
    with pytest.raises(KeyboardInterrupt):
        deploy.deploy([Path("build/one"), Path("build/two")], Path("sys"))
    after = {str(p): p.read_bytes() for p in (story.folder / "sys").rglob("*") if p.is_file()}
    assert after == before


def test_overrides_are_plain_files_of_the_app(story: Story) -> None:
    overrides = story.folder / "apps/one/overrides"
    overrides.mkdir()
    (overrides / "secret.txt").symlink_to("/etc/passwd")
    os.mkfifo(overrides / "pipe")
    said = story.appgen("render")
    assert said.splitlines()[:4] == [
        "apps/one/overrides/pipe: error: is no plain file [override-file]",
        "  hint: put the file itself there",
        "apps/one/overrides/secret.txt: error: is a link out of the app's directory [override-file]",
        "  hint: put the file itself there",
    ]
    assert not (story.folder / "build").exists()


def test_a_deployment_that_fails_changes_nothing(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app(story.folder / "apps/two", "two")
    story.appgen("render")
    story.appgen("deploy", "--to", "sys")
    story.edit("site.yml", "hours: {max: 8}", "hours: {max: 12}")
    story.appgen("render")
    sys_apps = story.folder / "sys"

    def contents() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted(sys_apps.rglob("*")) if p.is_file()}

    before = contents()
    real = deploy.writer._exchange
    calls: list[Path] = []

    def fail_second(target: Path, stage: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device", str(target))
        real(target, stage)

    monkeypatch.setattr(deploy.writer, "_exchange", fail_second)
    with pytest.raises(WriteError, match="No space left on device; nothing was changed"):
        deploy.deploy([Path("build/one"), Path("build/two")], Path("sys"))
    assert contents() == before
