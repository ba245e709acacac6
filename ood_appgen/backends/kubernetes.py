"""Kubernetes: `native` is a mapping with the keys that ood_core's adapter reads, and no other.

Source: OSC/ood_core lib/ood_core/job/adapters/kubernetes/{helper,batch,resources}.rb and
templates/pod.yml.erb. The adapter prints env values and command words between double quotes and
the account without any, and escapes neither; so do we, before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ood_appgen.backends.request import (
    Columns,
    Request,
    batch_connect,
    common_columns,
    expand,
    wall_time,
)
from ood_appgen.encode import pod_scalar
from ood_appgen.expr import (
    ComputeFact,
    Concat,
    Either,
    Expr,
    Fact,
    If,
    IsGiven,
    IsLabel,
    IsPositive,
    Join,
    ListPart,
    Literal,
    Local,
    Product,
    Quoted,
    StagedRoot,
)
from ood_appgen.model.app import Container
from ood_appgen.model.plan import CORES, GPUS, Assignment, Branch, Entry, Items, Offer
from ood_appgen.model.site import Cluster, ComputeCluster, Mount, merge_pairs

DEFAULT_GPU_RESOURCE = "nvidia.com/gpu"
_PROBE_PERIOD_S = 5


def row(offer: Offer, request: Request) -> Columns:
    """The columns of a node type on Kubernetes."""
    node = offer.node
    columns: list[tuple[str, Any]] = []
    if node.compute_cluster:
        columns.append(("compute_cluster", node.compute_cluster))
    columns += common_columns(offer, request)
    if offer.memory_mb_per_core is not None:
        columns.append(("memory_mb_per_core", offer.memory_mb_per_core))
    if offer.memory_mb is not None:
        columns.append(("memory_mb", offer.memory_mb))
    if node.gpus is not None and node.gpus.resource != DEFAULT_GPU_RESOURCE:
        columns.append(("gpu_resource", node.gpus.resource))
    if any(n.node_selector for n in offer.cluster.node_types):
        merged = merge_pairs(offer.cluster.node_selector, node.node_selector)
        known = {k: v.replace("{compute_cluster}", node.compute_cluster) for k, v in merged}
        columns.append(("node_selector", known))
    return tuple(columns)


def compute_facts(compute: ComputeCluster) -> Columns:
    """What the submit file must know of a compute cluster."""
    paths = tuple((_path_fact(name), path) for name, path in compute.paths)
    return (
        *paths,
        *((_environment_fact(name), pod_scalar(text)) for name, text in compute.environment),
    )


def branches(offers: Sequence[Offer], request: Request) -> tuple[Branch, ...]:
    """A branch for all Kubernetes clusters that differ in nothing but their node types."""
    groups: dict[Any, list[Offer]] = {}
    for offer in offers:
        groups.setdefault(_shape(offer.cluster), []).append(offer)
    return tuple(_branch(group, request) for group in groups.values())


def _shape(cluster: Cluster) -> tuple[Any, ...]:
    return (
        cluster.registry,
        cluster.image_pull_secret,
        cluster.image_pull_policy,
        cluster.node_selector,
        cluster.labels,
        cluster.cpu_request_percent,
        cluster.memory_request_percent,
        cluster.supplemental_groups,
        cluster.environment,
        tuple(name for name, _ in cluster.mounts),
    )


def _branch(offers: Sequence[Offer], request: Request) -> Branch:
    cluster = offers[0].cluster
    rows = [dict(row(offer, request)) for offer in offers]
    used = {r.get("compute_cluster", "") for r in rows}
    compute = [request.compute_clusters[name] for name in sorted(used - {""})]
    script: list[Entry] = []
    if request.account is not None:
        # The adapter prints the account without quotes: 0123 would become the number 83.
        label = If(
            IsLabel(Local("account_label")), Local("account_label"), Quoted(Local("account_label"))
        )
        blank = IsGiven(Local("account_label")) if request.account_may_be_blank else None
        script.append(Entry("accounting_id", label, blank))
    script += wall_time(request)
    if any("gpus" in r for r in rows):
        script.append(Entry("gpus_per_node", GPUS, IsPositive(GPUS)))
    native = [Entry("container", _container(cluster, request, compute))]
    mounts = _mounts(cluster, request, compute)
    if mounts:
        native.append(Entry("mounts", Items(mounts)))
    native += _node_selector(cluster, rows)
    if any("gpu_resource" in r for r in rows):
        value = Either(Fact("gpu_resource"), Literal(DEFAULT_GPU_RESOURCE))
        native.append(Entry("gpu_type", value))
    script.append(Entry("native", tuple(native)))
    entries: list[Entry] = []
    if request.app.template != "basic" or request.app.template_options:
        entries.append(batch_connect(request.app, with_params=False))
    entries.append(Entry("script", tuple(script)))
    names = []
    if request.account is not None:
        names.append(Assignment("account_label", request.account))
    names.append(Assignment("memory_mb", _memory(rows)))
    clusters = tuple(dict.fromkeys(offer.cluster.id for offer in offers))
    return Branch(
        "kubernetes",
        clusters,
        tuple(names),
        tuple(entries),
        uses_person=True,
        uses_compute=any(c.paths or c.environment for c in compute),
    )


def _memory(rows: list[dict[str, Any]]) -> Expr:
    ratio: Expr = Product(CORES, Fact("memory_mb_per_core"))
    fixed = ["memory_mb" in r for r in rows]
    if all(fixed):
        return Fact("memory_mb")
    return Either(Fact("memory_mb"), ratio) if any(fixed) else ratio


def _container(
    cluster: Cluster, request: Request, compute: list[ComputeCluster]
) -> tuple[Entry, ...]:
    container = request.app.container
    assert container is not None
    # An image that begins with a host has a registry of its own.
    host = request.image.split("/")[0]
    own = "/" in request.image and ("." in host or ":" in host or host == "localhost")
    registry = f"{cluster.registry}/" if cluster.registry and not own else ""
    entries = [
        Entry("name", Literal(container.name)),
        Entry("image", Literal(f"{registry}{request.image}")),
        Entry("image_pull_policy", Literal(cluster.image_pull_policy)),
    ]
    if cluster.image_pull_secret:
        entries.append(Entry("image_pull_secret", Literal(cluster.image_pull_secret)))
    entries.append(Entry("command", _command(container)))
    entries.append(Entry("restart_policy", Literal(container.restart_policy)))
    environment = _environment(cluster, request, compute)
    if environment:
        entries.append(Entry("env", environment))
    labels = tuple(Entry(key, expand(value)) for key, value in cluster.labels)
    if labels:
        entries.append(Entry("labels", labels))
    if cluster.supplemental_groups:
        entries.append(Entry("supplemental_groups", Literal(list(cluster.supplemental_groups))))
    entries.append(Entry("port", Literal(str(container.port))))
    if container.startup_seconds is not None:
        periods = math.ceil(container.startup_seconds / _PROBE_PERIOD_S)
        probe = (
            Entry("period_seconds", Literal(_PROBE_PERIOD_S)),
            Entry("failure_threshold", Literal(periods)),
        )
        entries.append(Entry("startup_probe", probe))
    entries += _cpu(cluster.cpu_request_percent)
    entries += _memory_entries(cluster.memory_request_percent)
    return tuple(entries)


def _command(container: Container) -> Expr:
    if container.command:
        return Literal([pod_scalar(word) for word in container.command])
    script = Join((StagedRoot(), Literal("/job_script_content.sh")))
    return Concat((ListPart((Literal("/bin/bash"), Literal("-l"), script)),))


def _cpu(percent: int) -> list[Entry]:
    if percent == 100:
        return [Entry("cpu", Join((CORES,)))]
    request = Join((Product(CORES, Literal(percent * 10)), Literal("m")))
    return [Entry("cpu_limit", Join((CORES,))), Entry("cpu_request", request)]


def _memory_entries(percent: int) -> list[Entry]:
    limit = Join((Local("memory_mb"), Literal("Mi")))
    if percent == 100:
        return [Entry("memory", limit)]
    request = Join((Product(Local("memory_mb"), Literal(percent), 100), Literal("Mi")))
    return [Entry("memory_limit", limit), Entry("memory_request", request)]


def _environment(
    cluster: Cluster, request: Request, compute: list[ComputeCluster]
) -> tuple[Entry, ...]:
    """The site's words first, then the compute cluster's, then the app's: the last one counts."""
    entries = {name: Entry(name, _pod_text(text)) for name, text in cluster.environment}
    for name in dict.fromkeys(n for c in compute for n, _ in c.environment):
        fact = ComputeFact(_environment_fact(name))
        everywhere = all(name in dict(c.environment) for c in compute)
        if name in entries and not everywhere:
            other = entries[name].value
            assert not isinstance(other, tuple | Items)
            entries[name] = Entry(name, Either(fact, other))
        else:
            entries[name] = Entry(name, fact, None if everywhere else IsGiven(fact))
    entries.update((name, Entry(name, _pod_text(text))) for name, text in request.environment)
    return tuple(entries.values())


