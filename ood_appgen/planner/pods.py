"""Pods: labels, policies and objects of every cluster that runs containers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ood_appgen.model.admission import (
    APP_LABEL,
    NODE_TYPE_LABEL,
    Admission,
)
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.plan import Offer
from ood_appgen.model.pods import Pod
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import SiteProfile, merge_pairs
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
        secrets=tuple(_secrets(mounts, settings, pods)),
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


def _secrets(mounts: Sequence[Mount], settings: Settings, pods: Sequence[Pod]) -> Iterator[str]:
    own = init_mounts(settings)
    sources = [s for p in pods for s in p.environment_from]
    sources += [s for i in settings.init for s in i.sources]
    names = [m.source for m in (*mounts, *own) if m.kind == "secret"]
    names += [s.source for s in sources if s.kind == "secret"]
    yield from dict.fromkeys(names)


def _security(mounts: Sequence[Mount], settings: Settings) -> tuple[str, str]:
    """The strictest Pod Security level, and which mount keeps pods from a stricter one."""
    own = init_mounts(settings)
    for kind, level in (("host", "privileged"), ("nfs", "baseline")):
        for mount in (*mounts, *own):
            if mount.kind == kind:
                return level, f"the mount {mount.name} is a {kind} mount"
    return "restricted", ""
