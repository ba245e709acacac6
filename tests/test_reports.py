"""Reports of hard findings, whole and held against what reads them.

`APPGEN_UPDATE_GOLDEN=1` writes reports/ anew: read what changed as the CI service would.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

import jsonschema
import pytest

from ood_appgen.diagnostics import Diagnostic, Severity, Span, sort
from ood_appgen.report import github, gitlab, json_report, junit, sarif, text
from ood_appgen.report.common import RuleFacts, fingerprints, from_root
from ood_appgen.report.sarif import Suppressed

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "reports"
UPDATE = bool(os.environ.get("APPGEN_UPDATE_GOLDEN"))
HOSTILE = (
    "a\nb\r\nc 100%25 ::error file=x::y, <b>&\"' \x1b[31mred\x00 🚀 {0} {x} [a](http://b) \ud800"
)
BAD_PATH = "apps/x\n::warning::%0A, a:b;<&\"'>\x1b[2J 🚀/form.yml"
ABSOLUTE = "/srv/on demand/äpp/form.yml.erb"
LINES = {
    ("apps/jupyter/form.yml", 3): "  - num_cores",
    ("apps/jupyter/form.yml", 7): "\twidget: 🚀 select # é",
    (BAD_PATH, 1): "::error::\x1b[31mhello",
}


def read_line(path: str, number: int) -> str:
    return LINES.get((path, number), "")


def make(
    path: str, rule: str, severity: Severity, message: str, hint: str = "", *place: int
) -> Diagnostic:
    return Diagnostic(path, Span(path, *place) if place else None, rule, severity, message, hint)


FORM = "apps/jupyter/form.yml"
HARD = sort(
    [
        make("apps/jupyter", "manifest-missing", Severity.WARNING, "there is no manifest.yml"),
        make(FORM, "form-listed-twice", Severity.ERROR, "listed twice", "delete it", 3, 5, 3, 14),
        make(FORM, "form-listed-twice", Severity.ERROR, "listed twice", "delete it", 30, 5, 30, 14),
        make(FORM, "form-tab", Severity.NOTE, "a tab, no end known", "", 7, 2),
        make(FORM, "form-tab", Severity.WARNING, "over two lines", "use blanks", 7, 2, 9, 1),
        make(FORM, "internal-error", Severity.ERROR, HOSTILE, HOSTILE, 8, 1, 8, 1),
        make(BAD_PATH, "form-tab", Severity.ERROR, "an odd path", "", 1, 3, 1, 8),
        replace(
            make(ABSOLUTE, "script-taint", Severity.WARNING, "far away", "", 12, 1, 12, 4),
            related=(
                (Span(FORM, 3, 5, 3, 14), "typed here"),
                (Span(BAD_PATH, 1, 3), f"and {HOSTILE}"),
            ),
        ),
        make(
            "b/\udcff/form.yml",
            "form-tab",
            Severity.NOTE,
            "a path that is no UTF-8",
            "",
            1,
            1,
            1,
            2,
        ),
        make(FORM, "form-listed-twice", Severity.NOTE, "listed twice (2)", "", 31, 1),
        make("", "manifest-missing", Severity.NOTE, "about all of it"),
    ]
)
SUPPRESSED = [
    Suppressed(make(FORM, "form-tab", Severity.ERROR, "ignored", "", 5, 1, 5, 2), True, "a reason"),
    Suppressed(make(FORM, "form-old", Severity.ERROR, "in the baseline", "", 6, 1, 6, 2), False),
]
RULES = [
    RuleFacts(
        "form-tab",
        "A tab.",
        "A tab.\n\nWhy\n    YAML takes\n    none.\n\nBad\n    form:\n      - <b>\n\nGood\n    form: []\n\n"
        "Fix\n    Use blanks.\n",
        Severity.ERROR,
        "https://example.org/rules/form-tab",
    ),
    RuleFacts("form-listed-twice", "A field is listed twice.", "", Severity.ERROR),
    RuleFacts("security-unused", "On, and found nothing.", "On, and found nothing.", Severity.NOTE),
]
FILES = [FORM, "apps/jupyter/submit.yml.erb"]

REPORTS: dict[str, Callable[[list[Diagnostic]], str]] = {
    "plain.txt": lambda found: text.report(found, read_line),
    "colour.txt": lambda found: text.report(found, read_line, colour=True),
    "report.json": json_report.report,
    "report.sarif": lambda found: sarif.report(found, RULES, read_line, "1.2.3"),
    "suppressed.sarif": lambda found: sarif.report(
        found, RULES, read_line, "1.2.3", suppressed=SUPPRESSED
    ),
    "github.txt": github.report,
    "gitlab.json": lambda found: gitlab.report(found, read_line),
    "junit.xml": lambda found: junit.report(found, FILES),
}


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_is_as_expected(name: str) -> None:
    shown = REPORTS[name](HARD).encode("utf-8")  # anything can be written
    if UPDATE:
        (GOLDEN / name).write_bytes(shown)
    assert shown == (GOLDEN / name).read_bytes()


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_found_is_a_report_too(name: str) -> None:
    shown = REPORTS[name]([])
    if name.endswith(".txt"):
        assert shown == ""
    elif name.endswith(".xml"):
        assert ElementTree.fromstring(shown).get("failures") == "0"
    else:
        json.loads(shown)


# Text


def test_a_finding_never_leaves_its_lines_nor_speaks_to_the_terminal() -> None:
    shown = REPORTS["plain.txt"](HARD)
    assert not [c for c in shown if not c.isprintable() and c not in "\n\t"]
    findings = [line for line in shown.splitlines() if not line.startswith("  ")]
    assert len(findings) == len(HARD)


def test_colour_adds_nothing_but_colour() -> None:
    shown = REPORTS["colour.txt"](HARD)
    assert re.sub(r"\x1b\[\d+m", "", shown) == REPORTS["plain.txt"](HARD)
    first = "\x1b[1mapps/jupyter\x1b[0m: \x1b[33m\x1b[1mwarning\x1b[0m: there is no"
    assert first in shown
    assert "\x1b[32m\x1b[1m^~~~~~~~~\x1b[0m" in shown


# JSON


def test_json_has_the_promised_keys_and_null_for_what_is_not_known() -> None:
    found = json.loads(REPORTS["report.json"](HARD))
    assert len(found) == len(HARD)
    for given, diagnostic in zip(found, HARD, strict=True):
        assert list(given) == (
            "path line column end_line end_column rule severity message hint".split()
        )
        places = [given[key] for key in ("line", "column", "end_line", "end_column")]
        span = diagnostic.span
        if span is None:
            assert places == [None] * 4
        else:
            assert places[:2] == [span.line, span.column]
            assert places[2:] == [span.end_line or None, span.end_column or None]
        assert not [p for p in places if p == 0]
    assert found[-1]["path"] != "" or HARD[-1].path == ""
    assert {given["path"] for given in found} >= {BAD_PATH, ABSOLUTE, FORM}


# SARIF


def load_sarif(name: str) -> Any:
    """A SARIF report that is valid against the standard's schema."""
    log = json.loads(REPORTS[name](HARD))
    schema = json.loads((HERE / "data" / "sarif-schema-2.1.0.json").read_text())
    validator = jsonschema.Draft4Validator(schema, format_checker=jsonschema.FormatChecker())
    assert [error.message for error in validator.iter_errors(log)] == []
    return log["runs"][0]


