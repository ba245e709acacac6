"""What each word of a profile becomes: in the policy of a cluster, in its objects, in the pods' labels."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ood_appgen import api
from ood_appgen.model.admission import MARK, Admission, Need, PodChange
from ood_appgen.model.plan import AppPlan, Submitter, choices, evaluate_submission, fill_required
from ood_appgen.verify.ruby import ADA, STAGED_ROOT

SITE = """\
site: Test
ondemand: "4.1"
clusters:
  kube:
    scheduler: kubernetes
    before: "host=h port=1 password=p\\necho\\n"
    wall_time: unlimited
    node_types:
      pod: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}
compute_clusters: {hpc: {}}
"""
APP = """\
id: one_app
title: One
form: [{id: cluster, from: clusters}, {id: node_type, from: node_types}]
container: {image: "one:1", port: 8080, name: one}
scripts: {script: "exec one\\n\\n"}
view: {kind: link}
"""


def read(text: str) -> Any:
    return YAML(typ="safe").load(text)


def render(folder: Path, app: str = "", of_cluster: str = "", site: str = "") -> AppPlan:
    """The app and the site with more lines; `of_cluster` are lines of the cluster."""
    whole = {**read(SITE), **(read(site) or {})}
    whole["clusters"]["kube"].update(read(of_cluster) or {})
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app/app.yml").write_text(APP + app)
    with (folder / "site.yml").open("w") as stream:
        YAML(typ="safe").dump(whole, stream)
    result = api.render_apps([folder / "app"], folder / "site.yml")
    assert [f.format() for f in result.findings] == []
    return result.apps[0].plan


def admission_of(plan: AppPlan) -> Admission:
    assert len(plan.admissions) == 1
    return plan.admissions[0]


def change_of(plan: AppPlan) -> PodChange:
    """The change of a pod that all node types have, without the policy's mark."""
    policies = admission_of(plan).policies
    assert [policy.node_types for policy in policies] == [()]
    assert policies[0].change.program.env[0]["name"] == MARK
    return policies[0].change


def unmarked(env: tuple[Any, ...]) -> list[Any]:
    return [variable for variable in env if variable["name"] != MARK]


# -- mounts ---------------------------------------------------------------------------------------

MOUNTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "host": (
        "{path: '/fs/{compute_cluster}', to: '/fs-of-{compute_cluster}', type: File, read_only: true}",
        {"hostPath": {"path": "/fs/hpc", "type": "File"}},
        {"mountPath": "/fs-of-hpc", "readOnly": True},
    ),
    "nfs": (
        "{path: /export, server: nfs1, propagation: HostToContainer}",
        {"nfs": {"server": "nfs1", "path": "/export"}},
        {"mountPath": "/export", "mountPropagation": "HostToContainer"},
    ),
    "pvc": (
        "{pvc: {name: claim}, to: /data, sub_path: work/mine}",
        {"persistentVolumeClaim": {"claimName": "claim"}},
        {"mountPath": "/data", "subPath": "work/mine"},
    ),
    "configmap": (
        "{configmap: {name: settings, items: {a: b/c}, mode: '0440', optional: true}, to: /etc/a}",
        {
            "configMap": {
                "name": "settings",
                "items": [{"key": "a", "path": "b/c"}],
                "defaultMode": 0o440,
                "optional": True,
            }
        },
        {"mountPath": "/etc/a"},
    ),
    "secret": (
        "{secret: {name: keys, items: {a: b}, mode: '0400', optional: true}, to: /keys}",
        {
            "secret": {
                "secretName": "keys",
                "items": [{"key": "a", "path": "b"}],
                "defaultMode": 0o400,
                "optional": True,
            }
        },
        {"mountPath": "/keys"},
    ),
    "empty_dir": ("{empty_dir: {}, to: /scratch}", {"emptyDir": {}}, {"mountPath": "/scratch"}),
    "empty_dir in memory": (
        "{empty_dir: {medium: Memory, size_mb: 64}, to: /ram}",
        {"emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
        {"mountPath": "/ram"},
    ),
    "ephemeral": (
        "{ephemeral: {size_mb: 10, storage_class: fast, access_mode: ReadWriteOncePod}, to: /fast}",
        {
            "ephemeral": {
                "volumeClaimTemplate": {
                    "spec": {
                        "accessModes": ["ReadWriteOncePod"],
                        "storageClassName": "fast",
                        "resources": {"requests": {"storage": "10Mi"}},
                    }
                }
            }
        },
        {"mountPath": "/fast"},
    ),
}


