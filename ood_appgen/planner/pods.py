"""Pods: what OOD's adapter cannot say goes into a policy of the cluster, with the objects it needs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ood_appgen.backends.kubernetes import full_image
from ood_appgen.diagnostics import Diagnostic, Span, error, quote, warning
from ood_appgen.model.admission import (
    APP_LABEL,
    MARK,
    NODE_TYPE_LABEL,
    Admission,
    ContainerChange,
    Data,
    PodChange,
    PodPolicy,
)
from ood_appgen.model.app import AppSpec
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.plan import Offer
from ood_appgen.model.pods import EnvironmentSource, Init, Pod, Quantities
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import Cluster, SiteProfile, merge_pairs
from ood_appgen.planner.containers import LABEL_HINT, is_label
from ood_appgen.planner.settings import Settings

_MANAGED = {"app.kubernetes.io/managed-by": "appgen", "app.kubernetes.io/part-of": "open-ondemand"}
_SHM = "shm"


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


def _needs(
    pod: Pod, mounts: Sequence[Mount], init: Sequence[Init]
) -> Iterator[tuple[str, Span | None]]:
    """What of a pod only a policy can say, in words, and where it is written."""
    for mount in mounts:
        if mount.needs_policy:
            yield f"the mount {quote(mount.name)} ({mount.kind})", mount.span
    for key in ("limits", "requests"):
        if getattr(pod, key).ephemeral_storage_mb is not None:
            yield f"`{key}: ephemeral_storage_mb`", pod.places.get(key)
    for key in _ONLY_BY_POLICY:
        if getattr(pod, key):
            yield f"`{key}`", pod.places.get(key)
    for item in init:
        for key in ("limits", "requests"):
            if getattr(item, key).named():
                yield f"{key} of the init container {quote(item.name)}", item.places.get(key)
        if item.sources:
            yield (
                f"secrets in the environment of the init container {quote(item.name)}",
                item.places.get("environment_from", item.places.get("git")),
            )
        if item.mounts:
            yield (
                f"mounts of the init container {quote(item.name)} alone",
                item.places.get("mounts"),
            )


# Settings that the adapter's template has no place for.
_ONLY_BY_POLICY = (
    "shm_mb", "environment_from", "tolerations", "affinity", "topology_spread_constraints",
    "annotations", "priority_class", "service_account", "runtime_class", "scheduler_name",
    "extended_resources",
)  # fmt: skip


def mounts_of(cluster: Cluster, settings: Settings) -> tuple[Mount, ...]:
    """The mounts of the program's container on a cluster: the cluster's, then the app's."""
    names = dict.fromkeys([*(name for name, _ in cluster.mounts), *settings.mounts])
    return tuple(settings.known_mounts[n] for n in names if n in settings.known_mounts)


def init_mounts(settings: Settings) -> tuple[Mount, ...]:
    """The mounts that init containers name for themselves."""
    found = (mount for item in settings.init for mount in _mounts_of(item, settings))
    return tuple({mount.name: mount for mount in found}.values())


def _mounts_of(item: Init, settings: Settings) -> list[Mount]:
    known = settings.known_mounts
    return [known[name] for name, _ in item.mounts if name in known]


def place_of(mount: Mount, site: SiteProfile, compute_cluster: str) -> str:
    """Where a mount is inside the containers of a node type; {user} and {home} stay as they are."""
    compute = site.compute_clusters.get(compute_cluster)
    own = dict(compute.paths).get(mount.name) if compute else None
    return own or mount.to.replace("{compute_cluster}", compute_cluster)


def policy_mark(policy: PodPolicy) -> str:
    """The value of `MARK` that a policy puts into its pods."""
    return next(str(e["value"]) for e in policy.change.program.env if e["name"] == MARK)


