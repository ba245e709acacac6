"""The submit file: its table of node types, its branches, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ood_appgen.backends import BACKENDS, Request
from ood_appgen.backends.kubernetes import compute_facts
from ood_appgen.expr import Either, Expr, Fact, FormNumber, FormText, If, IsGiven, Literal
from ood_appgen.model.app import FieldSpec
from ood_appgen.model.plan import Assignment, Branch, Check, Offer, Row
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import Ask, SiteProfile
from ood_appgen.planner.form import FormPlan
from ood_appgen.planner.settings import Settings

# OOD's own fields that an app may list (dashboard lib/smart_attributes/attributes): label, check,
# and a pattern in words.
# A resolution ends up in the shell line that starts the VNC server.
_OOD_FIELDS: dict[str, tuple[str, str, range | str, str]] = {
    "bc_email_on_started": ("E-mail when the session starts", "text", r"[01]?", "0 or 1"),
    "bc_vnc_idle": ("Idle timeout", "number", range(86401), ""),
    "bc_vnc_resolution": (
        "Resolution",
        "text",
        r"([0-9]{2,5}x[0-9]{2,5})?",
        "a width and a height such as 1024x768",
    ),
}
# Scripts see a field as an environment string, and Linux takes none of more than 128 KiB: so many
# characters of four bytes fit.
_LENGTH, _LENGTH_OF_LINES = 4096, 30_000
_TEXT_LINES = ("text_area",)
_UNCHECKED = ("file_attachments",)


def make_request(
    site: SiteProfile, settings: Settings, form: FormPlan, offers: Sequence[Offer]
) -> Request:
    """What the app asks of a scheduler on this site."""
    asks = dict(form.asks)
    app = settings.app
    return Request(
        app=app,
        account=_account(asks["account"], form.id_of("account"), offers),
        account_may_be_blank=asks["account"].ask == "text" and not asks["account"].required,
        queue=_asked(form.id_of("queue")),
        qos=_asked(form.id_of("qos")),
        hours=bool(form.hours) or all(o.fixed_hours is not None for o in offers),
        has_gpus_field=bool(form.gpus),
        environment=app.environment,
        image=settings.image,
        app_mounts=settings.mounts,
        mounts=settings.known_mounts,
        init=settings.init,
        label_columns=_label_columns(offers),
        selecting=frozenset(o.cluster.id for o in offers if o.node.node_selector),
        compute_clusters=site.compute_clusters,
    )


def _label_columns(offers: Sequence[Offer]) -> dict[str, str]:
    """The labels that not all pods have alike, with the column of each."""
    maps = [dict(o.labels) for o in offers if SCHEDULERS[o.cluster.scheduler].in_containers]
    keys = {key for labels in maps for key in labels}
    columns: dict[str, str] = {}
    for key in sorted(key for key in keys if len({labels.get(key) for labels in maps}) > 1):
        column = "label_" + re.sub(r"[^A-Za-z0-9]", "_", key)
        while column in columns.values():
            column += "_"
        columns[key] = column
    return columns


def make_table(
    offers: Sequence[Offer], request: Request, form: FormPlan
) -> tuple[tuple[str, tuple[Row, ...]], ...]:
    """The table of node types, by cluster."""
    table: dict[str, list[Row]] = {}
    asked = len({o.hours for o in offers}) > 1 and bool(form.hours)
    fixed_differ = len({o.fixed_hours for o in offers}) > 1 and request.hours and not form.hours
    fixed_accounts = {o.cluster.account.value for o in offers if o.cluster.account.ask == "fixed"}
    for offer in offers:
        columns = list(BACKENDS[offer.cluster.scheduler].row(offer, request))
        if asked or fixed_differ:
            columns.append(("hours", offer.hours if asked else offer.fixed_hours))
        if len(fixed_accounts) > 1:
            columns.append(("account", offer.cluster.account.value))
        table.setdefault(offer.cluster.id, []).append(Row(offer.node.id, tuple(columns)))
    return tuple((cluster, tuple(rows)) for cluster, rows in table.items())


def make_compute_table(site: SiteProfile, offers: Sequence[Offer]) -> tuple[Row, ...]:
    """Facts of the compute clusters that the offers act like, where there are any."""
    used = dict.fromkeys(o.node.compute_cluster for o in offers if o.node.compute_cluster)
    rows = [Row(name, compute_facts(site.compute_clusters[name])) for name in used]
    return tuple(rows) if any(row.facts for row in rows) else ()


def make_names(
    settings: Settings, form: FormPlan, offers: Sequence[Offer]
) -> tuple[Assignment, ...]:
    """The numbers that a submission is made from."""
    cores: Expr = FormNumber(form.cores) if form.cores else Literal(settings.fixed_cores or 1)
    names = [Assignment("cores", cores)]
    if any(o.gpus for o in offers):
        gpus: Expr = (
            If(IsGiven(Fact("gpus")), FormNumber(form.gpus), Literal(0))
            if form.gpus
            else Either(Fact("gpus"), Literal(0))
        )
        names.append(Assignment("gpus", gpus))
    fixed = {o.fixed_hours for o in offers}
    if form.hours:
        names.append(Assignment("hours", FormNumber(form.hours)))
    elif None not in fixed:
        value: Expr = Literal(fixed.pop()) if len(fixed) == 1 else Fact("hours")
        names.append(Assignment("hours", value))
    return tuple(names)


def make_branches(offers: Sequence[Offer], request: Request) -> tuple[Branch, ...]:
    """One branch for each kind of scheduler (and of Kubernetes set-up), in the form's order."""
    branches: list[Branch] = []
    for scheduler in dict.fromkeys(o.cluster.scheduler for o in offers):
        mine = [o for o in offers if o.cluster.scheduler == scheduler]
        branches += BACKENDS[scheduler].branches(mine, request)
    return tuple(branches)


