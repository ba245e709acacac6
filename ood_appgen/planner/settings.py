"""What remains of an app once the site has had its say: fields, versions, scripts, images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ood_appgen.diagnostics import Diagnostic, Span, error, quote
from ood_appgen.model.app import SCRIPTS, AppSpec, FieldSpec, Option
from ood_appgen.model.mounts import Mount
from ood_appgen.model.pods import EnvironmentSource, Init, Pod, merge_pods
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import AppOverride, Cluster, SiteProfile, merge_pairs
from ood_appgen.model.text import read_script
from ood_appgen.schema import did_you_mean

_LIMIT_KEYS = ("min", "max")


@dataclass(frozen=True, slots=True)
class SiteVersion:
    """A software version as this site has it; `clusters` are those of the app that have it."""

    id: str
    label: str
    modules: tuple[str, ...]
    image: str
    clusters: tuple[str, ...]
    span: Span


@dataclass(frozen=True)
class Settings:
    """An app as this site has it. `dropped` are fields that the site keeps off the form.

    `mounts` are the names that the app needs, `known_mounts` those of the site and the app; where
    both have a name, the site's counts. `pod` is the app's word on pods, `site_pod` the site's.
    `init` have their images. `fixed_*` are numbers that the form does not ask for; None where it
    does, or where nothing is said (hours, GPUs).
    """

    app: AppSpec
    title: str
    category: str
    subcategory: str
    fields: tuple[FieldSpec, ...]
    dropped: tuple[FieldSpec, ...]
    versions: tuple[SiteVersion, ...]
    modules: tuple[str, ...]
    image: str
    mounts: tuple[str, ...]
    known_mounts: Mapping[str, Mount]
    init: tuple[Init, ...]
    environment_from: tuple[EnvironmentSource, ...]
    pod: Pod
    site_pod: Pod | None
    fixed_cores: int | None
    fixed_gpus: int | None
    fixed_hours: int | None


def settle(
    site: SiteProfile, app: AppSpec, override: AppOverride | None, clusters: tuple[Cluster, ...]
) -> tuple[Settings, list[Diagnostic]]:
    """Apply the site's override to the app."""
    findings: list[Diagnostic] = []
    fields, dropped = _fields(app, override, findings)
    versions = _versions(app, override, clusters, findings)
    app = replace(
        app,
        scripts=_scripts(site, app, override, findings),
        environment=merge_pairs(app.environment, override.environment if override else ()),
    )
    modules = override.modules if override and override.modules is not None else app.modules
    for version in versions:
        _check_module_system(site, version.modules, version.clusters, version.span, findings)
    everywhere = tuple(c.id for c in clusters)
    _check_module_system(site, modules, everywhere, app.span, findings)
    if override and override.image is not None and app.container is None:
        findings.append(
            error(
                override.span,
                "app-image",
                f"{app.id} has no container: `image` means nothing",
                "delete it",
                (app.span, "the app"),
            )
        )
    own_pod = merge_pods((app.pod, Pod(environment_from=app.environment_from)))
    site_pod = override.pod if override else None
    known_mounts = {**{m.name: m for m in app.own_mounts}, **site.mounts}
    findings += _check_own_mounts(site, app, override)
    settings = Settings(
        app=app,
        title=_first(override.title if override else None, app.title),
        category=_first(override.category if override else None, app.category),
        subcategory=_first(override.subcategory if override else None, app.subcategory),
        fields=fields,
        dropped=dropped,
        versions=versions,
        modules=modules,
        image=_first(
            override.image if override else None, app.container.image if app.container else ""
        ),
        mounts=_mounts(site, app, override, known_mounts, clusters, findings),
        known_mounts=known_mounts,
        init=_init(app, override, findings),
        environment_from=merge_pods((own_pod, site_pod)).environment_from,
        pod=own_pod,
        site_pod=site_pod,
        fixed_cores=_fixed(
            fields,
            dropped,
            "cores",
            app.resources.cores_default or app.resources.cores_min or 1,
            findings,
        ),
        fixed_gpus=_fixed(fields, dropped, "gpus", None, findings),
        fixed_hours=_fixed(fields, dropped, "hours", None, findings),
    )
    return settings, findings