def test_the_schema_would_refuse_what_is_wrong() -> None:
    schema = json.loads((HERE / "data" / "sarif-schema-2.1.0.json").read_text())
    log = json.loads(REPORTS["report.sarif"](HARD))
    for break_it in (
        lambda run: run["results"][0].update(level="fatal"),
        lambda run: run["results"][1]["locations"][0]["physicalLocation"]["region"].update(
            startLine=0
        ),
        lambda run: run["tool"]["driver"]["rules"][0].pop("id"),
    ):
        broken = json.loads(json.dumps(log))
        break_it(broken["runs"][0])
        assert not jsonschema.Draft4Validator(schema).is_valid(broken)


@pytest.mark.parametrize("name", ["report.sarif", "suppressed.sarif"])
def test_sarif_results_point_at_their_rules_and_files(name: str) -> None:
    run = load_sarif(name)
    rules = run["tool"]["driver"]["rules"]
    given = HARD + [s.diagnostic for s in SUPPRESSED] * (name == "suppressed.sarif")
    assert len(run["results"]) == len(given)
    for result, diagnostic in zip(run["results"], given, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == diagnostic.rule
        (location,) = result["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        assert re.fullmatch(r"(?:[A-Za-z0-9._~/:-]|%[0-9A-F]{2})+", artifact["uri"])
        path = os.fsdecode(unquote_to_bytes(artifact["uri"].removeprefix("file://")))
        assert path == (diagnostic.path or ".")
        assert ("uriBaseId" in artifact) is not path.startswith("/")
        assert ("region" in location["physicalLocation"]) is (diagnostic.span is not None)
    assert {rule.id for rule in RULES} <= {rule["id"] for rule in rules}
    assert [rule["id"] for rule in rules] == sorted({rule["id"] for rule in rules})


def test_sarif_suppressions_are_given_for_all_results_or_none() -> None:
    assert not [r for r in load_sarif("report.sarif")["results"] if "suppressions" in r]
    given = [r["suppressions"] for r in load_sarif("suppressed.sarif")["results"]]
    assert given[:-2] == [[]] * len(HARD)
    assert given[-2:] == [
        [{"kind": "inSource", "status": "accepted", "justification": "a reason"}],
        [{"kind": "external", "status": "accepted"}],
    ]


def test_sarif_messages_hold_no_placeholder_and_no_link() -> None:
    for result in load_sarif("report.sarif")["results"]:
        for message in (result, *result.get("relatedLocations", [])):
            shown = message["message"]["text"]
            assert not re.search(r"(?<!\{)\{\d+\}(?!\})", shown)
            assert not re.search(r"(?<!\\)\]\(", shown)


def test_the_page_of_a_rule_is_its_help() -> None:
    (rule,) = [
        r for r in load_sarif("report.sarif")["tool"]["driver"]["rules"] if r["id"] == "form-tab"
    ]
    assert rule["help"]["markdown"] == (
        "A tab.\n\n## Why\n\nYAML takes\nnone.\n\n## Bad\n\n    form:\n      - <b>\n\n"
        "## Good\n\n    form: []\n\n## Fix\n\nUse blanks."
    )
    assert rule["fullDescription"]["text"] == "YAML takes none."
    assert rule["helpUri"] == "https://example.org/rules/form-tab"


# Identities


def test_identities_differ_and_do_not_move_with_lines() -> None:
    again = [make(FORM, "form-tab", Severity.NOTE, "the same", "", line, 1) for line in (60, 61)]
    found = [*HARD, *again, make(FORM, "form-tab", Severity.NOTE, "as in line 4", "", 40, 1)]
    identities = fingerprints(found, read_line, ".")
    assert len(set(identities)) == len(found)

    def shift(span: Span) -> Span:
        return replace(span, line=span.line + 10, end_line=span.end_line + 10)

    moved = [replace(d, span=shift(d.span)) if d.span else d for d in found[:-1]]
    moved.append(make(FORM, "form-tab", Severity.NOTE, "as in line 14", "", 50, 1))
    assert fingerprints(moved, lambda path, n: read_line(path, n - 10), ".") == identities


def test_an_identity_changes_with_what_it_stands_for() -> None:
    base = make(FORM, "form-tab", Severity.NOTE, "a message", "", 3, 1)
    others = [replace(base, path="other"), replace(base, rule="r"), replace(base, message="m")]
    identities = {fingerprints([d], read_line, ".")[0] for d in (base, *others)}
    identities.add(fingerprints([base], lambda path, n: "another line", ".")[0])
    assert len(identities) == 5
    # A file has the same name for a CI service, however the linter was led to it.
    same = replace(base, path=os.path.abspath(FORM))
    assert fingerprints([same], lambda path, n: read_line(FORM, n), ".") == fingerprints(
        [base], read_line, "."
    )


def test_paths_are_seen_from_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repository/apps").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "repository/apps")
    root = str(tmp_path / "repository")
    assert from_root("./a/form.yml", root) == "apps/a/form.yml"
    assert from_root("../b/form.yml", root) == "b/form.yml"
    assert from_root(f"{root}/c", "..") == "c"
    assert from_root("..hidden/form.yml", ".") == "..hidden/form.yml"
    assert from_root("../../d", root) == f"{tmp_path}/d"
    assert from_root("", ".") == "."


# GitHub


def read_command(line: str) -> tuple[str, dict[str, str], str]:
    """A line as the runner reads it (actions/runner, ActionCommand.cs, TryParseV2)."""
    match = re.fullmatch(r"::(\w+) (.*?)::(.*)", line, re.S)
    assert match

    def unescape(value: str, *more: str) -> str:
        for code in ("%0D", "%0A", *more, "%25"):
            value = value.replace(code, chr(int(code[1:], 16)))
        return value

    pairs = [pair.split("=", 1) for pair in match[2].split(",") if pair]
    properties = {name: unescape(value, "%3A", "%2C") for name, value in pairs}
    return match[1], properties, unescape(match[3])


def test_github_reads_what_was_meant() -> None:
    lines = REPORTS["github.txt"](HARD).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(HARD)
    for line, diagnostic in zip(lines, HARD, strict=True):
        assert "\r" not in line
        command, properties, message = read_command(line)
        path = (diagnostic.path or ".").replace("\udcff", "?")
        assert command == {"note": "notice"}.get(diagnostic.severity.word, diagnostic.severity.word)
        assert (properties["file"], properties["title"]) == (path, diagnostic.rule)
        assert message.startswith(path) and diagnostic.message.replace("\ud800", "?") in message
        # The runner drops columns where the lines differ, and all where the end is first.
        assert ("line" in properties) is (diagnostic.span is not None)
        if "endLine" in properties and properties["endLine"] != properties["line"]:
            assert "col" not in properties and "endColumn" not in properties


# GitLab

# GitLab docs, "Code Quality report format".
CODE_QUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "additionalProperties": False,
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "minLength": 1, "not": {"pattern": "^\\./"}},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}


