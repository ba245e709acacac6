"""Pods: labels, policies and objects of every cluster that runs containers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ood_appgen.model.admission import (
    APP_LABEL,
    NODE_TYPE_LABEL,
    Admission,
    Need,
)
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.plan import Offer
from ood_appgen.model.pods import Pod
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import Cluster, SiteProfile, merge_pairs
from ood_appgen.planner.pod_mounts import init_mounts, mounts_of
from ood_appgen.planner.pod_objects import cluster_objects, list_once, namespace_objects
from ood_appgen.planner.pod_policies import make_policies
from ood_appgen.planner.settings import Settings


@dataclass(frozen=True)
class PodPlan:
    """The offers with the labels of their pods, and what each cluster's administrator applies."""

    offers: tuple[Offer, ...]
    admissions: tuple[Admission, ...]


def plan_pods(site: SiteProfile, settings: Settings, offers: Sequence[Offer]) -> PodPlan:
    """Plan labels, policies and objects of all clusters that run containers."""
    admissions = []
    planned: list[Offer] = []
    for cluster in dict.fromkeys(o.cluster.id for o in offers):
        mine = [o for o in offers if o.cluster.id == cluster]
        if not SCHEDULERS[mine[0].cluster.scheduler].in_containers:
            planned += mine
            continue
        admission = _plan_cluster(site, settings, mine)
        planned += [replace(o, labels=_labels(o, settings, admission)) for o in mine]
        if not admission.empty:
            admissions.append(admission)
    return PodPlan(tuple(planned), tuple(admissions))


def _plan_cluster(site: SiteProfile, settings: Settings, offers: Sequence[Offer]) -> Admission:
    cluster = offers[0].cluster
    mounts = mounts_of(cluster, settings)
    policies = make_policies(site, settings, offers, mounts) if cluster.policy != "none" else ()
    pods = [o.pod for o in offers]
    security, reason = _security(mounts, settings)
    return Admission(
        cluster=cluster.id,
        kind=cluster.policy,
        app=settings.app.id,
        namespaces=cluster.namespaces,
        policies=policies,
        cluster_objects=tuple(cluster_objects(cluster, pods)),
        namespace_objects=list_once(namespace_objects(cluster, settings, mounts, pods)),
        needs=tuple(_needs(cluster, mounts, settings, pods)),
        security=security,
        security_reason=reason,
        wall_time=cluster.wall_time,
    )


def _labels(offer: Offer, settings: Settings, admission: Admission) -> Pairs:
    own: dict[str, str] = {}
    if admission.policies or offer.cluster.portal_cidrs:
        own[APP_LABEL] = settings.app.id
    if any(policy.node_types for policy in admission.policies):
        own[NODE_TYPE_LABEL] = offer.node.id
    return merge_pairs(offer.cluster.labels, offer.pod.labels, tuple(own.items()))


def _needs(
    cluster: Cluster, mounts: Sequence[Mount], settings: Settings, pods: Sequence[Pod]
) -> Iterator[Need]:
    """What the pods refer to and appgen does not write; needed by one of them is needed."""
    sources = [s for p in pods for s in p.environment_from]
    sources += [s for i in settings.init for s in i.sources]
    kinds = {"secret": "Secret", "configmap": "ConfigMap"}
    found = [Need(kinds[s.kind], s.source, s.optional) for s in sources]
    for mount in (*mounts, *init_mounts(settings)):
        if mount.kind == "pvc" and mount.size_mb is None:
            found.append(Need("PersistentVolumeClaim", mount.source))
        if mount.kind in kinds and mount.source and not mount.files:
            found.append(Need(kinds[mount.kind], mount.source, mount.optional))
    if cluster.image_pull_secret:
        found.append(Need("Secret", cluster.image_pull_secret))
    written = {item.name for item in cluster.priority_classes}
    for pod in pods:
        if pod.priority_class and pod.priority_class not in written:
            found.append(Need("PriorityClass", pod.priority_class))
        if pod.runtime_class:
            found.append(Need("RuntimeClass", pod.runtime_class))
        if pod.service_account and cluster.connection != "appgen":
            found.append(Need("ServiceAccount", pod.service_account))
    needed = {(n.kind, n.name) for n in found if not n.optional}
    named = dict.fromkeys((n.kind, n.name) for n in found)
    yield from (Need(kind, name, (kind, name) not in needed) for kind, name in named)


def _security(mounts: Sequence[Mount], settings: Settings) -> tuple[str, str]:
    """The strictest Pod Security level, and which mount keeps pods from a stricter one."""
    own = init_mounts(settings)
    for kind, level in (("host", "privileged"), ("nfs", "baseline")):
        for mount in (*mounts, *own):
            if mount.kind == kind:
                return level, f"the mount {mount.name} is a {kind} mount"
    return "restricted", ""
