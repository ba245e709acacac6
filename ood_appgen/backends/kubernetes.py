"""Kubernetes: `native` is a mapping with the keys that ood_core's adapter reads, and no other.

Source: OSC/ood_core lib/ood_core/job/adapters/kubernetes/{helper,batch,resources}.rb and
templates/pod.yml.erb. The adapter prints env values and command words between double quotes and
the account without any, and escapes neither; so do we, before it.
"""

from __future__ import annotations

import math
import re
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
from ood_appgen.model.mounts import Mount
from ood_appgen.model.plan import CORES, GPUS, Assignment, Branch, Entry, Items, Offer
from ood_appgen.model.pods import Git, Init
from ood_appgen.model.site import Cluster, ComputeCluster, merge_pairs

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
    quantities = (("limit", offer.pod.limits), ("request", offer.pod.requests))
    for what, given in quantities:
        named = given.named()
        columns += [(f"{k}_{what}", named[k]) for k in ("cpu", "memory") if k in named]
    for key, text in offer.labels:
        if key in request.label_columns:
            known = text.replace("{compute_cluster}", node.compute_cluster)
            columns.append((request.label_columns[key], known))
    if offer.cluster.id in request.selecting:
        merged = merge_pairs(offer.cluster.node_selector, node.node_selector)
        selector = {k: v.replace("{compute_cluster}", node.compute_cluster) for k, v in merged}
        columns.append(("node_selector", selector))
    return tuple(columns)


def compute_facts(compute: ComputeCluster) -> Columns:
    """What the submit file must know of a compute cluster."""
    paths = tuple((_path_fact(name), path) for name, path in compute.paths)
    return (
        *paths,
        *((_environment_fact(name), _escape(text)) for name, text in compute.environment),
    )


def branches(offers: Sequence[Offer], request: Request) -> tuple[Branch, ...]:
    """A branch for all Kubernetes clusters that differ in nothing but their node types."""
    groups: dict[Any, list[Offer]] = {}
    for offer in offers:
        groups.setdefault(_shape(offer.cluster, request), []).append(offer)
    return tuple(_branch(group, request) for group in groups.values())


def _shape(cluster: Cluster, request: Request) -> tuple[Any, ...]:
    return (
        cluster.id in request.selecting,
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
    native = [Entry("container", _container(offers, request, compute, rows))]
    if request.init:
        init = (_init(item, cluster, request, compute) for item in request.init)
        native.append(Entry("init_containers", Items(tuple(init))))
    mounts = _mounts(cluster, request, compute)
    if mounts:
        native.append(Entry("mounts", Items(mounts)))
    native += _configmap(cluster, request, compute)
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
    offers: Sequence[Offer],
    request: Request,
    compute: list[ComputeCluster],
    rows: list[dict[str, Any]],
) -> tuple[Entry, ...]:
    container = request.app.container
    cluster = offers[0].cluster
    assert container is not None
    entries = [
        Entry("name", Literal(container.name)),
        Entry("image", Literal(full_image(cluster, request.image))),
        Entry("image_pull_policy", Literal(cluster.image_pull_policy)),
    ]
    if cluster.image_pull_secret:
        entries.append(Entry("image_pull_secret", Literal(cluster.image_pull_secret)))
    entries.append(Entry("command", _command(container)))
    entries.append(Entry("restart_policy", Literal(container.restart_policy)))
    environment = _environment(cluster, request, compute)
    if environment:
        entries.append(Entry("env", environment))
    labels = _labels(offers, request)
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
    entries += _quantity("cpu", Join((CORES,)), _cpu_request(cluster), rows)
    memory = Join((Local("memory_mb"), Literal("Mi")))
    entries += _quantity("memory", memory, _memory_request(cluster), rows)
    return tuple(entries)


def full_image(cluster: Cluster, image: str) -> str:
    """An image with the cluster's registry, unless it begins with a host and so has its own."""
    host = image.split("/")[0]
    own = "/" in image and ("." in host or ":" in host or host == "localhost")
    return f"{cluster.registry}/{image}" if cluster.registry and not own else image


