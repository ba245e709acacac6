"""What pods have besides cores, memory, GPUs and mounts: the words of several layers, added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ood_appgen.diagnostics import Span
from ood_appgen.model.mounts import Pairs


@dataclass(frozen=True, slots=True)
class Quantities:
    """Limits or requests of a container; None where nothing is said."""

    cpu_millicores: int | None = None
    memory_mb: int | None = None
    ephemeral_storage_mb: int | None = None

    def named(self) -> dict[str, str]:
        """As Kubernetes spells them."""
        given = {
            "cpu": _text(self.cpu_millicores, "m"),
            "memory": _text(self.memory_mb, "Mi"),
            "ephemeral-storage": _text(self.ephemeral_storage_mb, "Mi"),
        }
        return {name: value for name, value in given.items() if value}


@dataclass(frozen=True, slots=True)
class EnvironmentSource:
    """A variable from a key of a secret or ConfigMap, or all of its keys where `key` is "".

    `kind` is secret or configmap, `file` what holds the value on clusters without containers.
    """

    kind: str
    source: str
    name: str
    key: str
    prefix: str
    optional: bool
    file: str
    span: Span


@dataclass(frozen=True, slots=True)
class Pod:
    """Settings of pods. Tolerations, affinity and spread are in Kubernetes' own words.

    `places` has the keys that were written, and where.
    """

    labels: Pairs = ()
    annotations: Pairs = ()
    tolerations: tuple[Mapping[str, Any], ...] = ()
    affinity: Mapping[str, Any] = field(default_factory=dict)
    topology_spread_constraints: tuple[Mapping[str, Any], ...] = ()
    priority_class: str = ""
    service_account: str = ""
    runtime_class: str = ""
    scheduler_name: str = ""
    shm_mb: int | None = None
    extended_resources: tuple[tuple[str, int], ...] = ()
    limits: Quantities = Quantities()
    requests: Quantities = Quantities()
    environment_from: tuple[EnvironmentSource, ...] = ()
    places: Mapping[str, Span] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Git:
    """A repository to clone into a mount; `secret` holds user name and token under two keys."""

    repository: str
    branch: str
    into: str
    folder: str
    depth: int | None
    secret: str
    username_key: str
    token_key: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """Files of the image, or of a mount, that are copied into a mount once."""

    source: str
    into: str
    folder: str


@dataclass(frozen=True, slots=True)
class Init:
    """What happens before the program starts: exactly one of `git`, `copy` and `command`.

    `mounts` are those that only it has besides the program's. `only_in_pods`: nothing of it need
    happen where there are no containers.
    """

    name: str
    image: str
    git: Git | None
    copy: Copy | None
    command: tuple[str, ...]
    environment: Pairs
    environment_from: tuple[EnvironmentSource, ...]
    mounts: tuple[tuple[str, Span], ...]
    limits: Quantities
    requests: Quantities
    only_in_pods: bool
    span: Span
    places: Mapping[str, Span] = field(default_factory=dict, compare=False, repr=False)

    @property
    def into(self) -> str:
        """The mount that it writes into, "" where that is its command's own business."""
        target = self.git or self.copy
        return target.into if target else ""

    @property
    def sources(self) -> tuple[EnvironmentSource, ...]:
        """Its variables from secrets, those of `git` among them."""
        if self.git is None or not self.git.secret:
            return self.environment_from
        of_git = (
            ("GIT_USERNAME", self.git.username_key),
            ("GIT_TOKEN", self.git.token_key),
        )
        keys = tuple(
            EnvironmentSource(
                "secret", self.git.secret, name, key, "", self.git.optional, "", self.span
            )
            for name, key in of_git
        )
        return (*keys, *self.environment_from)


def merge_pods(layers: Iterable[Pod | None]) -> Pod:
    """The words of all layers: lists and mappings are added up, of one-word settings the last counts."""
    merged = Pod()
    for layer in layers:
        if layer is not None:
            merged = _add(merged, layer)
    return merged


def nearest_pod(layers: Iterable[Pod]) -> Pod | None:
    """The words of all layers, where each key of a later one replaces that of an earlier one."""
    nearest: Pod | None = None
    for layer in layers:
        given = {name: getattr(layer, name) for name in layer.places}
        places = {**nearest.places, **layer.places} if nearest else layer.places
        nearest = replace(nearest, **given, places=places) if nearest else layer
    return nearest


_MAPPINGS = ("labels", "annotations", "extended_resources")


def _add(first: Pod, second: Pod) -> Pod:
    changes: dict[str, Any] = {}
    for part in fields(Pod):
        old, new = getattr(first, part.name), getattr(second, part.name)
        if part.name == "places":
            changes[part.name] = {**old, **new}
        elif part.name in _MAPPINGS:
            changes[part.name] = tuple({**dict(old), **dict(new)}.items())
        elif part.name == "affinity":
            changes[part.name] = {**old, **new}  # nodes, pods to be near, pods to be far from
        elif part.name == "environment_from":
            named = {source.name for source in new if source.name}
            changes[part.name] = (*(s for s in old if s.name not in named), *new)
        elif isinstance(new, Quantities):
            changes[part.name] = _add_quantities(old, new)
        elif isinstance(new, tuple):
            changes[part.name] = (*old, *(item for item in new if item not in old))
        elif new:
            changes[part.name] = new
    return replace(first, **changes)


def _add_quantities(first: Quantities, second: Quantities) -> Quantities:
    given = {
        part.name: getattr(second, part.name)
        for part in fields(Quantities)
        if getattr(second, part.name) is not None
    }
    return replace(first, **given)


def _text(number: int | None, unit: str) -> str:
    return "" if number is None else f"{number}{unit}"