def test_gitlab_reads_it_and_tells_findings_apart() -> None:
    found = json.loads(REPORTS["gitlab.json"](HARD))
    jsonschema.validate(found, CODE_QUALITY)
    assert len({entry["fingerprint"] for entry in found}) == len(found) == len(HARD)
    assert not REPORTS["gitlab.json"](HARD).startswith("\ufeff")  # which GitLab refuses


# JUnit


def test_junit_counts_its_cases_and_names_none_twice() -> None:
    top = ElementTree.fromstring(REPORTS["junit.xml"](HARD))
    assert top.tag == "testsuites"
    names = [(case.get("classname"), case.get("name")) for case in top.iter("testcase")]
    assert len(set(names)) == len(names)
    for element in (top, *top.iter("testsuite")):
        assert element.get("tests") == str(len(list(element.iter("testcase"))))
        assert element.get("failures") == str(len(list(element.iter("failure"))))
    failed = [d for d in HARD if d.severity is not Severity.NOTE]
    assert top.get("failures") == str(len(failed))
    assert top.get("tests") == str(len(HARD) + 1)  # submit.yml.erb, where nothing was found
    assert {s.get("name") for s in top} >= {*FILES, ABSOLUTE}
    (message,) = [f.get("message", "") for f in top.iter("failure") if "🚀" in f.get("message", "")]
    assert message.startswith("a\nb") and "[31mred" in message and "\x1b" not in message
