"""What is planned for one app on one site: everything decided, nothing printed yet.

`evaluate` gives, for one choice of a user, the document that the rendered submit.yml.erb must
evaluate to. The templates print the same objects; real Ruby and this function must agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ood_appgen.expr import Condition, Environment, Expr, Local, evaluate, holds
from ood_appgen.model.admission import Admission
from ood_appgen.model.app import AppSpec, View
from ood_appgen.model.mounts import Pairs
from ood_appgen.model.pods import Pod
from ood_appgen.model.site import Cluster, NodeType, SiteProfile

# A year: what the submit file insists on where a site sets no limit.
NO_LIMIT_HOURS = 8760

# What a text field gets that must have some and starts with none: a project's name that every
# kind of cluster takes, as a label of a pod too.
STAND_IN = "abc1234"


@dataclass(frozen=True, slots=True)
class Offer:
    """A node type of a cluster as this app offers it: the limits that hold there.

    `cores.start` is 0 where the whole node is offered. `gpus` is None where there are none.
    `default_gpus` and `fixed_hours` are what an app gets whose form does not ask. `pod` and
    `labels` are for clusters that run containers.
    """

    cluster: Cluster
    node: NodeType
    cores: range
    gpus: range | None
    default_gpus: int
    fixed_hours: int | None
    memory_mb_per_core: int | None
    memory_mb: int | None
    hours: range
    pod: Pod = Pod()
    labels: Pairs = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the submit file's table: what a node type gives, by column."""

    node_type: str
    facts: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of the submit document: a value, a mapping, or a list of mappings."""

    key: str
    value: Expr | tuple[Entry, ...] | Items
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list of mappings."""

    items: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """A name that the submit file gives a value, and why."""

    name: str
    value: Expr
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """What is submitted on the clusters of one kind of scheduler."""

    scheduler: str
    clusters: tuple[str, ...]
    names: tuple[Assignment, ...]
    entries: tuple[Entry, ...]
    uses_person: bool = False
    uses_compute: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """What a field may hold. `kind` is number, choice or text.

    `limits` is a range, a column of the table ("cores"), or the texts of a choice; `by_cluster`
    the texts by cluster where they differ. `pattern_words` says for the user what `pattern` takes.
    `only_with` is a column that a node type must have for
    the field to be shown at all.
    """

    kind: str
    field: str
    label: str
    limits: range | str | tuple[str, ...] = ()
    by_cluster: tuple[tuple[str, tuple[str, ...]], ...] = ()
    required: bool = False
    lines: bool = False
    length: int = 4096
    pattern: str = ""
    pattern_words: str = ""
    only_with: str = ""
    label_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormOption:
    """An option of a select with OOD's directives."""

    label: str
    value: str
    directives: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class FormField:
    """A field as form.yml has it. A field with neither attributes nor options is only listed."""

    id: str
    attributes: tuple[tuple[str, Any], ...]
    options: tuple[FormOption, ...] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """A form value that scripts see: `name` in the shell, the field, and what to do with it.

    Where `only_on` is not empty, the field counts only for these values of the node type field;
    elsewhere scripts see `otherwise`.
    """

    name: str
    field: str
    lines: bool = False
    only_on: tuple[str, ...] = ()
    otherwise: str = ""
    constant: str | None = None


@dataclass(frozen=True, slots=True)
class ShellCase:
    """Shell lines that depend on the choice; `subject` is the word looked at, "" for always."""

    subject: str
    arms: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class SiteText:
    """Shell text of the site, printed as it is; on these clusters only, or on all where empty."""

    clusters: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class ScriptPlan:
    """The job scripts. Texts of the app and the site are data for the templates.

    `places` are the app's mounts, `preparation` what init containers do elsewhere, `api_clusters`
    those where the script asks Kubernetes for its own place.
    """

    exports: tuple[Export, ...]
    facts: tuple[ShellCase, ...]
    admitted: ShellCase | None
    places: tuple[ShellCase, ...]
    preparation: ShellCase | None
    api_clusters: tuple[str, ...]
    api_everywhere: bool
    site_before: tuple[SiteText, ...]
    connection: ShellCase | None
    publish: tuple[SiteText, ...]
    params: tuple[str, ...]
    waiting: ShellCase | None
    setup: tuple[ShellCase, ...]
    any_image: bool
    before: str
    script: str
    after: str
    clean: str


