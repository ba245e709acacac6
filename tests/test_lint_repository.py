"""What the directories above an app say of it: several apps in one repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from ood_appgen.lint import engine
from ood_appgen.lint.app import Settings, find_apps, load
from ood_appgen.lint.rule import load_rules

MANIFEST = "name: Tool\ndescription: A tool.\ncategory: Apps\nrole: batch_connect\n"
LIST = """\
description: Two apps.
maintainer:
  name: HPC Support
  support_url: https://example.edu/support
apps:
  - path: apps/tool
    software: Tool
    app_type: batch-connect-basic
"""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    for name in ("tool", "other"):
        folder = tmp_path / "apps" / name
        folder.mkdir(parents=True)
        (folder / "form.yml").write_text("form: [bc_num_hours ]\n")
        (folder / "submit.yml.erb").write_text("---\n")
        (folder / "manifest.yml").write_text(MANIFEST)
    return tmp_path


def find(repo: Path, name: str, rule: str) -> list[tuple[str, str]]:
    folder = repo / "apps" / name
    app = load(folder, f"apps/{name}", Settings(profile="catalogue"), root=repo)
    found = engine.check(app, [load_rules()[rule]])
    return [(str(d.span) if d.span else d.path, d.message) for d in found]


def test_a_licence_above_speaks_for_all_apps(repo: Path) -> None:
    (repo / "README.md").write_text("# Apps\n")
    assert find(repo, "tool", "repo-licence") == []
    (repo / ".git").mkdir()
    missing = find(repo, "tool", "repo-licence")
    assert missing == find(repo, "other", "repo-licence")
    assert [path for path, _ in missing] == ["."]
    (repo / "LICENSE").write_text("MIT\n")
    assert find(repo, "tool", "repo-licence") == []


def test_an_app_is_in_the_list_of_its_repository(repo: Path) -> None:
    (repo / "appverse.yml").write_text(LIST)
    assert find(repo, "tool", "manifest-appverse") == []
    assert find(repo, "other", "manifest-appverse") == [
        ("appverse.yml", 'the list of apps does not name "apps/other"')
    ]


def test_fields_come_from_the_list_then_the_app_then_the_manifest(repo: Path) -> None:
    (repo / "appverse.yml").write_text(LIST.replace("    software: Tool\n", ""))
    assert find(repo, "tool", "manifest-appverse") == [
        ("appverse.yml", 'software of "apps/tool" is missing: the catalogue rejects the app')
    ]
    (repo / "apps/tool/appverse.yml").write_text("software: Tool\n")
    assert find(repo, "tool", "manifest-appverse") == []


def test_yamllint_has_the_settings_above_and_their_ways(repo: Path) -> None:
    (repo / ".yamllint").write_text("rules: {brackets: enable}\nignore: apps/other/\n")
    assert find(repo, "tool", "yaml-lint") == [
        ("apps/tool/form.yml:1:20", "too many spaces inside brackets (yamllint)")
    ]
    assert find(repo, "other", "yaml-lint") == []


def test_without_yamllint_nothing_is_said(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / ".yamllint").write_text("rules: {braces: enable, brackets: enable}\n")
    monkeypatch.setattr("ood_appgen.lint.rules.yaml_lint._find_program", lambda: None)
    assert find(repo, "tool", "yaml-lint") == []


def write(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("form: [bc_num_hours]\n")


def test_what_lies_inside_an_app_is_no_app_of_its_own(tmp_path: Path) -> None:
    app = tmp_path / "tool"
    write(app / "form.yml", app / "submit.yml.erb", app / "old" / "form.yml.erb")
    write(app / "tool" / "form.yml", app / "tool" / "submit.yml.erb")
    write(tmp_path / "tool2" / "form.yml")
    assert find_apps(tmp_path) == [app, tmp_path / "tool2"]
    assert find_apps(app / "tool") == [app / "tool"]
    found = engine.check(load(app, "tool", Settings()), [load_rules()["repo-nested-app"]])
    assert [d.path for d in found] == ["tool/tool"]


def test_a_form_alone_at_the_top_is_no_app_around_the_others(tmp_path: Path) -> None:
    write(tmp_path / "form.yml", tmp_path / "tool" / "form.yml", tmp_path / "tool" / "manifest.yml")
    assert find_apps(tmp_path) == [tmp_path, tmp_path / "tool"]