@pytest.mark.parametrize("kind", MOUNTS)
def test_a_mount_becomes_a_volume_and_its_place(kind: str, tmp_path: Path) -> None:
    described, volume, place = MOUNTS[kind]
    plan = render(tmp_path, of_cluster="mounts: [data]", site=f"mounts: {{data: {described}}}\n")
    change = change_of(plan)
    assert change.volumes == ({"name": "data", **volume},)
    assert change.program.volume_mounts == ({"name": "data", **place},)


@pytest.mark.parametrize("described", ["{path: /fs}", "{path: /fs, server: nfs1}"])
def test_what_the_adapter_can_say_is_left_to_it(described: str, tmp_path: Path) -> None:
    plan = render(tmp_path, of_cluster="mounts: [data]", site=f"mounts: {{data: {described}}}\n")
    assert plan.admissions == ()


def test_a_compute_cluster_may_have_a_mount_elsewhere(tmp_path: Path) -> None:
    site = "mounts: {data: {pvc: {name: claim}, to: /data}}\n"
    nodes = """\
mounts: [data]
node_types:
  here: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}
  there: {cores: {max: 4}, memory_mb: 4000, compute_cluster: other}
"""
    plan = render(
        tmp_path,
        of_cluster=nodes,
        site=site + "compute_clusters: {hpc: {paths: {data: /own}}, other: {}}\n",
    )
    policies = {p.node_types: p.change.program for p in admission_of(plan).policies}
    places = {names: c.volume_mounts[0]["mountPath"] for names, c in policies.items()}
    assert places == {("here",): "/own", ("there",): "/data"}


# -- pods -------------------------------------------------------------------------------------------


def test_settings_become_fields_of_the_pod(tmp_path: Path) -> None:
    plan = render(
        tmp_path,
        """\
pod:
  annotations: {example.org/a: b}
  tolerations: [{key: gpu}, {operator: Exists, effect: NoExecute, tolerationSeconds: 5}]
  affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: zone}]}}
  topology_spread_constraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}]
  priority_class: urgent
  service_account: runner
  runtime_class: gvisor
  scheduler_name: other
  shm_mb: 64
  extended_resources: {rdma/hca: 2}
  limits: {ephemeral_storage_mb: 100}
""",
    )
    change = change_of(plan)
    assert change.annotations == (("example.org/a", "b"),)
    assert change.tolerations == (
        {"key": "gpu", "operator": "Equal"},
        {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5},
    )
    term = {"topologyKey": "zone"}
    assert dict(change.settings) == {
        "serviceAccountName": "runner",
        "priorityClassName": "urgent",
        "runtimeClassName": "gvisor",
        "schedulerName": "other",
        "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}},
    }
    assert change.topology_spread_constraints == (
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"},
    )
    memory = {"medium": "Memory", "sizeLimit": "64Mi"}
    assert change.volumes == ({"name": "shm", "emptyDir": memory},)
    program = change.program
    assert program.volume_mounts == ({"name": "shm", "mountPath": "/dev/shm"},)
    assert program.limits == (("ephemeral-storage", "100Mi"), ("rdma/hca", "2"))
    assert program.requests == program.limits  # what is not said to be less
    assert not change.deadline


def test_requests_of_the_disk_may_be_less(tmp_path: Path) -> None:
    pod = "{limits: {ephemeral_storage_mb: 100}, requests: {ephemeral_storage_mb: 50}}"
    program = change_of(render(tmp_path, f"pod: {pod}\n")).program
    assert program.limits == (("ephemeral-storage", "100Mi"),)
    assert program.requests == (("ephemeral-storage", "50Mi"),)


