"""What a cluster does to an app's pods when they are created, and the objects that they need.

OOD's adapter prints a fixed pod template (OSC/ood_core
lib/ood_core/job/adapters/kubernetes/templates/pod.yml.erb); what that cannot say, a policy of the
cluster adds. `apply` is what the policy does, in Python: what `verify` expects of the stored pod.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ood_appgen.model.mounts import Pairs
from ood_appgen.model.site import Namespaces

Data = Mapping[str, Any]

# The labels that tell an app's pods from others; the second where node types differ.
APP_LABEL = "ood-appgen/app"
NODE_TYPE_LABEL = "ood-appgen/node-type"
# The program finds here which policy its pod went through.
MARK = "APPGEN_POLICY"
# Where OOD's adapter writes down the wall time (templates/pod.yml.erb).
LIFETIME = "pod.kubernetes.io/lifetime"


@dataclass(frozen=True, slots=True)
class ContainerChange:
    """What is added to one container, in Kubernetes' words."""

    name: str
    volume_mounts: tuple[Data, ...] = ()
    env: tuple[Data, ...] = ()
    env_from: tuple[Data, ...] = ()
    limits: Pairs = ()
    requests: Pairs = ()


@dataclass(frozen=True, slots=True)
class PodChange:
    """What is added to a pod, in Kubernetes' words.

    `settings` are fields of the spec with one value each. `deadline`: the wall time that OOD has
    written down becomes activeDeadlineSeconds.
    """

    program: ContainerChange
    init: tuple[ContainerChange, ...] = ()
    volumes: tuple[Data, ...] = ()
    tolerations: tuple[Data, ...] = ()
    topology_spread_constraints: tuple[Data, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    annotations: Pairs = ()
    deadline: bool = False


@dataclass(frozen=True, slots=True)
class PodPolicy:
    """A change of pods; of all node types of the app, or of those named."""

    name: str
    change: PodChange
    node_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Need:
    """An object that appgen does not write, and that pods refer to; without an optional one they start."""

    kind: str
    name: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """What the administrator of a cluster applies for an app.

    `kind` is v1, v1beta1 or kyverno. `cluster_objects` are applied once, `namespace_objects` in the
    namespace of each user; `needs` are objects that somebody else makes. `security` is the strictest
    Pod Security level that takes the pods, and `security_reason` says what keeps them from a
    stricter one.
    """

    cluster: str
    kind: str
    app: str
    namespaces: Namespaces
    policies: tuple[PodPolicy, ...]
    cluster_objects: tuple[Data, ...]
    namespace_objects: tuple[Data, ...]
    needs: tuple[Need, ...]
    security: str
    security_reason: str
    wall_time: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to apply."""
        return not (self.policies or self.cluster_objects or self.namespace_objects)

    def policy(self, node_type: str) -> PodPolicy | None:
        """The policy that pods of a node type go through."""
        return next(
            (p for p in self.policies if not p.node_types or node_type in p.node_types), None
        )


def apply(change: PodChange, pod: Data) -> dict[str, Any]:
    """The pod with everything that a policy adds. `pod` is left as it is.

    Raises KeyError where the pod has no container of that name.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(pod))
    spec = changed["spec"]
    _extend(spec, "volumes", change.volumes)
    _extend(spec, "tolerations", change.tolerations)
    _extend(spec, "topologySpreadConstraints", change.topology_spread_constraints)
    for key, value in change.settings:
        spec[key] = copy.deepcopy(value)
    _change_container(spec["containers"], change.program)
    for container in change.init:
        _change_container(spec.get("initContainers", []), container)
    if change.annotations:
        metadata = changed["metadata"]
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}),
            **dict(change.annotations),
        }
    lifetime = (changed["metadata"].get("annotations") or {}).get(LIFETIME)
    if change.deadline and lifetime:
        spec["activeDeadlineSeconds"] = seconds(lifetime)
    return changed


def seconds(lifetime: str) -> int:
    """The seconds of a text such as 01h30m00s."""
    hours, minutes, rest = lifetime.rstrip("s").replace("h", "m").split("m")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)


def _extend(data: dict[str, Any], key: str, items: Sequence[Data]) -> None:
    if items:
        data[key] = [*(data.get(key) or ()), *copy.deepcopy(list(items))]


def _change_container(containers: list[dict[str, Any]], change: ContainerChange) -> None:
    container = next((c for c in containers if c["name"] == change.name), None)
    if container is None:
        raise KeyError(change.name)
    _extend(container, "volumeMounts", change.volume_mounts)
    _extend(container, "env", change.env)
    _extend(container, "envFrom", change.env_from)
    for key, quantities in (("limits", change.limits), ("requests", change.requests)):
        if quantities:
            resources = container.setdefault("resources", {})
            resources[key] = {**(resources.get(key) or {}), **dict(quantities)}