def _fixed(
    fields: tuple[FieldSpec, ...],
    dropped: tuple[FieldSpec, ...],
    source: str,
    otherwise: int | None,
    findings: list[Diagnostic],
) -> int | None:
    """The number that stands where the form does not ask; None where it does."""
    if any(f.source == source for f in fields):
        return None
    spec = next((f for f in dropped if f.source == source), None)
    value = spec.setting("value", otherwise) if spec else otherwise
    if spec and value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        findings.append(error(spec.span, "field-default", f"{quote(value)} is not a whole number"))
        return otherwise
    return value


def _first(given: str | None, otherwise: str) -> str:
    return otherwise if given is None else given


def _fields(
    app: AppSpec, override: AppOverride | None, findings: list[Diagnostic]
) -> tuple[tuple[FieldSpec, ...], tuple[FieldSpec, ...]]:
    changes = {f.id: f for f in override.fields} if override else {}
    ids = [f.id for f in app.form]
    for stray in changes.values():
        if stray.id not in ids:
            findings.append(
                error(
                    stray.span,
                    "field-unknown",
                    f"{app.id} has no field {quote(stray.id)}",
                    did_you_mean(stray.id, ids) or f"its fields: {', '.join(ids)}",
                    (app.span, "the app"),
                )
            )
    kept: list[FieldSpec] = []
    dropped: list[FieldSpec] = []
    for field in app.form:
        change = changes.get(field.id)
        if change is None:
            kept.append(field)
            continue
        given = dict(change.changes)
        choices = given.pop("options", None)
        merged = {**dict(field.settings), **given}
        if choices is not None and merged.get("value") not in _values(choices):
            merged.pop("value", None)  # the app's default need not be among the site's choices
        changed = replace(field, settings=tuple(merged.items()))
        if choices is not None:
            changed = replace(changed, options=_options(choices, change.span))
        _check_change(changed, change.span, dict(change.changes), findings)
        if change.forbid and field.source == "versions" and not changed.setting("value"):
            findings.append(
                error(
                    change.span,
                    "field-needed",
                    f"without {quote(field.id)} on the form, the site must say which",
                    "add `value:` with a version's id",
                    (field.span, "the field"),
                )
            )
        if change.forbid and field.source in ("clusters", "node_types"):
            findings.append(
                error(
                    change.span,
                    "field-needed",
                    f"the form cannot do without {quote(field.id)}",
                    "delete `forbid`",
                    (field.span, "the field"),
                )
            )
        (dropped if change.forbid else kept).append(changed)
    return tuple(kept), tuple(dropped)


def _check_change(
    field: FieldSpec, span: Span, changes: dict[str, object], findings: list[Diagnostic]
) -> None:
    values = [o.value for o in field.options]
    if "options" in changes and not field.widget.startswith(("select", "radio")):
        findings.append(
            error(
                span,
                "field-options",
                f"{field.id} is no select: it takes no options",
                "",
                (field.span, "the field"),
            )
        )
    if field.only_with_gpus and values and field.otherwise not in values:
        findings.append(
            error(
                span,
                "field-otherwise",
                f"{field.id} is set to {quote(field.otherwise)} while hidden, which is not among "
                f"the options {', '.join(values)}",
                "add it to the options",
                (field.span, "the field"),
            )
        )
    if values and "value" in changes and str(changes["value"]) not in values:
        findings.append(
            error(
                span,
                "field-default",
                f"{quote(str(changes['value']))} is not among the options {', '.join(values)}",
                "",
                (field.span, "the field"),
            )
        )
    low, high = field.setting("min"), field.setting("max")
    if low is not None and high is not None and low > high:
        findings.append(
            error(
                span,
                "field-limits",
                f"{field.id}: min {low} is larger than max {high}",
                "",
                (field.span, "the field"),
            )
        )
    if "required" in changes and field.source:
        findings.append(
            error(
                span,
                "field-required",
                f"whether {field.id} is required is said where the site describes it",
                "write it under `account`",
                (field.span, "the field"),
            )
        )
    if any(k in changes for k in _LIMIT_KEYS) and field.widget not in (
        "number_field",
        "range_field",
    ):
        findings.append(
            error(
                span,
                "field-limits",
                f"{field.id} is no number field: it takes no min or max",
                "limits of cores, GPUs and hours belong to node types and `hours`",
                (field.span, "the field"),
            )
        )