def test_variables_come_from_keys_or_all_keys(tmp_path: Path) -> None:
    plan = render(
        tmp_path,
        """\
environment_from:
  - {name: ONE, secret: keys, key: one}
  - {name: TWO, configmap: settings, key: two, optional: true}
  - {secret: keys, prefix: KEY_, optional: true}
  - {configmap: settings}
""",
    )
    program = change_of(plan).program
    assert unmarked(program.env) == [
        {"name": "ONE", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "one"}}},
        {
            "name": "TWO",
            "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "two", "optional": True}},
        },
    ]
    assert program.env_from == (
        {"prefix": "KEY_", "secretRef": {"name": "keys", "optional": True}},
        {"configMapRef": {"name": "settings"}},
    )
    assert Need("Secret", "keys") in admission_of(plan).needs


INIT = """\
mounts:
  - {name: work, empty_dir: {}, to: /work}
  - {name: tokens, secret: {name: tokens}, to: /tokens}
init:
  - name: clone
    image: alpine/git
    git:
      repository: https://example.org/one.git
      into: work
      credentials: {secret: git, username: who, token: word, optional: true}
    limits: {cpu_millicores: 500, memory_mb: 64}
    mounts: [tokens, {name: cache, pvc: {name: cache, size_mb: 10}, to: /cache}]
  - name: plain
    copy: {from: /opt/a, into: work}
    requests: {memory_mb: 32}
"""


def test_init_containers_have_the_programs_mounts_and_their_own(tmp_path: Path) -> None:
    plan = render(tmp_path, INIT)
    change = change_of(plan)
    of_program = (
        {"name": "work", "mountPath": "/work"},
        {"name": "tokens", "mountPath": "/tokens"},
    )
    assert change.program.volume_mounts == of_program
    clone, plain = change.init
    assert clone.volume_mounts == (*of_program, {"name": "cache", "mountPath": "/cache"})
    assert plain.volume_mounts == of_program
    assert [v["name"] for v in change.volumes] == ["work", "tokens", "cache"]
    reference = {"name": "git", "optional": True}
    assert clone.env == (
        {"name": "GIT_USERNAME", "valueFrom": {"secretKeyRef": {**reference, "key": "who"}}},
        {"name": "GIT_TOKEN", "valueFrom": {"secretKeyRef": {**reference, "key": "word"}}},
    )
    assert clone.limits == clone.requests == (("cpu", "500m"), ("memory", "64Mi"))
    assert (plain.limits, plain.requests) == ((), (("memory", "32Mi"),))
    assert {n.name for n in admission_of(plan).needs if n.kind == "Secret"} == {"tokens", "git"}


def test_an_init_container_alone_may_need_a_policy(tmp_path: Path) -> None:
    init = (
        "init: [{name: fill, command: [make-data], only_in_pods: true, limits: {memory_mb: 5}}]\n"
    )
    change = change_of(render(tmp_path, init))
    assert change.program.volume_mounts == ()
    assert change.init[0].limits == (("memory", "5Mi"),)


def test_the_wall_time_may_be_the_policys_business(tmp_path: Path) -> None:
    assert change_of(render(tmp_path, of_cluster="wall_time: deadline")).deadline
    assert render(tmp_path, of_cluster="wall_time: reaper").admissions == ()


EMPTY = """\
pod: {labels: {}, annotations: {}, tolerations: [], affinity: {}, topology_spread_constraints: [],
      extended_resources: {}, limits: {}, requests: {}, environment_from: []}
mounts: []
init: []
environment_from: []
"""


def test_empty_words_say_nothing(tmp_path: Path) -> None:
    empty = "{pod: {}, defaults: {pod: {}}, priority_classes: {}, forbid: {}, mounts: []}"
    site = "apps: {one_app: {pod: {}, mounts: [], init_images: {}}}\nmounts: {}\n"
    plan = render(tmp_path, EMPTY, empty, site)
    assert plan.admissions == render(tmp_path).admissions == ()
    assert plan.table == render(tmp_path).table


