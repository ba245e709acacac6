"""What pods are told, layer by layer, and what a policy makes of a pod."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from ood_appgen import api
from ood_appgen.credentials import find_credentials, may_be_secret, names_secret
from ood_appgen.diagnostics import Span
from ood_appgen.model.admission import (
    LIFETIME,
    ContainerChange,
    PodChange,
    apply,
    seconds,
)
from ood_appgen.model.pods import EnvironmentSource, Pod, Quantities, merge_pods
from test_encode import collect

HERE = Span("app.yml", 1, 1)


def source(name: str, secret: str) -> EnvironmentSource:
    return EnvironmentSource("secret", secret, name, "key" if name else "", "", False, "", HERE)


# -- layers -------------------------------------------------------------------------------------


def test_words_of_layers_are_added_up() -> None:
    gpu, disk = {"key": "gpu", "operator": "Exists"}, {"key": "disk", "operator": "Exists"}
    cluster = Pod(
        labels=(("team", "a"), ("queue", "slow")),
        tolerations=(gpu,),
        priority_class="low",
        shm_mb=64,
        extended_resources=(("a/b", 1),),
        limits=Quantities(memory_mb=10, ephemeral_storage_mb=5),
        environment_from=(source("ONE", "site"), source("", "all"), source("TWO", "site")),
        places={"labels": Span("site.yml", 1, 1), "shm_mb": Span("site.yml", 2, 1)},
    )
    app = Pod(
        labels=(("queue", "fast"), ("own", "x")),
        tolerations=(disk, gpu),
        runtime_class="gvisor",
        extended_resources=(("a/b", 2), ("c/d", 1)),
        limits=Quantities(memory_mb=20),
        environment_from=(source("ONE", "app"),),
        places={"labels": Span("app.yml", 3, 1)},
    )
    merged = merge_pods((cluster, None, app))
    assert merged == Pod(
        labels=(("team", "a"), ("queue", "fast"), ("own", "x")),
        tolerations=(gpu, disk),
        priority_class="low",
        runtime_class="gvisor",
        shm_mb=64,
        extended_resources=(("a/b", 2), ("c/d", 1)),
        limits=Quantities(memory_mb=20, ephemeral_storage_mb=5),
        environment_from=(source("", "all"), source("TWO", "site"), source("ONE", "app")),
    )
    assert merged.places == {"labels": Span("app.yml", 3, 1), "shm_mb": Span("site.yml", 2, 1)}


SHORT = st.sampled_from(["", "a", "b", "c"])
PAIRS = st.dictionaries(st.sampled_from("abc"), SHORT, max_size=2).map(lambda d: tuple(d.items()))
NUMBER = st.one_of(st.none(), st.integers(1, 3))
PODS = st.builds(
    Pod,
    labels=PAIRS,
    annotations=PAIRS,
    tolerations=st.lists(SHORT.map(lambda k: {"key": k}), max_size=2, unique_by=str).map(tuple),
    affinity=st.dictionaries(st.just("nodeAffinity"), st.just({"a": "b"}), max_size=1),
    priority_class=SHORT,
    service_account=SHORT,
    shm_mb=NUMBER,
    extended_resources=PAIRS,
    limits=st.builds(Quantities, NUMBER, NUMBER, NUMBER),
    environment_from=st.lists(
        st.builds(source, st.sampled_from("AB"), SHORT), max_size=2, unique_by=lambda s: s.name
    ).map(tuple),
)  # fmt: skip


def test_layers_can_be_added_up_in_any_grouping() -> None:
    for one, two, three in collect(st.tuples(PODS, PODS, PODS)):
        together = merge_pods((one, two, three))
        assert together == merge_pods((merge_pods((one, two)), three))
        assert together == merge_pods((one, merge_pods((two, three))))
        assert merge_pods((one, Pod(), None)) == one == merge_pods((one, one))


NODES = """\
site: Test
ondemand: "4.1"
clusters:
  kube:
    scheduler: kubernetes
    connection: appgen
    wall_time: unlimited
    pod: {labels: {of: cluster, cluster: x}}
    defaults: {cores: {max: 4}, memory_mb: 1000, pod: {labels: {of: defaults}, shm_mb: 64, runtime_class: a}}
    node_types:
      plain: {}
      shared: {}
      own: {pod: {labels: {of: own}, runtime_class: b}}
node_types:
  shared: {pod: {labels: {of: shared}, tolerations: [{key: gpu}]}}
"""
APP = """\
id: one
title: One
form: [{id: node_type, from: node_types}]
container: {image: "one:1", port: 80}
scripts: {script: "exec one\\n\\n"}
view: {kind: link}
"""


def test_a_node_types_own_words_replace_those_of_shared_types_and_defaults(tmp_path: Path) -> None:
    """As all else of a node type; the cluster's own words are added."""
    (tmp_path / "site.yml").write_text(NODES)
    (tmp_path / "app.yml").write_text(APP)
    result = api.render_apps([tmp_path], tmp_path / "site.yml")
    assert [f.format() for f in result.findings] == []
    pods = {o.node.id: o.pod for o in result.apps[0].plan.offers}
    said = {
        name: (dict(p.labels), p.shm_mb, p.runtime_class, [t["key"] for t in p.tolerations])
        for name, p in pods.items()
    }
    assert said == {
        "plain": ({"of": "defaults", "cluster": "x"}, 64, "a", []),
        "shared": ({"of": "shared", "cluster": "x"}, 64, "a", ["gpu"]),
        "own": ({"of": "own", "cluster": "x"}, 64, "b", []),
    }


# -- what a policy does -----------------------------------------------------------------------------

