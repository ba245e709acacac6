"""What other programs run of ours: a pre-commit hook, a GitHub Action, a GitLab job.

Their files are valid for those who read them (SchemaStore's schemas, as check-jsonschema ships them;
pre-commit itself), name options that the linter has, and their scripts do what they say.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from ood_appgen.cli import cli
from samples import ROOT
from tools import require_tool

HOOKS = ROOT / ".pre-commit-hooks.yaml"
ACTION = ROOT / "action.yml"
GITLAB = ROOT / "ci" / "gitlab-appgen.yml"
BIN = Path(sys.executable).parent
RULE = "form-listed-twice"
SUMMARY = "2 findings (2 errors) in 2 apps\n"
# What GitHub does with `shell: bash` (docs, "Workflow syntax", `jobs.<job_id>.steps[*].shell`).
GITHUB_BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
BAD_FORM = (
    "form:\n  - num_cores\n  - num_cores\nattributes:\n  num_cores:\n    widget: number_field\n"
)


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())


def load_schema(name: str) -> Any:
    vendor = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return json.loads((vendor / f"{name}.json").read_text())


def read_steps() -> dict[str, dict[str, Any]]:
    """The action's steps that are scripts, by name."""
    return {s["name"]: s for s in load(ACTION)["runs"]["steps"] if "run" in s}


def read_job() -> dict[str, Any]:
    job = load(GITLAB)["appgen-lint"]
    assert isinstance(job, dict)
    return job


SCRIPTS = {
    **{f"action.yml, {name}": step["run"] for name, step in read_steps().items()},
    "gitlab-appgen.yml": "\n".join(read_job()["script"]),
    "pre-commit": load(HOOKS)[0]["entry"],
}