def _plan_cluster(site: SiteProfile, settings: Settings, offers: Sequence[Offer]) -> Admission:
    cluster = offers[0].cluster
    mounts = mounts_of(cluster, settings)
    policies = _policies(site, settings, offers, mounts) if cluster.policy != "none" else ()
    pods = [o.pod for o in offers]
    security, reason = _security(mounts, settings)
    return Admission(
        cluster=cluster.id,
        kind=cluster.policy,
        app=settings.app.id,
        namespaces=cluster.namespaces,
        policies=policies,
        cluster_objects=tuple(_cluster_objects(cluster, pods)),
        namespace_objects=_once(_namespace_objects(cluster, settings, mounts, pods)),
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


# -- policies -----------------------------------------------------------------------------------


def _policies(
    site: SiteProfile, settings: Settings, offers: Sequence[Offer], mounts: Sequence[Mount]
) -> tuple[PodPolicy, ...]:
    """One policy for all node types whose pods get the same; none where nothing is added."""
    groups: dict[str, tuple[PodChange, list[str]]] = {}
    for offer in offers:
        change = _change(site, settings, offer, mounts)
        groups.setdefault(_digest(change), (change, []))[1].append(offer.node.id)
    if len(groups) == 1 and _is_empty(next(iter(groups.values()))[0]):
        return ()
    base = f"ood-{settings.app.id.replace('_', '-')}"
    policies = []
    for number, (digest, (change, node_types)) in enumerate(groups.items(), 1):
        mark = {"name": MARK, "value": digest[:12]}
        program = replace(change.program, env=(mark, *change.program.env))
        alone = len(groups) == 1
        policies.append(
            PodPolicy(
                base if alone else f"{base}-{number}",
                replace(change, program=program),
                () if alone else tuple(node_types),
            )
        )
    return tuple(policies)


def _digest(change: PodChange) -> str:
    text = json.dumps(_plain(change), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, PodChange | ContainerChange):
        return [_plain(getattr(value, name)) for name in value.__slots__]
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _is_empty(change: PodChange) -> bool:
    empty = PodChange(ContainerChange(change.program.name))
    return replace(change, init=()) == empty and all(
        c == ContainerChange(c.name) for c in change.init
    )


def _change(
    site: SiteProfile, settings: Settings, offer: Offer, mounts: Sequence[Mount]
) -> PodChange:
    pod, compute = offer.pod, offer.node.compute_cluster
    container = settings.app.container
    assert container is not None
    added = [m for m in mounts if m.needs_policy]
    volume_mounts = [_volume_mount(m, place_of(m, site, compute)) for m in added]
    volumes = [_volume(m, compute) for m in added]
    in_program = {m.name for m in mounts}
    init = []
    for item in settings.init:
        own = [m for m in _mounts_of(item, settings) if m.name not in in_program]
        volumes += [_volume(m, compute) for m in own]
        init.append(
            ContainerChange(
                item.name,
                (*volume_mounts, *(_volume_mount(m, place_of(m, site, compute)) for m in own)),
                *_environment(item.sources),
                _sorted(item.limits.named()),
                _sorted(item.requests.named() or item.limits.named()),
            )
        )
    of_program = list(volume_mounts)
    if pod.shm_mb is not None:
        empty = {"medium": "Memory", "sizeLimit": f"{pod.shm_mb}Mi"}
        volumes.append({"name": _SHM, "emptyDir": empty})
        of_program.append({"name": _SHM, "mountPath": "/dev/shm"})
    devices = {name: str(number) for name, number in pod.extended_resources}
    program = ContainerChange(
        container.name,
        tuple(of_program),
        *_environment(pod.environment_from),
        _sorted({**_storage(pod.limits.named()), **devices}),
        _sorted({**(_storage(pod.requests.named()) or _storage(pod.limits.named())), **devices}),
    )
    return PodChange(
        program=program,
        init=tuple(init),
        volumes=tuple({v["name"]: v for v in volumes}.values()),
        tolerations=pod.tolerations,
        topology_spread_constraints=pod.topology_spread_constraints,
        settings=tuple(_settings(pod)),
        annotations=pod.annotations,
        deadline=offer.cluster.wall_time == "deadline",
    )


def _settings(pod: Pod) -> Iterator[tuple[str, Any]]:
    given: tuple[tuple[str, Any], ...] = (
        ("serviceAccountName", pod.service_account),
        ("priorityClassName", pod.priority_class),
        ("runtimeClassName", pod.runtime_class),
        ("schedulerName", pod.scheduler_name),
        ("affinity", pod.affinity),
    )
    yield from ((name, value) for name, value in given if value)


def _storage(named: Mapping[str, str]) -> dict[str, str]:
    """The rest goes into the submit file."""
    return {k: v for k, v in named.items() if k == "ephemeral-storage"}


def _sorted(quantities: Mapping[str, str]) -> Pairs:
    return tuple(sorted(quantities.items()))


def _environment(
    sources: Sequence[EnvironmentSource],
) -> tuple[tuple[Data, ...], tuple[Data, ...]]:
    """Single variables, and whole secrets or ConfigMaps."""
    single: list[Data] = []
    whole: list[Data] = []
    for source in sources:
        optional = {"optional": True} if source.optional else {}
        kind = "secret" if source.kind == "secret" else "configMap"
        if source.key:
            reference = {"name": source.source, "key": source.key, **optional}
            single.append({"name": source.name, "valueFrom": {f"{kind}KeyRef": reference}})
        else:
            prefix = {"prefix": source.prefix} if source.prefix else {}
            whole.append({**prefix, f"{kind}Ref": {"name": source.source, **optional}})
    return tuple(single), tuple(whole)


def _volume_mount(mount: Mount, place: str) -> Data:
    data: dict[str, Any] = {"name": mount.name, "mountPath": place}
    if mount.sub_path:
        data["subPath"] = mount.sub_path
    if mount.read_only:
        data["readOnly"] = True
    if mount.propagation != "None":
        data["mountPropagation"] = mount.propagation
    return data


def _volume(mount: Mount, compute_cluster: str) -> dict[str, Any]:
    path = mount.path.replace("{compute_cluster}", compute_cluster)
    optional = {"optional": True} if mount.optional else {}
    files: dict[str, Any] = {}
    if mount.items:
        files["items"] = [{"key": key, "path": to} for key, to in mount.items]
    if mount.mode is not None:
        files["defaultMode"] = mount.mode
    files |= optional
    empty: dict[str, Any] = {"medium": "Memory"} if mount.medium == "Memory" else {}
    if mount.size_mb is not None:
        empty["sizeLimit"] = f"{mount.size_mb}Mi"
    source: dict[str, dict[str, Any]] = {
        "host": {"hostPath": {"path": path, "type": mount.type}},
        "nfs": {"nfs": {"server": mount.server, "path": path}},
        "pvc": {"persistentVolumeClaim": {"claimName": mount.source}},
        "configmap": {"configMap": {"name": mount.source, **files}},
        "secret": {"secret": {"secretName": mount.source, **files}},
        "empty_dir": {"emptyDir": empty},
        "ephemeral": {"ephemeral": {"volumeClaimTemplate": {"spec": _claim(mount)}}},
    }
    return {"name": mount.name, **source[mount.kind]}


def _claim(mount: Mount) -> dict[str, Any]:
    spec: dict[str, Any] = {"accessModes": [mount.access_mode]}
    if mount.storage_class:
        spec["storageClassName"] = mount.storage_class
    spec["resources"] = {"requests": {"storage": f"{mount.size_mb}Mi"}}
    return spec


# -- objects ------------------------------------------------------------------------------------


def _cluster_objects(cluster: Cluster, pods: Sequence[Pod]) -> Iterator[Data]:
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


def _namespace_objects(
    cluster: Cluster, settings: Settings, mounts: Sequence[Mount], pods: Sequence[Pod]
) -> Iterator[Data]:
    own = init_mounts(settings)
    for mount in dict.fromkeys([*mounts, *own]):
        if mount.kind == "pvc" and mount.size_mb is not None:
            yield _object("v1", "PersistentVolumeClaim", mount.source, spec=_claim(mount))
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


def _once(objects: Iterable[Data]) -> tuple[Data, ...]:
    return tuple({(o["kind"], o["metadata"]["name"]): o for o in objects}.values())


def _object(version: str, kind: str, name: str, **rest: Any) -> Data:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(_MANAGED)},
        **rest,
    }


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


