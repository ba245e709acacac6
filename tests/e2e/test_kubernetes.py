"""The sample apps on a real Kubernetes: every choice is stored as planned, and nothing else is touched."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from kubernetes_server import KubernetesServer, NotScheduledError, Refused
from launches import (
    LEVELS,
    Launch,
    Prepared,
    create_all,
    differences,
    make_home,
    prepare,
    unmarked,
    wait_until_admitting,
)

import tutorial_data
from ood_appgen import api
from ood_appgen.model.admission import APP_LABEL, MARK
from samples import APPS, SAMPLES, SITES
from tools import require_tool


def render(site: str, folder: Path, policy: str = "v1") -> dict[str, api.RenderedApp]:
    """The sample apps of a site that run on Kubernetes; `policy` is what the cluster takes.

    The API server alone runs here, and no Kyverno.
    """
    file = folder / "site.yml"
    text = SITES[site].read_text().replace("policy: kyverno", f"policy: {policy}")
    file.write_text(text.replace("    scheduler: kubernetes\n", _WITH[policy]))
    shutil.copytree(SAMPLES / "apps", folder / "apps")
    result = api.render_apps([folder / "apps" / app for app in APPS], file)
    assert [f.format() for f in result.findings] == []
    return {
        app.id: app
        for app in result.apps
        if any(c.scheduler == "kubernetes" for c in app.plan.clusters)
    }


_WITH = {
    "v1": "    scheduler: kubernetes\n",
    "v1beta1": "    scheduler: kubernetes\n    policy: v1beta1\n",
}
CASES = [
    *(
        ("cloud", app)
        for app in ("cvmfs-notebook", "data-mover", "jupyter", "notebook-from-git", "pytorch")
    ),
    *(("osc", app) for app in ("jupyter", "notebook-from-git", "pytorch", "rstudio")),
]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], api.RenderedApp]:
    require_tool("envsubst")
    return {
        (site, name): app
        for site in ("cloud", "osc")
        for name, app in render(site, tmp_path_factory.mktemp(site)).items()
    }


@pytest.fixture(scope="module")
def cluster(kubernetes: KubernetesServer) -> KubernetesServer:
    """The server with what the site's administrators have made before any app."""
    handler = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "nvidia"}
    kubernetes.create([{**handler, "metadata": {"name": "nvidia"}}])
    return kubernetes


def namespace_of(site: str, app: str, what: str = "") -> str:
    """A user's namespace: its name says nothing on the OSC's cluster, where the label counts."""
    prefix = "ood-" if site == "cloud" else "user-"
    return f"{prefix}{app}{what}"


def prepared(
    server: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    case: tuple[str, str],
    folder: Path,
    what: str = "",
    security: str = "",
) -> tuple[Prepared, list[Launch]]:
    """An app that is ready for its user, and a launch of every choice."""
    ready = prepare(server, rendered[case], folder, namespace_of(*case, what), security)
    launches = list(ready.launches())
    wait_until_admitting(server, launches[-1], ready.namespace)
    return ready, launches