def _labels(offers: Sequence[Offer], request: Request) -> tuple[Entry, ...]:
    """Labels that all offers share, and those that the table has."""
    entries: dict[str, Entry] = {}
    for offer in offers:
        for key, text in offer.labels:
            if key not in request.label_columns:
                entries[key] = Entry(key, expand(text))
                continue
            fact = Fact(request.label_columns[key])
            everywhere = all(key in dict(o.labels) for o in offers)
            entries[key] = Entry(key, fact, None if everywhere else IsGiven(fact))
    return tuple(entries.values())


# What an init container of each kind runs: a program of sh whose words are where to, and from where.
# Whatever a container was killed in, the next one starts over. `git` is told user name and token by a
# helper, so that they end neither in the clone's configuration nor among the words of a process; an
# empty line, which a secret's text often ends in, would end what it says (git-credential(1)).
_GIT = """set -eu
if [ -e "$1/.git" ]; then echo "$1 is there already"; exit 0; fi
export GIT_TERMINAL_PROMPT=0 HOME=/tmp
rm -rf "$1.part"
git {helper}clone {options}-- "$2" "$1.part"
if [ -d "$1" ]; then rmdir "$1"; fi
mv "$1.part" "$1"
"""
_HELPER = (
    """-c credential.helper='!f() { test "$1" != get || """
    """printf "username=%s\\npassword=%s\\n" "${GIT_USERNAME:-}" "${GIT_TOKEN:-}" | grep .; }; f' """
)
_COPY = """set -eu
if [ -e "$1/.copied-$0" ]; then echo "$1 is filled already"; exit 0; fi
mkdir -p "$1"
if [ -d "$2" ]; then cp -Rf "$2/." "$1"; else cp -f "$2" "$1"; fi
touch "$1/.copied-$0"
"""
# Where Kubernetes looks for a variable, or halves a dollar: third_party/forked/golang/expansion/expand.go.
_EXPANDED = re.compile(r"\$(?=[$(])")


def _init(
    item: Init, cluster: Cluster, request: Request, compute: list[ComputeCluster]
) -> tuple[Entry, ...]:
    entries = [
        Entry("name", Literal(item.name)),
        Entry("image", Literal(full_image(cluster, item.image))),
        Entry("image_pull_policy", Literal(cluster.image_pull_policy)),
    ]
    if item.environment:
        values = tuple(Entry(name, _pod_text(text)) for name, text in item.environment)
        entries.append(Entry("env", values))
    if item.command:
        own = Literal([pod_scalar(word) for word in item.command])
        return (*entries, Entry("command", own))
    if item.git is not None:
        script, into, folder = _git_script(item.git), item.git.into, item.git.folder
        source = item.git.repository
    else:
        assert item.copy is not None
        script, into, folder = _COPY, item.copy.into, item.copy.folder
        source = item.copy.source
    place = _below(_place(request.mounts[into], compute), f"/{folder}" if folder else "")
    program = ("/bin/sh", "-c", script, item.name)
    words = (*(Literal(pod_scalar(word)) for word in program), _as_it_is(place))
    return (*entries, Entry("command", Concat((ListPart((*words, _as_it_is(Literal(source)))),))))


def _git_script(git: Git) -> str:
    options = f"--depth {git.depth} " if git.depth is not None else ""
    options += f"--branch '{git.branch}' " if git.branch else ""
    return _GIT.format(helper=_HELPER if git.secret else "", options=options)


def _command(container: Container) -> Expr:
    if container.command:
        return Literal([pod_scalar(word) for word in container.command])
    script = Join((StagedRoot(), Literal("/job_script_content.sh")))
    return Concat((ListPart((Literal("/bin/bash"), Literal("-l"), script)),))


def _cpu_request(cluster: Cluster) -> Expr | None:
    percent = cluster.cpu_request_percent
    if percent == 100:
        return None
    return Join((Product(CORES, Literal(percent * 10)), Literal("m")))


def _memory_request(cluster: Cluster) -> Expr | None:
    percent = cluster.memory_request_percent
    if percent == 100:
        return None
    return Join((Product(Local("memory_mb"), Literal(percent), 100), Literal("Mi")))


