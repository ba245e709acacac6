"""The job scripts: what the user chose as shell variables, the site's set-up, the app's own text."""

from __future__ import annotations

from collections.abc import Sequence

from ood_appgen.encode import shell_word
from ood_appgen.model.admission import MARK
from ood_appgen.model.app import FieldSpec
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.plan import Export, Offer, ScriptPlan, ShellCase, SiteText
from ood_appgen.model.pods import Init
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import (
    Cluster,
    Modules,
    SiteProfile,
    merge_pairs,
    split_placeholders,
)
from ood_appgen.planner.form import FormPlan, as_text
from ood_appgen.planner.pod_mounts import mount_above, outside_place, place_of
from ood_appgen.planner.pod_policies import policy_mark
from ood_appgen.planner.pods import PodPlan
from ood_appgen.planner.settings import Settings, mount_variable

_CLUSTER = "${OOD_CLUSTER}"
_CLUSTER_AND_NODE = "${OOD_CLUSTER}/${OOD_NODE_TYPE}"
_COMPUTE = "${COMPUTE_CLUSTER}"
_SHELL_VALUES = {
    "user": '"${USER}"',
    "home": '"${HOME}"',
    "uid": '"$(id -u)"',
    "gid": '"$(id -g)"',
    "compute_cluster": '"${COMPUTE_CLUSTER}"',
}


_ON_NODE = (
    'port=$(find_port "${host}") || clean_up 1',
    "password=$(create_passwd 32)",
    'LISTEN_PORT="${port}"',
)
_IN_CONTAINER = (
    ': "${host:?the site must set host in its before script}"',
    ': "${port:?the site must set port in its before script}"',
    ': "${password:?the site must set password in its before script}"',
    'LISTEN_PORT="${POD_PORT}"',
)


# OOD takes the node's name from its own DNS, the port from the service and all else from the secret
# (OSC/ood_core kubernetes/helper.rb, info_from_json).
_BY_API = (
    "find_place",
    "password=$(create_passwd 32)",
    'LISTEN_PORT="${POD_PORT}"',
)


def plan_scripts(
    site: SiteProfile,
    settings: Settings,
    form: FormPlan,
    clusters: Sequence[Cluster],
    pods: PodPlan,
) -> ScriptPlan:
    """Plan before, script, after and clean."""
    app = settings.app
    offers = pods.offers
    by_api = tuple(c.id for c in clusters if c.connection == "appgen")
    basic = app.template == "basic"
    params = app.connection_params
    return ScriptPlan(
        exports=_exports(settings, form, offers),
        facts=_facts(clusters, offers, settings),
        admitted=_admitted(clusters, pods)
        if not (app.container and app.container.command)
        else None,
        places=_places(site, settings, clusters, offers),
        preparation=_preparation(settings, clusters),
        api_clusters=by_api,
        api_everywhere=len(by_api) == len(clusters),
        site_before=_site_texts(clusters, {c.id: c.before for c in clusters}),
        connection=_connection(clusters) if basic else None,
        publish=_site_texts(clusters, {c.id: c.publish for c in clusters}) if params else (),
        params=params,
        waiting=_waiting(clusters, app.wait_s) if basic else None,
        setup=_setup(site, settings, form, clusters, offers),
        any_image=any(v.image for v in settings.versions),
        before=app.script("before"),
        script=app.script("script"),
        after=app.script("after"),
        clean=app.script("clean"),
    )


def _exports(settings: Settings, form: FormPlan, offers: Sequence[Offer]) -> tuple[Export, ...]:
    ids = dict(form.ids)
    on_form = {spec.id for spec in form.specs}
    with_gpus = tuple(dict.fromkeys(o.node.id for o in offers if o.gpus))
    all_gpus = len(with_gpus) == len({o.node.id for o in offers})
    exports = [Export("OOD_CLUSTER", "cluster"), Export("OOD_NODE_TYPE", form.node_type)]
    for spec in (*settings.fields, *settings.dropped):
        if spec.source in ("clusters", "node_types"):
            exports.append(Export(f"FORM_{spec.id.upper()}", ids[spec.id]))
            continue
        name = f"FORM_{spec.id.upper()}"
        if spec.id not in on_form:
            # Not asked here: the scripts still find the name, with what the field starts with.
            ask = dict(form.asks).get(spec.source)
            fixed = (
                ask.value
                if ask is not None and ask.ask == "fixed"
                else _start_value(spec, settings)
            )
            exports.append(Export(name, "", constant=fixed))
            continue
        gpu_field = spec.only_with_gpus or spec.source == "gpus"
        exports.append(
            Export(
                name,
                ids[spec.id],
                lines=spec.widget == "text_area",
                only_on=with_gpus if gpu_field and not all_gpus else (),
                otherwise=spec.otherwise if spec.only_with_gpus else "0",
            )
        )
    return tuple(exports)


