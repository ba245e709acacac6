"""`appgen lint` and `appgen rules` on real files: reports, exit codes, each option."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from appgen_runner import Appgen, Ran
from lint_apps import FORM, KNOWN, make_app, repo
from ood_appgen.lint import catalog, rule
from samples import ROOT

__all__ = ["repo"]

TWICE = """\
one/form.yml:4:5: error: the field "num_cores" is listed twice [form-listed-twice]
  4 |   - num_cores
    |     ^~~~~~~~~
  one/form.yml:3:5: listed first here
  hint: delete one of the two lines
"""
SUMMARY = "1 finding (1 error) in 1 app\n"


def lint(appgen: Appgen, *arguments: str | Path) -> Ran:
    return appgen("lint", "--select", "form-listed-twice", *arguments)


# -- reports and exit codes -----------------------------------------------------------------------


def test_a_finding_is_shown_with_its_line(appgen: Appgen, repo: Path) -> None:
    assert lint(appgen) == Ran(1, TWICE, SUMMARY)
    assert lint(appgen, "one") == lint(appgen, "one/form.yml") == Ran(1, TWICE, SUMMARY)
    assert lint(appgen, repo / "one", ".", "one/submit.yml.erb") == Ran(1, TWICE, SUMMARY)


def test_nothing_found(appgen: Appgen, repo: Path) -> None:
    (repo / "one/form.yml").write_text("cluster: hpc\nform: [num_cores]\n")
    assert lint(appgen) == Ran(0, "", "no findings in 1 app\n")
    make_app(repo / "two", "form: []\n")
    assert lint(appgen) == Ran(0, "", "no findings in 2 apps\n")


def test_paths_are_as_seen_from_here(
    appgen: Appgen, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo / "one")
    assert lint(appgen).out == TWICE.replace("one/form", "form")
    assert lint(appgen, "form.yml").out == TWICE.replace("one/form", "form")
    monkeypatch.chdir(repo / "one/template")
    assert lint(appgen, "..").out == TWICE.replace("one/form", "../form")
    monkeypatch.chdir("/")
    shown = os.path.relpath(repo / "one/form.yml")
    assert lint(appgen, repo).out == TWICE.replace("one/form.yml", shown)


def test_notes_do_not_fail(appgen: Appgen, repo: Path) -> None:
    (repo / ".appgen.toml").write_text('severity = {form-listed-twice = "note"}\n')
    ran = lint(appgen)
    assert (ran.code, ran.err) == (0, "1 finding (1 note) in 1 app\n")
    assert ran.out == TWICE.replace("error", "note")
    (repo / ".appgen.toml").write_text('severity = {form = "warning"}\n')
    ran = lint(appgen)
    assert (ran.code, ran.err) == (1, "1 finding (1 warning) in 1 app\n")


def test_exit_zero(appgen: Appgen, repo: Path) -> None:
    assert lint(appgen, "--exit-zero") == Ran(0, TWICE, SUMMARY)
    assert lint(appgen, "--exit-zero", "nowhere").code == 2


def test_a_path_without_an_app(appgen: Appgen, repo: Path) -> None:
    (repo / "docs").mkdir()
    (repo / "docs/a.md").write_text("x")
    assert lint(appgen, "docs") == Ran(
        2, "", "appgen: docs: there is no app: no form.yml or form.yml.erb here or below\n"
    )
    assert lint(appgen, "docs/a.md") == Ran(
        2,
        "",
        "appgen: docs/a.md: there is no app: no form.yml or form.yml.erb in the directories above it\n",
    )
    wanted = Ran(2, "", "appgen: nowhere: there is no such file or directory\n")
    assert lint(appgen, "nowhere") == lint(appgen, "one", "nowhere") == wanted


def test_a_form_that_cannot_be_read(appgen: Appgen, repo: Path) -> None:
    make_app(repo / "two")
    (repo / "one/form.yml").unlink()
    (repo / "one/form.yml").symlink_to("nowhere")
    assert lint(appgen) == Ran(
        2, "", "appgen: one/form.yml: cannot be read, or is larger than 1 MB\n"
    )


def test_a_link_to_an_app_is_shown_as_it_was_named(appgen: Appgen, repo: Path) -> None:
    (repo / "link").symlink_to("one")
    assert lint(appgen, "link").out == TWICE.replace("one/", "link/")
    assert lint(appgen, "one", "link").out == TWICE


@pytest.mark.parametrize("option", ["--ondemand=5.0", "--format=html", "--jobs=0", "--profile=x"])
def test_wrong_usage(appgen: Appgen, repo: Path, option: str) -> None:
    ran = lint(appgen, option)
    assert (ran.code, ran.out) == (2, "")


def test_unknown_rules_on_the_command_line(appgen: Appgen, repo: Path) -> None:
    ran = appgen("lint", "--select", "form-listed-twise")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(
        'Error: "form-listed-twise" is no rule and no group of rules; '
        'did you mean "form-listed-twice"?\n'
    )
    assert appgen("lint", "--ignore", "zzz").err.endswith("of rules; see: appgen rules\n")


def test_select_and_ignore(appgen: Appgen, repo: Path) -> None:
    def rules(*arguments: str) -> set[str]:
        return {d["rule"] for d in json.loads(appgen("lint", "--format=json", *arguments).out)}

    assert rules(f"--select={KNOWN}") == {"form-listed-twice", "script-not-executable"}
    assert rules(f"--select={KNOWN}", "--ignore=form") == {
        "form-listed-twice",
        "script-not-executable",
    }
    assert rules("--select=form,script", "--ignore=form-listed-twice") >= {"script-not-executable"}
    assert "form-listed-twice" not in rules("--select=ALL", "--ignore=form")
    assert rules("--select=form", "--select=script") >= {
        "form-listed-twice",
        "script-not-executable",
    }
    (repo / ".appgen.toml").write_text('ignore = ["form-listed-twice"]\n')
    assert "form-listed-twice" not in rules()
    assert rules("--select=form-listed-twice") == {"form-listed-twice"}


# -- forms of the report --------------------------------------------------------------------------


def test_json(appgen: Appgen, repo: Path) -> None:
    ran = lint(appgen, "--format", "json")
    found = json.loads(ran.out)
    assert (ran.code, ran.err, len(found)) == (1, SUMMARY, 1)
    wanted = {"path": "one/form.yml", "line": 4, "column": 5, "end_line": 4, "end_column": 14}
    assert {key: found[0][key] for key in wanted} == wanted
    (repo / "one/form.yml").write_text("form: []\n")
    assert json.loads(lint(appgen, "--format", "json").out) == []


@pytest.mark.parametrize("kind", ["sarif", "github", "gitlab", "junit"])
def test_other_forms_name_the_file_from_the_top_of_the_repository(
    appgen: Appgen, repo: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    at_top = lint(appgen, "--format", kind)
    assert "one/form.yml" in at_top.out and "form-listed-twice" in at_top.out
    assert (at_top.code, at_top.err) == (1, SUMMARY)
    monkeypatch.chdir(repo / "one")
    assert lint(appgen, "--format", kind).out == at_top.out


def test_sarif_holds_the_page_of_each_rule_that_was_on(appgen: Appgen, repo: Path) -> None:
    log = json.loads(appgen("lint", "--format=sarif", "--select=form-listed-twice").out)
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [r["id"] for r in rules] == ["form-listed-twice", "internal-error"]


def test_the_github_form_by_itself_in_actions(
    appgen: Appgen, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert lint(appgen).out.startswith("::error file=one/form.yml,line=4,")
    assert lint(appgen, "--format=text").out == TWICE


def test_output(appgen: Appgen, repo: Path) -> None:
    assert lint(appgen, "--output", "report.txt") == Ran(1, "", SUMMARY)
    assert (repo / "report.txt").read_text() == TWICE
    assert lint(appgen, "--output", "no/report.txt") == Ran(
        2, "", "appgen: no/report.txt: cannot be written: No such file or directory\n"
    )


def run_on_terminal(repo: Path, **environment: str) -> bytes:
    ours, terminal = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    command = [sys.executable, "-m", "ood_appgen", "lint", "--select=form-listed-twice"]
    with subprocess.Popen(command, cwd=repo, env=env, stdout=terminal, stderr=subprocess.PIPE):
        os.close(terminal)
        shown = b""
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:
            pass
    os.close(ours)
    return shown.replace(b"\r\n", b"\n")


def test_colour_on_a_terminal_alone(repo: Path) -> None:
    assert b"\x1b[" in run_on_terminal(repo)
    assert run_on_terminal(repo, NO_COLOR="1") == TWICE.encode()


def test_the_report_is_bytes_whatever_the_locale(repo: Path) -> None:
    (repo / "one/form.yml").write_text('form:\n  - "é"\n  - "é"\n')
    env = {**os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "ood_appgen", "lint", "--select=form-listed-twice"]
    ran = subprocess.run(command, cwd=repo, env=env, capture_output=True, check=False)
    assert (ran.returncode, ran.stderr.decode()) == (1, SUMMARY)
    assert 'the field "é" is listed twice'.encode() in ran.stdout


def test_file_names_that_are_no_utf8(appgen: Appgen, repo: Path) -> None:
    odd = repo / os.fsdecode(b"caf\xe9")
    make_app(odd)
    for kind in ("text", "json", "sarif", "github", "gitlab", "junit"):
        assert lint(appgen, "--format", kind).code == 1


# -- sites, releases, configuration ---------------------------------------------------------------


def test_a_site_profile_that_is_none(appgen: Appgen, repo: Path) -> None:
    (repo / "site.yml").write_text("site: 1\n")
    ran = lint(appgen, "--site", "site.yml")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("site.yml:1:")
    assert ran.err.endswith("appgen: site.yml is no site profile\n")
    ran = lint(appgen, "--site", "none.yml")
    assert ran == Ran(2, "", "appgen: none.yml: there is no such file\n")


def test_a_site_profile_that_is_one(appgen: Appgen, repo: Path) -> None:
    site = ROOT / "sample_apps/site.yml"
    assert lint(appgen, "--site", site) == lint(appgen, "--site", site, "--no-cache")
    assert lint(appgen, "--site", site) == Ran(1, TWICE, SUMMARY)


def test_a_broken_configuration(appgen: Appgen, repo: Path) -> None:
    (repo / ".appgen.toml").write_text("# mine\nselekt = []\n")
    assert appgen("lint") == Ran(
        2,
        "",
        '.appgen.toml:2:1: error: "selekt" is not a key of the linter\'s configuration [lint-config]\n'
        '  hint: did you mean "select"?\n',
    )
    assert lint(appgen, "--config", "none.toml").code == 2
    (repo / "mine.toml").write_text("")
    assert lint(appgen, "--config", "mine.toml") == Ran(1, TWICE, SUMMARY)


# -- the baseline ---------------------------------------------------------------------------------


def test_a_baseline_hides_what_it_knows(appgen: Appgen, repo: Path) -> None:
    assert lint(appgen, "--baseline=known.json", "--write-baseline") == Ran(
        0, "", "known.json: 1 finding\n"
    )
    known = (repo / "known.json").read_bytes()
    assert json.loads(known)["findings"] == [
        {
            "path": "one/form.yml",
            "rule": "form-listed-twice",
            "message": 'the field "num_cores" is listed twice',
            "line": "- num_cores",
            "count": 1,
        }
    ]
    clean = Ran(0, "", "no findings in 1 app\n")
    assert lint(appgen, "--baseline=known.json") == clean
    (repo / "one/form.yml").write_text("---\n# moved down\n" + FORM)
    assert lint(appgen, "--baseline=known.json") == clean
    lint(appgen, "--baseline=known.json", "--write-baseline")
    assert (repo / "known.json").read_bytes() == known
    (repo / "one/form.yml").write_text(FORM + "  - num_cores\n")
    ran = lint(appgen, "--baseline=known.json")
    assert (ran.code, ran.err) == (1, SUMMARY)


def test_what_a_baseline_holds_in_vain_is_told(
    appgen: Appgen, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_app(repo / "two")
    (repo / ".appgen.toml").write_text('baseline = "known.json"\n')
    assert lint(appgen, "--write-baseline").err == "known.json: 2 findings\n"
    for app in ("one", "two"):
        (repo / app / "form.yml").write_text("form: []\n")
    gone = 'two/form.yml: note: no longer found: the field "num_cores" is listed twice [form-listed-twice]\n'
    rest = "known.json: take them out with --write-baseline\nno findings in 1 app\n"
    assert lint(appgen, "two") == Ran(0, "", gone + rest)
    monkeypatch.chdir(repo / "two")
    assert lint(appgen) == Ran(0, "", gone + "../" + rest)
    # Written for one app, it keeps what it says of the others.
    assert lint(appgen, "--write-baseline").err == "../known.json: 1 finding\n"


def test_baselines_that_are_none(appgen: Appgen, repo: Path) -> None:
    assert lint(appgen, "--baseline=known.json") == Ran(
        2,
        "",
        f"appgen: {repo}/known.json: cannot be read: No such file or directory; "
        "make it with --write-baseline\n",
    )
    for text in ("", "[]", "{}", '{"version": 1, "findings": [{}]}', '{"version": 2}', "\xff"):
        (repo / "known.json").write_text(text, encoding="latin-1")
        ran = lint(appgen, "--baseline=known.json")
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.count("\n") == 1
    assert lint(appgen, "--write-baseline").code == 2


# -- mending --------------------------------------------------------------------------------------


def test_diff_then_fix(appgen: Appgen, repo: Path) -> None:
    comment = "  - num_nodes  # appgen: ignore[form-listed-twice] two are needed\n"
    (repo / "one/form.yml").write_text(FORM + comment)
    select = f"--select={KNOWN}"
    before = (repo / "one/form.yml").read_bytes()
    wanted = (
        "--- a/one/form.yml\n"
        "+++ b/one/form.yml\n"
        "@@ -2,4 +2,4 @@\n"
        " form:\n"
        "   - num_cores\n"
        "   - num_cores\n"
        "-  - num_nodes  # appgen: ignore[form-listed-twice] two are needed\n"
        "+  - num_nodes\n"
        "diff --git a/one/template/script.sh b/one/template/script.sh\n"
        "old mode 100644\n"
        "new mode 100755\n"
    )
    for options in (["--diff"], ["--diff", "--fix"]):
        assert appgen("lint", select, *options) == Ran(1, wanted, "")
    assert appgen("lint", select, "--diff", "--exit-zero").code == 0
    assert (repo / "one/form.yml").read_bytes() == before
    assert not os.access(repo / "one/template/script.sh", os.X_OK)

    ran = appgen("lint", select, "--fix")
    assert ran == Ran(1, TWICE, "mended 2 findings in 2 files\n" + SUMMARY)
    assert (repo / "one/form.yml").read_text() == FORM + "  - num_nodes\n"
    assert os.access(repo / "one/template/script.sh", os.X_OK)
    assert appgen("lint", select, "--diff") == Ran(0, "", "")
    assert appgen("lint", select, "--fix") == Ran(1, TWICE, SUMMARY)


# -- rules ----------------------------------------------------------------------------------------


def test_rules_lists_all(appgen: Appgen) -> None:
    ran = appgen("rules")
    assert (ran.code, ran.err) == (0, "")
    ids = [line.split()[0] for line in ran.out.splitlines()]
    assert ids == sorted(catalog.rule_ids()) == list(catalog.load_all())
    assert set(ids) == {*rule.load_rules(), "internal-error", "ignore-unused"}
    assert {line.split()[2] for line in ran.out.splitlines()} <= {"on", "off", "catalogue"}


def test_rules_explains_one(appgen: Appgen) -> None:
    ran = appgen("rules", "form-listed-twice")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(
        "form-listed-twice (error, on by default)\n\n"
        "A field is listed twice under `form:`.\n\nWhy\n    Open OnDemand makes"
    )
    for rule_id in ("internal-error", "ignore-unused"):
        page = appgen("rules", rule_id).out
        assert [x for x in page.splitlines() if x in ("Why", "Bad", "Good", "Fix")] == [
            "Why", "Bad", "Good", "Fix",
        ]  # fmt: skip


def test_an_unknown_rule(appgen: Appgen) -> None:
    assert appgen("rules", "form-listed-twise") == Ran(
        2, "", 'appgen: there is no rule "form-listed-twise"; did you mean "form-listed-twice"?\n'
    )
    assert appgen("rules", "x").err == 'appgen: there is no rule "x"; see: appgen rules\n'


# -- a rule that crashes --------------------------------------------------------------------------


def test_a_crash_in_a_rule_is_a_finding_and_the_rest_goes_on(
    appgen: Appgen, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    def fail(_: object) -> None:
        raise ZeroDivisionError("cores")

    rules = dict(catalog.load_all())
    rules["script-missing"] = replace(rules["script-missing"], check=fail)
    monkeypatch.setattr(catalog, "load_all", lambda: rules)
    ran = appgen("lint", "--no-cache", "--select=form-listed-twice,script-missing")
    assert ran.code == 1
    assert ran.out == (
        "one: error: the rule script-missing failed: ZeroDivisionError: cores [internal-error]\n"
        "  hint: the other rules went on; please report it with the app\n" + TWICE
    )


def test_the_pages_in_docs_are_those_of_the_rules(appgen: Appgen) -> None:
    """`make docs` writes them."""
    ran = appgen("rules", "--markdown")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == (ROOT / "docs/rules.md").read_text(encoding="utf-8")
    for rule_id in catalog.rule_ids():
        assert f"\n## {rule_id}\n" in ran.out and f"[{rule_id}](#{rule_id})" in ran.out