def _quantity(
    name: str, limit: Expr, request: Expr | None, rows: list[dict[str, Any]]
) -> list[Entry]:
    """Limit and request: those of the table, where it has them, before those that are computed.

    The adapter gives a default of its own to the one that is missing where only the other is said
    (ood_core kubernetes/resources.rb), so it is both or neither.
    """
    limits = [f"{name}_limit" in r for r in rows]
    requests = [f"{name}_request" in r for r in rows]
    if any(limits):
        fact = Fact(f"{name}_limit")
        limit = fact if all(limits) else Either(fact, limit)
        # A limit that is said is also what is requested, unless that is said too.
        request = limit if request is None or all(limits) else Either(fact, request)
    if any(requests):
        fact = Fact(f"{name}_request")
        request = fact if all(requests) else Either(fact, request or limit)
    if request is None or request == limit:
        return [Entry(name, limit)]
    return [Entry(f"{name}_limit", limit), Entry(f"{name}_request", request)]


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
    """An env value that is to be what the profile says."""
    return _as_it_is(expand(text))


def _as_it_is(value: Expr) -> Expr:
    """A word or an env value, past the adapter's quotes and Kubernetes' variables."""
    if isinstance(value, Literal):
        return Literal(_escape(value.value))
    if isinstance(value, Join):
        parts = (Literal(_escape(p.value)) if isinstance(p, Literal) else p for p in value.parts)
        return Join(tuple(parts))
    return value


def _escape(text: str) -> str:
    return pod_scalar(_EXPANDED.sub("$$", text))


def _mounts(
    cluster: Cluster, request: Request, compute: list[ComputeCluster]
) -> tuple[tuple[Entry, ...], ...]:
    names = dict.fromkeys([name for name, _ in cluster.mounts] + list(request.app_mounts))
    mounts = (request.mounts[name] for name in names)
    plain = (mount for mount in mounts if not mount.needs_policy and not mount.of_session)
    return tuple(_mount(mount, compute) for mount in plain)


def _below(place: Expr, rest: str) -> Expr:
    if isinstance(place, Literal):
        return Literal(f"{place.value}{rest}")
    return Join((place, Literal(rest))) if rest else place


def _configmap(cluster: Cluster, request: Request, compute: list[ComputeCluster]) -> list[Entry]:
    """The files of the session's own ConfigMap; each is mounted at its place."""
    names = dict.fromkeys([name for name, _ in cluster.mounts] + list(request.app_mounts))
    files: list[tuple[Entry, ...]] = []
    for mount in (request.mounts[name] for name in names):
        place = _place(mount, compute)
        for key, text in mount.files if mount.of_session else ():
            if mount.sub_path and mount.sub_path != dict(mount.items).get(key, key):
                continue  # another file of it is mounted alone
            below = "" if mount.sub_path else f"/{dict(mount.items).get(key, key)}"
            path = _below(place, below)
            where = [("mount_path", path), ("sub_path", Literal(key))]
            places = [Entry(f"{prefix}{k}", v) for prefix in ("", "init_") for k, v in where]
            files.append((Entry("filename", Literal(key)), Entry("data", Literal(text)), *places))
    return [Entry("configmap", (Entry("files", Items(tuple(files))),))] if files else []


def _place(mount: Mount, compute: list[ComputeCluster]) -> Expr:
    """Where a mount is inside the container."""
    own = [mount.name in dict(c.paths) for c in compute]
    if own and all(own):
        return ComputeFact(_path_fact(mount.name))
    to = expand(mount.to, mount.user)
    return Either(ComputeFact(_path_fact(mount.name)), to) if any(own) else to


def _mount(mount: Mount, compute: list[ComputeCluster]) -> tuple[Entry, ...]:
    entries = [Entry("type", Literal(mount.kind)), Entry("name", Literal(mount.name))]
    if mount.server:
        entries.append(Entry("host", Literal(mount.server)))
    else:
        entries.append(Entry("host_type", Literal(mount.type)))
    entries.append(Entry("path", expand(mount.path, mount.user)))
    entries.append(Entry("destination_path", _place(mount, compute)))
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
