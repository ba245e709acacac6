"""What a cluster's policy adds to an app's pods: all that OOD's adapter cannot say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ood_appgen.model.admission import (
    MARK,
    ContainerChange,
    Data,
    PodChange,
    PodPolicy,
)
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.plan import Offer
from ood_appgen.model.pods import EnvironmentSource, Pod
from ood_appgen.model.site import SiteProfile
from ood_appgen.planner.pod_mounts import mounts_of_init, place_of
from ood_appgen.planner.settings import Settings

_SHM = "shm"


def make_policies(
    site: SiteProfile, settings: Settings, offers: Sequence[Offer], mounts: Sequence[Mount]
) -> tuple[PodPolicy, ...]:
    """One policy for all node types whose pods get the same; none where nothing is added."""
    groups: dict[str, tuple[PodChange, list[str]]] = {}
    for offer in offers:
        change = _change(site, settings, offer, mounts)
        groups.setdefault(_digest(change), (change, []))[1].append(offer.node.id)
    # A dot, which no id has: the first policy of "nb-1" is not that of "nb". Always with a number:
    # where a second one comes, the first is replaced and does not stay in force beside it.
    base = f"ood-{settings.app.id.replace('_', '-')}"
    alone = len(groups) == 1
    changing = [(d, *group) for d, group in groups.items() if not _is_empty(group[0])]
    policies = []
    for number, (digest, change, node_types) in enumerate(changing, 1):
        mark = {"name": MARK, "value": digest[:12]}
        program = replace(change.program, env=(mark, *change.program.env))
        policies.append(
            PodPolicy(
                f"{base}.{number}",
                replace(change, program=program),
                () if alone else tuple(node_types),
            )
        )
    return tuple(policies)


def policy_mark(policy: PodPolicy) -> str:
    """The value of `MARK` that a policy puts into its pods."""
    return next(str(e["value"]) for e in policy.change.program.env if e["name"] == MARK)


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
        own = [m for m in mounts_of_init(item, settings) if m.name not in in_program]
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
        "ephemeral": {"ephemeral": {"volumeClaimTemplate": {"spec": claim_spec(mount)}}},
    }
    return {"name": mount.name, **source[mount.kind]}


def claim_spec(mount: Mount) -> dict[str, Any]:
    """What a claim asks of its storage."""
    spec: dict[str, Any] = {"accessModes": [mount.access_mode]}
    if mount.storage_class:
        spec["storageClassName"] = mount.storage_class
    spec["resources"] = {"requests": {"storage": f"{mount.size_mb}Mi"}}
    return spec
