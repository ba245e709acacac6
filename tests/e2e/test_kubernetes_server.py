"""The Kubernetes of the tests is a real one: it admits, changes, binds, schedules and refuses as sites' do.

What our output relies on is tried here by itself: a failure here is Kubernetes's or the server's, not ours.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import kubernetes_server
import pytest
from kubernetes_server import KubernetesError, KubernetesServer, NotScheduledError, Object, Refused

TOLERATION = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
OURS = {"app.kubernetes.io/managed-by": "open-ondemand"}
LIFETIME = "pod.kubernetes.io/lifetime"

ADD_VOLUME_AND_TOLERATION = """[
  JSONPatch{op: "add", path: "/spec/volumes/-", value: Object.spec.volumes{
    name: "scratch", emptyDir: Object.spec.volumes.emptyDir{medium: "Memory", sizeLimit: "64Mi"}}},
  JSONPatch{op: "add", path: "/spec/tolerations/-", value: Object.spec.tolerations{
    key: "nvidia.com/gpu", operator: "Exists", effect: "NoSchedule"}}
]"""
SET_PRIORITY_CLASS = '[JSONPatch{op: "add", path: "/spec/priorityClassName", value: "interactive"}]'
FORGET_PRIORITY = """[
  JSONPatch{op: "remove", path: "/spec/priority"},
  JSONPatch{op: "remove", path: "/spec/preemptionPolicy"}
]"""
SET_DEADLINE = f"""[JSONPatch{{op: "add", path: "/spec/activeDeadlineSeconds",
  value: duration(object.metadata.annotations["{LIFETIME}"]).getSeconds()}}]"""
SET_SERVICE_ACCOUNT = '[JSONPatch{op: "add", path: "/spec/serviceAccountName", value: "notebook"}]'


def pod(
    name: str = "probe",
    *,
    limits: dict[str, str] | None = None,
    metadata: Object | None = None,
    **spec: object,
) -> Object:
    """A pod that the standard "restricted" allows."""
    container = {
        "name": "main",
        "image": "registry.example.edu/notebook:1",
        "resources": {"limits": limits or {}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    profile = {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **(metadata or {})},
        "spec": {"securityContext": profile, "containers": [container], **spec},
    }


def policy(namespace: str, expression: str, version: str = "v1", **spec: object) -> list[Object]:
    """A policy that changes new pods, bound to one namespace and called as that."""
    api = f"admissionregistration.k8s.io/{version}"
    pods = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["pods"],
    }
    content = {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [pods]},
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
        **spec,
    }
    only_there = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding = {"policyName": namespace, "matchResources": {"namespaceSelector": only_there}}
    return [
        {"apiVersion": api, "kind": kind, "metadata": {"name": namespace}, "spec": what}
        for kind, what in (
            ("MutatingAdmissionPolicy", content),
            ("MutatingAdmissionPolicyBinding", binding),
        )
    ]


def test_the_release_has_policies_that_change_objects(kubernetes: KubernetesServer) -> None:
    major, minor = kubernetes.version.removeprefix("v").split(".")[:2]
    assert (int(major), int(minor)) >= (1, 36)


def test_a_restricted_namespace_takes_restricted_pods_alone(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("restricted")
    volume = {"name": "home", "hostPath": {"path": "/home"}}
    with pytest.raises(Refused, match=r'violates PodSecurity "restricted:latest".*hostPath'):
        kubernetes.create([pod(volumes=[volume])], "restricted")
    kubernetes.create([pod("one"), pod("two")], "restricted")
    assert kubernetes.get("pod", "two", "restricted")["spec"]["serviceAccountName"] == "default"


def test_a_privileged_namespace_takes_directories_of_the_node(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("privileged", security="privileged", labels={"site": "example"})
    volume = {"name": "home", "hostPath": {"path": "/home"}}
    stored, other = kubernetes.dry_run([pod(volumes=[volume]), pod("other")], "privileged")
    assert other["metadata"]["name"] == "other"
    assert stored["spec"]["volumes"][0]["hostPath"]["path"] == "/home"
    assert kubernetes.get("namespace", "privileged")["metadata"]["labels"]["site"] == "example"
    with pytest.raises(Refused, match='pods "probe" not found'):  # nothing was stored
        kubernetes.get("pod", "probe", "privileged")


def test_what_is_applied_from_a_directory_is_there(
    kubernetes: KubernetesServer, tmp_path: Path
) -> None:
    kubernetes.namespace("applied")
    (tmp_path / "kustomization.yaml").write_text("resources: [settings.yaml]\n")
    (tmp_path / "settings.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: b}\n"
    )
    kubernetes.apply(tmp_path, "applied")
    kubernetes.apply(tmp_path, "applied")
    assert kubernetes.get("configmap", "settings", "applied")["data"] == {"a": "b"}


def test_a_user_edits_their_own_namespace_alone(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("user-ada")
    kubernetes.namespace("user-bob")
    kubeconfig = kubernetes.user("ada", "user-ada")
    assert json.loads(kubeconfig.read_text())["current-context"]
    kubernetes.create([pod()], "user-ada", as_user="ada")
    with pytest.raises(Refused, match='User "ada" cannot create .* in the namespace "user-bob"'):
        kubernetes.create([pod()], "user-bob", as_user="ada")
    with pytest.raises(Refused, match='User "ada" cannot list resource "nodes"'):
        kubernetes.kubectl("get", "nodes", as_user="ada")


def test_a_token_is_its_service_accounts(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("tokens")
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": kubernetes.token("default", "tokens")},
    }
    text = kubernetes.kubectl("create", "--filename=-", "-o=json", stdin=json.dumps(review))
    assert json.loads(text)["status"]["user"]["username"] == "system:serviceaccount:tokens:default"


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_policy_changes_what_it_matches(kubernetes: KubernetesServer, version: str) -> None:
    kubernetes.namespace(version)
    kubernetes.user("ada", version)
    (before,) = kubernetes.dry_run([pod()], version)
    objects = policy(version, ADD_VOLUME_AND_TOLERATION, version)
    objects[0]["spec"]["matchConstraints"]["objectSelector"] = {"matchLabels": OURS}
    kubernetes.create(objects)
    changed = kubernetes.wait_until_in_force(
        pod(metadata={"labels": OURS}),
        version,
        lambda stored: TOLERATION in stored["spec"]["tolerations"],
        as_user="ada",
    )
    volume = {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}}
    assert volume in changed["spec"]["volumes"]
    (other,) = kubernetes.dry_run([pod()], version)
    assert other["spec"]["tolerations"] == before["spec"]["tolerations"]
    assert len(other["spec"]["volumes"]) == len(before["spec"]["volumes"]) == 1


def test_who_waits_for_a_policy_in_vain_hears_what_is_stored(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("in-vain")
    with pytest.raises(KubernetesError, match='not in force after 0.1 s: (?s:.*)"name": "probe"'):
        kubernetes.wait_until_in_force(pod(), "in-vain", lambda stored: False, timeout_s=0.1)
    with pytest.raises(KubernetesError, match="not refused after 0.1 s"):
        kubernetes.wait_until_refused(pod(), "in-vain", timeout_s=0.1)


def test_a_policy_sets_a_priority_class_where_it_removes_what_was_computed(
    kubernetes: KubernetesServer,
) -> None:
    kubernetes.create(
        [
            {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": "interactive"},
                "value": 700,
                "preemptionPolicy": "Never",
            }
        ]
    )
    for name, expression in {
        "priority": f"{SET_PRIORITY_CLASS} + {FORGET_PRIORITY}",
        "no-priority": SET_PRIORITY_CLASS,
    }.items():
        kubernetes.namespace(name)
        kubernetes.create(policy(name, expression))
    stored = kubernetes.wait_until_in_force(
        pod(), "priority", lambda stored: "priorityClassName" in stored["spec"]
    )
    assert stored["spec"]["priority"] == 700
    assert stored["spec"]["preemptionPolicy"] == "Never"
    said = kubernetes.wait_until_refused(pod(), "no-priority")
    assert "the integer value of priority (0) must not be provided in pod spec" in said


def test_a_policy_that_runs_again_loses_the_priority(kubernetes: KubernetesServer) -> None:
    """Why policies say Never: the second time they remove what the class had given."""
    kubernetes.namespace("again")
    value = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 800}
    kubernetes.create([{**value, "metadata": {"name": "again"}}])
    expression = SET_PRIORITY_CLASS.replace("interactive", "again") + f" + {FORGET_PRIORITY}"
    kubernetes.create(policy("again", expression, reinvocationPolicy="IfNeeded"))
    stored = kubernetes.wait_until_in_force(
        pod(), "again", lambda stored: "priorityClassName" in stored["spec"]
    )
    assert "priority" not in stored["spec"]


def test_a_policy_turns_a_lifetime_into_a_deadline(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("deadline")
    condition = f'"{LIFETIME}" in object.metadata.?annotations.orValue({{}})'
    kubernetes.create(
        policy(
            "deadline",
            SET_DEADLINE,
            matchConditions=[{"name": "has-lifetime", "expression": condition}],
        )
    )
    stored = kubernetes.wait_until_in_force(
        pod(metadata={"annotations": {LIFETIME: "01h30m00s"}}),
        "deadline",
        lambda stored: "activeDeadlineSeconds" in stored["spec"],
    )
    assert stored["spec"]["activeDeadlineSeconds"] == 5400
    (forever,) = kubernetes.dry_run([pod()], "deadline")
    assert "activeDeadlineSeconds" not in forever["spec"]
    with pytest.raises(
        Refused, match="policy 'deadline' (?s:.*) type conversion error from 'string'"
    ):
        kubernetes.dry_run([pod(metadata={"annotations": {LIFETIME: "soon"}})], "deadline")


def test_a_policy_sets_the_service_account(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("account")
    kubernetes.create(policy("account", SET_SERVICE_ACCOUNT))
    said = kubernetes.wait_until_refused(pod(), "account")
    assert 'serviceaccount "notebook" not found' in said
    kubernetes.kubectl("create", "serviceaccount", "notebook", namespace="account")
    (stored,) = kubernetes.dry_run([pod()], "account")
    assert stored["spec"]["serviceAccountName"] == "notebook"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('[JSONPatch{op: "add", path: "/spec/hostname" value: "x"}]', "Syntax error"),
        ('[JSONPatch{op: "add", path: "/spec", value: {"a": "b", "c": 1}}]', "expected type"),
        ("[]", "must evaluate to list"),
    ],
)
def test_a_policy_that_cannot_be_compiled_is_refused(
    kubernetes: KubernetesServer, expression: str, said: str
) -> None:
    with pytest.raises(Refused, match=f"spec.mutations.*: (?s:.*){said}"):
        kubernetes.dry_run(policy("wrong", expression))


def test_a_claim_is_bound_to_its_volume(kubernetes: KubernetesServer) -> None:
    kubernetes.need("kube-controller-manager")
    kubernetes.namespace("claims")
    both = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    size = {"storage": "1Gi"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "claims-home"},
        "spec": {
            **both,
            "capacity": size,
            "nfs": {"server": "nfs.example.edu", "path": "/home"},
            "claimRef": {"namespace": "claims", "name": "home"},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "home", "namespace": "claims"},
        "spec": {**both, "resources": {"requests": size}, "volumeName": "claims-home"},
    }
    kubernetes.create([volume, claim])
    kubernetes.kubectl(
        *("wait", "pvc/home", "--for=jsonpath={.status.phase}=Bound", "--timeout=30s"),
        namespace="claims",
    )
    assert kubernetes.get("pv", "claims-home")["spec"]["claimRef"]["uid"]


def test_the_scheduler_keeps_to_taints_labels_and_resources(kubernetes: KubernetesServer) -> None:
    kubernetes.namespace("scheduled")
    taint = {"key": "nvidia.com/gpu", "value": "v100", "effect": "NoSchedule"}
    label = {"example.edu/role": "ondemand"}
    kubernetes.add_node("cpu-node", cpu=48, memory_mb=190_000, labels=label)
    kubernetes.add_node(
        "gpu-node",
        cpu=40,
        memory_mb=380_000,
        labels=label,
        taints=[taint],
        resources={"nvidia.com/gpu": 4},
    )
    two = {"cpu": "4", "memory": "8Gi", "nvidia.com/gpu": "2"}
    five = two | {"nvidia.com/gpu": "5"}
    pods = [
        pod("cpu", limits={"cpu": "4"}, nodeSelector=label),
        pod("gpu", limits=two, tolerations=[TOLERATION], nodeSelector=label),
        pod("not-tolerated", limits=two, nodeSelector=label),
        pod("too-many", limits=five, tolerations=[TOLERATION]),
        pod("no-label", nodeSelector={"example.edu/role": "batch"}),
    ]
    kubernetes.create(pods, "scheduled")
    assert kubernetes.wait_scheduled("cpu", "scheduled") == "cpu-node"
    assert kubernetes.wait_scheduled("gpu", "scheduled") == "gpu-node"
    for name, said in {
        "not-tolerated": "untolerated taint",
        "too-many": "Insufficient nvidia.com/gpu",
        "no-label": "didn't match Pod's node affinity/selector",
    }.items():
        assert said in kubernetes.wait_unschedulable(name, "scheduled")
    with pytest.raises(NotScheduledError, match="Insufficient nvidia.com/gpu"):
        kubernetes.wait_scheduled("too-many", "scheduled", timeout_s=0.1)
    with pytest.raises(KubernetesError, match="gpu is on node 'gpu-node'"):
        kubernetes.wait_unschedulable("gpu", "scheduled")


def _processes(folder: Path) -> list[str]:
    """The processes that have a directory in their command line."""
    found = subprocess.run(["pgrep", "-a", "-f", str(folder)], capture_output=True, text=True)
    return found.stdout.splitlines()


def test_a_daemon_that_does_not_start_says_why_and_leaves_nothing(
    kubernetes: KubernetesServer, tmp_path: Path
) -> None:
    broken = tmp_path / "kube-apiserver"
    broken.write_text("#!/bin/sh\necho it is Monday\nexit 3\n")
    broken.chmod(0o755)
    folder = tmp_path / "run"
    folder.mkdir()
    programs = {**kubernetes.programs, "kube-apiserver": broken}
    with (
        pytest.raises(KubernetesError, match="kube-apiserver ended with 3\n(?s:.*)it is Monday"),
        kubernetes_server.start(folder, tmp_path / "keep", programs),
    ):
        pass
    assert "it is Monday" in (tmp_path / "keep" / "kube-apiserver.log").read_text()
    assert not _processes(folder)


def test_nothing_outlives_a_run_that_is_killed(
    kubernetes: KubernetesServer, tmp_path: Path
) -> None:
    script = """
        import sys, time
        from pathlib import Path
        import kubernetes_server
        folder, programs = Path(sys.argv[1]), {Path(p).name: Path(p) for p in sys.argv[2:]}
        with kubernetes_server.start(folder, folder / "keep", programs):
            print("started", flush=True)
            time.sleep(600)
    """
    lines = [line.removeprefix(" " * 8) for line in script.splitlines()]
    with subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines), tmp_path, *kubernetes.programs.values()],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as run:
        try:
            assert run.stdout
            assert run.stdout.readline() == "started\n"
            daemons = len(kubernetes.daemons)
            assert len(_processes(tmp_path)) == daemons + 1
        finally:
            run.send_signal(signal.SIGKILL)
    kubernetes_server.wait_for(lambda: not _processes(tmp_path), "the daemons to end", 10)


OLD_GO = "echo go.mod requires go 1.26; exit 1"
# Says yes to `go list`, and leaves half a program where `go build` was told to put it.
STOPPING_GO = (
    '[ "$1" = list ] || { while [ "$1" != -o ]; do shift; done; echo half > "$2"; exit 1; }'
)


def _build(
    tmp_path: Path, *args: str, assets: Path | str = "", go: str = OLD_GO
) -> subprocess.CompletedProcess[str]:
    """Run the script that builds the programs, with a Go that fails."""
    program = tmp_path / "bin" / "go"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{go}\n")
    program.chmod(0o755)
    return subprocess.run(
        [kubernetes_server.BUILD, *args],
        capture_output=True,
        text=True,
        env={
            "PATH": f"{program.parent}:/usr/bin:/bin",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "KUBEBUILDER_ASSETS": str(assets),
        },
    )


def test_where_nothing_can_be_built_it_is_said_what_to_do(tmp_path: Path) -> None:
    done = _build(tmp_path)
    assert done.returncode == 1
    assert "go.mod requires go 1.26" in done.stderr
    missing = (*kubernetes_server.PROGRAMS, *kubernetes_server.FURTHER_PROGRAMS)
    assert f"without Go 1.26.0 or newer: {' '.join(missing)}\n" in done.stderr
    assert "set KUBEBUILDER_ASSETS to a folder that has them" in done.stderr


def test_the_programs_of_envtest_are_taken_where_they_are(tmp_path: Path) -> None:
    assets = tmp_path / "assets"
    assets.mkdir()
    for name in kubernetes_server.PROGRAMS:
        (assets / name).touch(0o755)
    done = _build(tmp_path, assets=assets)
    assert done.returncode == 0
    assert "newer: kube-controller-manager kube-scheduler\n" in done.stderr
    found = _build(tmp_path, "--find", assets=assets)
    expected = [str(assets / name) for name in kubernetes_server.PROGRAMS]
    assert (found.stdout.splitlines(), found.stderr) == (expected, "")


def test_half_a_program_is_not_found(tmp_path: Path) -> None:
    done = _build(tmp_path, go=STOPPING_GO)
    assert done.returncode == 1
    assert done.stderr.endswith("kube-apiserver could not be built\n")
    assert _build(tmp_path, "--find").stdout == ""
    (folder,) = (tmp_path / "cache" / "ood-appgen-e2e").iterdir()
    assert {file.name for file in folder.iterdir()} == {"lock", "build.log"}