def _values(choices: list[Any]) -> list[str]:
    return [c if isinstance(c, str) else str(c["value"]) for c in choices]


def _options(choices: list[Any], span: Span) -> tuple[Option, ...]:
    return tuple(
        Option(value, value if isinstance(c, str) else c.get("label", value), (), span)
        for c, value in zip(choices, _values(choices), strict=True)
    )


def _versions(
    app: AppSpec,
    override: AppOverride | None,
    clusters: tuple[Cluster, ...],
    findings: list[Diagnostic],
) -> tuple[SiteVersion, ...]:
    changes = {v.id: v for v in override.versions} if override else {}
    version_fields = {f.id for f in app.form if f.source == "versions"}
    everywhere = tuple(c.id for c in clusters)
    versions: list[SiteVersion] = []
    for version in app.versions:
        change = changes.pop(version.id, None)
        if change is None:
            versions.append(
                SiteVersion(
                    version.id,
                    version.label,
                    version.modules,
                    version.image,
                    everywhere,
                    version.span,
                )
            )
        elif not change.forbid:
            named = everywhere if change.clusters is None else change.clusters
            versions.append(
                SiteVersion(
                    version.id,
                    _first(change.label, version.label),
                    version.modules if change.modules is None else change.modules,
                    _first(change.image, version.image),
                    tuple(c for c in everywhere if c in named),
                    change.span,
                )
            )
    for change in changes.values():
        if change.forbid:
            findings.append(
                error(
                    change.span,
                    "version-unknown",
                    f"{app.id} has no version {quote(change.id)} to forbid",
                    did_you_mean(change.id, [v.id for v in app.versions]),
                    (app.span, "the app"),
                )
            )
            continue
        named = everywhere if change.clusters is None else change.clusters
        versions.append(
            SiteVersion(
                change.id,
                _first(change.label, change.id),
                change.modules or (),
                change.image or "",
                tuple(c for c in everywhere if c in named),
                change.span,
            )
        )
    versions = [v for v in versions if v.clusters]
    kept = (
        next((f for f in override.fields if f.forbid and f.id in version_fields), None)
        if override
        else None
    )
    if kept is not None:
        only = str(dict(kept.changes).get("value", ""))
        versions = [v for v in versions if v.id == only]
    has_field = any(f.source == "versions" for f in app.form)
    if has_field and not app.versions and not versions:
        field = next(f for f in app.form if f.source == "versions")
        findings.append(
            error(
                field.span,
                "version-missing",
                "the form asks for a version, but there is none",
                "list them under `versions`, or in site.yml under the app's id",
            )
        )
    elif has_field or app.versions:
        for cluster in clusters:
            if not any(cluster.id in v.clusters for v in versions):
                findings.append(
                    error(
                        override.span if override else cluster.span,
                        "version-missing",
                        f"{quote(cluster.id)} has no version of {app.id}",
                        "give it one, or leave the cluster out with `clusters:`",
                        (cluster.span, "the cluster"),
                        (app.span, "the app"),
                    )
                )
    return tuple(versions)


