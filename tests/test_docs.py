"""The documentation: its commands run, its examples are valid, its generated pages are fresh."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from ruamel.yaml import YAML

from ood_appgen import schema, source
from ood_appgen.cli import cli
from ood_appgen.lint import config
from samples import ROOT
from tools import require_package, require_tool

sys.path.insert(0, str(ROOT / "tools"))
import make_docs  # noqa: E402
import release_notes  # noqa: E402

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
# Pages whose every command and edit is carried out, in a directory of their own.
TRIED = (
    "tutorial",
    "kubernetes",
    *("how-to/add-to-a-site", "how-to/kubernetes", "how-to/verify", "how-to/generated-apps"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its title (a file), its text, and its line in the page."""

    language: str
    title: str
    text: str
    line: int


def read_blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", text, re.M | re.S):
        line = text[: found.start()].count("\n") + 1
        yield Block(found[1], found[2] or "", found[3], line)


def run(command: str, folder: Path, user: Path) -> str:
    """Run a command as a user's shell does; what it prints, both streams."""
    environment = {
        **os.environ,
        "HOME": str(user / "home"),
        "PATH": f"{user / 'bin'}:{os.environ['PATH']}",
        "COLUMNS": "100",
    }
    environment.pop("GITHUB_ACTIONS", None)
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}"
    return done.stdout


def write_appgen(folder: Path) -> None:
    """Put a command `appgen` into a folder: that of this source tree."""
    folder.mkdir(exist_ok=True)
    (folder / "appgen").write_text(
        f"#!{sys.executable}\nimport sys\n\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from ood_appgen.cli import main\n\nmain()\n"
    )
    (folder / "appgen").chmod(0o755)


def matches(expected: list[str], printed: str) -> bool:
    """Whether the lines are those; `...` alone stands for any lines, within a line for any text."""
    pattern = ""
    for line in expected:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(map(re.escape, line.split("..."))) + r"[ ]*\n"
    return re.fullmatch(pattern, printed) is not None


def carry_out(block: Block, folder: Path, user: Path) -> Path:
    """Do what a block says; the directory in which the next one goes on."""
    if block.language == "console":
        commands = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block.text, re.M)
        assert commands and block.text.startswith("$ "), block
        for command, expected in commands:
            if command.startswith("cd "):
                folder = folder / command.removeprefix("cd ")
                assert folder.is_dir() and not expected
                continue
            printed = run(command, folder, user)
            assert matches(expected.splitlines(), printed), f"$ {command}\n{printed}\n{expected}"
    elif block.language == "diff":
        lines = block.text.splitlines(keepends=True)
        assert all(line[0] in " +-" for line in lines), block
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        path = folder / block.title
        text = path.read_text(encoding="utf-8")
        assert ("\n" + text).count("\n" + old) == 1, (block.title, block.line, old)
        path.write_text(("\n" + text).replace("\n" + old, "\n" + new)[1:], encoding="utf-8")
    elif block.title:
        path = folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", TRIED)
def test_every_command_of_a_page_does_what_it_says(name: str, tmp_path: Path) -> None:
    page = DOCS / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    if "appgen verify" in text:
        require_tool("ruby")
    write_appgen(tmp_path / "bin")
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "home").mkdir()
    start = re.search(r"<!-- start: (.*) -->", text)
    if start:
        run(start[1], folder, tmp_path)
    blocks = list(read_blocks(page))
    assert not [b for b in blocks if b.language in ("sh", "bash", "shell")], (
        "use console: it is tried"
    )
    for block in blocks:
        folder = carry_out(block, folder, tmp_path)


def test_a_line_that_differs_is_noticed() -> None:
    assert matches(["a", "...", "d: ... e"], "a\nb\nc\nd: 1 e\n")
    assert matches(["..."], "")
    assert not matches(["a"], "a\nb\n")
    assert not matches(["a", "...", "c"], "a\nb\n")
    assert not matches([], "a\n")


