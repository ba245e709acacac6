"""`appgen verify`: what it reports, whole; what it goes through; and that it finds what is wrong.

`verify_reports/<case>.txt` is all that the command prints. `APPGEN_UPDATE_GOLDEN=1` writes them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from ood_appgen import api, source
from ood_appgen.cli import BAD_INPUT, FINDINGS, OK, cli
from ood_appgen.model.plan import STAND_IN
from ood_appgen.model.plan import choices as planned_choices
from ood_appgen.source import load_generated
from ood_appgen.verify import choices, limits, shell
from ood_appgen.verify.choices import Roles
from ood_appgen.verify.form import Form, read_form
from samples import ROOT, SITES, Sample, render_samples
from tools import require_tool

REPORTS = Path(__file__).resolve().parent / "verify_reports"
HAND_WRITTEN = Path(__file__).resolve().parent / "hand_written"
UPDATE = bool(os.environ.get("APPGEN_UPDATE_GOLDEN"))
SAMPLES = render_samples()


def form_of(sample: Sample) -> Form:
    return read_form(load_generated(sample.files["form.yml"]))


def roles_of(sample: Sample) -> Roles:
    plan = sample.plan
    return Roles("cluster", plan.node_type_field, plan.cores_field, plan.gpus_field)


def run(*arguments: str) -> tuple[int, str, str]:
    require_tool("ruby")
    result = CliRunner(env={"COLUMNS": "100"}).invoke(cli, ["verify", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def limit_off_by_one(app: Path) -> None:
    edit(
        app / "form.yml",
        "data-max-num-cores-for-cluster-owens: 28",
        "data-max-num-cores-for-cluster-owens: 29",
    )


def unquoted_value(app: Path) -> None:
    edit(
        app / "template/before.sh.erb",
        "context.working_dir.to_s.shellescape",
        "context.working_dir",
    )


def missing_node_type(app: Path) -> None:
    lines = (app / "submit.yml.erb").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if '"gpu-40core" =>' not in line]
    assert len(kept) == len(lines) - 1
    (app / "submit.yml.erb").write_text("".join(kept), encoding="utf-8")


def wrong_tasks(app: Path) -> None:
    edit(app / "submit.yml.erb", '"--ntasks-per-node", "28"', '"--ntasks-per-node", "27"')


def dropped_check(app: Path) -> None:
    edit(app / "submit.yml.erb", '  ["Interface", mode, ["lab", "notebook"]],\n', "")


def node_type_not_offered(app: Path) -> None:
    text = (app / "form.yml").read_text(encoding="utf-8")
    start = text.index('      - [\n        "Large memory", "largemem"')
    end = text.index("      - [\n", start + 1)
    (app / "form.yml").write_text(text[:start] + text[end:], encoding="utf-8")


def broken_shell(app: Path) -> None:
    edit(app / "template/after.sh.erb", "    fi\n", "")


FAULTS: dict[str, Callable[[Path], None]] = {
    "limit-off-by-one": limit_off_by_one,
    "unquoted-value": unquoted_value,
    "missing-node-type": missing_node_type,
    "wrong-tasks": wrong_tasks,
    "dropped-check": dropped_check,
    "node-type-not-offered": node_type_not_offered,
    "broken-shell": broken_shell,
}


def compare_report(case: str, text: str) -> None:
    golden = REPORTS / f"{case}.txt"
    if UPDATE:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("site", SITES)
def test_sample_apps_are_as_planned(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "sample_apps")
    apps = sorted(str(p) for p in Path("apps").iterdir())
    code, out, err = run(*apps, "--site", str(SITES[site].relative_to(ROOT / "sample_apps")))
    compare_report(f"samples-{site}", out)
    assert (code, err) == (OK, "")


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_in_a_rendered_app_are_found_and_pointed_at(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "sample_apps", tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    rendered = CliRunner().invoke(cli, ["render", "apps/jupyter"])
    assert rendered.exit_code == OK
    FAULTS[fault](Path("build/jupyter"))
    code, out, err = run("build/jupyter")
    assert (code, err) == (FINDINGS, "")
    compare_report(fault, out)


@pytest.mark.parametrize(("app", "expected"), [("sound", OK), ("broken", FINDINGS)])
def test_hand_written_apps(app: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HAND_WRITTEN)
    code, out, err = run(app)
    assert (code, err) == (expected, "")
    compare_report(f"hand-written-{app}", out)


def test_json_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HAND_WRITTEN)
    code, out, _ = run("broken", "--format", "json")
    assert code == FINDINGS
    (report,) = json.loads(out)
    assert [(f["rule"], f["file"], f["line"]) for f in report["findings"]] == [
        ("verify-inert", "broken/submit.yml.erb", 5),
        ("verify-schema", "broken/submit.yml.erb", 12),
        ("verify-fails", "broken/submit.yml.erb", 14),
        ("verify-script", "broken/template/script.sh.erb", None),
        ("verify-inert", "broken/template/script.sh.erb", 2),
    ]
    assert report["choices"]["evaluated"] == {"grid": 9, "pairs": 10, "text": 30, "tampered": 0}
    assert report["findings"][2]["choice"] == {"cluster": "ember", "node_type": "fat"}
    samples = {(c["cluster"], c["node_type"]): c["sample"] for c in report["cells"]}
    assert samples[("ember", "any")].startswith("sbatch ")
    assert "-n 1 --parsable" in samples[("ember", "any")]


def test_limit_says_what_was_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HAND_WRITTEN)
    code, out, _ = run("sound", "--limit", "12")
    assert code == OK
    assert "Not evaluated because of --limit: 37." in out
    assert out.endswith("1 app, 12 choices evaluated: no findings.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "appgen: nowhere: there is no such directory\n"),
        (["sound", "--site", "no.yml"], "appgen: no.yml: there is no such file\n"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HAND_WRITTEN)
    assert run(*arguments) == (BAD_INPUT, "", message)


def test_an_app_needs_a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "sample_apps" / "apps" / "desktop", tmp_path / "desktop")
    monkeypatch.chdir(tmp_path)
    message = (
        "appgen: there is no site.yml in desktop or in a directory above it; name one with --site\n"
    )
    assert run("desktop") == (BAD_INPUT, "", message)


def test_findings_of_render_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "sample_apps", tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    edit(Path("site.yml"), "    whole_node: exclusive", "    whole_nod: exclusive")
    assert run("apps/desktop") == (
        BAD_INPUT,
        "",
        'site.yml:33:5: error: "whole_nod" is not a key of clusters.pitzer [site-schema]\n'
        '  hint: did you mean "whole_node"?\n'
        "1 error; nothing was evaluated.\n",
    )


def test_a_site_may_mount_the_home_of_a_user_called_as_the_made_up_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "sample_apps", tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    edit(Path("site.yml"), "user: support", "user: ada, to: /mnt/support")
    code, out, err = run("apps/jupyter", "--limit", "50")
    assert (code, err) == (OK, "")
    assert out.endswith("1 app, 50 choices evaluated: no findings.\n")


def test_each_file_of_the_site_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For an app in place with its plan; the plan knows the schedulers of all the site's clusters."""
    shutil.copytree(ROOT / "sample_apps", tmp_path / "repository")
    monkeypatch.chdir(tmp_path / "repository")
    assert CliRunner().invoke(cli, ["render", "apps/codeserver"]).exit_code == OK
    read: list[str] = []
    read_file = source.read_file
    monkeypatch.setattr(
        source, "read_file", lambda path, name: read.append(name) or read_file(path, name)
    )
    targets, findings = api.find_targets([Path("build/codeserver")], None, tmp_path)
    assert findings == []
    assert sorted(read) == ["apps/codeserver/app.yml", "site.yml"]
    assert targets[0].plan is not None
    assert [c.id for c in targets[0].plan.clusters] == ["owens", "pitzer"]
    assert targets[0].schedulers == {
        "owens": "slurm",
        "pitzer": "slurm",
        "kubernetes": "kubernetes",
    }