# -- labels and namespaces ----------------------------------------------------------------------------


def labels_of(plan: AppPlan) -> dict[tuple[str, str], dict[str, str]]:
    """The labels of the containers by cluster and node type, as the submit file has them."""
    person = {"name": ADA.name, "home": ADA.home, "uid": ADA.uid, "gid": ADA.gid}
    found = {}
    for choice in choices(plan):
        document = evaluate_submission(
            plan, fill_required(plan, choice), Submitter(person, {}, STAGED_ROOT)
        )
        container = document["script"]["native"]["container"]
        found[choice["cluster"], choice["node_type"]] = container.get("labels", {})
    return found


SEVERAL = """\
site: Test
ondemand: "4.1"
clusters:
  plain:
    scheduler: kubernetes
    connection: appgen
    wall_time: unlimited
    labels: {team: "{compute_cluster}"}
    node_types: {pod: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}}
  alike:
    scheduler: kubernetes
    connection: appgen
    wall_time: deadline
    labels: {team: "{compute_cluster}"}
    node_types:
      pod: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}
      other: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}
  differing:
    scheduler: kubernetes
    connection: appgen
    wall_time: unlimited
    pod: {labels: {a/b.c: x}}
    node_types:
      pod: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc, pod: {runtime_class: a, labels: {a/b-c: y}}}
      other: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}
  none:
    scheduler: kubernetes
    connection: appgen
    wall_time: unlimited
    policy: none
    node_types: {pod+: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}}
  network:
    scheduler: kubernetes
    connection: appgen
    wall_time: unlimited
    portal_cidrs: [10.0.0.0/8]
    node_types: {pod: {cores: {max: 4}, memory_mb: 4000, compute_cluster: hpc}}
compute_clusters: {hpc: {}}
"""


def test_pods_have_the_labels_that_their_clusters_policies_look_for(tmp_path: Path) -> None:
    """Clusters of one shape, with policies for none, all, and some of their node types."""
    (tmp_path / "site.yml").write_text(SEVERAL)
    (tmp_path / "app.yml").write_text(APP)
    result = api.render_apps([tmp_path], tmp_path / "site.yml")
    assert [f.format() for f in result.findings] == []
    app, node = {"ood-appgen/app": "one_app"}, "ood-appgen/node-type"
    assert labels_of(result.apps[0].plan) == {
        ("plain", "pod"): {"team": "hpc"},
        ("alike", "pod"): {"team": "hpc", **app},
        ("alike", "other"): {"team": "hpc", **app},
        ("differing", "pod"): {"a/b.c": "x", "a/b-c": "y", **app, node: "pod"},
        ("differing", "other"): {"a/b.c": "x", **app, node: "other"},
        ("none", "pod+"): {},
        ("network", "pod"): app,
    }


# -- objects ------------------------------------------------------------------------------------------


def objects_of(plan: AppPlan) -> dict[tuple[str, str], dict[str, Any]]:
    admission = admission_of(plan)
    listed = [*admission.cluster_objects, *admission.namespace_objects]
    found = {(o["kind"], o["metadata"]["name"]): dict(copy.deepcopy(o)) for o in listed}
    assert len(found) == len(listed)
    for item in found.values():
        managed = item.pop("metadata")["labels"]
        assert managed["app.kubernetes.io/managed-by"] == "appgen"
        del item["apiVersion"], item["kind"]
    return found