def test_all_apps_that_run_on_kubernetes_are_tried(
    rendered: dict[tuple[str, str], api.RenderedApp],
) -> None:
    assert sorted(rendered) == sorted(CASES)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_every_choice_is_stored_as_planned(
    cluster: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    case: tuple[str, str],
    tmp_path: Path,
) -> None:
    ready, launches = prepared(cluster, rendered, case, tmp_path)
    cluster.user("ada", ready.namespace)
    stored = create_all(cluster, launches, ready.namespace, user="ada")
    expected = cluster.dry_run([_renamed(launch.admitted) for launch in launches], ready.namespace)
    for launch, pod in zip(launches, expected, strict=True):
        found = stored[launch.name]
        assert differences(pod, found) == [], launch.choice
        program = launch.objects.pod["spec"]["containers"][0]["name"]
        assert found["metadata"]["labels"]["app.kubernetes.io/name"] == program
        assert (
            found["metadata"]["labels"]["app.kubernetes.io/name"]
            == launch.objects.pod["spec"]["containers"][0]["name"]
        )
    assert len(stored) == len(launches) >= 2


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_stricter_namespace_refuses_what_the_readme_names(
    cluster: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    case: tuple[str, str],
    tmp_path: Path,
) -> None:
    """The Pod Security level that the README gives is the strictest, for the reason that it gives."""
    app = rendered[case]
    admission = app.plan.admission(
        next(c.id for c in app.plan.clusters if c.scheduler == "kubernetes")
    )
    if admission is None:  # nothing to apply, and its README says nothing of levels
        readme = next(f.content.decode() for f in app.files if f.path == "README.md")
        assert "Pod Security" not in readme
        return
    assert admission.security == {"cloud": "restricted", "osc": "privileged"}[case[0]]
    if admission.security == "restricted":
        return  # test_every_choice_is_stored_as_planned has created its pods in such a namespace
    stricter = LEVELS[LEVELS.index(admission.security) - 1]
    ready, launches = prepared_strictly(cluster, rendered, case, tmp_path, stricter)
    with pytest.raises(Refused, match="violates PodSecurity") as refusal:
        cluster.create([launches[0].objects.pod], ready.namespace)
    mount = admission.security_reason.split()[2]
    assert f'"{mount}"' in str(refusal.value)
    assert admission.security_reason in (ready.folder / "README.md").read_text()


def prepared_strictly(
    server: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    case: tuple[str, str],
    folder: Path,
    security: str,
) -> tuple[Prepared, list[Launch]]:
    """As `prepared`, where no pod will be admitted."""
    ready = prepare(server, rendered[case], folder, namespace_of(*case, "-strict"), security)
    return ready, list(ready.launches())


def test_other_pods_are_untouched(
    cluster: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    tmp_path: Path,
) -> None:
    """Of another app, of another namespace, of no app, or with a container of another name."""
    ready, launches = prepared(cluster, rendered, ("cloud", "pytorch"), tmp_path, "-others")
    cluster.namespace("elsewhere", labels={})
    pod = launches[0].objects.pod

    def changed(**labels: str | None) -> dict[str, Any]:
        other = copy.deepcopy(pod)
        for key, value in labels.items():
            name = {"app": APP_LABEL, "managed": "app.kubernetes.io/managed-by"}[key]
            other["metadata"]["labels"].pop(name)
            if value is not None:
                other["metadata"]["labels"][name] = value
        return other

    renamed = copy.deepcopy(pod)
    renamed["spec"]["containers"][0]["name"] = "another"
    elsewhere = copy.deepcopy(pod)
    elsewhere["metadata"]["namespace"] = "elsewhere"
    cases = [
        (changed(app="another"), ready.namespace),
        (changed(app=None), ready.namespace),
        (changed(managed="somebody"), ready.namespace),
        (renamed, ready.namespace),
        (elsewhere, "elsewhere"),
    ]
    for other, namespace in cases:
        (stored,) = cluster.dry_run([other], namespace)
        (plain,) = cluster.dry_run([unmarked(other)], namespace)
        assert differences(plain, stored) == []
        assert MARK not in str(stored)
    (touched,) = cluster.dry_run([pod], ready.namespace)
    assert MARK in str(touched)