def _start_value(spec: FieldSpec, settings: Settings) -> str:
    """What a field that is not on the form holds for the scripts."""
    numbers = {
        "cores": settings.fixed_cores, "gpus": settings.fixed_gpus, "hours": settings.fixed_hours,
    }  # fmt: skip
    value: object = numbers.get(spec.source)
    if value is None:
        value = spec.setting("value")
    if value is None:
        value = spec.otherwise or (spec.options[0].value if spec.options else "")
    return as_text(value)


# On Slurm all processes of a job are told that it ends. In a pod only the first is told, which is Open
# OnDemand's job script (OSC/ood_core kubernetes/templates/pod.yml.erb, `command`), and nothing that a first
# process does not ask for reaches it: without this, programs are killed when the grace period is over.
_END = (
    "end_pod() {",
    "  trap '' TERM",
    "  kill -TERM -- -1",
    "  while kill -0 -- -1 2> /dev/null; do sleep 0.2; done",
    "  exit 143",
    "}",
    "[[ $$ != 1 ]] || trap end_pod TERM",
)


def _facts(
    clusters: Sequence[Cluster], offers: Sequence[Offer], settings: Settings
) -> tuple[ShellCase, ...]:
    """What the site knows about the place: scheduler, compute cluster, environment."""
    environment = settings.app.environment
    schedulers = _case(
        _CLUSTER,
        [((c.id,), (f"export OOD_SCHEDULER={shell_word(c.scheduler)}",)) for c in clusters],
    )
    cases = [schedulers]
    if any(o.node.compute_cluster for o in offers):
        cases.append(
            _case(
                _CLUSTER_AND_NODE,
                [
                    (
                        (f"{o.cluster.id}/{o.node.id}",),
                        (f"export COMPUTE_CLUSTER={shell_word(o.node.compute_cluster)}",),
                    )
                    for o in offers
                    if o.node.compute_cluster
                ],
                others=("export COMPUTE_CLUSTER=''",),
            )
        )
    else:
        cases.append(ShellCase("", (((), ("export COMPUTE_CLUSTER=''",)),)))
    if any(SCHEDULERS[c.scheduler].in_containers for c in clusters):
        cases.append(ShellCase("", (((), _END),)))
    # Containers are started with theirs.
    slurm = [c for c in clusters if not SCHEDULERS[c.scheduler].in_containers]
    of_files = _file_lines(settings)
    lines = {
        c.id: (*_export_lines(merge_pairs(c.environment, environment)), *of_files) for c in slurm
    }
    if any(lines.values()):
        arms = [((c.id,), lines[c.id]) for c in slurm if lines[c.id]]
        cases.append(_case(_CLUSTER, arms, complete=len(arms) == len(clusters)))
    return tuple(cases)


def _outside_source(path: str, item: Init, settings: Settings) -> str:
    """A path of the container where there are none: below a mount, it is below that mount's directory."""
    mount = mount_above(path, item, settings)
    if mount is None:
        return shell_word(path)
    named = mount.name in settings.mounts
    place = (
        f'"${{{mount_variable(mount.name)}}}"'
        if named
        else _shell_path(outside_place(mount), mount)
    )
    rest = path.removeprefix(mount.to.rstrip("/")).strip("/")
    return f"{place}/{shell_word(rest)}" if rest else place


def _file_lines(settings: Settings) -> tuple[str, ...]:
    """Variables that pods have from secrets: elsewhere from files, empty where there is none."""
    lines: list[str] = []
    for source in settings.environment_from:
        if not source.name:
            continue
        if not source.file:
            lines.append(f"export {source.name}=''")
            continue
        file = _shell_text(source.file)
        lines.append(f'{source.name}=""')
        if source.optional:
            lines.append(f"[[ -r {file} ]] && {source.name}=$(< {file})")
        else:
            lines += [
                f"[[ -r {file} ]] || {{ echo 'Not started: '{file}' cannot be read.' >&2; clean_up 1; }}",
                f"{source.name}=$(< {file})",
            ]
        lines.append(f"export {source.name}")
    return tuple(lines)