@dataclass(frozen=True)
class AppPlan:
    """Everything that is printed for one app on one site.

    `blocks` are the site's own lines, by the place where they stand (site schema, `blocks`).
    `made_from` names the two files in what is printed, `command` makes it again; both as seen from
    the directory of site.yml, so that the output does not depend on where it was made.
    """

    made_from: tuple[str, str]
    command: str
    app: AppSpec
    site: SiteProfile
    title: str
    category: str
    subcategory: str
    clusters: tuple[Cluster, ...]
    offers: tuple[Offer, ...]
    form: tuple[FormField, ...]
    node_type_field: str
    cores_field: str
    gpus_field: str
    hours_field: str
    defaults: tuple[tuple[str, str], ...]
    table: tuple[tuple[str, tuple[Row, ...]], ...]
    compute_table: tuple[Row, ...]
    names: tuple[Assignment, ...]
    branches: tuple[Branch, ...]
    checks: tuple[Check, ...]
    scripts: ScriptPlan
    admissions: tuple[Admission, ...]
    view: View | None
    blocks: Mapping[str, str]

    @cached_property
    def rows(self) -> dict[str, dict[str, dict[str, Any]]]:
        """The table's facts by cluster and node type."""
        return {c: {r.node_type: dict(r.facts) for r in rows} for c, rows in self.table}

    @cached_property
    def compute_rows(self) -> dict[str, dict[str, Any]]:
        """The facts of compute clusters by id."""
        return {r.node_type: dict(r.facts) for r in self.compute_table}

    @cached_property
    def mounted_users(self) -> tuple[str, ...]:
        """The other users whose homes are mounted, in alphabetical order."""
        mounts = (*self.site.mounts.values(), *self.app.own_mounts)
        return tuple(sorted({m.user for m in mounts if m.user}))

    def admission(self, cluster: str) -> Admission | None:
        """What the administrator of a cluster applies for the app, if anything."""
        return next((a for a in self.admissions if a.cluster == cluster), None)

    def branch(self, cluster: str) -> Branch:
        """The branch that serves a cluster."""
        return next(b for b in self.branches if cluster in b.clusters)


@dataclass(frozen=True)
class Submitter:
    """Who submits, for `evaluate`: name, home, uid and gid of the user, and of others named."""

    user: Mapping[str, Any]
    others: Mapping[str, Mapping[str, Any]]
    staged_root: str


def made_up_accounts(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Accounts for other users, as `Submitter.others` has them; who they really are is the site's.

    Homes are outside /home, so that one never passes for the submitting user's.
    """
    return {
        name: {"name": name, "home": f"/users/{name}", "uid": 2000 + at, "gid": 2000 + at}
        for at, name in enumerate(sorted(names))
    }


def fill_required(plan: AppPlan, choice: Mapping[str, str]) -> dict[str, str]:
    """A choice with text in the fields that must have some."""
    filled = dict(choice)
    for check in plan.checks:
        if check.kind == "text" and check.required and not filled.get(check.field, "").strip():
            filled[check.field] = STAND_IN
    return filled


def choices(plan: AppPlan) -> Iterator[dict[str, str]]:
    """Every reachable choice of cluster, node type, cores and GPUs, as the form posts it.

    Cores are taken at zero (where it means the whole node), the least, one in the middle and the
    most; GPUs at each number. All other fields hold what the form starts with, or what its
    directives make of that.
    """
    for offer in plan.offers:
        base = dict(plan.defaults)
        base["cluster"] = offer.cluster.id
        base[plan.node_type_field] = offer.node.id
        _follow_browser(plan, base)
        if plan.hours_field:
            base[plan.hours_field] = str(
                min(max(int(base[plan.hours_field]), offer.hours.start), offer.hours.stop - 1)
            )
        for cores in _sample(offer.cores) if plan.cores_field else (None,):
            if cores is not None:
                base[plan.cores_field] = str(cores)
            for gpus in offer.gpus or (0,) if plan.gpus_field else (None,):
                if gpus is not None:
                    base[plan.gpus_field] = str(gpus)
                yield dict(base)


def _follow_browser(plan: AppPlan, base: dict[str, str]) -> None:
    """What the form's JavaScript does once cluster and node type are chosen."""
    for check in plan.checks:
        allowed = dict(check.by_cluster).get(base["cluster"], ())
        if allowed and base[check.field] not in allowed:
            base[check.field] = allowed[0]  # a hidden option gives way to the first that is shown
    for export in plan.scripts.exports:
        if export.only_on and base[plan.node_type_field] not in export.only_on:
            base[export.field] = export.otherwise


def evaluate_submission(
    plan: AppPlan, choice: Mapping[str, str], submitter: Submitter
) -> dict[str, Any]:
    """The parsed submit document for a choice that the form allows.

    Raises KeyError for a cluster or node type that is not offered.
    """
    row = plan.rows[choice["cluster"]][choice[plan.node_type_field]]
    compute = plan.compute_rows
    people = {"": submitter.user, **submitter.others}
    names: dict[str, Any] = {}
    env = Environment(
        choice,
        row,
        compute.get(row.get("compute_cluster", ""), {}),
        people,
        submitter.staged_root,
        names,
    )
    branch = plan.branch(choice["cluster"])
    for assignment in (*plan.names, *branch.names):
        names[assignment.name] = evaluate(assignment.value, env)
    return _mapping(branch.entries, env)


def _mapping(entries: tuple[Entry, ...], env: Environment) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for entry in entries:
        if entry.when is not None and not holds(entry.when, env):
            continue
        if isinstance(entry.value, tuple):
            data[entry.key] = _mapping(entry.value, env)
        elif isinstance(entry.value, Items):
            data[entry.key] = [_mapping(item, env) for item in entry.value.items]
        else:
            data[entry.key] = evaluate(entry.value, env)
    return data


def _sample(cores: range) -> tuple[int, ...]:
    least = max(cores.start, 1)
    most = cores.stop - 1
    picked = {cores.start, least, (least + most) // 2, most}
    return tuple(sorted(picked))


CORES = Local("cores")
GPUS = Local("gpus")
HOURS = Local("hours")
