"""The objects that an app's pods need: of the cluster, and of each user's namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ood_appgen.diagnostics import Diagnostic, error, quote
from ood_appgen.model.admission import (
    APP_LABEL,
    Admission,
    Data,
)
from ood_appgen.model.app import AppSpec
from ood_appgen.model.mounts import Mount
from ood_appgen.model.pods import Pod
from ood_appgen.model.site import Cluster
from ood_appgen.planner.pod_mounts import init_mounts
from ood_appgen.planner.pod_policies import claim_spec
from ood_appgen.planner.settings import Settings

_MANAGED = {"app.kubernetes.io/managed-by": "appgen", "app.kubernetes.io/part-of": "open-ondemand"}


def cluster_objects(cluster: Cluster, pods: Sequence[Pod]) -> Iterator[Data]:
    """What the cluster needs once."""
    used = {p.priority_class for p in pods}
    for item in cluster.priority_classes:
        if item.name in used:
            yield {
                "apiVersion": "scheduling.k8s.io/v1",
                "kind": "PriorityClass",
                "metadata": {"name": item.name, "labels": dict(_MANAGED)},
                "value": item.value,
                "globalDefault": False,
                "preemptionPolicy": "PreemptLowerPriority" if item.preemption else "Never",
                **({"description": item.description} if item.description else {}),
            }


def namespace_objects(
    cluster: Cluster, settings: Settings, mounts: Sequence[Mount], pods: Sequence[Pod]
) -> Iterator[Data]:
    """What the namespace of each user needs."""
    own = init_mounts(settings)
    for mount in dict.fromkeys([*mounts, *own]):
        if mount.kind == "pvc" and mount.size_mb is not None:
            yield _object("v1", "PersistentVolumeClaim", mount.source, spec=claim_spec(mount))
        if mount.kind == "configmap" and mount.source and mount.files:
            yield _object("v1", "ConfigMap", mount.source, data=dict(mount.files))
    if cluster.connection == "appgen":
        yield from _rights(dict.fromkeys(p.service_account or "default" for p in pods))
    container = settings.app.container
    if cluster.portal_cidrs and container is not None:
        spec = {
            "podSelector": {"matchLabels": {APP_LABEL: settings.app.id}},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    "from": [{"ipBlock": {"cidr": cidr}} for cidr in cluster.portal_cidrs],
                    "ports": [{"protocol": "TCP", "port": container.port}],
                }
            ],
        }
        name = f"ood-{settings.app.id.replace('_', '-')}"
        yield _object("networking.k8s.io/v1", "NetworkPolicy", name, spec=spec)


def _rights(accounts: Mapping[str, None]) -> Iterator[Data]:
    """What the job script needs to find its port and to keep the password where OOD reads it."""
    group = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch"]},
    ]
    yield from (_object("v1", "ServiceAccount", name) for name in accounts if name != "default")
    yield _object(f"{group}/v1", "Role", "ood-session", rules=rules)
    for name in accounts:
        # One for each: other apps may have other accounts, and must not lose theirs.
        yield _object(
            f"{group}/v1",
            "RoleBinding",
            f"ood-session-{name}",
            roleRef={"apiGroup": group, "kind": "Role", "name": "ood-session"},
            subjects=[{"kind": "ServiceAccount", "name": name}],
        )


def list_once(objects: Iterable[Data]) -> tuple[Data, ...]:
    """The objects without repetitions."""
    return tuple({(o["kind"], o["metadata"]["name"]): o for o in objects}.values())


def _object(version: str, kind: str, name: str, **rest: Any) -> Data:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(_MANAGED)},
        **rest,
    }


def check_together(apps: Sequence[tuple[AppSpec, Sequence[Admission]]]) -> list[Diagnostic]:
    """Apps that describe one object of a cluster differently: whoever is applied last would win."""
    findings = []
    seen: dict[tuple[str, str, str], tuple[AppSpec, Data]] = {}
    for app, admissions in apps:
        for admission in admissions:
            policies = [
                {"kind": "policy", "metadata": {"name": p.name}, "app": app.id}
                for p in admission.policies
            ]
            for item in (*admission.cluster_objects, *admission.namespace_objects, *policies):
                key = (admission.cluster, item["kind"], item["metadata"]["name"])
                other, known = seen.setdefault(key, (app, item))
                if known != item:
                    findings.append(
                        error(
                            app.span,
                            "object-twice",
                            f"{app.id} and {other.id} describe the {key[1]} {quote(key[2])} of {key[0]} differently",
                            "give one of them another name, or the site one mount for both",
                            (other.span, "the other app"),
                        )
                    )
    return findings