@pytest.mark.parametrize("named", [True, False])
def test_a_broken_site_matters_to_a_hand_written_app_only_where_it_is_named(
    named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(HAND_WRITTEN / "sound", tmp_path / "sound")
    monkeypatch.chdir(tmp_path)
    Path("site.yml").write_text("site: 3\n", encoding="utf-8")
    code, out, err = run("sound", *(["--site", "site.yml"] if named else []))
    assert (code, "site.yml:1:7" in err) == ((BAD_INPUT, True) if named else (OK, False))


def test_without_ruby(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    require_tool("ruby")
    monkeypatch.chdir(HAND_WRITTEN)
    result = CliRunner(env={"PATH": str(tmp_path)}).invoke(cli, ["verify", "sound"])
    assert result.exit_code == BAD_INPUT
    assert result.stderr == "appgen: no program 'ruby' to evaluate ERB with: install Ruby 3.1+\n"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("--- {form: [a]}\n", "broken/form.yml: this is no form: it names no cluster"),
        (
            "cluster: x\nform: 3\n",
            'broken/form.yml: this is no form: "form" must be a list and "attributes" a mapping',
        ),
        (
            "a: *b\n",
            "broken/form.yml: the form cannot be read: Psych::BadAlias: Unknown alias: b",
        ),
    ],
)
def test_forms_that_are_none(
    form: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken").mkdir()
    Path("broken/form.yml").write_text(form, encoding="utf-8")
    code, out, _ = run("broken")
    assert code == FINDINGS
    assert f"  error: {reason}\n" in out


NATIVE = 'script:\n  native: ["-n", "1"]\n'
ODD = {
    "a list for a script": (
        {"submit.yml.erb": "script: [1, 2]\n"},
        "odd/submit.yml.erb:1: error: Open OnDemand cannot use this for slurm: script: [1, 2] is not "
        "of type 'object' [verify-schema]",
    ),
    "a list for a document": (
        {"submit.yml.erb": "- a\n- b\n"},
        "odd/submit.yml.erb: error: fails: TypeError: wrong element type String at 0 (expected "
        "array) [verify-fails]",
    ),
    "a date": (
        {"submit.yml.erb": "script: {wall_time: 2026-01-01}\n"},
        "odd/submit.yml.erb: error: fails: Psych::DisallowedClass: Tried to load unspecified class: "
        "Date [verify-fails]",
    ),
    "no container": (
        {"submit.yml": "script: {native: {container: 3}}\n"},
        "odd/submit.yml:1: error: Open OnDemand cannot use this for kubernetes: "
        "script.native.container: 3 is not of type 'object' [verify-schema]",
    ),
    "a template that leaves": (
        {"submit.yml.erb": NATIVE, "template/script.sh.erb": "<% exit %>"},
        "odd/template/script.sh.erb:1: error: fails: SystemExit: exit [verify-fails]",
    ),
    "a script in pieces": (
        {"submit.yml.erb": NATIVE, "template/script.sh": "if true\n"},
        "odd/template/script.sh:2: error: bash cannot read this script: syntax error: unexpected "
        "end of file [verify-script]",
    ),
    "no submit file": (
        {},
        "odd/submit.yml.erb: error: there is no such file [verify-fails]",
    ),
    "a name that Ruby has": (
        {"form.yml": "cluster: x\nform: [class]\n", "submit.yml.erb": NATIVE},
        "odd/submit.yml.erb: error: fails: ArgumentError: form fields cannot have the names class "
        "[verify-fails]",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_odd_apps_are_reported_once(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, expected = ODD[case]
    monkeypatch.chdir(tmp_path)
    for name, text in {"form.yml": "cluster: x\nform: [a]\n", **files}.items():
        (tmp_path / "odd" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "odd" / name).write_text(text, encoding="utf-8")
    code, out, err = run("odd")
    assert (code, err) == (FINDINGS, "")
    assert [line for line in out.splitlines() if ": error: " in line] == [expected]


# -- the choices ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_the_form_offers_what_the_plan_offers(sample: Sample) -> None:
    """form.yml, read as OOD reads it, leads to the very choices that the plan has."""
    form, roles = form_of(sample), roles_of(sample)
    found = {tuple(sorted(c.values.items())) for c in choices.grid(form, roles)}
    expected = set()
    for choice in planned_choices(sample.plan):
        for name, value in choice.items():
            field = form.field(name)
            assert field is not None
            if not value and field.kind == "text" and (field.required or field.start):
                choice[name] = STAND_IN
            elif not value and field.kind == "check":
                choice[name] = "0"
        expected.add(tuple(sorted(choice.items())))
    assert found == expected


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_every_pair_of_values_meets_on_every_cluster(sample: Sample) -> None:
    """Counted anew from the form: each field's values by trying them, not by asking `choices`."""
    form, roles = form_of(sample), roles_of(sample)
    rows, missed = choices.pairs(form, roles, seed=7)
    met: dict[str, set[frozenset[tuple[str, str]]]] = {}
    for row in rows:
        pairs = combinations(sorted(row.values.items()), 2)
        met.setdefault(row.values["cluster"], set()).update(map(frozenset, pairs))
    wanted = 0
    for offer in sample.plan.offers:
        place = {"cluster": offer.cluster.id, roles.node_type: offer.node.id}
        state = choices.settle(form, place)
        shown = [
            (field.id, value)
            for field in form.fields
            if field.id not in place and field.id not in state.hidden
            for value in {
                "select": state.options.get(field.id, ()),
                "check": ("0", "1"),
                "number": tuple(str(n) for n in state.limits.get(field.id, ())),
                "text": (STAND_IN,) if field.required else ("", field.start or STAND_IN),
            }.get(field.kind, ())
        ]
        for one, other in combinations([*shown, (roles.node_type, offer.node.id)], 2):
            if one[0] != other[0]:
                wanted += 1
                assert frozenset((one, other)) in met[offer.cluster.id], (one, other)
    assert missed == 0
    assert wanted


def test_pairs_depend_on_the_seed_alone() -> None:
    sample = next(s for s in SAMPLES if str(s) == "osc-jupyter")
    form, roles = form_of(sample), roles_of(sample)
    assert choices.pairs(form, roles, 3) == choices.pairs(form, roles, 3)
    assert choices.pairs(form, roles, 3) != choices.pairs(form, roles, 4)


# -- scripts and limits ---------------------------------------------------------------------------

_LINE = st.sampled_from(
    ["export A={}", "echo '{}'", "if true; then", "fi", "cat <<E", "E", 'x="{}"', "(", ")", "'"]
)
_WORD = st.sampled_from(["", "a", "fi", "1:2", "a/b", "it's", 'say "x"', "$(x)", "a b", "`"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(_LINE, _WORD), max_size=6))
def test_scripts_that_count_as_read_are_read(lines: list[tuple[str, str]]) -> None:
    """Leaving out plain exports changes no verdict."""
    text = "\n".join(line.replace("{}", word) for line, word in lines) + "\n"
    short = shell.check_syntax(text)
    assert (short is None) == (shell._bash_n(text) is None)


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("x=@", "a b", (1, "is not quoted")),
        ("x=@", "plain", None),
        ('x="@"', 'a"b', (1, "is not quoted")),
        ('x="@"', "it's", None),
        ('x="@"', "$HOME", (1, "is not quoted")),
        ("x='@'", "it's", (1, "is not quoted")),
        ("x='@'", "$(date)", None),
        ("\n# @", "a\nb", (2, "is not quoted")),
        ("# @", "a b", None),
        ("cat <<'E'\n@\nE", "$(x)", None),
        ("cat <<E\n@\nE", "$(x)", (2, "is not quoted")),
        ("x=$(echo @)", "a;b", (1, "is not quoted")),
    ],
)
def test_texts_as_bash_reads_them(
    template: str, value: str, expected: tuple[int, str] | None
) -> None:
    plain, hostile = template.replace("@", "Marker"), template.replace("@", value)
    assert shell.check_inert(plain, hostile, "Marker", value) == expected


def test_escaped_text_that_arrives_changed() -> None:
    """shellescape between double quotes is safe, and no longer what the user typed."""
    assert shell.check_inert('x="Marker"', r'x="a\ b"', "Marker", "a b") == (
        1,
        r"arrives as 'a\\ b'",
    )


def test_requests_beyond_the_site() -> None:
    sample = next(s for s in SAMPLES if str(s) == "osc-jupyter")
    offer = next(
        o for o in sample.plan.offers if (o.cluster.id, o.node.id) == ("pitzer", "gpu-40core")
    )
    good = ["--constraint", "40core", "--ntasks-per-node", "40", "-t", "48:00:00"]
    assert limits.check_sbatch([*good, "--gpus-per-node", "2"], offer, 48) == []
    bad = ["--constraint", "48core", "--ntasks-per-node", "41", "-t", "48:00:01"]
    assert limits.check_sbatch([*bad, "--gpus-per-node", "3"], offer, 48) == [
        ("cores (--ntasks-per-node)", "at most 40", "41"),
        ("wall time (-t)", "at most 48 hours", "48:00:01"),
        ("constraint (--constraint)", "40core", "48core"),
        ("GPUs", "at most 2", "3"),
    ]


def test_pods_beyond_the_site() -> None:
    sample = next(s for s in SAMPLES if str(s) == "osc-jupyter")
    offer = next(o for o in sample.plan.offers if o.node.id == "owens-gpu")

    def pod(**limits: str) -> dict[str, object]:
        named = {k.replace("gpu", "nvidia.com/gpu"): v for k, v in limits.items()}
        return {"spec": {"containers": [{"resources": {"limits": named}}]}}

    assert limits.check_pod(pod(cpu="28", memory="61600Mi"), offer) == []
    assert limits.check_pod(pod(cpu="29", memory="61601Mi", gpu="9"), offer) == [
        ("cpu limit", "at most 28", "29"),
        ("memory limit", "at most 61600Mi", "61601Mi"),
        ("nvidia.com/gpu", "at most 1", "9"),
    ]