def test_claims_and_configmaps_that_are_described_are_written(tmp_path: Path) -> None:
    plan = render(
        tmp_path,
        """\
mounts:
  - {name: new, pvc: {name: new, size_mb: 10}, to: /new}
  - {name: part, pvc: {name: new, size_mb: 10}, to: /part, sub_path: part}
  - {name: there, pvc: {name: there}, to: /there}
  - {name: settings, configmap: {name: settings, files: {a.conf: "a", b.conf: "b\\n"}}, to: /etc/a}
  - {name: known, configmap: {name: known}, to: /etc/b}
  - {name: session, configmap: {files: {c.conf: "c\\n"}}, to: /etc/c}
""",
    )
    requests = {"requests": {"storage": "10Mi"}}
    assert objects_of(plan) == {
        ("PersistentVolumeClaim", "new"): {
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": requests}
        },
        ("ConfigMap", "settings"): {"data": {"a.conf": "a", "b.conf": "b\n"}},
    }


def test_only_priority_classes_that_are_used_are_written(tmp_path: Path) -> None:
    classes = "{used: {value: 5, preemption: false, description: Used}, first: {value: 9}, unused: {value: 1}}"
    nodes = """\
node_types:
  one: {cores: {max: 4}, memory_mb: 4000, pod: {priority_class: used}}
  two: {cores: {max: 4}, memory_mb: 4000, pod: {priority_class: first}}
"""
    objects = objects_of(render(tmp_path, of_cluster=f"{nodes}priority_classes: {classes}\n"))
    assert objects == {
        ("PriorityClass", "used"): {
            "value": 5,
            "globalDefault": False,
            "preemptionPolicy": "Never",
            "description": "Used",
        },
        ("PriorityClass", "first"): {
            "value": 9,
            "globalDefault": False,
            "preemptionPolicy": "PreemptLowerPriority",
        },
    }


def test_who_asks_kubernetes_has_the_rights_to(tmp_path: Path) -> None:
    nodes = """\
node_types:
  one: {cores: {max: 4}, memory_mb: 4000, pod: {service_account: runner}}
  two: {cores: {max: 4}, memory_mb: 4000}
connection: appgen
"""
    plan = render(tmp_path, of_cluster=nodes)
    objects = objects_of(plan)
    assert [key for key in objects if key[0] != "Role"] == [
        ("ServiceAccount", "runner"),
        ("RoleBinding", "ood-session-runner"),
        ("RoleBinding", "ood-session-default"),
    ]
    bound = objects["RoleBinding", "ood-session-default"]
    assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "default"}]
    assert bound["roleRef"]["name"] == "ood-session"


def test_sessions_are_open_to_the_portal_alone(tmp_path: Path) -> None:
    plan = render(tmp_path, of_cluster='portal_cidrs: [10.0.0.0/8, "fe80::/10"]')
    assert objects_of(plan) == {
        ("NetworkPolicy", "ood-one-app"): {
            "spec": {
                "podSelector": {"matchLabels": {"ood-appgen/app": "one_app"}},
                "policyTypes": ["Ingress"],
                "ingress": [
                    {
                        "from": [
                            {"ipBlock": {"cidr": "10.0.0.0/8"}},
                            {"ipBlock": {"cidr": "fe80::/10"}},
                        ],
                        "ports": [{"protocol": "TCP", "port": 8080}],
                    }
                ],
            }
        }
    }


@pytest.mark.parametrize(
    ("mounts", "level", "reason"),
    [
        ("{name: a, empty_dir: {}, to: /a}", "restricted", ""),
        ("{name: a, path: /a, server: nfs1, read_only: true}", "baseline", "the mount a is a nfs mount"),
        (
            "{name: a, path: /a, server: nfs1, read_only: true}, {name: b, path: /b}",
            "privileged",
            "the mount b is a host mount",
        ),
    ],
)  # fmt: skip
def test_the_strictest_level_that_takes_the_pods(
    mounts: str, level: str, reason: str, tmp_path: Path
) -> None:
    """Init containers count, and the adapter's mounts as well as the policy's."""
    for lines in (
        f"mounts: [{mounts}]\npod: {{shm_mb: 5}}\n",
        f"init: [{{name: x, command: [x], only_in_pods: true, mounts: [{mounts}]}}]\npod: {{shm_mb: 5}}\n",
    ):
        admission = admission_of(render(tmp_path, lines))
        assert (admission.security, admission.security_reason) == (level, reason)