def _check_module_system(
    site: SiteProfile,
    modules: tuple[str, ...],
    clusters: tuple[str, ...],
    span: Span,
    findings: list[Diagnostic],
) -> None:
    for cluster in site.clusters:
        own = [
            site.compute_clusters[n.compute_cluster].modules
            for n in cluster.node_types
            if n.compute_cluster
        ]
        if (
            modules
            and cluster.id in clusters
            and cluster.modules is None
            and not (own and all(own))
        ):
            findings.append(
                error(
                    span,
                    "modules-missing",
                    f"{modules[0]} is to be loaded on {quote(cluster.id)}, whose module system the "
                    "profile does not describe",
                    "add `modules: {}` (or with init, purge, load) to the site, the cluster or its compute clusters",
                    (cluster.span, "the cluster"),
                )
            )


def _scripts(
    site: SiteProfile, app: AppSpec, override: AppOverride | None, findings: list[Diagnostic]
) -> tuple[tuple[str, str], ...]:
    texts = dict(app.scripts)
    for name, given in override.scripts if override else ():
        text, finding = read_script(given, site.directory, override.span if override else app.span)
        if finding:
            findings.append(finding)
        if finding is None and not text.strip() and name == "script" and override:
            findings.append(
                error(
                    override.span,
                    "script-empty",
                    f"without {quote(name)}, {app.id} would start nothing",
                    "forbid the app instead: `forbid: true`",
                )
            )
        texts[name] = text
    return tuple((name, texts[name]) for name in SCRIPTS if texts.get(name))


def _init(
    app: AppSpec, override: AppOverride | None, findings: list[Diagnostic]
) -> tuple[Init, ...]:
    """The init containers with their images: the site's word, the app's, or the program's own."""
    images = dict(override.init_images) if override else {}
    for name in images:
        if name not in [i.name for i in app.init] and override:
            findings.append(
                error(
                    override.span,
                    "init-unknown",
                    f"{app.id} has no init container {quote(name)}",
                    did_you_mean(name, [i.name for i in app.init]),
                    (app.span, "the app"),
                )
            )
    own = app.container.image if app.container else ""
    if override and override.image is not None:
        own = override.image
    return tuple(replace(i, image=images.get(i.name) or i.image or own) for i in app.init)


def _mounts(
    site: SiteProfile,
    app: AppSpec,
    override: AppOverride | None,
    known: Mapping[str, Mount],
    clusters: tuple[Cluster, ...],
    findings: list[Diagnostic],
) -> tuple[str, ...]:
    """The names of the app's mounts.

    Where no cluster has containers, the site's file systems are simply there: a mount that the site
    does not describe matters only where a script looks for it.
    """
    in_containers = any(SCHEDULERS[c.scheduler].in_containers for c in clusters)
    scripts = "\n".join(text for _, text in app.scripts)
    wanted = [*app.mounts, *(m for i in app.init for m in i.mounts)]
    into = [i.into for i in app.init]
    for name, span in wanted:
        used = in_containers or mount_variable(name) in scripts or name in into
        if name not in known and used:
            findings.append(
                error(
                    span,
                    "mount-unknown",
                    f"{app.id} needs the mount {quote(name)}, which the site does not have",
                    did_you_mean(name, known) or "describe it under `mounts` in the profile",
                    (site.span, "the profile"),
                )
            )
    names = [name for name, _ in app.mounts]
    names += [name for name, _ in override.mounts] if override and in_containers else []
    return tuple(dict.fromkeys(names))


def _check_own_mounts(
    site: SiteProfile, app: AppSpec, override: AppOverride | None
) -> list[Diagnostic]:
    """A mount of the app's own gives way to the site's of that name only where the site says so."""
    taken = [name for name, _ in override.mounts] if override else []
    return [
        error(
            mount.span,
            "mount-own",
            f"the mount {quote(mount.name)} of {app.id} has the name of a mount of the site",
            f"to have the site's, write `apps: {{{app.id}: {{mounts: [{mount.name}]}}}}` in the profile; "
            "else rename one of them",
            (site.mounts[mount.name].span, "the site's"),
        )
        for mount in app.own_mounts
        if mount.name in site.mounts and mount.name not in taken
    ]


def mount_variable(name: str) -> str:
    """The shell variable that says where a mount is."""
    return "MOUNT_" + name.upper().replace("-", "_")
