"""Which node types of which clusters an app is offered on, and with what limits."""

from __future__ import annotations

from collections.abc import Sequence

from ood_appgen.diagnostics import Diagnostic, error, quote
from ood_appgen.model.app import AppSpec
from ood_appgen.model.plan import NO_LIMIT_HOURS, Offer
from ood_appgen.model.site import AppOverride, Cluster, NodeType, SiteProfile


def choose_clusters(
    site: SiteProfile, app: AppSpec, override: AppOverride | None
) -> tuple[tuple[Cluster, ...], list[Diagnostic]]:
    """The clusters that have the app, in the order in which the form offers them."""
    by_id = {c.id: c for c in site.clusters}
    named = override.clusters if override and override.clusters is not None else None
    clusters = tuple(by_id[name] for name, _ in named) if named else site.clusters
    findings = []
    for name, span in named or ():
        if by_id[name].scheduler == "kubernetes" and app.container is None:
            findings.append(
                error(
                    span,
                    "app-needs-container",
                    f"{app.id} cannot run on {quote(name)}: Kubernetes needs a container",
                    "give the app a `container`, or leave the cluster out",
                    (app.span, "this app has no `container`"),
                )
            )
    runnable = tuple(c for c in clusters if c.scheduler != "kubernetes" or app.container)
    if not runnable and not findings:
        findings.append(
            error(
                app.span,
                "app-nowhere",
                f"no cluster of {site.path} can run {app.id}: all are Kubernetes, and it has no container",
                "give the app a `container` with image and port",
            )
        )
    return runnable, findings


def make_offers(
    clusters: Sequence[Cluster], app: AppSpec, override: AppOverride | None
) -> tuple[tuple[Offer, ...], list[Diagnostic]]:
    """What the app is offered on each cluster. A cluster without any offer is an error."""
    only = [n for n, _ in override.node_types] if override and override.node_types else None
    findings: list[Diagnostic] = []
    offers: list[Offer] = []
    has_cores_field = any(f.source == "cores" for f in app.form)
    for cluster in clusters:
        of_cluster = []
        for node in cluster.node_types:
            if only is not None and node.id not in only:
                continue
            offer = _offer(cluster, node, app, has_cores_field)
            if offer is None:
                continue
            findings += _check_memory(offer, app)
            of_cluster.append(offer)
        if not of_cluster:
            findings.append(_nothing_left(cluster, app, override))
        offers += of_cluster
    return tuple(offers), findings


def _offer(cluster: Cluster, node: NodeType, app: AppSpec, has_cores_field: bool) -> Offer | None:
    cores = _cores(node, app)
    if not has_cores_field:
        fixed = app.resources.cores_default or max(app.resources.cores_min or 1, 1)
        cores = (
            range(fixed, fixed + 1) if fixed in range(max(cores.start, 1), cores.stop) else range(0)
        )
    hours = _hours(cluster, node, app)
    if not cores or not hours:
        return None
    gpus = range(node.gpus.min, node.gpus.max + 1) if node.gpus else None
    ratios = [r for r in (node.memory_mb_per_core, app.resources.memory_mb_per_core) if r]
    fixed_memory = node.memory_mb
    return Offer(
        cluster=cluster,
        node=node,
        cores=cores,
        gpus=gpus,
        default_gpus=node.gpus.default if node.gpus else 0,
        memory_mb_per_core=max(ratios) if ratios and fixed_memory is None else None,
        memory_mb=fixed_memory,
        hours=hours,
    )


def _cores(node: NodeType, app: AppSpec) -> range:
    """Cores that can be asked for, zero among them where the whole node can."""
    assert node.cores.max is not None
    least = node.cores.min
    if least is None:
        least = 0 if node.whole_node != "none" else 1
    most = node.cores.max
    wanted = app.resources
    # An app with limits of its own has no use for whole nodes of any size.
    if wanted.cores_min is not None and wanted.cores_min > 1 or wanted.cores_max is not None:
        least = max(least, wanted.cores_min or 1)
    if wanted.cores_max is not None:
        most = min(most, wanted.cores_max)
    return range(least, most + 1)


def _hours(cluster: Cluster, node: NodeType, app: AppSpec) -> range:
    limits = (cluster.hours.max, node.max_hours, app.resources.hours_max, NO_LIMIT_HOURS)
    most = min(limit for limit in limits if limit is not None)
    return range(cluster.hours.min, most + 1)


def _check_memory(offer: Offer, app: AppSpec) -> list[Diagnostic]:
    if offer.cluster.scheduler != "kubernetes":
        return []
    if offer.memory_mb is None and offer.memory_mb_per_core is None:
        return [
            error(
                offer.node.span,
                "node-type-memory",
                f"node type {quote(offer.node.id)} of {offer.cluster.id} does not say how much memory "
                "a pod gets",
                "add memory_mb_per_core or memory_mb (Open OnDemand would give every pod 4 GiB)",
                (app.span, "no `resources: memory_mb_per_core` in the app either"),
            )
        ]
    return []


def _nothing_left(cluster: Cluster, app: AppSpec, override: AppOverride | None) -> Diagnostic:
    related = [(app.resources.span, "what the app asks for")]
    if override and override.node_types:
        related.append((override.span, "the site allows the app on named node types only"))
    return error(
        cluster.span,
        "app-nowhere",
        f"no node type of {quote(cluster.id)} can run {app.id}",
        f"change the limits, or leave the cluster out with `apps: {{{app.id}: {{clusters: [...]}}}}`",
        *related,
    )
