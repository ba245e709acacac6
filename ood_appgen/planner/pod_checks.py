"""What contradicts itself in pods, what a cluster forbids, and what nothing on it can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ood_appgen.backends.kubernetes import full_image
from ood_appgen.diagnostics import Diagnostic, Span, error, quote, warning
from ood_appgen.model.admission import MARK
from ood_appgen.model.mounts import READ_ONLY, Mount
from ood_appgen.model.plan import Offer
from ood_appgen.model.pods import Init, Pod, Quantities
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import Cluster, SiteProfile, merge_pairs
from ood_appgen.planner.containers import LABEL_HINT, is_label
from ood_appgen.planner.pod_mounts import (
    init_mounts,
    mount_above,
    mounts_of,
    mounts_of_init,
    outside_place,
    place_of,
)
from ood_appgen.planner.pod_policies import claim_spec, make_policies
from ood_appgen.planner.settings import Settings

# Settings that the adapter's template has no place for.
_ONLY_BY_POLICY = (
    "shm_mb", "environment_from", "tolerations", "affinity", "topology_spread_constraints",
    "annotations", "priority_class", "service_account", "runtime_class", "scheduler_name",
    "extended_resources",
)  # fmt: skip


# Quantities with their units, as messages name them.
_UNITS = (("cpu_millicores", "millicores"), ("memory_mb", "MiB"), ("ephemeral_storage_mb", "MiB"))
# Variables that others give to every pod (OSC/ood_core templates/pod.yml.erb; this package).
_TAKEN_VARIABLES = (MARK, "POD_NAME", "POD_NAMESPACE", "POD_PORT")


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
            *self._check_init_quantities(),
            *self._check_environment(),
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
                own = mounts_of_init(item, self.settings)
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
            reachable |= {m.name: m for m in mounts_of_init(item, self.settings)}
            mount = reachable.get(into)
            if mount is None:
                yield error(
                    item.span,
                    "mount-unknown",
                    f"{quote(item.name)} writes into the mount {quote(into)}, which the pod does not have",
                    f"its mounts: {', '.join(reachable) or 'none'}",
                    self.the_cluster,
                )
            elif mount.read_only or mount.kind in READ_ONLY:
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
            for key, unit in _UNITS:
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

    def _check_environment(self) -> Iterator[Diagnostic]:
        """A variable that is given twice has the last value, whichever that is."""
        plain = {n for n, _ in (*self.cluster.environment, *self.settings.app.environment)}
        of_init = {i.name: i.sources for i in self.settings.init}
        groups = {"the program": (plain, self.offers[0].pod.environment_from)}
        groups |= {
            f"the init container {quote(i.name)}": ({n for n, _ in i.environment}, of_init[i.name])
            for i in self.settings.init
        }
        for what, (names, sources) in groups.items():
            taken = {*names, *_TAKEN_VARIABLES}
            for source in (s for s in sources if s.name):
                if source.name in taken:
                    ours = source.name in _TAKEN_VARIABLES
                    yield error(
                        source.span,
                        "environment-twice",
                        f"the variable {source.name} of {what} is "
                        + ("given to every pod already" if ours else "given twice"),
                        "choose another name" if ours else "keep one of them",
                    )
                taken.add(source.name)

    def _check_init_quantities(self) -> Iterator[Diagnostic]:
        for item in self.settings.init:
            for key, unit in _UNITS:
                limit, request = getattr(item.limits, key), getattr(item.requests, key)
                if limit is not None and request is not None and request > limit:
                    yield error(
                        item.places["requests"],
                        "pod-requests",
                        f"the init container {quote(item.name)} requests {request} {unit} ({key}), but its limit is "
                        f"{limit}",
                        "Kubernetes refuses such a pod; request less",
                        (item.places["limits"], "the limit"),
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
            if (claim_spec(mount) != claim_spec(other)) if claim else (mount.files != other.files):
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
            make_policies(self.site, self.settings, self.offers, self.mounts) if has_policy else ()
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
    for name, _ in settings.app.mounts:  # those that only the site adds may be for pods alone
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
    for item in (i for i in settings.init if not i.only_in_pods):
        if item.command:
            yield warning(
                item.span,
                "init-command",
                f"{quote(cluster.id)} has no containers: the command of {quote(item.name)} does not run there",
                "do the same in the script `before` where it is needed, and write `only_in_pods: true`",
                (cluster.span, "the cluster"),
            )
        if item.copy and mount_above(item.copy.source, item, settings) is None:
            yield warning(
                item.span,
                "init-copy",
                f"{quote(cluster.id)} has no containers: {quote(item.name)} looks for {item.copy.source} on its nodes",
                "write `only_in_pods: true` where that is in the image; list the mount that has it under `mounts` "
                "where it is in one",
                (cluster.span, "the cluster"),
            )
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


def _points(mount: Mount, place: str) -> list[str]:
    """Where a mount is: one place, or one of each file."""
    if not mount.of_session or mount.sub_path:
        return [place]
    paths = dict(mount.items)
    return [f"{place.rstrip('/')}/{paths.get(key, key)}" for key, _ in mount.files]