def _yaml_blocks() -> list[tuple[Path, Block]]:
    found = []
    for page in [*PAGES, ROOT / "README.md"]:
        for block in read_blocks(page):
            name = block.title.rpartition("/")[2]
            if block.language == "yaml" and name in ("site.yml", "app.yml"):
                found.append((page, block))
    return found


def test_files_in_the_pages_fit_the_schemas() -> None:
    tried = 0
    for page, block in _yaml_blocks():
        name = block.title.rpartition("/")[2]
        document, findings = source.read_text(block.text, f"{page}:{block.line}")
        assert document is not None and not findings, findings
        assert schema.validate(document, name.removesuffix(".yml")) == [], (page, block.line)
        tried += 1
    assert tried >= 2


@pytest.mark.parametrize("path", make_docs.make_pages(), ids=lambda p: p.name)
def test_generated_pages_are_fresh(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == make_docs.make_pages()[path], "run: make docs"


def test_every_key_is_in_the_reference() -> None:
    """The generator walks the schema in its own way; this one does it in the simplest."""
    for name in ("site", "app"):
        page = (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")
        text = (ROOT / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8")
        found = list(_keys(json.loads(text)))
        for key, part in found:
            assert f"| `{key}` |" in page, key
            if "x-unit" in part:
                assert re.search(rf"^\| `{key}` \|.*, in {part['x-unit']} ", page, re.M), key
        assert len(found) > 40


def _keys(part: object) -> Iterator[tuple[str, dict[str, object]]]:
    if isinstance(part, list):
        for inner in part:
            yield from _keys(inner)
    if not isinstance(part, dict):
        return
    properties = part.get("properties")
    if isinstance(properties, dict):
        for key, inner in properties.items():
            if (
                isinstance(inner, dict)
                and inner != {"not": {}}
                and ("type" in inner or "$ref" in inner)
            ):
                yield key, inner
    for key, inner in part.items():
        if key not in ("examples", "if", "then", "allOf", "not"):
            yield from _keys(inner)


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    require_package("mkdocs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "site" / "reference" / "site.html").is_file()


def test_links_of_the_readme_lead_somewhere() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [t for t in re.findall(r"\]\(([^)#]+)", text) if "://" not in t]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_the_picture_is_small() -> None:
    assert 10_000 < (DOCS / "images" / "form.png").stat().st_size < 150_000


def test_the_man_page_has_no_fault() -> None:
    page = str(DOCS / "appgen.1")
    programs = (
        ["mandoc", "-T", "lint", "-W", "warning", page],
        ["groff", "-man", "-ww", "-T", "utf8", "-z", page],
    )
    for command in programs:
        require_tool(command[0])
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), command


def test_completion_completes_in_bash(tmp_path: Path) -> None:
    """In a real bash: the function that the script installs, asked for `appgen ren`."""
    write_appgen(tmp_path)
    script = """
        eval "$(appgen completion bash)"
        complete -p appgen
        try() {
          COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
          _appgen_completion appgen "${COMP_WORDS[COMP_CWORD]}" ""
          echo "${COMPREPLY[*]}"
        }
        try appgen ren
        try appgen render --me
        try appgen schema si
        try appgen completion z
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("complete ") and "_appgen_completion" in lines[0], done
    assert lines[1:] == ["render", "--merge", "site", "zsh"], done


def test_completion_completes_in_fish(tmp_path: Path) -> None:
    fish = require_tool("fish")
    write_appgen(tmp_path)
    script = (
        'appgen completion fish | source; complete -C "appgen ren"; complete -C "appgen schema si"'
    )
    done = subprocess.run(
        [fish, "--no-config", "-c", script],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["render\tRender apps for a site.", "site"], done


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_scripts_are_read_by_their_shells(shell: str, tmp_path: Path) -> None:
    program = require_tool(shell)
    done = subprocess.run(
        [sys.executable, "-m", "ood_appgen", "completion", shell],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    script = tmp_path / f"appgen.{shell}"
    script.write_text(done.stdout)
    assert "_APPGEN_COMPLETE" in done.stdout
    read = subprocess.run([program, "--no-exec", str(script)], capture_output=True, text=True)
    assert (read.returncode, read.stderr) == (0, "")


def test_release_notes_are_the_changelog_s() -> None:
    tool = [sys.executable, str(ROOT / "tools" / "release_notes.py")]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.findall(r"^## \[(.+?)\]", changelog, re.M)[0]
    done = subprocess.run([*tool, newest], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() and done.stdout.strip() in changelog
    assert not re.search(r"^## ", done.stdout, re.M)
    missing = subprocess.run([*tool, "99.0.0"], capture_output=True, text=True)
    assert missing.returncode == 2
    assert "99.0.0" in missing.stderr and newest in missing.stderr


def test_release_notes_end_where_the_next_release_begins() -> None:
    text = (
        "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2027-01-02\n\n### Fixed\n\n- B\n\n"
        "## [1.0.0] - 2027-01-01\n\n- A\n\n[1.1.0]: https://example.org\n"
    )
    assert release_notes.find_section(text, "1.1.0") == "### Fixed\n\n- B\n"
    assert release_notes.find_section(text, "v1.0.0") == "- A\n"
    assert release_notes.find_section(text, "Unreleased") == ""
    assert release_notes.find_section(text, "1.0") is None


def _written_commands() -> list[tuple[str, str]]:
    """Commands that pages show and no test runs: they may at least be commands."""
    found = []
    for page in [*PAGES, ROOT / "README.md"]:
        if page.name in ("rules.md", "cli.md"):
            continue
        text = page.read_text(encoding="utf-8")
        for block in read_blocks(page):
            if block.language in ("sh", "yaml", "groovy"):
                found += re.findall(r"(?<![\w-])appgen ([a-z].*)", block.text)
        found += re.findall(r"^    appgen ([a-z].*)", text, re.M)
        found += re.findall(r"`appgen ([a-z][^`]*)`", text)
    return [(c.split()[0], c) for c in found]


def test_commands_in_the_text_exist_with_their_options() -> None:
    context = click.Context(cli, info_name="appgen")
    tried = 0
    for name, written in _written_commands():
        command = cli.get_command(context, name)
        assert command is not None, written
        known = {o for parameter in command.params for o in parameter.opts} | {"--help"}
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", written.partition("#")[0]):
            assert option in known, written
        tried += 1
    assert tried > 40


def test_settings_of_the_linter_in_the_pages_are_read(tmp_path: Path) -> None:
    blocks = [b for page in PAGES for b in read_blocks(page) if b.title == ".appgen.toml"]
    assert blocks
    for block in blocks:
        path = tmp_path / ".appgen.toml"
        path.write_text(block.text)
        read = config.read(path)
        assert read is not None and read.ondemand == "4.1"


def test_workflows_in_the_pages_are_yaml() -> None:
    """And name what this repository has: the hook, the action's inputs, the file for GitLab."""
    page = DOCS / "how-to" / "lint-in-ci.md"
    files = {b.title: b.text for b in read_blocks(page) if b.language == "yaml" and b.title}
    yaml = YAML(typ="safe")
    assert set(yaml.load(files[".github/workflows/appgen.yml"])) == {
        "name",
        "on",
        "permissions",
        "jobs",
    }
    hook = yaml.load(files[".pre-commit-config.yaml"])["repos"][0]["hooks"][0]["id"]
    assert hook in [h["id"] for h in yaml.load(ROOT / ".pre-commit-hooks.yaml")]
    assert (ROOT / yaml.load(files[".gitlab-ci.yml"])["include"][0]["file"]).is_file()
    step = yaml.load(files[".github/workflows/appgen.yml"])["jobs"]["lint"]["steps"][1]
    assert set(step["with"]) <= set(yaml.load(ROOT / "action.yml")["inputs"])
