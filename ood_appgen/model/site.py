"""The site profile as data: `site_parser` makes it of a checked site.yml.

Every object carries `span`, the line it came from. Memory is in MiB, time in hours (OOD's form
asks for whole hours).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ood_appgen.diagnostics import Span
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.pods import Pod


@dataclass(frozen=True, slots=True)
class Cores:
    """Limits on cores; `min` is None where the profile leaves it to `whole_node`."""

    min: int | None = None
    max: int | None = None
    default: int | None = None


@dataclass(frozen=True, slots=True)
class Gpus:
    """GPUs of a node type. `request` is how Slurm is asked: gpus_per_node or gres."""

    min: int = 1
    max: int = 1
    default: int = 1
    type: str = ""
    request: str = "gpus_per_node"
    resource: str = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Hours:
    """Wall-time limits in hours."""

    min: int = 1
    max: int | None = None
    default: int | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """How an account, queue or QOS is found: `ask` is text, auto_*, fixed or none."""

    ask: str
    label: str = ""
    help: str = ""
    value: str = ""
    required: bool = True
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Modules:
    """How modules are made available in a job."""

    init: str = ""
    purge: bool = False
    load: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ComputeCluster:
    """A cluster that pods act like."""

    id: str
    modules: Modules | None
    paths: Pairs
    environment: Pairs
    span: Span


@dataclass(frozen=True, slots=True)
class NodeType:
    """A node type as one cluster offers it: the shared part, the cluster's defaults and its own.

    `whole_node` is "exclusive", "none" or a number of tasks as text.
    """

    id: str
    label: str
    cores: Cores
    whole_node: str
    gpus: Gpus | None
    memory_mb_per_core: int | None
    memory_mb: int | None
    constraint: str
    partition: str
    qos: str
    reservation: str
    exclusive: bool
    licenses: tuple[str, ...]
    native: tuple[str, ...]
    max_hours: int | None
    compute_cluster: str
    node_selector: Pairs
    pod: Pod | None
    span: Span


@dataclass(frozen=True, slots=True)
class Namespaces:
    """How the namespaces of OOD's users are told from others."""

    labels: Pairs
    prefix: str


@dataclass(frozen=True, slots=True)
class PriorityClass:
    """A priority class that appgen writes."""

    name: str
    value: int
    preemption: bool
    description: str


@dataclass(frozen=True, slots=True)
class Forbidden:
    """What a cluster refuses. `host_paths` and `registries` are what alone is allowed; empty: all.

    `places` are those of the rules.
    """

    host_paths: tuple[str, ...]
    mounts: tuple[str, ...]
    init_without_limits: bool
    images_without_digest: bool
    registries: tuple[str, ...]
    places: Mapping[str, Span] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster with its node types.

    On Kubernetes, `policy` is v1, v1beta1, kyverno or none; `wall_time` what ends a pod (reaper,
    deadline, unlimited, "" where the profile does not say); `connection` is site or appgen.
    """

    id: str
    title: str
    scheduler: str
    node_types: tuple[NodeType, ...]
    native: tuple[str, ...]
    account: Ask
    hours: Hours
    modules: Modules | None
    environment: Pairs
    before: str
    publish: str
    registry: str
    image_pull_secret: str
    image_pull_policy: str
    node_selector: Pairs
    labels: Pairs
    cpu_request_percent: int
    memory_request_percent: int
    supplemental_groups: tuple[int, ...]
    mounts: tuple[tuple[str, Span], ...]
    pod: Pod | None
    namespaces: Namespaces
    policy: str
    wall_time: str
    connection: str
    priority_classes: tuple[PriorityClass, ...]
    portal_cidrs: tuple[str, ...]
    forbidden: Forbidden
    span: Span
    places: Mapping[str, Span] = field(compare=False, repr=False)

    def place(self, key: str) -> Span:
        """Where a key is written; the cluster's own place where it is not."""
        return self.places.get(key, self.span)


@dataclass(frozen=True, slots=True)
class VersionOverride:
    """What the site says of a software version; None where it says nothing."""

    id: str
    forbid: bool
    label: str | None
    modules: tuple[str, ...] | None
    image: str | None
    clusters: tuple[str, ...] | None
    span: Span


@dataclass(frozen=True, slots=True)
class FieldOverride:
    """What the site changes of a form field."""

    id: str
    forbid: bool
    changes: tuple[tuple[str, Any], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class AppOverride:
    """What the site changes of an app; None where it says nothing.

    `blocks` are texts for the places that the generated files leave (site schema, `blocks`).
    """

    id: str
    forbid: bool
    title: str | None
    category: str | None
    subcategory: str | None
    clusters: tuple[tuple[str, Span], ...] | None
    node_types: tuple[tuple[str, Span], ...] | None
    fields: tuple[FieldOverride, ...]
    versions: tuple[VersionOverride, ...]
    modules: tuple[str, ...] | None
    scripts: Pairs
    blocks: Pairs
    environment: Pairs
    image: str | None
    init_images: Pairs
    pod: Pod | None
    mounts: tuple[tuple[str, Span], ...]
    read_files: tuple[str, ...]
    span: Span
    places: Mapping[str, Span] = field(compare=False, repr=False)

    def place(self, key: str) -> Span:
        """Where a key is written; the app's own place where it is not."""
        return self.places.get(key, self.span)


@dataclass(frozen=True)
class SiteProfile:
    """A site. `directory` is where site.yml is; the `read_files` named there are read from it."""

    name: str
    ondemand: tuple[int, int]
    clusters: tuple[Cluster, ...]
    queue: Ask
    qos: Ask
    environment: Pairs
    mounts: Mapping[str, Mount]
    compute_clusters: Mapping[str, ComputeCluster]
    apps: Mapping[str, AppOverride]
    read_files: tuple[str, ...]
    directory: Path
    path: str
    span: Span

    def override(self, app_id: str) -> AppOverride | None:
        """What the site changes of the app `app_id`, if anything."""
        return self.apps.get(app_id)


PLACEHOLDERS = ("compute_cluster", "user", "home", "uid", "gid")
_PLACEHOLDER = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")


def split_placeholders(text: str) -> list[tuple[str, bool]]:
    """The parts of a text: literal text, and the words of placeholders (True)."""
    parts = _PLACEHOLDER.split(text)
    return [(part, index % 2 == 1) for index, part in enumerate(parts) if part or index % 2 == 1]


def unknown_placeholders(text: str) -> list[str]:
    """Words in braces that look like placeholders and are none (`${x}` is the shell's)."""
    return [w for w in re.findall(r"(?<!\$)\{([a-z_]+)\}", text) if w not in PLACEHOLDERS]


def placeholders(text: str) -> list[str]:
    """The words in braces in `text`."""
    return [part.split("}", 1)[0] for part in text.split("{")[1:] if "}" in part]


def pairs(data: Mapping[str, Any] | None) -> Pairs:
    """A mapping of text to text in its order."""
    return tuple((key, str(value)) for key, value in (data or {}).items())


def merge_pairs(*maps: Pairs) -> Pairs:
    """Later maps win; the order is that of first appearance."""
    merged: dict[str, str] = {}
    for part in maps:
        merged.update(part)
    return tuple(merged.items())