POD: dict[str, Any] = {
    "metadata": {"name": "one", "annotations": {LIFETIME: "01h30m00s"}},
    "spec": {
        "containers": [
            {"name": "one", "env": [{"name": "A", "value": "a"}], "resources": {"limits": {"cpu": "1"}}},
            {"name": "other"},
        ],
        "initContainers": [{"name": "clone"}],
        "volumes": [{"name": "configmap-volume"}],
    },
}  # fmt: skip


def test_a_policy_adds_and_leaves_the_rest() -> None:
    change = PodChange(
        program=ContainerChange(
            "one",
            volume_mounts=({"name": "data", "mountPath": "/data"},),
            env=({"name": "B", "value": "b"},),
            env_from=({"secretRef": {"name": "all"}},),
            limits=(("cpu", "2"), ("rdma/hca", "1")),
            requests=(("rdma/hca", "1"),),
        ),
        init=(ContainerChange("clone", env=({"name": "C", "value": "c"},)),),
        volumes=({"name": "data", "emptyDir": {}},),
        tolerations=({"key": "gpu"},),
        topology_spread_constraints=({"maxSkew": 1},),
        settings=(("runtimeClassName", "gvisor"), ("affinity", {"nodeAffinity": {}})),
        annotations=(("example.org/a", "b"),),
        deadline=True,
    )
    before = copy.deepcopy(POD)
    assert apply(change, POD) == {
        "metadata": {
            "name": "one",
            "annotations": {LIFETIME: "01h30m00s", "example.org/a": "b"},
        },
        "spec": {
            "containers": [
                {
                    "name": "one",
                    "env": [{"name": "A", "value": "a"}, {"name": "B", "value": "b"}],
                    "envFrom": [{"secretRef": {"name": "all"}}],
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                    "resources": {
                        "limits": {"cpu": "2", "rdma/hca": "1"},
                        "requests": {"rdma/hca": "1"},
                    },
                },
                {"name": "other"},
            ],
            "initContainers": [{"name": "clone", "env": [{"name": "C", "value": "c"}]}],
            "volumes": [{"name": "configmap-volume"}, {"name": "data", "emptyDir": {}}],
            "tolerations": [{"key": "gpu"}],
            "topologySpreadConstraints": [{"maxSkew": 1}],
            "runtimeClassName": "gvisor",
            "affinity": {"nodeAffinity": {}},
            "activeDeadlineSeconds": 5400,
        },
    }
    assert before == POD


@pytest.mark.parametrize("annotations", [None, {}, {"other": "x"}])
def test_a_pod_without_a_wall_time_gets_no_deadline(annotations: dict[str, str] | None) -> None:
    pod = {**POD, "metadata": {"annotations": annotations}}
    changed = apply(PodChange(ContainerChange("one"), deadline=True), pod)
    assert "activeDeadlineSeconds" not in changed["spec"]
    assert changed == pod


@pytest.mark.parametrize(
    "change",
    [
        PodChange(ContainerChange("two")),
        PodChange(ContainerChange("one"), init=(ContainerChange("one"),)),
    ],
    ids=["program", "init"],
)
def test_a_pod_without_the_container_is_no_pod_of_the_app(change: PodChange) -> None:
    with pytest.raises(KeyError):
        apply(change, POD)


@pytest.mark.parametrize(
    ("lifetime", "wanted"),
    [("01h30m00s", 5400), ("00h00m01s", 1), ("00h01m00s", 60), ("100h00m00s", 360_000)],
)
def test_lifetimes_are_read(lifetime: str, wanted: int) -> None:
    assert seconds(lifetime) == wanted


# -- secrets --------------------------------------------------------------------------------------

_KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"


@pytest.mark.parametrize(
    ("text", "what", "found"),
    [
        ("id AKIAIOSFODNN7ABCDEFG.", "an AWS access key", "AKIAIOSFODNN7ABCDEFG"),
        (f"x=ghp_{'a1' * 18}", "a GitHub token", f"ghp_{'a1' * 18}"),
        ("https://ada:sesame@git.invalid/", "a password in an address", "sesame"),
        ("https://ada:${PASSWORD}@git.invalid/", None, None),
        (f"-----BEGIN RSA PRIVATE KEY-----\n{_KEY_BODY}\n", "a private key", "-----BEGIN RSA PRIVATE KEY-----"),
        ("grep -q 'BEGIN PRIVATE KEY-----' key", None, None),
        ("ghp_short", None, None),
        ("", None, None),
    ],
)  # fmt: skip
def test_secrets_are_known_by_their_form(text: str, what: str | None, found: str | None) -> None:
    credentials = [(c.what, text[c.start : c.end]) for c in find_credentials(text)]
    assert credentials == ([(what, found)] if what else [])


@pytest.mark.parametrize(
    "name", ["password", "DB_PASSWD", "api-key", "example.org_api_key", "SECRET", "x.auth_token"]
)
def test_these_names_say_that_they_hold_a_secret(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize("name", ["passwords", "PASSWORD_FILE", "keys", "secretary", "compass", ""])
def test_these_names_do_not(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize("text", ["hunter2", "Zm9vYmFy", "correct-horse"])
def test_these_can_be_secrets(text: str) -> None:
    assert may_be_secret(text)


@pytest.mark.parametrize(
    "text",
    ["", "true", "xxxx", "****", "/etc/key", "~/key", "$KEY", "<key>", "your-key", "changeme",
     "sha256:ab", "two words", "1"],
)  # fmt: skip
def test_these_stand_for_something_else(text: str) -> None:
    assert not may_be_secret(text)