def check_together(apps: Sequence[tuple[AppSpec, Sequence[Admission]]]) -> list[Diagnostic]:
    """Apps that describe one object of a cluster differently: whoever is applied last would win."""
    findings = []
    seen: dict[tuple[str, str, str], tuple[AppSpec, Data]] = {}
    for app, admissions in apps:
        for admission in admissions:
            for item in (*admission.cluster_objects, *admission.namespace_objects):
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


# -- checks -------------------------------------------------------------------------------------


def check_pods(site: SiteProfile, settings: Settings, offers: Sequence[Offer]) -> list[Diagnostic]:
    """What contradicts itself, what the cluster forbids, and what nothing on it can say."""
    findings: list[Diagnostic] = []
    for cluster in {o.cluster.id: o.cluster for o in offers}.values():
        mine = [o for o in offers if o.cluster.id == cluster.id]
        if SCHEDULERS[cluster.scheduler].in_containers:
            findings += _Checker(site, settings, cluster, mine).check()
        else:
            findings += _check_outside(settings, cluster, mine)
    return findings


class _Checker:
    """The checks of one cluster with containers."""

    def __init__(
        self, site: SiteProfile, settings: Settings, cluster: Cluster, offers: Sequence[Offer]
    ) -> None:
        self.site, self.settings, self.cluster, self.offers = site, settings, cluster, offers
        self.mounts = mounts_of(cluster, settings)
        self.own = init_mounts(settings)
        self.the_app = (settings.app.span, "the app")
        self.the_cluster = (cluster.span, "the cluster")

    def check(self) -> list[Diagnostic]:
        """All findings."""
        return [
            *self._check_wall_time(),
            *self._check_policy(),
            *self._check_places(),
            *self._check_forbidden(),
            *self._check_images(),
            *self._check_init(),
            *self._check_quantities(),
            *self._check_cores(),
            *self._check_files(),
            *self._check_objects(),
            *self._check_labels(),
        ]

    def _place(self, offer: Offer, key: str) -> Span:
        """Where a pod's setting is written."""
        return offer.pod.places.get(key, self.cluster.span)

    def _check_wall_time(self) -> Iterator[Diagnostic]:
        if not self.cluster.wall_time:
            yield warning(
                self.cluster.span,
                "pod-wall-time",
                f"nothing is said to end a pod on {quote(self.cluster.id)} when its wall time is over",
                "write `wall_time: reaper` where job-pod-reaper runs, `wall_time: deadline` to have the "
                "policy end it, or `wall_time: unlimited`",
            )
        if self.cluster.wall_time == "deadline" and self.cluster.policy == "none":
            yield error(
                self.cluster.place("wall_time"),
                "pod-policy",
                "`wall_time: deadline` needs a policy, and the cluster has `policy: none`",
                "write `wall_time: reaper` or `wall_time: unlimited`, or allow a policy",
                (self.cluster.place("policy"), "no policy"),
            )

    def _check_policy(self) -> Iterator[Diagnostic]:
        if self.cluster.policy != "none":
            return
        found = dict.fromkeys(
            need for o in self.offers for need in _needs(o.pod, self.mounts, self.settings.init)
        )
        for what, span in found:
            yield error(
                span or self.settings.app.span,
                "pod-policy",
                f"Open OnDemand's adapter cannot say {what}, and {quote(self.cluster.id)} has `policy: none`",
                "allow a policy (`policy: v1`), or do without it there",
                (self.cluster.place("policy"), "no policy"),
                self.the_app,
            )

    def _check_places(self) -> Iterator[Diagnostic]:
        """Mounts of one place, and places that the cluster does not know."""
        for offer in self.offers:
            yield from self._check_container(offer, self.mounts, offer.pod.shm_mb is not None)
            for item in self.settings.init:
                own = _mounts_of(item, self.settings)
                yield from self._check_container(offer, dict.fromkeys((*self.mounts, *own)))
        for mount in (*self.mounts, *self.own):
            for key in ("path", "to") if mount.needs_policy or mount not in self.mounts else ():
                for word in ("user", "home"):
                    if f"{{{word}}}" in getattr(mount, key):
                        yield error(
                            mount.places.get(key, mount.places.get("path", mount.span)),
                            "mount-placeholder",
                            f"{{{word}}} of the mount {quote(mount.name)} is known to Open OnDemand, not to the "
                            "cluster's policy, which makes this mount",
                            "write a fixed path; only host and nfs mounts of the program, without sub_path, "
                            "read_only and propagation, may hold it",
                        )

    def _check_container(
        self, offer: Offer, mounts: Iterable[Mount], has_shm: bool = False
    ) -> Iterator[Diagnostic]:
        """Mounts of one container at one place."""
        taken: dict[str, Mount] = {}
        for mount in mounts:
            to = place_of(mount, self.site, offer.node.compute_cluster).rstrip("/") or "/"
            for place in _points(mount, to):
                whose = f"{place} of {mount.user}" if mount.user and "{" in place else place
                other = taken.setdefault(whose, mount)
                if other is not mount:
                    yield error(
                        mount.span,
                        "mount-place",
                        f"{quote(mount.name)} and {quote(other.name)} are both mounted at {place}",
                        "change `to:` of one of them",
                        (other.span, "the other"),
                    )
        in_the_way = taken.get("/dev/shm")
        if has_shm and in_the_way is not None:
            yield error(
                in_the_way.span,
                "mount-place",
                f"{quote(in_the_way.name)} is mounted at /dev/shm, where `shm_mb` puts a RAM disk",
                "keep one of the two",
                (self._place(offer, "shm_mb"), "`shm_mb`"),
            )

    def _check_forbidden(self) -> Iterator[Diagnostic]:
        forbidden = self.cluster.forbidden
        for mount in dict.fromkeys((*self.mounts, *self.own)):
            if mount.kind in forbidden.mounts:
                yield self._refuse(
                    "mounts",
                    f"the mount {quote(mount.name)} is of the kind {mount.kind}",
                    mount.span,
                )
            outside = mount.kind == "host" and not any(
                mount.path == base or mount.path.startswith(base.rstrip("/") + "/")
                for base in forbidden.host_paths
            )
            if forbidden.host_paths and outside:
                allowed = ", ".join(forbidden.host_paths)
                yield self._refuse(
                    "host_paths_outside",
                    f"the mount {quote(mount.name)} is {mount.path} of the node and not below {allowed}",
                    mount.span,
                )
        if forbidden.init_without_limits:
            for item in self.settings.init:
                if not {"cpu", "memory"} <= item.limits.named().keys():
                    yield self._refuse(
                        "init_without_limits",
                        f"the init container {quote(item.name)} has no limits on CPU and memory",
                        item.span,
                        "add `limits: {cpu_millicores: 500, memory_mb: 256}`",
                    )

    def _refuse(self, rule: str, what: str, span: Span, hint: str = "") -> Diagnostic:
        return error(
            span,
            "forbidden",
            f"{what}, which {quote(self.cluster.id)} forbids",
            hint or "change it, or leave the cluster out for this app",
            (self.cluster.forbidden.places[rule], f"the rule `{rule}`"),
        )

    def _check_images(self) -> Iterator[Diagnostic]:
        forbidden = self.cluster.forbidden
        for what, key, image, span in self._images():
            full = full_image(self.cluster, image)
            if forbidden.images_without_digest and "@sha256:" not in full:
                yield self._refuse(
                    "images_without_digest",
                    f"the image {quote(full)} of {what} is not named by its digest",
                    span,
                    "write name:tag@sha256:... (the site can say it: "
                    f"`apps: {{{self.settings.app.id}: {{{key}}}}}`)",
                )
            if forbidden.registries and not any(
                full.startswith(f"{registry.rstrip('/')}/") for registry in forbidden.registries
            ):
                yield self._refuse(
                    "registries_outside",
                    f"the image {quote(full)} of {what} is from none of {', '.join(forbidden.registries)}",
                    span,
                )

    def _images(self) -> Iterator[tuple[str, str, str, Span]]:
        """Whose image, the key by which the site can say it, the image, and where it is written."""
        container, override = self.settings.app.container, self.site.override(self.settings.app.id)
        assert container is not None
        said = override is not None and override.image is not None
        span = override.place("image") if override and said else container.span
        yield "the program", "image: ...", self.settings.image, span
        of_init = dict(override.init_images) if override else {}
        for item in self.settings.init:
            what = f"the init container {quote(item.name)}"
            key = f"init_images: {{{item.name}: ...}}"
            if override and item.name in of_init:
                yield what, key, item.image, override.place("init_images")
            elif "image" in item.places:
                yield what, key, item.image, item.places["image"]

    def _check_init(self) -> Iterator[Diagnostic]:
        container = self.settings.app.container
        assert container is not None
        for item in self.settings.init:
            if item.name == container.name:
                yield error(
                    item.span,
                    "init-twice",
                    f"{quote(item.name)} is the program's container",
                    "choose another name",
                )
            into = item.into
            if not into:
                continue
            reachable = {m.name: m for m in self.mounts}
            reachable |= {m.name: m for m in _mounts_of(item, self.settings)}
            mount = reachable.get(into)
            if mount is None:
                yield error(
                    item.span,
                    "mount-unknown",
                    f"{quote(item.name)} writes into the mount {quote(into)}, which the pod does not have",
                    f"its mounts: {', '.join(reachable) or 'none'}",
                    self.the_cluster,
                )
            elif mount.read_only or mount.kind in ("configmap", "secret"):
                yield error(
                    item.span,
                    "mount-read-only",
                    f"{quote(item.name)} cannot write into the mount {quote(into)}: it is read only",
                    "write into another mount",
                    (mount.span, "the mount"),
                )

    def _check_quantities(self) -> Iterator[Diagnostic]:
        for offer in self.offers:
            pod = offer.pod
            limits = self._least_limits(offer)
            memory = limits.memory_mb
            if pod.shm_mb is not None and memory and pod.shm_mb >= memory:
                yield warning(
                    self._place(offer, "shm_mb"),
                    "pod-shm",
                    f"/dev/shm of {pod.shm_mb} MiB counts as memory, of which a pod on "
                    f"{quote(offer.node.id)} may have {memory} MiB",
                    "filling it would end the pod; make it smaller, or give the app more memory",
                    (offer.node.span, "the node type"),
                )
            named = (
                ("cpu_millicores", "millicores"),
                ("memory_mb", "MiB"),
                ("ephemeral_storage_mb", "MiB"),
            )
            for key, unit in named:
                limit, request = getattr(limits, key), getattr(pod.requests, key)
                if limit is not None and request is not None and request > limit:
                    own = getattr(pod.limits, key) is not None
                    is_ = "is" if own else "can be as low as"
                    yield error(
                        self._place(offer, "requests"),
                        "pod-requests",
                        f"a pod on {quote(offer.node.id)} requests {request} {unit} ({key}), but its limit {is_} "
                        f"{limit}",
                        "Kubernetes refuses such a pod; request less",
                        (self._place(offer, "limits") if own else offer.node.span, "the limit"),
                    )
            devices = offer.node.gpus
            if devices is not None and devices.resource in dict(pod.extended_resources):
                yield error(
                    self._place(offer, "extended_resources"),
                    "pod-devices",
                    f"`extended_resources` would overrule the GPUs that users ask for: {devices.resource}",
                    f"delete it, or `gpus` of node type {quote(offer.node.id)}",
                    (offer.node.span, "the node type"),
                )

    def _least_limits(self, offer: Offer) -> Quantities:
        """The limits of a pod that asks for as little as it can."""
        asked = any(f.source == "cores" for f in self.settings.fields)
        cores = max(offer.cores.start, 1) if asked else self.settings.fixed_cores or 1
        ratio = offer.memory_mb_per_core
        return replace(
            offer.pod.limits,
            cpu_millicores=offer.pod.limits.cpu_millicores or cores * 1000,
            memory_mb=offer.pod.limits.memory_mb or offer.memory_mb or (ratio and ratio * cores),
        )

    def _check_cores(self) -> Iterator[Diagnostic]:
        asks = next((f for f in self.settings.fields if f.source == "cores"), None)
        for offer in self.offers if asks else ():
            if offer.pod.limits.cpu_millicores is not None and asks is not None:
                yield error(
                    self._place(offer, "limits"),
                    "pod-limits",
                    "`limits: cpu_millicores` would overrule the cores that users ask for",
                    "delete it, or the field; `requests` may be lower than what users ask for",
                    (asks.span, "the field"),
                )

    def _check_files(self) -> Iterator[Diagnostic]:
        """The files of all mounts of the session's own are in one ConfigMap."""
        taken: dict[str, Mount] = {}
        for mount in (m for m in (*self.mounts, *self.own) if m.of_session):
            if mount in self.own and mount not in self.mounts:
                yield error(
                    mount.span,
                    "mount-configmap",
                    f"the session's ConfigMap {quote(mount.name)} is mounted for the program too",
                    "list it under the app's `mounts`, or give it a `name`",
                )
            for key, _ in mount.files:
                other = taken.setdefault(key, mount)
                if other is not mount:
                    yield error(
                        mount.span,
                        "mount-configmap",
                        f"{quote(mount.name)} and {quote(other.name)} both have a file {quote(key)}, and a session "
                        "has one ConfigMap",
                        "rename one of the files (`items` gives it another path)",
                        (other.span, "the other"),
                    )

    def _check_objects(self) -> Iterator[Diagnostic]:
        """Two mounts that describe one claim or ConfigMap."""
        described: dict[tuple[str, str], Mount] = {}
        for mount in dict.fromkeys((*self.mounts, *self.own)):
            claim = mount.kind == "pvc" and mount.size_mb is not None
            if not claim and not (mount.kind == "configmap" and mount.source and mount.files):
                continue
            other = described.setdefault((mount.kind, mount.source), mount)
            if (_claim(mount) != _claim(other)) if claim else (mount.files != other.files):
                yield error(
                    mount.span,
                    "mount-object",
                    f"{quote(mount.name)} and {quote(other.name)} describe the {mount.kind} "
                    f"{quote(mount.source)} differently",
                    f"leave {'`size_mb`' if claim else '`files`'} out in one of them, or rename it",
                    (other.span, "the other"),
                )

    def _check_labels(self) -> Iterator[Diagnostic]:
        for offer in self.offers:
            labels = merge_pairs(self.cluster.labels, offer.pod.labels)
            for key, text in labels:
                value = text.replace("{compute_cluster}", offer.node.compute_cluster)
                if "{" not in value and value and not is_label(value):
                    of_pod = key in dict(offer.pod.labels)
                    yield error(
                        self._place(offer, "labels") if of_pod else self.cluster.place("labels"),
                        "pod-label",
                        f"the label {key} of pods cannot be {quote(value)}",
                        LABEL_HINT,
                        (offer.node.span, "the node type"),
                    )
        has_policy = self.cluster.policy != "none"
        policies = (
            _policies(self.site, self.settings, self.offers, self.mounts) if has_policy else ()
        )
        if (policies or self.cluster.portal_cidrs) and not is_label(self.settings.app.id):
            yield error(
                self.settings.app.span,
                "pod-label",
                f"the app's id {quote(self.settings.app.id)} cannot be a pod's label, by which the policy finds "
                "its pods",
                LABEL_HINT,
                self.the_cluster,
            )
        if not any(policy.node_types for policy in policies):
            return
        for offer in self.offers:
            if not is_label(offer.node.id):
                yield error(
                    offer.node.span,
                    "pod-label",
                    f"the node type {quote(offer.node.id)} cannot be a pod's label, by which the policy finds it",
                    LABEL_HINT,
                    self.the_app,
                )