# Directories that end with the job. Open OnDemand's clean.sh runs only where the program ends by
# itself (OSC/ood_core lib/ood_core/batch_connect/template.rb, clean_up), a trap also where the job is
# cancelled or its time is over: Slurm tells all of its processes then.
_SCRATCH = (
    "JOB_SCRATCH=()",
    "remove_scratch() {",
    "  ((${#JOB_SCRATCH[@]} > 0)) || return 0",
    "  # A program may write until the moment it ends.",
    "  for _ in {1..40}; do",
    '    rm -rf -- "${JOB_SCRATCH[@]}" 2> /dev/null && return 0',
    "    sleep 0.5",
    "  done",
    '  echo "This stays behind: ${JOB_SCRATCH[*]}" >&2',
    "}",
    "trap remove_scratch EXIT",
)


def _admitted(clusters: Sequence[Cluster], pods: PodPlan) -> ShellCase | None:
    """Whether the pod went through the policy that gives it what the app needs, and through this one."""
    arms = []
    for offer in pods.offers:
        admission = next((a for a in pods.admissions if a.cluster == offer.cluster.id), None)
        policy = admission.policy(offer.node.id) if admission else None
        if policy is None:
            continue
        folder = f"kubernetes/{offer.cluster.id}"
        missing = (
            "Not started: the pod lacks what this app needs. The cluster's administrator must apply "
            f"{folder} of the app, as its README says."
        )
        stale = (
            f"{folder} of another rendering of this app is in force: it should be applied again."
        )
        lines = (
            f'case "${{{MARK}:-}}" in',
            f"  {policy_mark(policy)}) ;;",
            '  "")',
            f"    echo {shell_word(missing)} >&2",
            "    clean_up 1",
            "    ;;",
            f"  *) echo {shell_word(stale)} >&2 ;;",
            "esac",
        )
        arms.append(((f"{offer.cluster.id}/{offer.node.id}",), lines))
    if not arms:
        return None
    return _case(_CLUSTER_AND_NODE, arms, complete=len(arms) == len(pods.offers))


def _places(
    site: SiteProfile, settings: Settings, clusters: Sequence[Cluster], offers: Sequence[Offer]
) -> tuple[ShellCase, ...]:
    """Where each of the app's mounts is, in a variable of its name."""
    cases = []
    made = [
        mount
        for name in settings.mounts
        if (mount := settings.known_mounts.get(name)) is not None
        and outside_place(mount).startswith("<")
    ]
    outside = [c for c in clusters if not SCHEDULERS[c.scheduler].in_containers]
    if made and outside:
        cases.append(ShellCase("", (((), _SCRATCH),)))
    for name in settings.mounts:
        mount = settings.known_mounts.get(name)
        if mount is None:
            continue
        arms = []
        for offer in offers:
            if SCHEDULERS[offer.cluster.scheduler].in_containers:
                text = _shell_path(place_of(mount, site, offer.node.compute_cluster), mount)
                lines: tuple[str, ...] = (f"export {mount_variable(name)}={text}",)
            else:
                lines = _outside_lines(mount, settings.app.id)
            arms.append(((f"{offer.cluster.id}/{offer.node.id}",), lines))
        cases.append(_places_case(clusters, arms))
    return tuple(cases)


def _places_case(
    clusters: Sequence[Cluster], arms: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]
) -> ShellCase:
    """A case by cluster where its node types are alike, by cluster and node type elsewhere."""
    by_cluster: dict[str, set[tuple[str, ...]]] = {}
    for (pattern,), lines in arms:
        by_cluster.setdefault(pattern.split("/")[0], set()).add(lines)
    if all(len(lines) == 1 for lines in by_cluster.values()):
        return _case(_CLUSTER, [((c,), next(iter(lines))) for c, lines in by_cluster.items()])
    return _case(_CLUSTER_AND_NODE, arms)


def _outside_lines(mount: Mount, app_id: str) -> tuple[str, ...]:
    variable, place = mount_variable(mount.name), outside_place(mount)
    parents = {"<memory>": "/dev/shm", "<scratch>": '"${TMPDIR:-/tmp}"'}
    if place in parents:
        name = f"{app_id}-{mount.name}.XXXXXX"
        return (
            f"{variable}=$(mktemp -d {parents[place]}/{name}) || clean_up 1",
            f"export {variable}",
            f'JOB_SCRATCH+=("${{{variable}}}")',
        )
    return (f"export {variable}={_shell_path(place, mount)}",)


