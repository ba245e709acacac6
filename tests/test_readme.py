"""What the README shows is tried as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ood_appgen.cli import cli
from samples import ROOT

README = (ROOT / "README.md").read_text()


def write_example(folder: Path) -> None:
    blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", README, re.S)
    assert [name for name, _ in blocks] == ["site.yml", "apps/notebook/app.yml"]
    for name, text in blocks:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"# {name}\n{text}")


def test_the_example_renders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_example(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["render"])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "build/notebook/submit.yml.erb: created" in result.stdout
    assert CliRunner().invoke(cli, ["render", "--check"]).output == "build/notebook: unchanged\n"


def test_the_error_is_what_the_readme_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_example(tmp_path)
    site = tmp_path / "site.yml"
    site.write_text(site.read_text().replace("node_types:", "node_typs:"))
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, ["render"])
    assert result.exit_code == 2
    shown = re.search(r"\n((?:    .*\n)+)", README[README.index("Errors name the line") :])
    assert shown
    for line in shown[1].splitlines():
        assert line.removeprefix("    ") in result.stderr.splitlines(), result.stderr


def test_the_finding_is_what_the_readme_says() -> None:
    shown = re.search(r"\n((?:    .*\n)+)\nErrors and warnings make it exit 1", README)
    assert shown
    lines = [line.removeprefix("    ") for line in shown[1].splitlines()]
    reports = [path.read_text() for path in (ROOT / "tests/lint").glob("*/bad-*/expected.txt")]
    assert any("\n".join(lines) in report for report in reports)
