"""Whatever stands in site.yml and app.yml: findings or files, and never an exception.

`APPGEN_FUZZ_COUNT` and `APPGEN_FUZZ_SEED` make other and more inputs than `make test` does.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fuzz_inputs import FILES, mutations
from ood_appgen import api
from ood_appgen.model.admission import apply
from ood_appgen.model.plan import (
    AppPlan,
    Submitter,
    choices,
    evaluate_submission,
    fill_required,
    made_up_accounts,
)
from ood_appgen.verify.pod import check_objects, predict_objects
from ood_appgen.verify.predict import Session, merge_submission
from ood_appgen.verify.ruby import ADA, STAGED_ROOT

COUNT = int(os.environ.get("APPGEN_FUZZ_COUNT", "1500"))
SEED = int(os.environ.get("APPGEN_FUZZ_SEED", "20240607"))
BATCHES = 10


SITE = """\
site: Test
ondemand: "4.1"
clusters:
  owens: {scheduler: slurm, node_types: {any: {cores: {max: 28}}}}
"""
GPU_SITE = """\
site: Test
ondemand: "4.1"
clusters:
  owens: {scheduler: slurm, node_types: {any: {cores: {max: 28}}, gpu: {cores: {max: 28}, gpus: {}}}}
"""
APP = """\
id: demo
title: Demo
form: [{id: node_type, from: node_types}]
scripts: {script: script.sh}
view: {kind: link}
"""
FIELD = "from: node_types}"
# What this test has found, as small as it can be.
FOUND = {
    "nul-in-script-name": (SITE, APP.replace("script.sh", r'"a\0b"')),
    "nul-in-script-name-of-site": (SITE + r'apps: {demo: {scripts: {script: "a\0b"}}}', APP),
    "half-a-character": (SITE, APP.replace("title: Demo", r'title: "\ud800"')),
    "half-a-character-in-script": (SITE, APP.replace("script.sh", r'"a\n\ud800"')),
    "half-a-character-in-environment": (SITE + r'environment: {A: "\ud800"}', APP),
    "yaml-directive-inside": (SITE.replace("clusters:\n", "clusters:\n%YAML 9.9\n"), APP),
    "hours-called-cluster": (SITE, APP.replace(FIELD, FIELD + ", {id: cluster, from: hours}")),
    "gpus-called-cluster": (GPU_SITE, APP.replace(FIELD, FIELD + ", {id: cluster, from: gpus}")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def check_pair(site: str, app: str, folder: Path) -> bool:
    """Whether a pair renders; asserts all that must hold whether it does or not."""
    # A lone surrogate cannot stand in a file.
    (folder / "site.yml").write_bytes(site.encode("utf-8", "surrogatepass"))
    (folder / "app.yml").write_bytes(app.encode("utf-8", "surrogatepass"))
    result = api.render_apps([folder], folder / "site.yml")
    for finding in result.findings:
        assert finding.format()
        assert finding.span is None or (finding.span.line >= 1 and finding.span.column >= 1)
    if result.failed:
        return False
    assert result.apps or result.skipped
    for rendered in result.apps:
        texts = {f.path: f.content.decode() for f in rendered.files}
        for path in ("form.yml", "manifest.yml"):
            assert isinstance(YAML(typ="safe").load(texts[path]), dict)
        for path, text in texts.items():
            if path.startswith("kubernetes/"):
                assert all(isinstance(d, dict) for d in YAML(typ="safe").load_all(text))
        check_pods(rendered.plan)
    return bool(result.apps)


def check_pods(plan: AppPlan) -> None:
    """What the policies make of the pods is what Kubernetes takes."""
    seen: set[tuple[str, str]] = set()
    for choice in choices(plan):
        place = (choice["cluster"], choice[plan.node_type_field])
        admission = plan.admission(choice["cluster"])
        if place in seen or admission is None:
            continue
        seen.add(place)
        filled = fill_required(plan, choice)
        ada = {"name": ADA.name, "home": ADA.home, "uid": ADA.uid, "gid": ADA.gid}
        submitter = Submitter(ada, made_up_accounts(plan.mounted_users), STAGED_ROOT)
        document = evaluate_submission(plan, filled, submitter)
        fields = [field.id for field in plan.form]
        merged = merge_submission(document, filled, fields, plan.clusters[0].scheduler)
        objects = predict_objects(merged, Session(plan.app.id, place[0], STAGED_ROOT, ADA))
        policy = admission.policy(place[1])
        pod = apply(policy.change, objects.pod) if policy else objects.pod
        assert check_objects(replace(objects, pod=pod)) == []


@pytest.mark.parametrize("batch", range(BATCHES))
def test_findings_or_files(batch: int, folder: Path) -> None:
    rendered = 0
    pairs = mutations(SEED + batch, max(COUNT // BATCHES, 1))
    for number, (site, app) in enumerate(pairs):
        try:
            rendered += check_pair(site, app, folder)
        except Exception as exc:
            exc.add_note(
                f"seed {SEED + batch}, input {number}\n--- site.yml\n{site}\n--- app.yml\n{app}"
            )
            raise
    if COUNT >= 500:  # the inputs are odd, but not all of them are wrong
        assert rendered > COUNT / BATCHES / 20


@pytest.mark.parametrize("name", FOUND)
def test_found(name: str, folder: Path) -> None:
    assert not check_pair(*FOUND[name], folder)


def test_the_same_seed_gives_the_same_inputs() -> None:
    assert list(mutations(7, 20)) == list(mutations(7, 20))
    assert list(mutations(7, 20)) != list(mutations(8, 20))