def _shell_path(text: str, mount: Mount) -> str:
    """A path as a shell word; {user} and {home} may be those of another user."""
    if not mount.user:
        return _shell_text(text)
    words = []
    for part, is_word in split_placeholders(text):
        if is_word and part == "home":
            words.append(f'"$(getent passwd {shell_word(mount.user)} | cut -d: -f6)"')
        else:
            words.append(shell_word(mount.user if is_word else part))
    return "".join(words)


def _preparation(settings: Settings, clusters: Sequence[Cluster]) -> ShellCase | None:
    """What init containers do, for jobs that have none."""
    outside = [c for c in clusters if not SCHEDULERS[c.scheduler].in_containers]
    lines: list[str] = []
    for item in (i for i in settings.init if not i.only_in_pods):
        if item.git is not None:
            git = item.git
            to = f'"${{{mount_variable(git.into)}}}"/{shell_word(git.folder)}'
            options = f"--depth {git.depth} " if git.depth is not None else ""
            options += f"--branch {shell_word(git.branch)} " if git.branch else ""
            lines += [
                f"if [[ ! -e {to}/.git ]]; then",
                f"  rm -rf {to}.part",
                f"  GIT_TERMINAL_PROMPT=0 git clone {options}-- {shell_word(git.repository)} {to}.part || clean_up 1",
                f"  [[ ! -d {to} ]] || rmdir {to} || clean_up 1",
                f"  mv {to}.part {to} || clean_up 1",
                "fi",
            ]
        elif item.copy is not None:
            copy = item.copy
            to = f'"${{{mount_variable(copy.into)}}}"'
            to += f"/{shell_word(copy.folder)}" if copy.folder else ""
            done, source = f"{to}/.copied-{item.name}", _outside_source(copy.source, item, settings)
            lines += [
                f"if [[ ! -e {done} ]]; then",
                f"  mkdir -p {to} || clean_up 1",
                f"  if [[ -d {source} ]]; then",
                f"    cp -Rf {source}/. {to} || clean_up 1",
                "  else",
                f"    cp -f {source} {to} || clean_up 1",
                "  fi",
                f"  touch {done} || clean_up 1",
                "fi",
            ]
    if not lines or not outside:
        return None
    arms = [((c.id,), tuple(lines)) for c in outside]
    return _case(_CLUSTER, arms, complete=len(outside) == len(clusters))


def _export_lines(environment: Pairs) -> tuple[str, ...]:
    return tuple(f"export {name}={_shell_text(text)}" for name, text in environment)


def _shell_text(text: str) -> str:
    words = [
        _SHELL_VALUES[part] if is_word else shell_word(part)
        for part, is_word in split_placeholders(text)
    ]
    return "".join(words) or "''"


def _site_texts(clusters: Sequence[Cluster], texts: dict[str, str]) -> tuple[SiteText, ...]:
    """Texts of the site with the clusters that they are for; none named where it is all."""
    by_text: dict[str, list[str]] = {}
    for cluster, text in texts.items():
        if text.strip():
            by_text.setdefault(text, []).append(cluster)
    return tuple(
        SiteText(() if len(names) == len(clusters) else tuple(names), text)
        for text, names in by_text.items()
    )


def _connection(clusters: Sequence[Cluster]) -> ShellCase:
    """Where the program listens, and the password that lets the user in."""
    arms = []
    for cluster in clusters:
        lines = _IN_CONTAINER if SCHEDULERS[cluster.scheduler].in_containers else _ON_NODE
        if cluster.connection == "appgen":
            lines = _BY_API
        arms.append(((cluster.id,), lines))
    return _case(_CLUSTER, arms)


def _waiting(clusters: Sequence[Cluster], wait_s: int) -> ShellCase | None:
    """Until the program listens or has ended; in containers the scheduler itself waits for that.

    `SCRIPT_PID` is set by OOD's job script (OSC/ood_core lib/ood_core/batch_connect/template.rb).
    """
    step_s = min(wait_s, 5)
    lines = (
        f'echo "Waiting up to {wait_s} seconds for port ${{port}} on ${{host}}..."',
        "waited_s=0",
        f'until wait_until_port_used "${{host}}:${{port}}" {step_s}; do',
        f"  waited_s=$((waited_s + {step_s}))",
        '  if ! kill -0 "${SCRIPT_PID}" 2> /dev/null; then',
        '    echo "The program ended before it listened on ${host}:${port}; see above." >&2',
        "    clean_up 1",
        f"  elif ((waited_s >= {wait_s})); then",
        f'    echo "Nothing listens on ${{host}}:${{port}} after {wait_s} seconds; giving up." >&2',
        "    clean_up 1",
        "  fi",
        "done",
        'echo "The program listens on ${host}:${port}."',
    )
    arms = [((c.id,), lines) for c in clusters if not SCHEDULERS[c.scheduler].in_containers]
    return _case(_CLUSTER, arms, complete=len(arms) == len(clusters)) if arms else None


