"""`appgen new` and `appgen init`: what they write, what they say, and what they refuse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from ood_appgen import api, scaffold
from ood_appgen.cli import cli
from ood_appgen.resources import load_schema, site_template_path
from samples import ROOT
from tools import require_package, require_tool

APP = ["README.md", "app.yml", "appverse.yml", "before.sh", "icon.svg", "script.sh"]
SITE = [
    ".github/workflows/appgen.yml",
    ".gitignore",
    ".gitlab-ci.yml",
    ".pre-commit-config.yaml",
    ".vscode/extensions.json",
    ".vscode/settings.json",
    "LICENSE",
    "README.md",
    *(f"apps/jupyter/{name}" for name in APP),
    "schemas/app.schema.json",
    "schemas/site.schema.json",
    "site.yml",
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def tree(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


# -- init -------------------------------------------------------------------------------------------


def test_init_makes_a_site_that_works_at_once(folder: Path) -> None:
    made = run("init", "--site", 'The "best" \\ <b>: # é 🎉')
    assert (made.exit_code, made.stderr) == (0, "")
    assert tree(folder) == SITE
    assert made.stdout.splitlines() == [
        *(f"{name}: created" for name in SITE),
        "",
        "Next:",
        "  describe your clusters in site.yml",
        "  appgen render           # makes the apps, into build/: keep that in git",
        "  appgen lint build",
        "  appgen verify           # needs ruby",
        "  appgen new              # another app",
    ]
    rendered = run("render")
    assert (rendered.exit_code, rendered.stderr) == (0, "")
    linted = run("lint", "--no-cache", "build")
    assert (linted.exit_code, linted.stdout) == (0, "")
    assert run("render", "--check").exit_code == 0
    assert YAML(typ="safe").load(Path("site.yml"))["site"] == 'The "best" \\ <b>: # é 🎉'


def test_init_verifies() -> None:
    require_tool("ruby")
    assert run("init", "site").exit_code == 0
    os.chdir("site")
    verified = run("verify", "--limit", "50")
    assert verified.exit_code == 0, verified.output


def test_init_says_where_to_go(folder: Path) -> None:
    made = run("init", "new place/site", "--kind", "vnc")
    assert "  cd 'new place/site'\n" in made.stdout
    assert (folder / "new place/site/apps/my_app/app.yml").is_file()
    assert sorted(p.name for p in (folder / "new place").iterdir()) == ["site"]


def test_init_goes_into_a_directory_that_has_other_files(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".github").mkdir()
    (folder / ".github/CODEOWNERS").write_text("* @me\n")
    assert run("init").exit_code == 0
    assert tree(folder) == sorted([*SITE, ".github/CODEOWNERS"])
    assert (folder / ".github/CODEOWNERS").read_text() == "* @me\n"


def test_init_overwrites_nothing(folder: Path) -> None:
    (folder / "README.md").write_text("mine\n")
    (folder / "site.yml").symlink_to("nowhere")
    (folder / ".vscode").write_text("no directory\n")
    (folder / "apps/jupyter").mkdir(parents=True)
    (folder / "apps/jupyter/other.txt").write_text("")
    before = tree(folder)
    refused = run("init")
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr.splitlines() == [
        "appgen: .vscode/extensions.json: is there already",
        "appgen: .vscode/settings.json: is there already",
        "appgen: README.md: is there already",
        "appgen: apps/jupyter: is there already",
        "appgen: site.yml: is there already",
        "Nothing was written.",
    ]
    assert tree(folder) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("file",), "appgen: file: is no directory"),
        ((".", "--site", "a\nb"), "appgen: the site's name must be one line of text"),
        ((".", "--app", "dashboard"), 'appgen: the id "dashboard" is the name of one of'),
    ],
)
def test_init_refuses(words: tuple[str, ...], message: str, folder: Path) -> None:
    (folder / "file").write_text("")
    refused = run("init", *words)
    assert refused.exit_code == 2
    assert refused.stderr.startswith(message)
    assert tree(folder) == ["file"]


def test_what_was_moved_goes_away_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine").write_text("")
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if Path(target).name == "schemas":
            raise OSError(28, "No space left on device", str(target))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    refused = run("init")
    assert (refused.exit_code, tree(folder)) == (2, ["mine"])
    assert "schemas: No space left on device" in refused.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["mine"]


def uncomment(text: str) -> str:
    """Take every setting into use."""
    lines = text.split("\n")
    return "\n".join(lines[:1] + [re.sub(r"^( *)# (?=.)", r"\1", line) for line in lines[1:]])


def test_every_setting_in_site_yml_is_valid(folder: Path) -> None:
    assert run("init").exit_code == 0
    site = folder / "site.yml"
    site.write_text(uncomment(site.read_text()))
    rendered = run("render", "--dry-run")
    assert rendered.exit_code == 0, rendered.stderr
    # An app that the example forbids and that is not there is all there is to say.
    assert re.fullmatch(
        r'site.yml:\d+:3: warning: the site has no app "another".*\n.*\n', rendered.stderr
    )


def test_site_yml_has_every_key() -> None:
    text = (
        (site_template_path() / "site.yml").read_text().replace("@SITE@", "x").replace("@APP@", "a")
    )
    data = YAML(typ="safe").load(uncomment(text))
    schema = load_schema("site")
    assert missing(schema, data) == set(schema["properties"]) - set(data) == set()
    definitions = schema["$defs"]

    def used(values: Any) -> set[str]:
        return {key for value in values for key in value}

    clusters = list(data["clusters"].values())
    cluster = set(definitions["cluster"]["properties"])
    assert cluster - used(clusters) == {"account", "modules"}  # named in a comment, as at the top
    nodes = [n for c in clusters for n in c["node_types"].values()]
    nodes += [c["defaults"] for c in clusters if "defaults" in c]
    assert set(definitions["node_type"]["properties"]) - used(nodes) == set()
    assert set(definitions["mount"]["properties"]) - used(data["mounts"].values()) == set()
    compute = data["compute_clusters"].values()
    assert set(definitions["compute_cluster"]["properties"]) - used(compute) == set()
    apps = set(definitions["app_override"]["properties"]) - used(data["apps"].values())
    assert apps == {"image", "init_images", "mounts", "pod"}  # of apps on Kubernetes alone


def missing(schema: Any, data: Any) -> set[str]:
    return set(schema["properties"]) - set(data)


def test_ci_does_the_same_everywhere(folder: Path) -> None:
    assert run("init").exit_code == 0
    workflow = (folder / ".github/workflows/appgen.yml").read_text()
    commands = re.findall(r"- run: appgen (.*)", workflow)
    assert commands == ["render --check", "lint build", "verify"]
    assert re.findall(r"bin/appgen (.*)", (folder / ".gitlab-ci.yml").read_text()) == commands
    hooks = YAML(typ="safe").load(folder / ".pre-commit-config.yaml")["repos"][0]["hooks"]
    assert [h["entry"] for h in hooks] == ["appgen render --check", "appgen lint build"]
    workflow_data = YAML(typ="safe").load(workflow)
    assert workflow_data["permissions"] == {"contents": "read"}


def test_editors_find_the_schemas(folder: Path) -> None:
    assert run("init").exit_code == 0
    assert run("new", "second", "--kind", "web").exit_code == 0
    settings = json.loads((folder / ".vscode/settings.json").read_text())["yaml.schemas"]
    assert [folder / name for name in settings if not (folder / name).is_file()] == []
    for file in ("site.yml", "apps/jupyter/app.yml", "apps/second/app.yml"):
        line = (folder / file).read_text().split("\n")[0]
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", line)
        assert found and ((folder / file).parent / found[1]).is_file()


# -- new --------------------------------------------------------------------------------------------


def test_new_says_what_it_made_and_what_comes_next(folder: Path) -> None:
    made = run("new", "viewer", "--kind", "streamlit", "--title", "My viewer", "--modules", "py/3")
    assert (made.exit_code, made.stderr) == (0, "")
    files = sorted([*APP, "clean.sh"])
    assert made.stdout.splitlines() == [
        *(f"apps/viewer/{name}: created" for name in files),
        "",
        "Next:",
        "  look at apps/viewer/app.yml and apps/viewer/script.sh",
        "  appgen render apps/viewer",
        "  appgen verify apps/viewer",
    ]
    assert tree(folder) == [f"apps/viewer/{name}" for name in files]
    text = (folder / "apps/viewer/app.yml").read_text()
    assert 'title: "My viewer"' in text and 'modules: ["py/3"]' in text


def test_new_makes_a_repository_of_its_own(folder: Path) -> None:
    made = run("new", "mine", "--standalone", "--kubernetes", "--container", "--output", ".")
    assert made.exit_code == 0
    assert "  cd mine\n  appgen render .\n" in made.stdout
    os.chdir("mine")
    assert run("render", ".").exit_code == 0


def test_new_overwrites_nothing(folder: Path) -> None:
    (folder / "apps/viewer").mkdir(parents=True)
    refused = run("new", "viewer")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "appgen: apps/viewer: there is something of that name already\nNothing was written.\n",
    )
    assert sorted(p.name for p in (folder / "apps").iterdir()) == ["viewer"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Error: name the app: appgen new ID"),
        (("My app",), 'appgen: the id "My app" must start with a lower-case letter'),
        (("x", "--modules", "a;b"), 'appgen: modules: "a;b" is not a module name'),
        (("x", "--kind", "vnc", "--kubernetes"), "appgen: a program through VNC runs on Slurm"),
        (("x", "--output", "file"), "appgen: file/x: cannot be made: "),
    ],
)
def test_new_refuses(words: tuple[str, ...], message: str, folder: Path) -> None:
    (folder / "file").write_text("")
    refused = run("new", *words)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert tree(folder) == ["file"]


def test_nothing_is_left_in_the_home_directory(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "ood_appgen", "new", "x", "--no-input"],
        env=os.environ | {"HOME": str(home), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []


def test_kinds_are_those_of_the_template() -> None:
    from ood_appgen import cli_new

    kind = next(q for q in scaffold.questions() if q.name == "kind")
    assert tuple(kind.choices) == cli_new.KINDS


def test_app_files_are_found_where_they_were_made(folder: Path) -> None:
    assert run("init").exit_code == 0
    assert [p.name for p in api.find_apps(folder / "site.yml")] == ["jupyter"]


def test_the_wheel_has_the_templates(folder: Path) -> None:
    """Built without the network, where hatchling is at hand."""
    require_package("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    source = ROOT / "cookiecutter-template"
    wanted = {f"ood_appgen/cookiecutter-template/{name}" for name in tree(source)}
    wanted |= {f"ood_appgen/site-template/{name}" for name in tree(site_template_path())}
    assert wanted - names == set()