def _pod_text(text: str) -> Expr:
    """An env value, escaped for the quotes that the adapter puts around it."""
    value = expand(text)
    if isinstance(value, Literal):
        return Literal(pod_scalar(value.value))
    if isinstance(value, Join):
        parts = (Literal(pod_scalar(p.value)) if isinstance(p, Literal) else p for p in value.parts)
        return Join(tuple(parts))
    return value


def _mounts(
    cluster: Cluster, request: Request, compute: list[ComputeCluster]
) -> tuple[tuple[Entry, ...], ...]:
    names = dict.fromkeys([name for name, _ in cluster.mounts] + list(request.app_mounts))
    return tuple(_mount(request.mounts[name], compute) for name in names)


def _mount(mount: Mount, compute: list[ComputeCluster]) -> tuple[Entry, ...]:
    to = expand(mount.to, mount.user)
    own = [mount.name in dict(c.paths) for c in compute]
    if own and all(own):
        to = ComputeFact(_path_fact(mount.name))
    elif any(own):
        to = Either(ComputeFact(_path_fact(mount.name)), to)
    kind = "nfs" if mount.server else "host"
    entries = [Entry("type", Literal(kind)), Entry("name", Literal(mount.name))]
    if mount.server:
        entries.append(Entry("host", Literal(mount.server)))
    else:
        entries.append(Entry("host_type", Literal(mount.type)))
    entries.append(Entry("path", expand(mount.path, mount.user)))
    entries.append(Entry("destination_path", to))
    return tuple(entries)


def _node_selector(cluster: Cluster, rows: list[dict[str, Any]]) -> list[Entry]:
    fixed = tuple(Entry(key, expand(value)) for key, value in cluster.node_selector)
    if not any("node_selector" in r for r in rows):
        return [Entry("node_selector", fixed)] if fixed else []
    return [Entry("node_selector", Fact("node_selector"))]


def _path_fact(mount: str) -> str:
    return "path_" + mount.replace("-", "_")


def _environment_fact(name: str) -> str:
    return "env_" + name