def _check_outside(
    settings: Settings, cluster: Cluster, offers: Sequence[Offer]
) -> Iterator[Diagnostic]:
    """Where there are no containers, each mount is a directory, and each secret a file."""
    for name in settings.mounts:
        mount = settings.known_mounts.get(name)
        if mount is not None and not outside_place(mount):
            yield error(
                mount.span,
                "mount-directory",
                f"{quote(cluster.id)} has no containers, and the mount {quote(name)} does not say where its data is",
                "add `directory:` with the path on its nodes, or leave the cluster out for this app",
                (cluster.span, "the cluster"),
                (settings.app.span, "the app"),
            )
    for item in settings.init:
        if item.into and item.into not in settings.mounts:
            yield error(
                item.span,
                "mount-unknown",
                f"{quote(item.name)} writes into the mount {quote(item.into)}, and nothing says where that is on "
                f"{quote(cluster.id)}, which has no containers",
                "list it under the app's `mounts`",
                (cluster.span, "the cluster"),
            )
    for source in settings.environment_from:
        if not source.file and not source.optional:
            what = source.name or source.source
            yield error(
                source.span,
                "environment-file",
                f"{quote(cluster.id)} has no containers, and {what} does not say which file holds it there",
                "add `file:` (for one key), or `optional: true`",
                (cluster.span, "the cluster"),
            )


def outside_place(mount: Mount) -> str:
    """Where a mount's data is on clusters without containers; "" where that is not known.

    Directories that end with the job are made there: a word in angle brackets stands for them.
    """
    if mount.directory:
        return mount.directory
    if mount.kind in ("empty_dir", "ephemeral"):
        return "<memory>" if mount.medium == "Memory" else "<scratch>"
    known = mount.kind == "host" and "{compute_cluster}" not in mount.path
    return mount.path if known else ""


def _points(mount: Mount, place: str) -> list[str]:
    """Where a mount is: one place, or one of each file."""
    if not mount.of_session or mount.sub_path:
        return [place]
    paths = dict(mount.items)
    return [f"{place.rstrip('/')}/{paths.get(key, key)}" for key, _ in mount.files]
