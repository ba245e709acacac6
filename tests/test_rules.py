"""Each rule against good and bad apps: the whole report, character by character.

A case is a folder `lint/<rule>/bad-<what>/` with the files of an app that matter and expected.txt: all
that the rule says there. `good-<what>/` are apps on which it says nothing: each rule has both kinds.
A file lint.json in a case gives settings ({"ondemand": "3.0", "profile": "catalogue", "site": "site.yml"}).
`APPGEN_UPDATE_GOLDEN=1` writes the expected.txt files anew: read what changed as the app's author.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ood_appgen.diagnostics import Diagnostic
from ood_appgen.lint import engine
from ood_appgen.lint.app import App, Settings, load
from ood_appgen.lint.rule import load_rules
from ood_appgen.model import site_parser
from ood_appgen.report import text
from ood_appgen.source import read_file

CASES = Path(__file__).resolve().parent / "lint"
ALL = sorted(str(p.relative_to(CASES)) for p in CASES.glob("*/*") if p.is_dir())
UPDATE = bool(os.environ.get("APPGEN_UPDATE_GOLDEN"))
EXPECTED = "expected.txt"
SETTINGS = "lint.json"


def load_case(folder: Path) -> App:
    given = json.loads((folder / SETTINGS).read_text()) if (folder / SETTINGS).exists() else {}
    site = None
    if "site" in given:
        document, findings = read_file(folder / given.pop("site"), "site.yml")
        assert document is not None and not findings
        site, findings = site_parser.parse(document, folder)
        assert site is not None, findings
    app = load(folder, "", Settings(site=site, **given), root=folder)
    names = app.names - {EXPECTED, SETTINGS, "site.yml"}
    return App("", app.files, names, app.settings, frozenset())


def report(app: App, found: list[Diagnostic]) -> str:
    def read_line(path: str, number: int) -> str:
        return app.files[path].line(number)

    return text.report(found, read_line)


@pytest.mark.parametrize("case", ALL)
def test_the_report_is_as_expected(case: str) -> None:
    folder = CASES / case
    rule_id, _, kind = case.partition("/")
    app = load_case(folder)
    found = engine.check(app, [load_rules()[rule_id]])
    shown = report(app, found)
    if kind.startswith("good-"):
        assert shown == ""
        return
    assert kind.startswith("bad-") and shown
    if UPDATE:
        (folder / EXPECTED).write_text(shown)
    assert shown == (folder / EXPECTED).read_text()


@pytest.mark.parametrize("rule_id", sorted(load_rules()))
def test_each_rule_has_cases_of_both_kinds_and_a_page(rule_id: str) -> None:
    kinds = {
        case.partition("/")[2].partition("-")[0] for case in ALL if case.startswith(f"{rule_id}/")
    }
    assert kinds == {"bad", "good"}
    rule = load_rules()[rule_id]
    headings = [line for line in rule.doc.splitlines() if line in ("Why", "Bad", "Good", "Fix")]
    assert headings == ["Why", "Bad", "Good", "Fix"]
    assert rule.title.endswith(".") and len(rule.title) < 100
