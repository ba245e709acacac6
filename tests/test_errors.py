"""What a person sees when a file is wrong: the whole report, character by character.

A case is a folder `errors/<rule>-<what>/` with a site.yml and an app.yml (or `apps/*/app.yml`) that
have one fault, and expected.txt: all that `appgen render` says on stderr in that folder. With an
error the exit code is 2 and nothing is written; warnings stop nothing. `APPGEN_UPDATE_GOLDEN=1`
writes the expected.txt files anew: read the differences as somebody who has to put the fault right.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import ood_appgen
from ood_appgen.cli import BAD_INPUT, OK, cli

ERRORS = Path(__file__).resolve().parent / "errors"
CASES = sorted(path.name for path in ERRORS.iterdir() if path.is_dir())
EXPECTED = "expected.txt"
UPDATE = bool(os.environ.get("APPGEN_UPDATE_GOLDEN"))

# Files that cannot lie in a repository well: they are put into the case's folder here.
MADE: dict[str, tuple[str, bytes]] = {
    "yaml-syntax-not-utf8": ("app.yml", "title: Café\n".encode("latin-1")),
    "yaml-syntax-too-deep": ("site.yml", b"site: " + b"{a: " * 10_000),
    "script-file-not-utf8": ("script.sh", "echo café\n".encode("latin-1")),
}

# One fault, reported more than once: what follows from it is reported too.
WITH_CONSEQUENCES = {
    "field-needed-version",
    "field-widget-select",
    "node-type-unknown",
    "node-type-unknown-nothing-shared",
    "node-type-unused-typo",
}

_REPORTERS = ("error", "warning", "note", "file_error", "_error", "_report")
_RULE = re.compile(r"\[([a-z][a-z-]*)\]$", re.MULTILINE)


def prepare(case: str, folder: Path) -> list[str]:
    """Copy a case to `folder` and give the command line for it."""
    shutil.copytree(ERRORS / case, folder, ignore=shutil.ignore_patterns(EXPECTED))
    if case in MADE:
        name, content = MADE[case]
        (folder / name).write_bytes(content)
    apps = [] if (folder / "apps").is_dir() else ["."]
    return ["render", *apps, "--site", "site.yml", "--output", "out"]


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("case", CASES)
def test_report(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "case"
    command = prepare(case, folder)
    monkeypatch.chdir(folder)
    before = files_of(folder)
    result = CliRunner().invoke(cli, command)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    if ": error: " in result.stderr:
        assert (result.exit_code, result.stdout) == (BAD_INPUT, "")
        assert files_of(folder) == before
    else:
        assert result.exit_code == OK
        assert (folder / "out").is_dir()
    golden = ERRORS / case / EXPECTED
    if UPDATE:
        golden.write_text(result.stderr, encoding="utf-8")
    assert result.stderr == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_the_name_of_a_case_starts_with_its_rule(case: str) -> None:
    rules = rules_in(case)
    if case.startswith("several-faults"):
        assert len(rules) > 1
    else:
        assert [r for r in rules if case.startswith(r)]
        assert (len(rules) > 1) == (case in WITH_CONSEQUENCES)


@pytest.mark.parametrize("case", [c for c in CASES if c.startswith("several-faults")])
def test_findings_come_file_by_file_and_line_by_line(case: str) -> None:
    text = (ERRORS / case / EXPECTED).read_text(encoding="utf-8")
    places = re.findall(r"^(\S+?)(?::(\d+):(\d+))?: error: ", text, re.MULTILINE)
    keys = [(path, int(line or 0), int(column or 0)) for path, line, column in places]
    assert keys == sorted(keys)
    assert len(keys) > 1
    assert text.endswith(f"\n{len(keys)} errors; nothing was written.\n")


def rules_in(case: str) -> set[str]:
    return set(_RULE.findall((ERRORS / case / EXPECTED).read_text(encoding="utf-8")))


def rules_of_the_sources() -> dict[str, str]:
    """Each rule that the sources report, as a regular expression, with a place where they do."""
    package = Path(ood_appgen.__file__).resolve().parent
    found: dict[str, str] = {}
    for path in sorted(package.rglob("*.py")):
        if "lint" in path.relative_to(package).parts:
            continue  # see test_rules.py
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            rules: list[ast.expr] = []
            if isinstance(call, ast.Call) and _reports(call.func):
                rules = [*call.args[1:2], *(k.value for k in call.keywords if k.arg == "rule")]
            elif isinstance(call, ast.Assign) and [_name(t) for t in call.targets] == ["rule"]:
                rules = [call.value]
            for rule in rules:
                if isinstance(rule, ast.Constant):
                    found.setdefault(re.escape(str(rule.value)), f"{path.name}:{call.lineno}")
                elif isinstance(rule, ast.JoinedStr):
                    found.setdefault(_pattern(rule), f"{path.name}:{call.lineno}")
                else:  # a name that a caller, or an assignment, fills
                    assert ast.unparse(rule) == "rule", f"{path}:{call.lineno}"
    return found


def _reports(function: ast.expr) -> bool:
    return _name(function) in _REPORTERS or ast.unparse(function) == "self.report"


def _name(node: ast.expr) -> str:
    return getattr(node, "id", getattr(node, "attr", ""))


def _pattern(text: ast.JoinedStr) -> str:
    parts = (re.escape(v.value) if isinstance(v, ast.Constant) else ".+" for v in text.values)
    return "".join(parts)


def test_every_rule_has_a_case() -> None:
    sources = rules_of_the_sources()
    covered = {rule for case in CASES for rule in rules_in(case)}
    missing = {
        pattern: place
        for pattern, place in sources.items()
        if not any(re.fullmatch(pattern, rule) for rule in covered)
    }
    assert not missing
    assert len(sources) > 40
    # The rules that are put together at run time, by all their names.
    assert covered >= {"site-schema", "app-schema"}
    assert covered >= {"cluster-unknown", "mount-unknown", "node-type-unknown"}
    assert [r for r in covered if not any(re.fullmatch(p, r) for p in sources)] == []


# Said where something else has gone wrong before: the parser of app.yml keeps such ids from forms.
NEVER_SAID = {r"two\ fields\ would\ be\ called\ .+"}


def messages_of_the_sources() -> dict[str, str]:
    """What parsers and planner say, as regular expressions, with a place where they do."""
    package = Path(ood_appgen.__file__).resolve().parent
    found: dict[str, str] = {}
    for path in sorted([*package.glob("model/*.py"), *package.glob("planner/*.py")]):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and _reports(call.func) and len(call.args) > 2:
                message = call.args[2]
                if isinstance(message, ast.Constant):
                    pattern = re.escape(str(message.value))
                else:
                    pattern = _pattern(message) if isinstance(message, ast.JoinedStr) else ""
                if pattern.replace(".+", ""):
                    found.setdefault(pattern, f"{path.name}:{call.lineno}")
    return found


def test_every_message_has_a_case() -> None:
    texts = [(ERRORS / case / EXPECTED).read_text(encoding="utf-8") for case in CASES]
    said = [line for text in texts for line in re.findall(r": (?:error|warning): (.*) \[", text)]
    messages = messages_of_the_sources()
    assert len(messages) > 100
    unsaid = {
        pattern: place
        for pattern, place in messages.items()
        if not any(re.fullmatch(pattern, line) for line in said)
    }
    assert set(unsaid) == NEVER_SAID, unsaid
