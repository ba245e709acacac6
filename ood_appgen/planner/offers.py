"""Which node types of which clusters an app is offered on, and with what limits."""

from __future__ import annotations

from collections.abc import Sequence

from ood_appgen.diagnostics import Diagnostic, error, quote
from ood_appgen.model.app import AppSpec
from ood_appgen.model.plan import NO_LIMIT_HOURS, Offer
from ood_appgen.model.pods import merge_pods
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import AppOverride, Cluster, NodeType, SiteProfile, placeholders
from ood_appgen.planner.settings import Settings


def choose_clusters(
    site: SiteProfile, app: AppSpec, override: AppOverride | None
) -> tuple[tuple[Cluster, ...], list[Diagnostic]]:
    """The clusters that have the app, in the order in which the form offers them."""
    by_id = {c.id: c for c in site.clusters}
    named = override.clusters if override and override.clusters is not None else None
    clusters = tuple(by_id[name] for name, _ in named) if named else site.clusters
    findings = []
    for name, span in named or ():
        why = _cannot_run(by_id[name], app)
        if why:
            findings.append(
                error(
                    span,
                    "app-needs-container",
                    f"{app.id} cannot run on {quote(name)}: {why[0]}",
                    f"{why[1]}, or leave the cluster out",
                    (app.span, "the app"),
                )
            )
    runnable = tuple(c for c in clusters if not _cannot_run(c, app))
    if not runnable and not findings:
        why = _cannot_run(clusters[0], app) or ("", "")
        findings.append(
            error(
                app.span,
                "app-nowhere",
                f"no cluster of {site.path} can run {app.id}: {why[0]}",
                why[1],
                *[(c.span, f"{c.id} runs {SCHEDULERS[c.scheduler].title}") for c in clusters],
            )
        )
    for cluster in runnable:
        if SCHEDULERS[cluster.scheduler].in_containers and not _knows_place(cluster):
            findings.append(
                error(
                    cluster.span,
                    "cluster-before",
                    f"{quote(cluster.id)} does not say where Open OnDemand reaches a job",
                    "add `before: |` with shell text that sets host, port and password, or "
                    "`connection: appgen`",
                    (app.span, f"{app.id} would run there"),
                )
            )
        if (
            cluster.connection == "appgen"
            and app.container
            and app.container.command
            and _asks(app)
        ):
            findings.append(
                error(
                    app.container.span,
                    "container-command",
                    f"the view of {app.id} needs what the job script stores, and `command` runs none of it",
                    "leave `command` out and start the program in `scripts`, or make a view that needs nothing",
                    (cluster.span, f"{cluster.id} has `connection: appgen`"),
                )
            )
        if (
            SCHEDULERS[cluster.scheduler].in_containers
            and _view_params(app)
            and not cluster.publish
            and cluster.connection != "appgen"
        ):
            findings.append(
                error(
                    cluster.span,
                    "cluster-publish",
                    f"{quote(cluster.id)} does not say how Open OnDemand learns {', '.join(_view_params(app))}",
                    "add `publish: |` with shell text that stores the variables named in OOD_PARAMS "
                    "in the pod's secret, or `connection: appgen`",
                    (app.view.span if app.view else app.span, f"the view of {app.id} needs it"),
                )
            )
    return runnable, findings


def _knows_place(cluster: Cluster) -> bool:
    return bool(cluster.before) or cluster.connection == "appgen"


def _asks(app: AppSpec) -> bool:
    """Whether the view needs a password, or parameters of the app's own."""
    view = app.view
    texts = [view.path, *(t for _, t in (*view.fields, *view.cookies))] if view else []
    return bool(_view_params(app)) or any("{password}" in text for text in texts)


def _view_params(app: AppSpec) -> list[str]:
    """Connection parameters that the view reads."""
    if app.view is None:
        return []
    texts = [app.view.path, *(text for _, text in (*app.view.fields, *app.view.cookies))]
    words = {word for text in texts for word in placeholders(text)}
    return [name for name in app.connection_params if name in words]


def _cannot_run(cluster: Cluster, app: AppSpec) -> tuple[str, str] | None:
    """Why a cluster cannot have an app, and what to do; None where it can."""
    title = SCHEDULERS[cluster.scheduler].title
    if not SCHEDULERS[cluster.scheduler].in_containers:
        return None
    if app.container is None:
        return f"{title} needs a container", "give the app a `container` with image and port"
    if app.template != "basic":
        return (
            f"Open OnDemand does not learn a VNC server's display on {title}",
            "use the template basic",
        )
    return None


def make_offers(
    clusters: Sequence[Cluster], settings: Settings, override: AppOverride | None
) -> tuple[tuple[Offer, ...], list[Diagnostic]]:
    """What the app is offered on each cluster. A cluster without any offer is an error."""
    only = [n for n, _ in override.node_types] if override and override.node_types else None
    findings: list[Diagnostic] = []
    offers: list[Offer] = []
    for cluster in clusters:
        of_cluster = []
        for node in cluster.node_types:
            if only is not None and node.id not in only:
                continue
            offer = _offer(cluster, node, settings)
            if offer is None:
                continue
            findings += _check_memory(offer, settings.app)
            of_cluster.append(offer)
        if not of_cluster:
            findings.append(_nothing_left(cluster, settings.app, override))
        offers += of_cluster
    return tuple(offers), findings


def _offer(cluster: Cluster, node: NodeType, settings: Settings) -> Offer | None:
    app = settings.app
    cores = _cores(node, app)
    if node.memory_mb is not None and app.resources.memory_mb_per_core:
        most = node.memory_mb // app.resources.memory_mb_per_core
        cores = range(cores.start, min(cores.stop, most + 1))
    fixed = settings.fixed_cores
    if fixed is not None:
        cores = range(fixed, fixed + 1) if fixed in cores else range(0)
    hours = _hours(cluster, node, app)
    if not cores or not hours:
        return None
    gpus = range(node.gpus.min, node.gpus.max + 1) if node.gpus else None
    given = settings.fixed_gpus
    default_gpus = node.gpus.default if node.gpus else 0
    if gpus and given is not None:
        default_gpus = _clamp(given, gpus)
    wanted = settings.fixed_hours or app.resources.hours_default or cluster.hours.default
    ratios = [r for r in (node.memory_mb_per_core, app.resources.memory_mb_per_core) if r]
    return Offer(
        cluster=cluster,
        node=node,
        cores=cores,
        gpus=gpus,
        default_gpus=default_gpus,
        fixed_hours=None if wanted is None else _clamp(wanted, hours),
        memory_mb_per_core=max(ratios) if ratios and node.memory_mb is None else None,
        memory_mb=node.memory_mb,
        hours=hours,
        pod=merge_pods((cluster.pod, node.pod, settings.pod, settings.site_pod)),
    )


def _clamp(value: int, limits: range) -> int:
    return min(max(value, limits.start), limits.stop - 1)


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
    return range(min(cluster.hours.min, most), most + 1)


def _check_memory(offer: Offer, app: AppSpec) -> list[Diagnostic]:
    if not SCHEDULERS[offer.cluster.scheduler].in_containers:
        return []
    known = (offer.memory_mb, offer.memory_mb_per_core, offer.pod.limits.memory_mb)
    if all(number is None for number in known):
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
        related = [(override.node_types[0][1], "the site allows the app on these node types only")]
    return error(
        cluster.span,
        "app-nowhere",
        f"no node type of {quote(cluster.id)} can run {app.id}",
        f"change the limits, or leave the cluster out with `apps: {{{app.id}: {{clusters: [...]}}}}`",
        *related,
    )