def _setup(
    site: SiteProfile,
    settings: Settings,
    form: FormPlan,
    clusters: Sequence[Cluster],
    offers: Sequence[Offer],
) -> tuple[ShellCase, ...]:
    """The module system, then the modules or the image of the chosen version."""
    cases: list[ShellCase] = []
    compute = dict.fromkeys(o.node.compute_cluster for o in offers)
    own = [
        (name, site.compute_clusters[name].modules)
        for name in compute
        if name and site.compute_clusters[name].modules is not None
    ]
    # Where a pod acts like a compute cluster with a module system of its own, that one counts.
    acting = {
        c.id
        for c in clusters
        if all(o.node.compute_cluster in dict(own) for o in offers if o.cluster.id == c.id)
    }
    arms = [((c.id,), _module_lines(c.modules)) for c in clusters if c.id not in acting]
    used = [(ids, lines) for ids, lines in arms if lines]
    if used:
        cases.append(_case(_CLUSTER, used, complete=len(used) == len(clusters)))
    if own:
        arms = [((name,), _module_lines(modules)) for name, modules in own]
        cases.append(_case(_COMPUTE, arms, complete=False))
    version_field = next((s for s in form.specs if s.source == "versions"), None)
    if settings.modules:
        cases.append(ShellCase("", (((), (_load(settings.modules),)),)))
    if settings.versions:
        cases += _version_cases(
            settings, clusters, f"FORM_{version_field.id.upper()}" if version_field else ""
        )
    return tuple(cases)


def _module_lines(modules: Modules | None) -> tuple[str, ...]:
    if modules is None:
        return ()
    lines = []
    if modules.init:
        lines.append("# shellcheck source=/dev/null")
        lines.append(f"source {shell_word(modules.init)}")
    if modules.purge:
        lines.append("module purge")
    if modules.load:
        lines.append(_load(modules.load))
    return tuple(lines)


def _load(modules: Sequence[str]) -> str:
    return "module load " + " ".join(shell_word(m) for m in modules)


def _version_cases(
    settings: Settings, clusters: Sequence[Cluster], variable: str
) -> list[ShellCase]:
    """Modules and image by version, and by cluster where a version is not everywhere."""
    versions = settings.versions
    everywhere = all(len(v.clusters) == len(clusters) for v in versions)

    def lines_of(index: int) -> tuple[str, ...]:
        version = versions[index]
        lines = [_load(version.modules)] if version.modules else []
        if version.image:
            lines.append(f"export APP_IMAGE={shell_word(version.image)}")
        return tuple(lines) or (":",)

    if not variable:  # no field: the first version of each cluster
        firsts = [
            ((c.id,), lines_of(next(i for i, v in enumerate(versions) if c.id in v.clusters)))
            for c in clusters
        ]
        return [_case(_CLUSTER, firsts)]
    word = "${" + variable + "}"
    arms: list[tuple[tuple[str, ...], tuple[str, ...]]]
    if everywhere:
        arms = [((v.id,), lines_of(i)) for i, v in enumerate(versions)]
        return [_case(word, arms, refusal=f"there is no version {word}", always=True)]
    arms = [
        (tuple(f"{cluster}/{v.id}" for cluster in v.clusters), lines_of(i))
        for i, v in enumerate(versions)
    ]
    refusal = f"there is no version {word} on {_CLUSTER}"
    return [_case(f"{_CLUSTER}/{word}", arms, refusal=refusal, always=True)]


def _case(
    subject: str,
    arms: Sequence[tuple[tuple[str, ...], tuple[str, ...]]],
    others: tuple[str, ...] = (),
    refusal: str = "",
    complete: bool = True,
    always: bool = False,
) -> ShellCase:
    """A `case`; arms with the same lines are one. A single complete arm needs no case at all.

    `complete`: the arms cover whatever can be chosen. `always`: print the case even then.
    """
    merged: dict[tuple[str, ...], list[str]] = {}
    for patterns, lines in arms:
        merged.setdefault(lines, []).extend(patterns)
    if len(merged) == 1 and complete and not others and not always:
        return ShellCase("", (((), next(iter(merged))),))
    found = [(tuple(shell_word(p) for p in patterns), lines) for lines, patterns in merged.items()]
    if others:
        found.append((("*",), others))
    return ShellCase(subject, tuple(found), refusal)
