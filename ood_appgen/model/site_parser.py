"""site.yml to `SiteProfile`: the shared, the cluster's and the node type's own words become one."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

from ood_appgen.diagnostics import Diagnostic, Span, error, quote
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.pod_parser import PodParser
from ood_appgen.model.pods import nearest_pod
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import (
    AppOverride,
    Ask,
    Cluster,
    ComputeCluster,
    Cores,
    FieldOverride,
    Forbidden,
    Gpus,
    Hours,
    Modules,
    Namespaces,
    NodeType,
    PriorityClass,
    SiteProfile,
    VersionOverride,
    merge_pairs,
    pairs,
    placeholders,
    split_placeholders,
)
from ood_appgen.model.text import read_script, script_files
from ood_appgen.schema import did_you_mean
from ood_appgen.source import Document, PathKey

_MEMORY_KINDS = (("memory_mb", "memory_mb_per_core"), ("memory_mb_per_core", "memory_mb"))


def parse(document: Document, directory: Path) -> tuple[SiteProfile | None, list[Diagnostic]]:
    """The profile in a document that its schema accepts, and what contradicts itself in it."""
    parser = _Parser(document)
    profile = parser.profile(directory)
    return (None if parser.findings else profile), parser.findings


class _Parser:
    def __init__(self, document: Document) -> None:
        self.document = document
        self.findings: list[Diagnostic] = []
        self.pods = PodParser(document, self._error)

    def profile(self, directory: Path) -> SiteProfile:
        data = self.document.data
        major, minor = data["ondemand"].split(".")
        mounts = {
            name: self.pods.mount(name, value, ("mounts", name))
            for name, value in data.get("mounts", {}).items()
        }
        compute = {
            name: self._compute_cluster(name, value or {}, mounts)
            for name, value in data.get("compute_clusters", {}).items()
        }
        shared: dict[str, Any] = data.get("node_types", {})
        offered: set[str] = set()
        clusters = []
        for name, value in data["clusters"].items():
            offered.update(value["node_types"])
            clusters.append(self._cluster(name, value, shared, mounts, compute, directory))
        for name in shared:
            if name not in offered:
                self._error(
                    ("node_types", name),
                    "node-type-unused",
                    f"no cluster offers the shared node type {quote(name)}",
                    "name it under `node_types` of a cluster, or delete it",
                    key=True,
                )
        known = {c.id for c in clusters}
        apps = {
            n: self._app(n, v or {}, known, offered, mounts, directory)
            for n, v in data.get("apps", {}).items()
        }
        return SiteProfile(
            name=data["site"],
            ondemand=(int(major), int(minor)),
            clusters=tuple(clusters),
            queue=self._ask(("queue",), Ask("none")),
            qos=self._ask(("qos",), Ask("none")),
            environment=self._environment(("environment",)),
            mounts=mounts,
            compute_clusters=compute,
            apps=apps,
            read_files=self._read_files(data),
            directory=directory,
            path=self.document.path,
            span=self.document.span(()),
        )

    @staticmethod
    def _read_files(data: dict[str, Any]) -> tuple[str, ...]:
        texts = [c.get(key, "") for c in data["clusters"].values() for key in ("before", "publish")]
        return tuple(dict.fromkeys(script_files(texts)))

    # -- parts ------------------------------------------------------------------------------

    def _cluster(
        self,
        name: str,
        data: dict[str, Any],
        shared: dict[str, Any],
        mounts: dict[str, Mount],
        compute: dict[str, ComputeCluster],
        directory: Path,
    ) -> Cluster:
        path: PathKey = ("clusters", name)
        site = self.document.data
        scheduler = data["scheduler"]
        self._refuse_foreign_keys(path, data, scheduler)
        node_types = tuple(
            self._node_type(path, name, node_id, own or {}, shared, data, compute)
            for node_id, own in data["node_types"].items()
        )
        self.pods.check_labels((*path, "labels"), pairs(data.get("labels")))
        selector: PathKey = (*path, "node_selector")
        self.pods.check_labels(selector, pairs(data.get("node_selector")), of_nodes=True)
        before = self._script(data.get("before", ""), directory, (*path, "before"))
        publish = self._script(data.get("publish", ""), directory, (*path, "publish"))
        requests = data.get("requests", {})
        own_modules = data.get("modules", site.get("modules"))
        account_path: PathKey = (*path, "account") if "account" in data else ("account",)
        return Cluster(
            id=name,
            title=data.get("title", name),
            scheduler=scheduler,
            node_types=node_types,
            native=tuple(data.get("native", ())),
            account=self._ask(account_path, Ask("none")),
            hours=self._hours((*path, "hours") if "hours" in data else ("hours",)),
            modules=_modules(own_modules),
            environment=merge_pairs(
                self._environment(("environment",)), self._environment((*path, "environment"))
            ),
            before=before,
            publish=publish,
            registry=data.get("registry", ""),
            image_pull_secret=data.get("image_pull_secret", ""),
            image_pull_policy=data.get("image_pull_policy", "IfNotPresent"),
            node_selector=pairs(data.get("node_selector")),
            labels=pairs(data.get("labels")),
            cpu_request_percent=requests.get("cpu_percent", 100),
            memory_request_percent=requests.get("memory_percent", 100),
            supplemental_groups=tuple(data.get("supplemental_groups", ())),
            mounts=self._names((*path, "mounts"), data.get("mounts", ()), mounts, "mount"),
            pod=self.pods.pod((*path, "pod"), data.get("pod")),
            namespaces=_namespaces(data.get("namespaces")),
            policy=data.get("policy", "v1"),
            wall_time=data.get("wall_time", ""),
            connection=self._connection(path, data),
            priority_classes=tuple(
                PriorityClass(n, c["value"], c.get("preemption", True), c.get("description", ""))
                for n, c in data.get("priority_classes", {}).items()
            ),
            portal_cidrs=self._cidrs((*path, "portal_cidrs"), data.get("portal_cidrs", ())),
            forbidden=self._forbidden((*path, "forbid"), data.get("forbid", {})),
            span=self.document.key_span(path),
            places=self.document.places(path, data),
        )

    def _connection(self, path: PathKey, data: dict[str, Any]) -> str:
        connection: str = data.get("connection", "site")
        if connection == "appgen" and "publish" in data:
            self._error(
                (*path, "publish"),
                "cluster-key",
                "`connection: appgen` stores the parameters itself",
                "delete `publish`, or `connection`",
                key=True,
            )
        return connection

    def _cidrs(self, path: PathKey, given: Any) -> tuple[str, ...]:
        for index, text in enumerate(given):
            try:
                ipaddress.ip_network(text)
            except ValueError as exc:
                self._error(
                    (*path, index),
                    "network",
                    f"{quote(text)} is no network: {exc}",
                    "write the network's own address and the length, for example 10.20.0.0/24",
                )
        return tuple(given)

    def _forbidden(self, path: PathKey, data: dict[str, Any]) -> Forbidden:
        return Forbidden(
            tuple(data.get("host_paths_outside", ())),
            tuple(data.get("mounts", ())),
            data.get("init_without_limits", False),
            data.get("images_without_digest", False),
            tuple(data.get("registries_outside", ())),
            self.document.places(path, data),
        )

    def _script(self, text: str, directory: Path, path: PathKey) -> str:
        script, finding = read_script(text, directory, self.document.span(path))
        if finding:
            self.findings.append(finding)
        return script

    def _refuse_foreign_keys(self, path: PathKey, data: dict[str, Any], scheduler: str) -> None:
        for key in SCHEDULERS[scheduler].other_cluster_keys:
            if key in data:
                self._error(
                    (*path, key),
                    "cluster-key",
                    f"{quote(key)} means nothing on a {scheduler} cluster",
                    "it belongs to a cluster with another `scheduler`",
                    key=True,
                )

    def _node_type(
        self,
        cluster_path: PathKey,
        cluster_id: str,
        node_id: str,
        own: dict[str, Any],
        shared: dict[str, Any],
        cluster: dict[str, Any],
        compute: dict[str, ComputeCluster],
    ) -> NodeType:
        path: PathKey = (*cluster_path, "node_types", node_id)
        data: dict[str, Any] = {}
        layers: tuple[tuple[PathKey, dict[str, Any]], ...] = (
            ((*cluster_path, "defaults"), cluster.get("defaults") or {}),
            (("node_types", node_id), shared.get(node_id) or {}),
            (path, own),
        )
        pods = []
        for place, layer in layers:
            if "memory_mb" in layer and "memory_mb_per_core" in layer:
                self._error(
                    path,
                    "node-type-memory",
                    f"node type {quote(node_id)} has both memory_mb and memory_mb_per_core",
                    "keep one of them",
                    key=True,
                )
            for kind, other in _MEMORY_KINDS:
                if kind in layer:
                    data.pop(other, None)  # a nearer word on memory replaces a farther one
            for key, value in layer.items():
                known = data.get(key)
                both = isinstance(value, dict) and isinstance(known, dict)
                data[key] = {**known, **value} if both and known is not None else value
            pod = self.pods.pod((*place, "pod"), layer.get("pod"))
            selector = pairs(layer.get("node_selector"))
            self.pods.check_labels((*place, "node_selector"), selector, of_nodes=True)
            pods += [pod] if pod is not None else []
        if cluster["node_types"][node_id] is None and node_id not in shared:
            self._error(
                path,
                "node-type-unknown",
                f"{quote(node_id)} is no shared node type",
                did_you_mean(node_id, shared)
                or "describe it here, or under the top-level `node_types`",
                key=True,
            )
        scheduler = cluster["scheduler"]
        self._refuse_foreign_node_keys(path, data, scheduler)
        whole = data.get("whole_node", cluster.get("whole_node", "none"))
        whole_node = str(whole["tasks"]) if isinstance(whole, dict) else whole
        cores_data = data.get("cores", {})
        cores = Cores(cores_data.get("min"), cores_data.get("max"), cores_data.get("default"))
        self._check_cores(path, cluster_id, node_id, cores, whole_node)
        gpus = self._gpus(path, data.get("gpus"), scheduler)
        compute_cluster = data.get("compute_cluster", "")
        if compute_cluster and compute_cluster not in compute:
            self._error(
                (*path, "compute_cluster"),
                "compute-cluster-unknown",
                f"{quote(compute_cluster)} is not under `compute_clusters`",
                did_you_mean(compute_cluster, compute),
            )
        return NodeType(
            id=node_id,
            label=data.get("label", node_id),
            cores=cores,
            whole_node=whole_node,
            gpus=gpus,
            memory_mb_per_core=data.get("memory_mb_per_core"),
            memory_mb=data.get("memory_mb"),
            constraint=data.get("constraint", ""),
            partition=data.get("partition", ""),
            qos=data.get("qos", ""),
            reservation=data.get("reservation", ""),
            exclusive=data.get("exclusive", False),
            licenses=tuple(data.get("licenses", ())),
            native=tuple(data.get("native", ())),
            max_hours=data.get("max_hours"),
            compute_cluster=compute_cluster,
            node_selector=pairs(data.get("node_selector")),
            pod=nearest_pod(pods),
            span=self.document.key_span(path),
        )

    def _refuse_foreign_node_keys(
        self, path: PathKey, data: dict[str, Any], scheduler: str
    ) -> None:
        for key in SCHEDULERS[scheduler].other_node_keys:
            if key in data:
                self._error(
                    (*path, key),
                    "node-type-key",
                    f"{quote(key)} of node type {quote(path[-1])} means nothing on a {scheduler} cluster",
                    key=True,
                )

    def _check_cores(
        self, path: PathKey, cluster_id: str, node_id: str, cores: Cores, whole_node: str
    ) -> None:
        place: PathKey = (*path, "cores")
        if cores.max is None:
            self._error(
                path,
                "node-type-cores",
                f"node type {quote(node_id)} of {cluster_id} does not say how many cores it has",
                "add `cores: {max: NUMBER}` here or in the shared node type",
                key=True,
            )
            return
        if cores.min == 0 and whole_node == "none":
            self._error(
                place,
                "node-type-cores",
                f"{quote(node_id)} of {cluster_id} offers zero cores, which means nothing there",
                "say what it means with `whole_node: exclusive` or `whole_node: {tasks: NUMBER}`",
            )
        low = cores.min
        if low is None:
            low = 0 if whole_node != "none" else 1
        if low > cores.max:
            self._error(place, "node-type-cores", f"at least {low} cores, but at most {cores.max}")
        if cores.default is not None and not low <= cores.default <= cores.max:
            self._error(
                place,
                "node-type-cores",
                f"the default of {cores.default} cores is not between {low} and {cores.max}",
            )

    def _gpus(self, path: PathKey, data: dict[str, Any] | None, scheduler: str) -> Gpus | None:
        if data is None:
            return None
        place: PathKey = (*path, "gpus")
        most = data.get("max", 1)
        least = data.get("min", min(1, most))
        default = data.get("default", max(least, min(1, most)))
        if not least <= default <= most:
            self._error(
                place,
                "node-type-gpus",
                f"GPUs: at least {least}, at most {most} and {default} by default do not go together",
            )
        for key in SCHEDULERS[scheduler].other_gpu_keys:
            if key in data:
                self._error(
                    (*place, key),
                    "node-type-key",
                    f"{quote(key)} of GPUs means nothing on a {scheduler} cluster",
                    "Kubernetes names GPUs by `resource`, Slurm by `type` and `request`",
                    key=True,
                )
        return Gpus(
            least,
            most,
            default,
            data.get("type", ""),
            data.get("request", "gpus_per_node"),
            data.get("resource", "nvidia.com/gpu"),
        )

    def _hours(self, path: PathKey) -> Hours:
        data = self._at(path) or {}
        hours = Hours(data.get("min", 1), data.get("max"), data.get("default"))
        if hours.max is not None and hours.min > hours.max:
            self._error(path, "hours", f"at least {hours.min} hours, but at most {hours.max}")
        elif hours.default is not None and (
            hours.default < hours.min or (hours.max is not None and hours.default > hours.max)
        ):
            self._error(
                path, "hours", f"the default of {hours.default} hours is outside the limits"
            )
        return hours

    def _ask(self, path: PathKey, missing: Ask) -> Ask:
        data = self._at(path)
        if data is None:
            return missing
        if data["ask"] == "fixed" and not data.get("value"):
            self._error(path, "account", "`ask: fixed` needs a `value`")
        return Ask(
            data["ask"],
            data.get("label", ""),
            data.get("help", ""),
            data.get("value", ""),
            data.get("required", True),
            self.document.key_span(path),
        )

    def _compute_cluster(
        self, name: str, data: dict[str, Any], mounts: dict[str, Mount]
    ) -> ComputeCluster:
        path: PathKey = ("compute_clusters", name)
        for mount, place in data.get("paths", {}).items():
            for word in placeholders(place):
                self._error(
                    (*path, "paths", mount),
                    "placeholder",
                    f"{{{word}}} stays as it is in the paths of a compute cluster",
                    "write the path itself",
                )
            if mount not in mounts:
                self._error(
                    (*path, "paths", mount),
                    "mount-unknown",
                    f"{quote(mount)} is not under `mounts`",
                    did_you_mean(mount, mounts),
                    key=True,
                )
        return ComputeCluster(
            name,
            _modules(data.get("modules")),
            pairs(data.get("paths")),
            self._compute_environment(name, (*path, "environment")),
            self.document.key_span(path),
        )

    def _compute_environment(self, name: str, path: PathKey) -> Pairs:
        found = []
        for key, text in self._environment(path):
            known = text.replace("{compute_cluster}", name)
            if any(is_word for _, is_word in split_placeholders(known)):
                self._error(
                    (*path, key),
                    "placeholder",
                    "only {compute_cluster} is replaced in the environment of a compute cluster",
                    "write it under `environment` of the Kubernetes cluster",
                )
            found.append((key, known))
        return tuple(found)

    def _environment(self, path: PathKey) -> Pairs:
        found = pairs(self._at(path))
        self.pods.check_environment(path, found)
        return found

    def _app(
        self,
        name: str,
        data: dict[str, Any],
        clusters: set[str],
        node_types: set[str],
        mounts: dict[str, Mount],
        directory: Path,
    ) -> AppOverride:
        path: PathKey = ("apps", name)
        versions = []
        for version_id, value in data.get("versions", {}).items():
            place: PathKey = (*path, "versions", version_id)
            named = self._names((*place, "clusters"), value.get("clusters"), clusters, "cluster")
            versions.append(
                VersionOverride(
                    version_id,
                    value.get("forbid", False),
                    value.get("label"),
                    tuple(value["modules"]) if "modules" in value else None,
                    value.get("image"),
                    tuple(n for n, _ in named) if "clusters" in value else None,
                    self.document.key_span(place),
                )
            )
        fields = []
        for field_id, value in data.get("fields", {}).items():
            changes = tuple((k, v) for k, v in value.items() if k != "forbid")
            place = (*path, "fields", field_id)
            fields.append(
                FieldOverride(
                    field_id, value.get("forbid", False), changes, self.document.key_span(place)
                )
            )
        on = self._names((*path, "clusters"), data.get("clusters"), clusters, "cluster")
        nodes = self._names((*path, "node_types"), data.get("node_types"), node_types, "node type")
        return AppOverride(
            id=name,
            forbid=data.get("forbid", False),
            title=data.get("title"),
            category=data.get("category"),
            subcategory=data.get("subcategory"),
            clusters=on if "clusters" in data else None,
            node_types=nodes if "node_types" in data else None,
            fields=tuple(fields),
            versions=tuple(versions),
            modules=tuple(data["modules"]) if "modules" in data else None,
            scripts=pairs(data.get("scripts")),
            blocks=self._blocks((*path, "blocks"), data.get("blocks", {}), directory),
            environment=self._environment((*path, "environment")),
            image=data.get("image"),
            init_images=pairs(data.get("init_images")),
            pod=self.pods.pod((*path, "pod"), data.get("pod")),
            mounts=self._names((*path, "mounts"), data.get("mounts"), mounts, "mount"),
            read_files=script_files(
                (*data.get("scripts", {}).values(), *data.get("blocks", {}).values())
            ),
            span=self.document.key_span(path),
            places=self.document.places(path, data),
        )

    def _blocks(self, path: PathKey, data: dict[str, str], directory: Path) -> Pairs:
        blocks = []
        for name, given in data.items():
            text = self._script(given, directory, (*path, name))
            blocks.append((name, text.rstrip("\n")))
            if name == "submit_start" and ("%>" in text or "<%" in text):
                self._error(
                    (*path, name),
                    "block-tag",
                    "this block stands inside an ERB tag already: it is Ruby alone",
                    "write it without <% and %>",
                )
        return tuple(blocks)

    # -- helpers ----------------------------------------------------------------------------

    def _names(
        self, path: PathKey, names: Any, known: Any, what: str
    ) -> tuple[tuple[str, Span], ...]:
        found = []
        for index, name in enumerate(names or ()):
            span = self.document.span((*path, index))
            if name not in known:
                self._error(
                    (*path, index),
                    f"{what.replace(' ', '-')}-unknown",
                    f"there is no {what} {quote(name)} in this profile",
                    did_you_mean(name, known),
                )
            found.append((name, span))
        return tuple(found)

    def _at(self, path: PathKey) -> Any:
        data = self.document.data
        for part in path:
            data = data.get(part) if isinstance(data, dict) else None
        return data

    def _error(
        self, path: PathKey, rule: str, message: str, hint: str = "", key: bool = False
    ) -> None:
        span = self.document.key_span(path) if key else self.document.span(path)
        self.findings.append(error(span, rule, message, hint))


def _modules(data: dict[str, Any] | None) -> Modules | None:
    if data is None:
        return None
    return Modules(data.get("init", ""), data.get("purge", False), tuple(data.get("load", ())))


def _namespaces(data: dict[str, Any] | None) -> Namespaces:
    # The hook that OOD brings labels each user's namespace so
    # (OSC/ondemand hooks/k8s-bootstrap/yaml/namespace.yaml).
    if data is None:
        return Namespaces((("app.kubernetes.io/name", "open-ondemand"),), "")
    return Namespaces(pairs(data.get("labels")), data.get("prefix", ""))
