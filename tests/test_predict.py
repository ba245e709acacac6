"""verify/sbatch.py and verify/pod.py: do they give what Open OnDemand gives to the scheduler?

The expected results are what OSC/ondemand and OSC/ood_core 0.31.1 themselves gave for these
documents, with the random end of an id replaced.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ood_appgen.verify.pod import (
    JOB_SCRIPT,
    KubernetesObjects,
    check_objects,
    double_quoted,
    key,
    plain,
    predict_objects,
)
from ood_appgen.verify.predict import AdapterError, Session, merge_submission
from ood_appgen.verify.ruby import User
from ood_appgen.verify.sbatch import predict_sbatch

ROOT = "/home/oakley/ondemand/data/sys/dashboard/batch_connect/sys/web/output/1"
SESSION = Session("web", "owens", ROOT, User("oakley", 10001, 10001, "/home/oakley"))
JOB = ["-J", "ondemand/sys/dashboard/sys/web", "-o", f"{ROOT}/output.log"]

# Script of the document, what stands between -D and -J, behind -o, and behind --export.
SBATCH: list[tuple[Any, list[str], list[str], list[str]]] = [
    (None, [], [], ["NONE"]),
    ([], [], [], ["NONE"]),
    ({"native": ["-N", 2, None, True, ["a", 1], 1.0]}, [], [],
     ["NONE", "-N", "2", "", "true", '["a", 1]', "1.0"]),
    ({"native": False}, [], [], ["NONE"]),
    ({"email": "a@b.org"}, ["--mail-user", "a@b.org"], [], ["NONE"]),
    ({"email": ["a@b.org", None, 3], "email_on_started": True},
     ["--mail-user", "a@b.org,,3", "--mail-type", "BEGIN"], [], ["NONE"]),
    ({"email": []}, ["--mail-user", ""], [], ["NONE"]),
    ({"email_on_started": "no", "email_on_terminated": 0}, ["--mail-type", "ALL"], [], ["NONE"]),
    ({"email_on_terminated": True}, ["--mail-type", "END"], [], ["NONE"]),
    ({"email_on_started": False, "email_on_terminated": False},
     ["--mail-type", "NONE"], [], ["NONE"]),
    ({"email_on_started": False}, [], [], ["NONE"]),
    ({"copy_environment": True}, [], [], ["ALL"]),
    ({"copy_environment": False, "job_environment": {"A": "1", "B": None}}, [], [], ["A,B"]),
    ({"copy_environment": "", "job_environment": {"A": 1}}, [], [], ["ALL,A"]),
    ({"job_environment": False}, [], [], ["NONE"]),
    ({"reservation_id": "maint", "input_path": "/in", "error_path": "/err", "priority": "12x",
      "queue_name": 5},
     [], ["-i", "/in", "-o", "-e", "/err", "--reservation", "maint", "-p", "5", "--priority", "12"],
     ["NONE"]),
    ({"wall_time": 3661, "accounting_id": "PZS0001", "job_array_request": "1-4", "qos": "high",
      "gpus_per_node": "2", "cores": 4.9},
     [], ["-A", "PZS0001", "-t", "01:01:01", "-a", "1-4", "--qos", "high", "--gpus-per-node", "2",
          "-n", "4"], ["NONE"]),
    ({"wall_time": 360000, "qos": ""}, [], ["-t", "100:00:00", "--qos", ""], ["NONE"]),
    ({"wall_time": "soon"}, [], ["-t", "00:00:00"], ["NONE"]),
    ({"queue_name": False, "gpus_per_node": False}, [],
     ["-p", "false", "--gpus-per-node", "false"], ["NONE"]),
    ({"queue_name": None, "cores": None, "native": None}, [], [], ["NONE"]),
]  # fmt: skip


def sbatch_argv(
    between: list[str], behind: list[str], export: list[str], job: list[str] = JOB
) -> tuple[str, ...]:
    if "-i" in behind:  # the input file comes before the output file
        behind = [*behind[:2], "-o", job[3], *behind[3:]]
        job = job[:2]
    return ("-D", ROOT, *between, *job, *behind, "--export", *export, "--parsable")


@pytest.mark.parametrize(("script", "between", "behind", "export"), SBATCH)
def test_sbatch(script: Any, between: list[str], behind: list[str], export: list[str]) -> None:
    assert predict_sbatch({"script": script}, SESSION) == sbatch_argv(between, behind, export)


def test_sbatch_of_a_whole_document() -> None:
    document = {
        "batch_connect": {"template": "vnc"},
        "script": {
            "submit_as_hold": "yes",
            "rerunnable": False,
            "workdir": "/scratch//x/",
            "job_name": "my job",
            "output_path": "/out",
            "native": ["--exclusive"],
        },
    }
    assert predict_sbatch(document, SESSION) == (
        "-H", "--no-requeue", "-D", "/scratch//x/", "-J", "my job", "-o", "/out",
        "--export", "NONE", "--exclusive", "--parsable",
    )  # fmt: skip


def test_a_start_time_is_seconds_in_local_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    try:
        argv = predict_sbatch({"script": {"start_time": "1700000000"}}, SESSION)
        assert argv[argv.index("--begin") + 1] == "2023-11-14T22:13:20"
        argv = predict_sbatch({"script": {"start_time": "2026-01-01"}}, SESSION)
        assert argv[argv.index("--begin") + 1] == "1970-01-01T00:33:46"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_portal_is_part_of_the_job_name() -> None:
    session = Session("web", "owens", ROOT, SESSION.user, portal="")
    assert predict_sbatch({}, session)[3] == "sys/dashboard/sys/web"


@pytest.mark.parametrize(
    ("submission", "path"),
    [
        ({"script": {"native": {"a": 1}}}, "native"),
        ({"script": {"native": "-N 1"}}, "native"),
        ({"script": {"native": [{}]}}, "native[0]"),
        ({"script": {"native": ["a\0b"]}}, "script"),
        ({"script": {"wall_time": [1]}}, "wall_time"),
        ({"script": {"wall_time": False}}, "wall_time"),
        ({"script": {"cores": True}}, "cores"),
        ({"script": {"email": False}}, "email"),
        ({"script": {"job_environment": "A=1"}}, "job_environment"),
        ({"script": {"args": "x"}}, "args"),
        ({"script": "x"}, "script"),
        ({"batch_connect": {"template": "nope"}}, "batch_connect.template"),
        ({"batch_connect": "basic"}, "batch_connect"),
    ],
)
def test_sbatch_refuses(submission: dict[str, Any], path: str) -> None:
    with pytest.raises(AdapterError) as caught:
        predict_sbatch(submission, SESSION)
    assert caught.value.path == path
    assert str(caught.value) == f"{path}: {caught.value.reason}"


# What the form submits


@pytest.mark.parametrize(
    ("field", "text", "slurm"),
    [
        ("bc_num_hours", "4", {"script": {"wall_time": 14400}}),
        ("bc_num_hours", " ", {"script": {"wall_time": 3600}}),
        ("bc_num_slots", "2", {"script": {"native": ["-N", 2]}}),
        ("bc_num_nodes", "x", {"script": {"native": ["-N", 0]}}),
        ("bc_account", " PZS ", {"script": {"accounting_id": "PZS"}}),
        ("bc_queue", "", {"script": {"queue_name": None}}),
        ("bc_email_on_started", "1", {"script": {"email_on_started": True}}),
        ("bc_email_on_started", "0", {"script": {"email_on_started": False}}),
        ("bc_vnc_idle", "30", {"batch_connect": {"idle": 30}}),
        ("bc_vnc_resolution", "1x1", {"batch_connect": {"geometry": "800x600"}}),
        ("auto_accounts", " a ", {"script": {"accounting_id": " a "}}),
        ("auto_primary_group", "staff", {"script": {"accounting_id": "staff"}}),
        ("auto_queues", "", {"script": {"queue_name": ""}}),
        ("auto_qos", "high", {"script": {"qos": "high"}}),
        ("auto_cores", "8", {"script": {"cores": 8}}),
        ("version", "3", {}),
        ("global_bc_num_slots", "3", {"script": {"native": ["-N", 1]}}),
        (
            "auto_environment_variable_my-var",
            "x",
            {"script": {"job_environment": {"MY-VAR": ""}}},
        ),
    ],
)
def test_a_field_submits(field: str, text: str, slurm: dict[str, Any]) -> None:
    assert merge_submission({}, {field: text}, [field], "slurm") == slurm


def test_slots_submit_nothing_to_kubernetes() -> None:
    assert merge_submission(None, {"bc_num_slots": "2"}, ["bc_num_slots"], "kubernetes") == {}


def test_the_document_wins() -> None:
    document = {"script": {"native": ["-c", "2"], "wall_time": None}}
    values = {"bc_num_slots": "2", "bc_num_hours": "1", "bc_queue": "q"}
    merged = merge_submission(document, values, list(values), "slurm")
    assert merged == {"script": {"native": ["-c", "2"], "wall_time": None, "queue_name": "q"}}
    assert "-t" not in predict_sbatch(merged, SESSION)
    assert document == {"script": {"native": ["-c", "2"], "wall_time": None}}


# Kubernetes

CONTAINER = {"name": "Web", "image": "x/y:1.0", "command": "/bin/sh -l run.sh"}
SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
    "privileged": False,
}
LABELS = {
    "job": "web-0",
    "app.kubernetes.io/name": "Web",
    "app.kubernetes.io/managed-by": "open-ondemand",
}
ENV = [
    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    {"name": "USER", "value": "oakley"},
    {"name": "UID", "value": "10001"},
    {"name": "HOME", "value": "/home/oakley"},
    {"name": "GROUP", "value": "oakley"},
    {"name": "GID", "value": "10001"},
    {"name": "KUBECONFIG", "value": "/dev/null"},
]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "namespace": "oakley",
        "name": "web-0",
        "labels": LABELS,
        "annotations": None,
    },
    "spec": {
        "restartPolicy": "Never",
        "securityContext": {
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "runAsNonRoot": True,
            "supplementalGroups": [],
            "fsGroup": 10001,
        },
        "hostNetwork": False,
        "hostIPC": False,
        "hostPID": False,
        "containers": [
            {
                "name": "Web",
                "image": "x/y:1.0",
                "imagePullPolicy": "IfNotPresent",
                "env": ENV,
                "command": ["/bin/sh", "-l", "run.sh"],
                "volumeMounts": [
                    {
                        "name": "configmap-volume",
                        "mountPath": "/ood/script.sh",
                        "subPath": "script.sh",
                    }
                ],
                "resources": {
                    "limits": {"memory": "4Gi", "cpu": "1"},
                    "requests": {"memory": "4Gi", "cpu": "1"},
                },
                "securityContext": SECURITY,
            }
        ],
        "volumes": [{"name": "configmap-volume", "configMap": {"name": "web-0-configmap"}}],
    },
}
CONFIGMAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web-0-configmap", "namespace": "oakley", "labels": LABELS},
    "data": {"script.sh": JOB_SCRIPT},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web-0-service", "namespace": "oakley", "labels": LABELS},
    "spec": {
        "selector": {"job": "web-0"},
        "ports": [{"protocol": "TCP", "port": 80, "targetPort": 8080}],
        "type": "NodePort",
    },
}
SCRIPT_MOUNT = POD["spec"]["containers"][0]["volumeMounts"][0]  # type: ignore[index]
VOLUME = POD["spec"]["volumes"][0]  # type: ignore[index]
PROBE = {
    "tcpSocket": {"port": 8080},
    "initialDelaySeconds": 2,
    "failureThreshold": 5,
    "periodSeconds": 5,
}
INIT = {
    "name": "i",
    "image": "j",
    "imagePullPolicy": "IfNotPresent",
    "env": ENV,
    "command": ["a"],
    "securityContext": SECURITY,
}
FILE = {"filename": "f", "data": "x", "mount_path": "/f"}


def env(**values: str) -> list[Any]:
    """The environment with other or more variables."""
    changed = [v if v["name"] not in values else {**v, "value": values[v["name"]]} for v in ENV]
    known = {v["name"] for v in ENV}
    return changed + [{"name": n, "value": v} for n, v in values.items() if n not in known]


def submission(
    container: dict[Any, Any] | None = None, script: dict[str, Any] | None = None, **native: Any
) -> dict[str, Any]:
    """A submission with a sound container, and with these parts."""
    return {
        "script": {
            **(script or {}),
            "native": {"container": CONTAINER | (container or {}), **native},
        }
    }


M = "metadata"
S = "spec"
C = ("spec", "containers", 0)
# A submission, and what is different from POD: path -> value, None to remove.
PODS: list[tuple[dict[str, Any], dict[tuple[str | int, ...], Any]]] = [
    (submission(), {}),
    (
        submission({"port": "8080/tcp"}),
        {
            (*C, "env"): [*ENV[:2], {"name": "POD_PORT", "value": "8080"}, *ENV[2:]],
            (*C, "ports"): [{"containerPort": 8080}],
            (*C, "startupProbe"): PROBE,
        },
    ),
    (
        submission(
            {
                "port": 8080,
                "startup_probe": {"initial_delay_seconds": "7", "failure_threshold": False},
            }
        ),
        {
            (*C, "env"): [*ENV[:2], {"name": "POD_PORT", "value": "8080"}, *ENV[2:]],
            (*C, "ports"): [{"containerPort": 8080}],
            (*C, "startupProbe"): {**PROBE, "initialDelaySeconds": 7},
        },
    ),
    (
        submission({"env": {"FOO": True, "BAR": None, "BAZ": 1.0, "UID": "yes", "L": [1, None]}}),
        {(*C, "env"): env(FOO="true", BAR="", BAZ="1.0", UID="yes", L="[1, nil]")},
    ),
    (
        submission({"env": {"A": "a\\tb\\x41", "B": "it's: #1", "C": "a\nb", "D": "a \\\n  b"}}),
        {(*C, "env"): env(A="a\tbA", B="it's: #1", C="a b", D="a b")},
    ),
    (submission({"command": ["a b", 1, None]}), {(*C, "command"): ["a b", "1", ""]}),
    (
        submission({"command": "a 'b  c'\\ d \"$x \\$y\""}),
        {(*C, "command"): ["a", "b  c d", "$x $y"]},
    ),
    (submission({"command": "a\\\nb \\\\\\\\"}), {(*C, "command"): ["ab", "\\"]}),
    (submission({"command": None}), {(*C, "command"): None}),
    (submission({"image": "x/y:1 "}), {(*C, "image"): "x/y:1"}),
    (
        submission({"memory": "8Gi", "cpu": 2, "memory_request": "2Gi"}),
        {
            (*C, "resources", "limits"): {"memory": "8Gi", "cpu": "2"},
            (*C, "resources", "requests"): {"memory": "2Gi", "cpu": "2"},
        },
    ),
    (
        submission(script={"gpus_per_node": "2"}),
        {(*C, "resources", kind, "nvidia.com/gpu"): 2 for kind in ("limits", "requests")},
    ),
    (
        submission(script={"gpus_per_node": 1}, gpu_type="amd.com/gpu"),
        {(*C, "resources", kind, "amd.com/gpu"): 1 for kind in ("limits", "requests")},
    ),
    (
        submission(
            {"restart_policy": "OnFailure", "image_pull_policy": "Always", "working_dir": "/a b"}
        ),
        {
            (S, "restartPolicy"): "OnFailure",
            (*C, "imagePullPolicy"): "Always",
            (*C, "workingDir"): "/a b",
        },
    ),
    (
        submission({"image_pull_secret": "s", "supplemental_groups": [3000, 2000, 3000]}),
        {
            (S, "imagePullSecrets"): [{"name": "s"}],
            (S, "securityContext", "supplementalGroups"): [2000, 3000],
        },
    ),
    (
        submission(
            {"labels": {"a/b": 1, "job": "mine"}}, {"wall_time": 3661, "accounting_id": "p"}
        ),
        {
            (M, "labels", "a/b"): "1",
            (M, "labels", "job"): "mine",
            (M, "labels", "account"): "p",
            (M, "annotations"): {"pod.kubernetes.io/lifetime": "01h01m01s"},
        },
    ),
    (submission(script={"accounting_id": "012"}), {(M, "labels", "account"): 10}),
    (submission(script={"accounting_id": "yes"}), {(M, "labels", "account"): True}),
    (submission(script={"accounting_id": ""}), {}),
    (
        submission(node_selector={"osc.edu/role": "ondemand", "yes": True}),
        {(S, "nodeSelector"): {"osc.edu/role": "ondemand", "true": "true"}},
    ),
    (
        submission(
            mounts=[
                {"type": "nfs", "name": "v", "host": "h", "path": "/p", "destination_path": "/d"},
                {"type": "host", "name": "m", "path": "/q", "destination_path": "/e"},
                {"name": "o", "destination_path": "/o"},
            ]
        ),
        {
            (*C, "volumeMounts"): [
                SCRIPT_MOUNT,
                {"name": "v", "mountPath": "/d"},
                {"name": "m", "mountPath": "/e"},
                {"name": "o", "mountPath": "/o"},
            ],
            (S, "volumes"): [
                VOLUME,
                {"name": "v", "nfs": {"server": "h", "path": "/p"}},
                {"name": "m", "hostPath": {"path": "/q", "type": None}},
            ],
        },
    ),
    (
        submission(init_containers=[{"name": "i", "image": "j", "command": ["a"]}]),
        {(S, "initContainers"): [INIT]},
    ),
    (
        submission(
            {"env": {"FOO": "1"}},
            init_containers=[{"name": "i", "image": "j", "env": {"BAR": "2"}}],
        ),
        {
            (*C, "env"): env(FOO="1"),
            (S, "initContainers"): [{**INIT, "env": env(FOO="1", BAR="2"), "command": None}],
        },
    ),
    (
        submission(
            init_containers=[{"name": "i", "image": "j", "command": "a"}],
            configmap={"files": [{**FILE, "init_mount_path": "/g", "init_sub_path": "f"}]},
        ),
        {
            (*C, "volumeMounts"): [{"name": "configmap-volume", "mountPath": "/f"}, SCRIPT_MOUNT],
            (S, "initContainers"): [
                {
                    **INIT,
                    "volumeMounts": [
                        {"name": "configmap-volume", "mountPath": "/g", "subPath": "f"}
                    ],
                }
            ],
        },
    ),
    (
        submission(configmap={"files": [{"filename": "script.sh", "data": "own"}]}),
        {(*C, "volumeMounts"): None},
    ),
]


def pod_with(changes: dict[tuple[str | int, ...], Any]) -> dict[str, Any]:
    pod: dict[str, Any] = copy.deepcopy(POD)
    for path, value in changes.items():
        inner: Any = pod
        for part in path[:-1]:
            inner = inner[part]
        if value is None:
            del inner[path[-1]]
        else:
            inner[path[-1]] = value
    return pod


@pytest.mark.parametrize(("given", "changes"), PODS)
def test_pod(given: dict[str, Any], changes: dict[tuple[str | int, ...], Any]) -> None:
    before = copy.deepcopy(given)
    assert predict_objects(given, SESSION).pod == pod_with(changes)
    assert given == before


def test_service_and_configmap() -> None:
    objects = predict_objects(submission({"port": 8080}), SESSION)
    assert (objects.service, objects.configmap) == (SERVICE, CONFIGMAP)
    assert predict_objects(submission(), SESSION).service is None


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ("x", "x\n"),
        ("a: b\n\n- c\n\n\n", "a: b\n\n- c\n"),
        ("  x\n    y\n", "x\n  y\n"),
        ("\n\n x\n", "\n\nx\n"),
        ("a\n\tb\n   \n", "a\n\tb\n   \n"),
        ("a\r\nb", "a\nb\n"),
        ("---\n#c", "---\n#c\n"),
        ("", ""),
        (5, "5\n"),
    ],
)
def test_a_file_of_the_configmap(data: Any, read: str) -> None:
    files = [{"filename": "f", "data": data, "mount_path": "/f"}]
    objects = predict_objects(submission(configmap={"files": files}), SESSION)
    assert objects.configmap["data"] == {"f": read, "script.sh": JOB_SCRIPT}


@pytest.mark.parametrize(
    ("submitted", "path"),
    [
        ({"script": {}}, "native"),
        ({"script": {"native": ["-N"]}}, "native"),
        ({"script": {"native": {}}}, "native.container"),
        (submission({"name": None}), "native.container.name"),
        (submission({"name": 5}), "native.container.name"),
        (submission({"image": False}), "native.container.image"),
        (submission({"image": "a: b"}), "native.container.image"),
        (submission({"image": "a #b"}), "native.container.image"),
        (submission({"port": True}), "native.container.port"),
        (submission({"env": {"FOO": 'say "hi"'}}), "native.container.env.FOO"),
        (submission({"env": {"FOO": "C:\\dir"}}), "native.container.env.FOO"),
        (submission({"env": {"FOO": "x\\"}}), "native.container.env.FOO"),
        (submission({"env": {"FOO": ["a"]}}), "native.container.env.FOO"),
        (submission({"env": {"FOO": {}}}), "native.container.env.FOO"),
        (submission({"env": {1: "x"}}), "native.container.env"),
        (submission({"env": "x"}), "native.container.env"),
        (submission({"command": "a 'b"}), "native.container.command"),
        (submission({"command": ['"']}), "native.container.command[0]"),
        (submission({"labels": ["a"]}), "native.container.labels"),
        (submission({"labels": {"a: b": "c"}}), "native.container.labels.a: b"),
        (submission({"working_dir": 5}), "native.container.working_dir"),
        (submission({"restart_policy": "a\nb"}), "native.container.restart_policy"),
        (submission({"supplemental_groups": [1, "a"]}), "native.container.supplemental_groups"),
        (submission({"supplemental_groups": 1}), "native.container.supplemental_groups"),
        (submission(configmap=None), "native.configmap"),
        (submission(configmap={"files": {}}), "native.configmap.files"),
        (submission(configmap={"files": ["x"]}), "native.configmap.files[0]"),
        (
            submission(configmap={"files": [{**FILE, "data": "  a\n b"}]}),
            "native.configmap.files[0].data",
        ),
        (
            submission(configmap={"files": [{**FILE, "data": "\ta"}]}),
            "native.configmap.files[0].data",
        ),
        (submission(mounts={"a": 1}), "native.mounts"),
        (submission(mounts=[{"name": "[x"}]), "native.mounts[0].name"),
        (submission(node_selector="x"), "native.node_selector"),
        (submission(init_containers=[{"name": "x"}]), "native.init_containers[0].image"),
        (submission(script={"wall_time": {}}), "wall_time"),
        (submission(script={"accounting_id": "a: b"}), "accounting_id"),
        (submission(script={"gpus_per_node": 1}, gpu_type="a: b"), "native.gpu_type"),
    ],
)
def test_objects_refuse(submitted: dict[str, Any], path: str) -> None:
    with pytest.raises(AdapterError) as caught:
        predict_objects(submitted, SESSION)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None), (True, True), (3, 3), (1.5, 1.5), ("", None), ("~", None), ("no", False),
        ("1e3", 1000.0), ("007", 7), ("0x1f", 31), ("1.50", 1.5), ("08", 8.0), ("2026-01-01",) * 2,
        ("a:b",) * 2, ("a b",) * 2, ("it's",) * 2, ("'q'", "q"), ('"q"', "q"), ("[a, 1]", ["a", 1]),
        ("a\n", "a"), ("12:30",) * 2, (["a", 1], ["a", 1]), ("back\\slash",) * 2, ("a\tb",) * 2, ("n", False),
    ],
)  # fmt: skip
def test_plain(value: Any, read: Any) -> None:
    assert plain("x", value) == read
    assert type(plain("x", value)) is type(read)


@pytest.mark.parametrize(
    "value",
    [
        "a: b", "a #b", "#a", "[a", "&a", "*a", "@a", "- a", "a\nb", "\na", "a\t#b", {},
        "-\ta", "?\ta", "a\n\t", "\x85a:", '"a" #b',
    ],
)  # fmt: skip
def test_plain_refuses(value: Any) -> None:
    with pytest.raises(AdapterError):
        plain("x", value)


# These are what kubernetes-sigs/yaml 1.4.0, which is in kubectl 1.32, makes of the same texts.
@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("\\u00e9 a\tb", "é a\tb"), ("\\x41\\U0001F600", "A\U0001f600"), ("it\\'s", "it's"), ("\\\t", "\t"),
        ("\\\\/", "\\/"), ("a\nb", "a b"), ("a\n\nb", "a\nb"),
    ],
)  # fmt: skip
def test_between_double_quotes(value: str, read: str) -> None:
    assert double_quoted("x", value) == read
    if "\n" not in value:
        assert plain("x", f'"{value}"') == read


@pytest.mark.parametrize(
    "value", ['a"', "\\q", "\\/", "a\\", "\\ud83d\\ude00", "a\n---", "a\t\nb", "a\n\tb"]
)
def test_between_double_quotes_refuses(value: str) -> None:
    with pytest.raises(AdapterError):
        double_quoted("x", value)
    with pytest.raises(AdapterError):
        plain("x", f'"{value}"')


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("a/b.c",) * 2, ("yes", "true"), (1, "1"), ("007", "7"), ("1.50", "1.5"), ("1.", "1"), (3.0, "3"),
        ("1e5", "100000"), ("1e6", "1e+06"), ("a ", "a"),
    ],
)  # fmt: skip
def test_key(value: Any, read: str) -> None:
    assert key("x", value) == read


@pytest.mark.parametrize(
    "value",
    [
        "<<", "~", "a: b", "- a", "- ", "? ", "a: ", " a", "\t", "-\ta", "a:\tb", "1.2345678", "1e308",
    ],
)  # fmt: skip
def test_key_refuses(value: str) -> None:
    with pytest.raises(AdapterError):
        key("x", value)


# The Kubernetes API


def problems(*args: Any, **native: Any) -> list[str]:
    return check_objects(predict_objects(submission(*args, **native), SESSION))


def test_a_sound_pod_has_no_problem() -> None:
    assert problems({"name": "web", "port": 8080}, {"gpus_per_node": 1}) == []
    assert problems() == [
        "pod.spec.containers[0].name: 'Web' must be at most 63 of a-z 0-9 -",
    ]


@pytest.mark.parametrize(
    ("container", "script", "native", "path"),
    [
        ({"memory": "4 Gi"}, {}, {}, "pod.spec.containers[0].resources.limits.memory"),
        ({"cpu_limit": "1", "cpu_request": "1500m"}, {}, {},
         "pod.spec.containers[0].resources.requests.cpu"),
        ({}, {"gpus_per_node": -1}, {}, "pod.spec.containers[0].resources.limits.nvidia.com/gpu"),
        ({"env": {"1 A": "x"}}, {}, {}, "pod.spec.containers[0].env[8].name"),
        ({"env": {"yes": "x"}}, {}, {}, "pod.spec.containers[0].env[8].name"),
        ({"image": "1.5"}, {}, {}, "pod.spec.containers[0].image"),
        ({"labels": {"a": "b c"}}, {}, {}, "pod.metadata.labels.a"),
        ({}, {"accounting_id": "012"}, {}, "pod.metadata.labels.account"),
        ({"name": "a_b"}, {}, {}, "pod.metadata.name"),
        ({"name": "a" * 55}, {}, {}, "pod.metadata.labels.job"),
        ({"port": 80, "name": "a" * 47}, {}, {}, "service.metadata.name"),
        ({"port": 80, "name": "1web"}, {}, {}, "service.metadata.name"),
        ({"restart_policy": "Sometimes"}, {}, {}, "pod.spec.restartPolicy"),
        ({"port": 0}, {}, {}, "pod.spec.containers[0].ports[0].containerPort"),
        ({}, {}, {"mounts": [{"name": "o", "destination_path": "/o"}]},
         "pod.spec.containers[0].volumeMounts[1].name"),
        ({}, {}, {"mounts": [{"type": "host", "name": "o", "path": "/", "destination_path": "/o",
                              "host_type": "Dir"}]}, "pod.spec.volumes[1].hostPath.type"),
        ({}, {}, {"node_selector": {"a": "b c"}}, "pod.spec.nodeSelector.a"),
        ({}, {}, {"init_containers": [{"name": "web", "image": "x"}]},
         "pod.spec.initContainers[0].name"),
        ({}, {}, {"configmap": {"files": [{**FILE, "filename": "a/b"}]}}, "configmap.data.a/b"),
    ],
)  # fmt: skip
def test_check(container: Any, script: Any, native: Any, path: str) -> None:
    found = problems({"name": "web", **container}, script, **native)
    assert path in [problem.split(": ")[0] for problem in found]


def test_check_knows_no_unknown_key() -> None:
    objects = predict_objects(submission({"name": "web"}), SESSION)
    pod = {**objects.pod, "spce": {}}
    assert len(check_objects(KubernetesObjects(pod, None, objects.configmap))) == 1
