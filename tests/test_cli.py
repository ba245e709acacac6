"""The command `appgen` on real files: what it prints, what it leaves on disk, how it exits."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from appgen_runner import Appgen, Ran
from ood_appgen import __version__, api, cli
from samples import ROOT, make_app, make_site
from tools import require_tool

FILES = (
    "README.md",
    "appgen.lock",
    "form.yml",
    "manifest.yml",
    "submit.yml.erb",
    "template/after.sh.erb",
    "template/before.sh.erb",
    "template/script.sh.erb",
    "view.html.erb",
)


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def read_tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), os.access(path, os.X_OK))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with the app `one`; the working directory is there."""
    folder = make_site(tmp_path / "site", "one")
    monkeypatch.chdir(folder)
    return folder


def start(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """`python -m ood_appgen`, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ood_appgen", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


def lines(word: str, *paths: str, where: str = "build/one") -> str:
    return "".join(f"{where}/{path}: {word}\n" for path in paths or FILES)


# -- help, version, schemas ---------------------------------------------------------------------


def test_help_names_the_commands_and_the_exit_codes(appgen: Appgen) -> None:
    ran = appgen("--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(
        "Usage: appgen [OPTIONS] COMMAND [ARGS]...\n\n  Describe your HPC site once;"
    )
    words = (
        "Exit codes: 0 nothing to report, 1 findings or differences, 2 wrong usage or bad input."
    )
    assert words in " ".join(ran.out.split())
    assert ran.out.index("  render  ") < ran.out.index("  schema  ")
    assert appgen("-h").out == ran.out
    assert max(len(line) for line in ran.out.split("\n")) <= 100


@pytest.mark.parametrize("command", ["render", "schema"])
def test_each_command_has_help(appgen: Appgen, command: str) -> None:
    ran = appgen(command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(f"Usage: appgen {command} [OPTIONS] ")


def test_no_command_and_a_wrong_one_are_wrong_usage(appgen: Appgen) -> None:
    assert appgen("rendr").code == 2
    assert "No such command 'rendr'" in appgen("rendr").err
    assert appgen("render", "--chekc").code == 2


def test_version(appgen: Appgen) -> None:
    wanted = f"appgen, version {__version__}\n"
    assert appgen("--version") == Ran(0, wanted, "")
    ran = start("--version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, wanted.encode(), b"")


def test_help_is_quick_since_it_loads_no_parser_and_no_template_engine() -> None:
    program = (
        "import sys\n"
        "from ood_appgen.cli import cli\n"
        "for arguments in (['--help'], ['--version'], ['render', '--help'], ['schema', '--help']):\n"
        "    cli.main(arguments, standalone_mode=False)\n"
        "heavy = {'jinja2', 'ruamel', 'jsonschema', 'referencing', 'yaml'}\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy), file=sys.stderr)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    assert ran.stderr == b"[]\n"


@pytest.mark.parametrize("name", ["site", "app", "form", "manifest", "submit"])
def test_schema_prints_the_file(appgen: Appgen, name: str) -> None:
    file = (ROOT / "schemas" / f"{name}.schema.json").read_bytes()
    ran = appgen("schema", name)
    assert (ran.code, ran.out.encode(), ran.err) == (0, file, "")
    json.loads(ran.out)


def test_schema_prints_bytes_whatever_the_locale() -> None:
    ran = start("schema", "site", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert ran.stdout == (ROOT / "schemas" / "site.schema.json").read_bytes()
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_an_unknown_schema_is_wrong_usage(appgen: Appgen) -> None:
    ran = appgen("schema", "cluster")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(
        "'cluster' is not one of 'site', 'app', 'form', 'manifest', 'submit'.\n"
    )
    assert appgen("schema").code == 2


# -- render -------------------------------------------------------------------------------------


def test_render_creates_then_leaves_alone_then_updates(appgen: Appgen, site: Path) -> None:
    assert appgen("render", "apps/one") == Ran(0, lines("created"), "")
    first = read_tree(site / "build")
    assert sorted(first) == [f"one/{path}" for path in FILES]
    assert {path for path, (_, run) in first.items() if run} == {"one/template/script.sh.erb"}
    times = {path: (site / "build" / path).stat().st_mtime_ns for path in first}

    assert appgen("render", "apps/one") == Ran(0, "build/one: unchanged\n", "")
    assert {path: (site / "build" / path).stat().st_mtime_ns for path in first} == times

    replace(site / "site.yml", "{max: 4}", "{max: 6}")
    changed = ("README.md", "appgen.lock", "form.yml", "submit.yml.erb")
    news = "For users:\n  hpc: any now up to 6 cores (before: 4) [one]\n"
    assert appgen("render", "apps/one") == Ran(0, lines("updated", *changed) + news, "")
    second = read_tree(site / "build")
    assert {path for path in first if first[path] != second[path]} == {
        f"one/{path}" for path in changed
    }
    assert sorted(p.name for p in (site / "build").iterdir()) == ["one"]


def test_check_writes_nothing_and_says_whether_anything_differs(appgen: Appgen, site: Path) -> None:
    assert appgen("render", "--check") == Ran(1, lines("would be created"), "")
    assert not (site / "build").exists()
    appgen("render")
    assert appgen("render", "--check") == Ran(0, "build/one: unchanged\n", "")
    replace(site / "apps/one/script.sh", "sleep", "nap")
    before = read_tree(site)
    wanted = lines("would be updated", "appgen.lock", "template/script.sh.erb")
    assert appgen("render", "--check") == Ran(1, wanted, "")
    assert read_tree(site) == before


def test_check_reports_an_edited_and_a_foreign_file(appgen: Appgen, site: Path) -> None:
    appgen("render")
    with (site / "build/one/form.yml").open("a") as form:
        form.write("# mine\n")
    (site / "build/one/appgen.lock").write_text("{}")
    assert appgen("render", "--check") == Ran(
        1,
        "build/one/appgen.lock: would be updated\n"
        "build/one/form.yml: would be updated (not written by appgen)\n",
        "",
    )


def test_dry_run_writes_nothing_and_is_no_failure(appgen: Appgen, site: Path) -> None:
    assert appgen("render", "--dry-run") == Ran(0, lines("would be created"), "")
    assert not (site / "build").exists()
    appgen("render")
    before = read_tree(site)
    replace(site / "apps/one/script.sh", "sleep", "nap")
    wanted = lines("would be updated", "appgen.lock", "template/script.sh.erb")
    assert appgen("render", "--dry-run") == Ran(0, wanted, "")
    assert read_tree(site / "build") == {
        k[6:]: v for k, v in before.items() if k.startswith("build/")
    }


def test_diff_prints_a_unified_diff_and_writes_nothing(appgen: Appgen, site: Path) -> None:
    ran = appgen("render", "--diff")
    assert (ran.code, ran.err) == (0, "")
    assert "--- /dev/null\n+++ b/build/one/manifest.yml\n@@ -0,0 +1,6 @@\n+---\n" in ran.out
    assert not (site / "build").exists()

    appgen("render")
    assert appgen("render", "--diff") == Ran(0, "", "")
    replace(site / "apps/one/script.sh", 'exec sleep "${FORM_NUM_CORES}"', "exec true")
    assert appgen("render", "--diff") == Ran(
        0,
        "--- a/build/one/template/script.sh.erb\n"
        "+++ b/build/one/template/script.sh.erb\n"
        "@@ -9,4 +9,4 @@\n"
        " }\n"
        " \n"
        " # -- one: script ----------------------------------------------------------------\n"
        '-exec sleep "${FORM_NUM_CORES}"\n'
        "+exec true\n",
        "",
    )
    (site / "build/one/template/script.sh.erb").chmod(0o644)
    replace(site / "apps/one/script.sh", "exec true", 'exec sleep "${FORM_NUM_CORES}"')
    assert appgen("render", "--diff").out == (
        "build/one/template/script.sh.erb: the executable bit or line ends change\n"
    )


def test_diff_shows_a_file_that_would_go(appgen: Appgen, site: Path) -> None:
    appgen("render")
    replace(site / "apps/one/app.yml", "view: {kind: link, proxy: node, button: Go}\n", "")
    replace(site / "apps/one/app.yml", "template: basic", "template: vnc")
    ran = appgen("render", "--diff")
    assert "--- a/build/one/view.html.erb\n+++ /dev/null\n@@ -1,9 +0,0 @@\n-<%-\n" in ran.out
    assert "build/one/view.html.erb: removed\n" in appgen("render").out
    assert not (site / "build/one/view.html.erb").exists()


def test_a_diff_of_something_that_is_no_text(appgen: Appgen, site: Path) -> None:
    appgen("render")
    (site / "build/one/form.yml").write_bytes(b"\xff\x00")
    assert appgen("render", "--diff").out == "Binary file build/one/form.yml differs\n"


@pytest.mark.parametrize(
    "modes", [("--check", "--diff"), ("--diff", "--check"), ("--dry-run", "--check")]
)
def test_two_modes_are_wrong_usage_or_check_still_counts(
    appgen: Appgen, site: Path, modes: tuple[str, str]
) -> None:
    codes = {appgen("render", *order).code for order in (modes, modes[::-1])}
    assert codes in ({1}, {2})
    assert not (site / "build").exists()


# -- which site, which apps ---------------------------------------------------------------------


def test_the_site_is_found_upward_from_the_app(
    appgen: Appgen, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = appgen("render") and read_tree(site / "build")
    for at, app in ((site / "apps", "one"), (site / "apps/one", "."), (tmp_path, "site/apps/one")):
        monkeypatch.chdir(at)
        output = tmp_path / f"output of {app.replace('/', ' ')}"
        assert appgen("render", app, "--output", output) == Ran(
            0, lines("created", where=f"{output}/one"), ""
        )
        assert read_tree(output) == wanted


def test_without_names_all_apps_of_the_site(
    appgen: Appgen, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app(site / "apps/two", "two")
    make_app(site / "three", "three")
    (site / "apps/empty").mkdir()
    assert appgen("render") == Ran(
        0, "".join(lines("created", where=f"build/{app}") for app in ("one", "two", "three")), ""
    )
    assert sorted(p.name for p in (site / "build").iterdir()) == ["one", "three", "two"]
    # The same from a directory below the site, with the output there.
    monkeypatch.chdir(site / "apps/empty")
    assert appgen("render", "--check").code == 1
    assert appgen("render", "--check", "--output", "../../build").code == 0


def test_one_bad_app_stops_all(appgen: Appgen, site: Path) -> None:
    make_app(site / "apps/two", "two")
    replace(site / "apps/two/app.yml", "from: cores", "from: coers")
    ran = appgen("render")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("apps/two/app.yml:10:")
    assert ran.err.endswith("1 error; nothing was written.\n")
    assert not (site / "build").exists()


def test_no_site_at_all(appgen: Appgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_app(tmp_path / "one", "one")
    assert appgen("render") == Ran(
        2,
        "",
        "appgen: there is no site.yml in this directory or one above it; name one with --site\n",
    )
    assert appgen("render", "one") == Ran(
        2,
        "",
        "appgen: there is no site.yml in one or in a directory above it; name one with --site\n",
    )
    ran = appgen("render", "one", "--site", "nowhere.yml")
    assert ran == Ran(
        2,
        "",
        "nowhere.yml: error: there is no such file [unreadable]\n1 error; nothing was written.\n",
    )


def test_an_app_of_another_directory_with_site(appgen: Appgen, site: Path, tmp_path: Path) -> None:
    folder = make_app(tmp_path / "elsewhere/two", "two")
    ran = appgen("render", folder, "--site", "site.yml")
    assert ran == Ran(0, lines("created", where="build/two"), "")
    readme = (site / "build/two/README.md").read_text()
    assert "`appgen render ../elsewhere/two --site site.yml`" in readme


def test_apps_of_two_sites(appgen: Appgen, site: Path, tmp_path: Path) -> None:
    other = make_site(tmp_path / "other", "two")
    assert appgen("render", "apps/one", other / "apps/two") == Ran(
        2,
        "",
        f"appgen: the apps belong to different sites: {other}/site.yml, {site}/site.yml; "
        "name one with --site\n",
    )
    assert appgen("render", "apps/one", other / "apps/two", "--site", "site.yml").code == 0


def test_one_site_in_two_spellings(
    appgen: Appgen, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app(site / "apps/two", "two")
    monkeypatch.chdir(site / "apps")
    assert appgen("render", "one", "../apps/two", "--dry-run").code == 0


def test_a_site_that_is_not_above_the_app_is_not_found(
    appgen: Appgen, site: Path, tmp_path: Path
) -> None:
    make_app(tmp_path / "elsewhere/two", "two")
    assert appgen("render", "../elsewhere/two", "--dry-run").code == 2


def test_no_apps_at_all(appgen: Appgen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_site(tmp_path / "bare"))
    assert appgen("render") == Ran(
        2,
        "",
        "appgen: site.yml: there are no apps (apps/*/app.yml) beside it; name their directories\n",
    )
    assert appgen("render", "apps/none") == Ran(
        2,
        "",
        "apps/none/app.yml: error: there is no such file [unreadable]\n"
        "  hint: app directories hold a file app.yml\n"
        "1 error; nothing was written.\n",
    )


def test_an_app_that_the_site_forbids(appgen: Appgen, site: Path) -> None:
    make_app(site / "apps/two", "two")
    with (site / "site.yml").open("a") as file:
        file.write("apps:\n  two: {forbid: true}\n")
    assert appgen("render") == Ran(0, lines("created") + "two: the site does not have it\n", "")
    assert appgen("render", "--check") == Ran(
        0, "build/one: unchanged\ntwo: the site does not have it\n", ""
    )
    assert appgen("render", "apps/two") == Ran(0, "two: the site does not have it\n", "")
    assert not (site / "build/two").exists()


def test_two_apps_with_one_id(appgen: Appgen, site: Path) -> None:
    make_app(site / "apps/uno", "one")
    assert appgen("render") == Ran(
        2,
        "",
        'apps/uno/app.yml:1:5: error: two apps are called "one" [app-twice]\n'
        "  apps/one/app.yml:1:5: the other\n"
        "1 error; nothing was written.\n",
    )
    assert not (site / "build").exists()


def test_an_app_that_is_named_twice_is_one_app(appgen: Appgen, site: Path) -> None:
    assert appgen("render", "apps/one", "apps/one/") == Ran(0, lines("created"), "")


# -- what a person made -------------------------------------------------------------------------


def test_edited_files_need_force_and_stop_every_app(appgen: Appgen, site: Path) -> None:
    make_app(site / "apps/two", "two")
    appgen("render")
    replace(site / "site.yml", "{max: 4}", "{max: 6}")
    replace(site / "build/two/form.yml", "Number of cores", "Cores")
    (site / "build/two/appgen.lock").chmod(0o600)
    before = read_tree(site / "build")
    assert appgen("render") == Ran(
        1,
        "",
        "build/two/form.yml: edited since appgen wrote it; not overwritten\n"
        "Nothing was written. See the differences with --diff; put both together with --merge; "
        "overwrite with --force.\n",
    )
    assert read_tree(site / "build") == before
    ran = appgen("render", "--force")
    assert (ran.code, ran.err) == (0, "")
    assert "build/two/form.yml: updated (edited since appgen wrote it)\n" in ran.out
    assert appgen("render", "--check").code == 0


def test_output_that_is_a_file_or_below_one(appgen: Appgen, site: Path) -> None:
    assert appgen("render", "--output", "site.yml") == Ran(
        2, "", "appgen: site.yml: cannot be written: File exists; nothing was changed\n"
    )
    assert appgen("render", "--output", "site.yml/deep") == Ran(
        2, "", "appgen: site.yml/deep: cannot be written: Not a directory; nothing was changed\n"
    )


# -- the progress bar of verify -----------------------------------------------------------------

REPORT = (ROOT / "tests/verify_reports/hand-written-sound.txt").read_bytes()


def start_verify(bar_after: float, stderr: int) -> subprocess.Popen[bytes]:
    require_tool("ruby")
    program = f"from ood_appgen import cli; cli.BAR_AFTER_SECONDS = {bar_after}; cli.main()"
    return subprocess.Popen(
        [sys.executable, "-c", program, "verify", "sound"],
        cwd=ROOT / "tests/hand_written",
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


@pytest.mark.parametrize("bar_after", [0, 3600])
def test_a_terminal_gets_a_bar_where_it_takes_long(bar_after: float) -> None:
    ours, terminal = pty.openpty()
    with start_verify(bar_after, stderr=terminal) as running, open(ours, "rb", 0) as screen:
        os.close(terminal)
        shown = b""
        with contextlib.suppress(OSError):  # Linux says EIO once the other side has gone
            while piece := screen.read(4096):
                shown += piece
        assert running.stdout is not None
        assert running.stdout.read() == REPORT
    assert running.returncode == 0
    steps = re.findall(rb"sound  \[[#-]+\] +(\d+)%", shown)
    if bar_after:
        assert shown == b""
    else:
        assert (steps[0], steps[-1]) == (b"0", b"100")
        assert steps == sorted(steps, key=int)


def test_a_pipe_gets_nothing_of_the_bar() -> None:
    with start_verify(0, stderr=subprocess.PIPE) as running:
        assert running.communicate(timeout=60) == (REPORT, b"")
    assert running.returncode == 0


# -- whatever goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["render_apps", "find_apps"])
def test_an_internal_error_is_one_message(
    appgen: Appgen, site: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("cores")

    monkeypatch.setattr(api, stage, fail)
    monkeypatch.delenv("APPGEN_DEBUG", raising=False)
    assert appgen("render") == Ran(
        2,
        "",
        "appgen: internal error: ZeroDivisionError: cores\n"
        "Nothing was written. Please report it, with the files; APPGEN_DEBUG=1 shows where.\n",
    )
    assert not (site / "build").exists()
    monkeypatch.setenv("APPGEN_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main()


def test_a_reader_that_stops_reading_is_no_error(site: Path) -> None:
    command = f"{sys.executable} -m ood_appgen schema app; echo $? >&2"
    ran = subprocess.run(
        ["bash", "-c", f"({command}) | true"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert b"Traceback" not in ran.stderr and b"rror" not in ran.stderr


# -- the same inputs give the same bytes --------------------------------------------------------


@pytest.fixture(scope="module")
def wanted(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, dict[str, tuple[bytes, bool]]]]:
    folder = tmp_path_factory.mktemp("same")
    ran = start("render", "--site", "sample_apps/site.yml", "--output", str(folder / "first"), cwd=ROOT,
                PYTHONHASHSEED="1")  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, b"")
    yield folder, read_tree(folder / "first")


@pytest.mark.parametrize(
    ("at", "site_file", "seed"),
    [(ROOT, "sample_apps/site.yml", "2"), (ROOT / "sample_apps/apps/jupyter", "../../site.yml", "3"),
     (Path("/"), str(ROOT / "sample_apps/site.yml"), "4")],
    ids=["again", "below", "root"],
)  # fmt: skip
def test_the_same_bytes_again_from_anywhere(
    wanted: tuple[Path, dict[str, tuple[bytes, bool]]], at: Path, site_file: str, seed: str
) -> None:
    folder, first = wanted
    output = folder / f"again {seed}"
    environment = {
        "PYTHONHASHSEED": seed,
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
        "HOME": "/",
        "USER": "eve",
    }
    ran = start("render", "--site", site_file, "--output", str(output), cwd=at, **environment)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert read_tree(output) == first


def test_the_umask_decides_who_may_read(site: Path) -> None:
    program = "import os, sys; os.umask(0o027); from ood_appgen.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", program, "render"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True,
    )  # fmt: skip
    modes = {
        str(p.relative_to(site / "build")): p.stat().st_mode & 0o777
        for p in (site / "build").rglob("*")
    }
    assert modes["one"] == modes["one/template"] == modes["one/template/script.sh.erb"] == 0o750
    assert modes["one/form.yml"] == modes["one/appgen.lock"] == 0o640