WRONG = {
    "a smaller RAM disk": ('sizeLimit: "8192Mi"', 'sizeLimit: "64Mi"'),
    "a mount elsewhere": ('mountPath: "/scratch"', 'mountPath: "/scratch2"'),
    "a toleration less": (
        'key: "nvidia.com/gpu", operator: "Exists"',
        'key: "other", operator: "Exists"',
    ),
    "another class": ('"ood-interactive"', '"system-cluster-critical"'),
    "less storage": ('"20480Mi"', '"1Mi"'),
    "a deadline in minutes": (".getSeconds()", ".getMinutes()"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_policy_is_caught(
    cluster: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    what: str,
    tmp_path: Path,
) -> None:
    """Each of these is taken by the server, and seen in the pod that it stores."""
    number = list(WRONG).index(what)
    ready, launches = prepared(cluster, rendered, ("cloud", "pytorch"), tmp_path, f"-wrong{number}")
    right, wrong = WRONG[what]
    file = ready.folder / "kubernetes/cloud/policy.yaml"
    text = file.read_text()
    assert right in text
    file.write_text(text.replace(right, wrong))
    (expected,) = cluster.dry_run([_renamed(launches[0].admitted)], ready.namespace)
    try:
        cluster.apply(file.parent)
        # Refused, or different: either shows.
        outcome = cluster.wait_until_in_force(
            launches[0].objects.pod,
            ready.namespace,
            lambda pod: bool(differences(expected, pod)),
        )
        assert differences(expected, outcome) != []
    finally:
        file.write_text(text)
        cluster.apply(file.parent)
        wait_until_right(cluster, launches[0], expected, ready.namespace)


def wait_until_right(
    server: KubernetesServer, launch: Launch, expected: dict[str, Any], namespace: str
) -> None:
    """Until the right policy is in force again."""
    server.wait_until_in_force(
        launch.objects.pod, namespace, lambda pod: not differences(expected, pod)
    )


def test_a_policy_that_cannot_be_read_is_refused(
    cluster: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    tmp_path: Path,
) -> None:
    ready = prepare(cluster, rendered["cloud", "pytorch"], tmp_path, "ood-pytorch-unread")
    file = ready.folder / "kubernetes/cloud/policy.yaml"
    text = file.read_text()
    assert "Object.spec.volumes{name:" in text
    file.write_text(text.replace("Object.spec.volumes{name:", "Object.spec.volumes{name"))
    with pytest.raises(Refused, match="compilation failed: ERROR"):
        cluster.apply(file.parent)


def test_the_beta_release_of_policies_does_the_same(
    cluster: KubernetesServer, tmp_path: Path
) -> None:
    (tmp_path / "beta").mkdir()
    app = render("cloud", tmp_path / "beta", "v1beta1")["cvmfs-notebook"]
    assert "admissionregistration.k8s.io/v1beta1" in next(
        f.content.decode() for f in app.files if f.path.endswith("policy.yaml")
    )
    ready = prepare(cluster, app, tmp_path, "ood-beta")
    launches = list(ready.launches())
    wait_until_admitting(cluster, launches[0], ready.namespace)
    stored = create_all(cluster, launches, ready.namespace)
    for launch in launches:
        (expected,) = cluster.dry_run([_renamed(launch.admitted)], ready.namespace)
        assert differences(expected, stored[launch.name]) == []


def _renamed(pod: dict[str, Any]) -> dict[str, Any]:
    """Under a name that is free; the label with the pod's name stays."""
    renamed = copy.deepcopy(pod)
    renamed["metadata"]["name"] += "-x"
    return renamed


def _service_port(server: KubernetesServer, launch: Launch, namespace: str) -> int:
    service = server.get("service", f"{launch.name}-service", namespace)
    (port,) = service["spec"]["ports"]
    assert port["nodePort"] >= 30000
    assert service["spec"]["selector"] == {"job": launch.name}
    return int(port["targetPort"])


NODES = {
    "standard": ({}, (), {}),
    "a100": (
        {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"},
        ({"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"},),
        {"nvidia.com/gpu": 4, "rdma/hca": 1},
    ),
    "a100-slice": (
        {},
        ({"key": "nvidia.com/gpu", "value": "true", "effect": "NoSchedule"},),
        {"nvidia.com/mig-1g.10gb": 7},
    ),
    "mi210": (
        {},
        ({"key": "amd.com/gpu", "value": "true", "effect": "NoSchedule"},),
        {"amd.com/gpu": 2},
    ),
}


def test_each_node_type_finds_its_node(
    cluster: KubernetesServer,
    rendered: dict[tuple[str, str], api.RenderedApp],
    tmp_path: Path,
) -> None:
    """Selectors, tolerations and devices fit: the real scheduler puts each pod where it belongs."""
    ready, launches = prepared(cluster, rendered, ("cloud", "jupyter"), tmp_path, "-nodes")
    make_home(cluster, ready.namespace)
    by_node_type = {launch.choice["node_type"]: launch for launch in launches}
    assert set(by_node_type) == {*NODES, "idle"}
    cluster.create([o for launch in by_node_type.values() for o in launch.all], ready.namespace)
    for node_type in NODES:
        said = cluster.wait_unschedulable(by_node_type[node_type].name, ready.namespace)
        assert "no nodes available" in said or "0/" in said
    for name, (labels, taints, resources) in NODES.items():
        cluster.add_node(
            name, cpu=64, memory_mb=1024 * 1024, labels=labels, taints=taints, resources=resources
        )
    try:
        for node_type in NODES:
            assert (
                cluster.wait_scheduled(by_node_type[node_type].name, ready.namespace) == node_type
            )
        # The scheduler that lends Slurm's nodes does not run here, and no other may take its pods.
        with pytest.raises(NotScheduledError, match="the scheduler says nothing"):
            cluster.wait_scheduled(by_node_type["idle"].name, ready.namespace, timeout_s=2)
        # Without the toleration that the policy brings, no node with GPUs takes a pod.
        untolerating = unmarked(by_node_type["mi210"].objects.pod)
        untolerating["metadata"]["name"] = "untolerating"
        cluster.create([untolerating], ready.namespace)
        assert "untolerated taint" in cluster.wait_unschedulable("untolerating", ready.namespace)
    finally:
        cluster.kubectl("delete", "nodes", *NODES)


@pytest.mark.parametrize(
    "row", [row for row in tutorial_data.rows() if row.on_server], ids=lambda row: row.id
)
def test_tutorial_constructs(
    cluster: KubernetesServer, row: tutorial_data.Row, tmp_path: Path
) -> None:
    """What docs/kubernetes-tutorial.md says of a row is what the server stores, for a user's pod."""
    (app,) = tutorial_data.render(row.files(), tmp_path).apps
    namespace = f"ood-tutorial-{row.id}"
    ready = prepare(cluster, app, tmp_path, namespace)
    (launch,) = ready.launches()
    wait_until_admitting(cluster, launch, namespace)
    cluster.user("ada", namespace)
    stored = create_all(cluster, [launch], namespace, user="ada")[launch.name]
    (expected,) = cluster.dry_run([_renamed(launch.admitted)], namespace)
    assert differences(expected, stored) == []
    configmap = cluster.get("configmap", launch.objects.configmap["metadata"]["name"], namespace)
    for landing in row.lands:
        part = _amounts(_in_namespace(landing.has, namespace))
        if landing.file == "each-namespace.yaml":
            kind, name = part.get("kind", "Role"), part["metadata"].get("name", "ood-session")
            found = [cluster.get(kind, name, namespace)]
        else:
            found = [stored, configmap]
        assert any(not list(tutorial_data.missing(part, _amounts(f))) for f in found), landing


def _in_namespace(part: dict[str, Any], namespace: str) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(part).replace("$NAMESPACE", namespace))
    return changed


_UNITS = {"": 1000, "m": 1, "Mi": 1000 * 2**20, "Gi": 1000 * 2**30}


def _amounts(data: Any, quantity: bool = False) -> Any:
    """Quantities as numbers: the server writes 1000m as 1, and 1024Mi as 1Gi."""
    if isinstance(data, dict):
        return {
            key: _amounts(value, quantity or key in ("limits", "requests", "sizeLimit"))
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [_amounts(item, quantity) for item in data]
    if quantity and (found := re.fullmatch(r"([0-9]+)(m|Mi|Gi)?", data)):
        return int(found[1]) * _UNITS[found[2] or ""]
    return data
