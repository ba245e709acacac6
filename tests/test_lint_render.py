"""`appgen render` lints what it has rendered, before it writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appgen_runner import Appgen, Ran
from ood_appgen import api, render
from ood_appgen.lint import run
from ood_appgen.model.plan import AppPlan
from ood_appgen.render import RenderedFile
from samples import ROOT, make_site

SCRIPT = "template/script.sh.erb"
REFUSED = """\
build/one/template/script.sh.erb: error: WHAT [script-not-executable]
  apps/one/app.yml:1:5: the app that it was rendered from
  hint: HINT
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site with an app whose template has broken: its script cannot be run."""
    folder = make_site(tmp_path / "site", "one")
    monkeypatch.chdir(folder)
    made = render.render

    def break_one(plan: AppPlan) -> tuple[RenderedFile, ...]:
        files = made(plan)
        return tuple(replace(f, executable=False) if f.path == SCRIPT else f for f in files)

    monkeypatch.setattr(api.render, "render", break_one)
    return folder


def without_words(ran: Ran) -> str:
    """What was said, without the rule's own words."""
    first, second, third, *rest = ran.err.splitlines(keepends=True)
    head, _, tail = first.partition("error: ")
    first = f"{head}error: WHAT [{tail.rpartition('[')[2]}"
    return "".join([first, second, "  hint: HINT\n", *rest])


@pytest.mark.parametrize("option", [[], ["--check"], ["--diff"], ["--dry-run"], ["--force"]])
def test_an_error_stops_writing(appgen: Appgen, site: Path, option: list[str]) -> None:
    ran = appgen("render", *option)
    assert (ran.code, ran.out) == (2, "")
    assert without_words(ran) == REFUSED + "1 error; nothing was written.\n"
    assert not (site / "build").exists()
    assert appgen("render", *option) == ran


def test_a_warning_is_printed_and_stops_nothing(appgen: Appgen, site: Path) -> None:
    (site / ".appgen.toml").write_text('severity = {script = "warning"}\n')
    ran = appgen("render")
    assert ran.code == 0
    assert ran.err.startswith("build/one/template/script.sh.erb: warning: ")
    assert (site / "build/one/form.yml").is_file()


@pytest.mark.parametrize(
    "config",
    [
        'severity = {script = "note"}',
        'ignore = ["script-not-executable"]',
        'per-file-ignores = {"build/**/*.erb" = ["script"]}',
        'exclude = ["build"]',
    ],
)
def test_the_configuration_counts(appgen: Appgen, site: Path, config: str) -> None:
    (site / ".appgen.toml").write_text(config)
    ran = appgen("render")
    assert (ran.code, ran.err) == (0, "")


def test_a_broken_configuration_stops_writing(appgen: Appgen, site: Path) -> None:
    (site / ".appgen.toml").write_text("selekt = []")
    ran = appgen("render")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(".appgen.toml:1:1: error: ")
    assert not (site / "build").exists()


def test_a_comment_in_the_apps_own_script_counts(appgen: Appgen, site: Path) -> None:
    with (site / "apps/one/script.sh").open("a") as script:
        script.write("# appgen: ignore-file[script-not-executable] our portal sets the bit\n")
    ran = appgen("render")
    assert (ran.code, ran.err) == (0, "")


def test_what_is_found_clean_is_not_checked_again(
    appgen: Appgen, site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.undo()
    monkeypatch.chdir(site)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    checked = []
    check = run.check_one
    monkeypatch.setattr(
        run, "check_one", lambda t, *rest: checked.append(t.shown_as) or check(t, *rest)
    )
    assert appgen("render").code == 0
    assert appgen("render", "--output", "elsewhere").code == 0
    assert checked == ["build/one"]
    (site / "apps/one/script.sh").write_text("exec sleep 1\n")
    assert appgen("render").code == 0
    assert checked == ["build/one", "build/one"]


@pytest.mark.parametrize("site_file", ["site.yml", "sites/arc/site.yml"])
def test_the_sample_apps_are_clean(appgen: Appgen, tmp_path: Path, site_file: str) -> None:
    samples = ROOT / "sample_apps"
    apps = sorted(samples.glob("apps/*"))
    (tmp_path / ".git").mkdir()
    (tmp_path / "LICENSE").write_text("MIT\n")
    output = tmp_path / "build"
    ran = appgen("render", *apps, "--site", samples / site_file, "--output", output)
    assert (ran.code, ran.err) == (0, "")
    ran = appgen("lint", "--site", samples / site_file, output)
    assert ran == Ran(0, "", f"no findings in {len(apps)} apps\n")


def test_what_is_found_clean_needs_no_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess
    import sys

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # nobody has been here before
    folder = make_site(tmp_path / "site", "one")
    program = (
        "import sys\n"
        "from ood_appgen.cli import cli\n"
        "cli.main(['render'], standalone_mode=False)\n"
        "print('tree_sitter' in sys.modules, 'ood_appgen.lint.run' in sys.modules)\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=folder, capture_output=True, check=True, text=True
        ).stdout.splitlines()[-1]
        for _ in range(2)
    ]
    assert said == ["True True", "False False"]