def make_checks(settings: Settings, form: FormPlan, offers: Sequence[Offer]) -> tuple[Check, ...]:
    """What each field may hold; the submit file refuses the rest."""
    ids = dict(form.ids)
    labels = {f.id: str(dict(f.attributes).get("label") or _title(f.id)) for f in form.fields}
    checks = []
    for spec in form.specs:
        field = ids[spec.id]
        check = _check(spec, field, labels[field], settings, form, offers)
        if check is not None:
            checks.append(check)
    return tuple(checks)


def _account(ask: Ask, field: str, offers: Sequence[Offer]) -> Expr | None:
    if ask.ask == "none":
        return None
    if ask.ask == "fixed":
        values = {o.cluster.account.value for o in offers}
        return Literal(values.pop()) if len(values) == 1 else Fact("account")
    return FormText(field)


def _asked(field: str) -> Expr | None:
    return FormText(field) if field else None


def _check(
    spec: FieldSpec,
    field: str,
    label: str,
    settings: Settings,
    form: FormPlan,
    offers: Sequence[Offer],
) -> Check | None:
    if spec.source in ("clusters", "node_types"):
        return None  # the table itself says which there are
    if spec.source == "cores":
        return Check("number", field, label, "cores")
    if spec.source == "gpus":
        return Check("number", field, label, "gpus", only_with="gpus")
    if spec.source == "hours":
        hours = {o.hours for o in offers}
        return Check("number", field, label, hours.pop() if len(hours) == 1 else "hours")
    if spec.source == "versions":
        return _version_check(field, label, settings, offers)
    if spec.source in ("account", "queue", "qos"):
        ask = dict(form.asks)[spec.source]
        required = spec.source == "account" and (ask.required or ask.ask != "text")
        label_on = _container_clusters(offers) if spec.source == "account" else ()
        return Check("text", field, label, required=required, label_on=label_on)
    if spec.id in _OOD_FIELDS:
        return _ood_check(field, spec)
    only_with = "gpus" if spec.only_with_gpus else ""
    if spec.options:
        values = tuple(o.value for o in spec.options)
        return Check("choice", field, label, values, only_with=only_with)
    if spec.widget == "check_box":
        attributes = dict(spec.attributes)
        values = (
            str(attributes.get("unchecked_value", "0")),
            str(attributes.get("checked_value", "1")),
        )
        return Check("choice", field, label, values, only_with=only_with)
    if spec.widget in ("number_field", "range_field"):
        low, high = spec.setting("min", 0), spec.setting("max", 2**31 - 1)
        step = spec.setting("step", 1)
        return Check("number", field, label, range(low, high + 1, step), only_with=only_with)
    if spec.widget in _UNCHECKED:
        return None
    return Check(
        "text",
        field,
        label,
        required=bool(spec.setting("required", False)),
        lines=spec.widget in _TEXT_LINES,
        length=_LENGTH_OF_LINES if spec.widget in _TEXT_LINES else _LENGTH,
        only_with=only_with,
    )


def _ood_check(field: str, spec: FieldSpec) -> Check:
    label, kind, limits, words = _OOD_FIELDS[field]
    label = str(spec.setting("label", label))
    if isinstance(limits, str):
        return Check(kind, field, label, pattern=limits, pattern_words=words)
    return Check(kind, field, label, limits)


def _version_check(field: str, label: str, settings: Settings, offers: Sequence[Offer]) -> Check:
    clusters = tuple(dict.fromkeys(o.cluster.id for o in offers))
    by_cluster = tuple(
        (cluster, tuple(v.id for v in settings.versions if cluster in v.clusters))
        for cluster in clusters
    )
    if len({values for _, values in by_cluster}) == 1:
        return Check("choice", field, label, by_cluster[0][1])
    return Check("choice", field, label, by_cluster=by_cluster)


def _container_clusters(offers: Sequence[Offer]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(o.cluster.id for o in offers if SCHEDULERS[o.cluster.scheduler].in_containers)
    )


def _title(field: str) -> str:
    """The label that OOD makes of an id."""
    own = {
        "bc_num_hours": "Number of hours",
        "auto_accounts": "Account",
        "auto_queues": "Partition",
        "auto_qos": "QoS",
        "node_type": "Node type",
    }
    return own.get(field, field.replace("_", " ").capitalize())