@pytest.fixture
def apps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with two apps, one with a blank in its name; the one that is wrong is there twice."""
    for name in ("jupyter", "a b"):
        folder = tmp_path / "work" / "apps" / name
        folder.mkdir(parents=True)
        (folder / "form.yml").write_text(BAD_FORM)
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "work"


def run(
    command: tuple[str, ...], script: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    file = folder.parent / "script.sh"
    file.write_text(script)
    return subprocess.run(
        [*command, str(file)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )


# What they are


@pytest.mark.parametrize(("file", "schema"), [(ACTION, "github-actions"), (GITLAB, "gitlab-ci")])
def test_the_file_is_valid_for_its_service(file: Path, schema: str) -> None:
    errors = jsonschema.Draft7Validator(load_schema(schema)).iter_errors(load(file))
    assert [error.message for error in errors] == []


def test_pre_commit_takes_the_hooks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)], capture_output=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_option_is_one_that_the_linter_has(name: str) -> None:
    shown = CliRunner().invoke(cli, ["lint", "--help"]).output
    for command in re.findall(r"\blint\b.*?(?=\n|$)", SCRIPTS[name].replace("\\\n", " ")):
        for option in re.findall(r"--[a-z][a-z-]*", command):
            assert option in shown
        for form in re.findall(r"--format (\w+)", command):
            assert re.search(rf"\b{form}\b", shown)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_holds_a_value_that_someone_else_wrote(name: str) -> None:
    assert "${{" not in SCRIPTS[name]


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "pre-commit"])
def test_shellcheck_finds_nothing(name: str) -> None:
    require_tool("shellcheck")
    # Words are split on purpose where a variable holds several, in GitLab's job alone.
    relaxed = ["--exclude=SC2086"] if name.startswith("gitlab") else []
    done = subprocess.run(
        ["shellcheck", "--shell=bash", *relaxed, "-"],
        input=SCRIPTS[name],
        capture_output=True,
        text=True,
    )
    assert done.stdout == ""


def test_every_input_is_described_and_reaches_a_step() -> None:
    action = load(ACTION)
    used = set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", ACTION.read_text()))
    assert used == set(action["inputs"])
    assert all(entry["description"] for entry in action["inputs"].values())


# The GitHub Action


def run_step(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    given = read_steps()[name]["env"]
    assert set(environment) >= set(given)
    return run(GITHUB_BASH, read_steps()[name]["run"], folder, **environment)


@pytest.mark.parametrize(
    ("version", "package"), [("", "/the/action"), ("1.2; echo x", "ood-appgen==1.2; echo x")]
)
def test_the_action_installs_itself_or_a_version(
    tmp_path: Path, version: str, package: str
) -> None:
    python = tmp_path / "python 3"
    python.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\n'
        'printf \'#!/bin/sh\\nprintf "%%s\\\\n" "$@"\' > "$3/bin/pip"\n'
        'chmod +x "$3/bin/pip"\n'
    )
    python.chmod(0o755)
    done = run_step(
        "Install appgen",
        tmp_path,
        PYTHON=str(python),
        VERSION=version,
        RUNNER_TEMP=str(tmp_path / "runner temp"),
        GITHUB_ACTION_PATH="/the/action",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        package,
    ]


def run_lint_step(apps: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    installed = apps.parent / "runner temp" / "appgen" / "bin"
    installed.mkdir(parents=True)
    (installed / "appgen").symlink_to(BIN / "appgen")
    environment = {"PATHS": ".", "ARGS": f"--select {RULE}", "SARIF_FILE": "", **inputs}
    return run_step(
        "appgen lint",
        apps,
        **environment,
        RUNNER_TEMP=str(apps.parent / "runner temp"),
        GITHUB_ACTIONS="true",
        GITHUB_WORKSPACE=str(apps),
    )


def test_the_action_annotates_and_fails(apps: Path) -> None:
    done = run_lint_step(apps)
    assert (done.returncode, done.stderr) == (1, SUMMARY)
    files = [re.match(r"::error file=(.*?),line=3,", line) for line in done.stdout.splitlines()]
    assert [m and m[1] for m in files] == ["apps/a b/form.yml", "apps/jupyter/form.yml"]


def test_paths_are_lines_and_options_are_words(apps: Path) -> None:
    done = run_lint_step(
        apps, PATHS="\napps/a b\n", ARGS=f"--select\n {RULE}  --format text", SARIF_FILE=""
    )
    assert (done.returncode, done.stderr) == (1, "1 finding (1 error) in 1 app\n")
    assert done.stdout.startswith("apps/a b/form.yml:3:5: error: ")
    assert "jupyter" not in done.stdout


@pytest.mark.parametrize("text", ["$(touch here)", "`touch here`", "; touch here", "*"])
def test_inputs_are_never_run(apps: Path, text: str) -> None:
    done = run_lint_step(apps, PATHS=text, ARGS=f"--select {text}", SARIF_FILE=text)
    assert done.returncode == 2
    assert not (apps / "here").exists()


def test_the_action_writes_sarif_too(apps: Path) -> None:
    done = run_lint_step(apps, SARIF_FILE="the findings.sarif")
    assert done.returncode == 1
    assert done.stdout.count("::error ") == 2
    log = json.loads((apps / "the findings.sarif").read_text())
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in log["runs"][0]["results"]
    ]
    assert uris == ["apps/a%20b/form.yml", "apps/jupyter/form.yml"]


def test_the_action_passes_where_nothing_is_wrong(apps: Path) -> None:
    for form in apps.glob("apps/*/form.yml"):
        form.write_text(BAD_FORM.replace("  - num_cores\n", "", 1))
    done = run_lint_step(apps, SARIF_FILE="findings.sarif")
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads((apps / "findings.sarif").read_text())["runs"][0]["results"] == []


# GitLab's job


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_the_job_reports_and_fails(apps: Path, shell: str) -> None:
    programs = apps.parent / "programs"
    programs.mkdir()
    # Makes an environment with the linter of these tests, and a pip that says what it was asked.
    (programs / "python3").write_text(
        f'#!/bin/sh\nmkdir -p "$3/bin"\nln -s "{BIN}/appgen" "$3/bin/appgen"\n'
        'printf \'#!/bin/sh\\necho "$@" > "$ASKED"\\n\' > "$3/bin/pip"\nchmod +x "$3/bin/pip"\n'
    )
    (programs / "python3").chmod(0o755)
    job = read_job()
    done = run(
        (shell, "-e"),
        SCRIPTS["gitlab-appgen.yml"],
        apps,
        **job["variables"]
        | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "ASKED": str(apps.parent / "asked"),
            "APPGEN_ARGS": f"--select {RULE}",
            "CI_PROJECT_DIR": str(apps),
            "TMPDIR": str(apps.parent),
        },
    )
    assert (done.returncode, done.stderr) == (1, SUMMARY * 2)
    assert (apps.parent / "asked").read_text().split()[-1] == job["variables"]["APPGEN_PACKAGE"]
    assert "apps/jupyter/form.yml:3:5: error: " in done.stdout
    found = json.loads((apps / job["artifacts"]["reports"]["codequality"]).read_text())
    assert [entry["location"]["path"] for entry in found] == [
        "apps/a b/form.yml",
        "apps/jupyter/form.yml",
    ]
    assert job["artifacts"]["when"] == "always"


# The pre-commit hook


def test_the_hook_stops_a_commit(apps: Path) -> None:
    (hook,) = load(HOOKS)
    assert hook["id"] == "appgen-lint" and hook["language"] == "python"
    # As it stands, but from the environment of these tests: pre-commit would install it anew.
    local = {**hook, "language": "system", "args": ["--select", RULE]}
    config = {"repos": [{"repo": "local", "hooks": [local]}]}
    (apps / ".pre-commit-config.yaml").write_text(json.dumps(config))
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(apps.parent / "pre-commit"),
    }
    # pytest may itself be run by git, as a hook
    for name in [name for name in environment if name.startswith("GIT_")]:
        del environment[name]

    def call(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=apps, env=environment, capture_output=True, text=True, check=False
        )

    assert call("git", "init", "-q").returncode == 0
    call("git", "add", ".")
    pre_commit = (sys.executable, "-m", "pre_commit", "run")
    done = call(*pre_commit)
    assert done.returncode == 1
    assert done.stdout.count(f"[{RULE}]") == 2
    for form in apps.glob("apps/*/form.yml"):
        form.write_text(BAD_FORM.replace("  - num_cores\n", "", 1))
    call("git", "add", ".")
    done = call(*pre_commit)
    assert done.returncode == 0, done.stdout
