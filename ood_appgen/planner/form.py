"""The form: fields, options, and the directives that make limits follow the user's choice.

Directives are written only where OOD's JavaScript will do what is meant: each is read back as that
code reads it (`directives.read`) before it is used, and refused with a reason otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ood_appgen import directives
from ood_appgen.diagnostics import Diagnostic, Span, error, has_errors, quote, warning
from ood_appgen.model import names
from ood_appgen.model.app import FieldSpec
from ood_appgen.model.plan import NO_LIMIT_HOURS, FormField, FormOption, Offer
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import Ask, Cluster, SiteProfile
from ood_appgen.planner.settings import Settings

# OOD's own fields, which bring their widget along (dashboard lib/smart_attributes/attributes).
_OWN_WIDGET = {"bc_num_hours", "auto_accounts", "auto_queues", "auto_qos"}
_AUTO_ID = {"account": "auto_accounts", "queue": "auto_queues", "qos": "auto_qos"}


@dataclass(frozen=True)
class FormPlan:
    """The form and the ids that its parts got.

    `ids` maps the app's field ids to those on the form; `asks` tells how account, queue and QOS
    are found on this site.
    """

    fields: tuple[FormField, ...]
    ids: tuple[tuple[str, str], ...]
    specs: tuple[FieldSpec, ...]
    asks: tuple[tuple[str, Ask], ...]
    node_type: str
    cores: str
    gpus: str
    hours: str
    defaults: tuple[tuple[str, str], ...]

    def id_of(self, source: str) -> str:
        """Form id of the field filled from a part of the site, "" where the form has none."""
        return next((dict(self.ids)[f.id] for f in self.specs if f.source == source), "")


def plan_form(
    site: SiteProfile, settings: Settings, clusters: Sequence[Cluster], offers: Sequence[Offer]
) -> tuple[FormPlan | None, list[Diagnostic]]:
    """Plan the form; no plan where findings forbid it."""
    builder = _Builder(site, settings, clusters, offers)
    plan = builder.build()
    return (None if has_errors(builder.findings) else plan), builder.findings


class _Builder:
    def __init__(
        self,
        site: SiteProfile,
        settings: Settings,
        clusters: Sequence[Cluster],
        offers: Sequence[Offer],
    ) -> None:
        self.site = site
        self.settings = settings
        self.clusters = clusters
        self.offers = offers
        self.findings: list[Diagnostic] = []
        self._refused: set[str | Span] = set()
        self.specs: list[FieldSpec] = []
        self.ids: dict[str, str] = {}
        self.asks: dict[str, Ask] = {
            "account": self._account(),
            "queue": site.queue,
            "qos": site.qos,
        }
        self.node_ids = list(dict.fromkeys(o.node.id for o in offers))

    # -- the whole --------------------------------------------------------------------------

    def build(self) -> FormPlan | None:
        self._choose_fields()
        by_source = {spec.source: spec for spec in self.specs if spec.source}
        if "node_types" not in by_source:
            self._error(
                self.settings.app.span,
                "field-needed",
                "the form needs a field filled from node_types",
                "add `- {id: node_type, from: node_types}` to the form",
            )
        if not any(s.source == "clusters" for s in self.specs):
            self.ids["cluster"] = "cluster"
        self._warn_of_old_releases()
        if has_errors(self.findings):
            return None
        fields = tuple(self._field(spec) for spec in self.specs)
        self._check_ids()
        get = {s: self.ids[spec.id] for s, spec in by_source.items()}
        return FormPlan(
            fields=fields,
            ids=tuple(self.ids.items()),
            specs=tuple(self.specs),
            asks=tuple(self.asks.items()),
            node_type=get["node_types"],
            cores=get.get("cores", ""),
            gpus=get.get("gpus", ""),
            hours=get.get("hours", ""),
            defaults=tuple((f.id, _default(f)) for f in fields),
        )

    def _choose_fields(self) -> None:
        """Leave out what this site does not ask for, and settle the ids."""
        for spec in self.settings.fields:
            if spec.source in self.asks and self.asks[spec.source].ask in ("none", "fixed"):
                continue
            if spec.source == "gpus" and not any(o.gpus for o in self.offers):
                continue
            if spec.source == "queue" and not any(_takes(o, o.node.partition) for o in self.offers):
                continue
            if spec.source == "qos" and not any(_takes(o, o.node.qos) for o in self.offers):
                continue
            self.specs.append(spec)
            ask = self.asks.get(spec.source)
            auto = ask is not None and ask.ask.startswith("auto_")
            self.ids[spec.id] = _AUTO_ID[spec.source] if auto else spec.id
        for spec in self.specs:
            why = names.reason(self.ids[spec.id])
            if why:
                self._error(
                    spec.span,
                    "field-name",
                    f"a field cannot be called {quote(spec.id)}: {why}",
                    "choose another id",
                )
        if not any(s.source == "account" for s in self.specs) and self.asks["account"].ask not in (
            "none",
            "fixed",
        ):
            ask = self.asks["account"]
            self._error(
                self.settings.app.span,
                "field-needed",
                f"the site asks for an account ({ask.ask}), but the form has no field for it",
                "add `- {id: account, from: account}` to the form",
                *([(ask.span, "the site asks here")] if ask.span else []),
            )

    def _warn_of_old_releases(self) -> None:
        """Cluster names that directives of older releases cannot carry.

        Source: CHANGELOG of OSC/ondemand, 4.0.2 (hyphens), 4.1.6 and 4.2.3 (underscores).
        """
        if len(self.clusters) == 1:
            return
        for cluster in self.clusters:
            needs = ""
            if "-" in cluster.id and self.site.ondemand <= (4, 0):
                needs = "4.0.2"
            if "_" in cluster.id and self.site.ondemand <= (4, 2):
                needs = "4.2.3 (or 4.1.6)"
            if needs:
                self.findings.append(
                    warning(
                        cluster.span,
                        "cluster-release",
                        f"before Open OnDemand {needs} the form ignores what is meant for {quote(cluster.id)}",
                        "users see options that the cluster does not have; the submit file refuses them",
                    )
                )

    def _account(self) -> Ask:
        asks = [c.account for c in self.clusters]
        kinds = {a.ask for a in asks}
        if len(kinds) > 1:
            other = next(c for c in self.clusters if c.account.ask != asks[0].ask)
            self._error(
                other.span,
                "account-mixed",
                f"{self.clusters[0].id} finds the account by {quote(asks[0].ask)}, {other.id} by "
                f"{quote(other.account.ask)}; one form cannot do both",
                "use the same `ask` on all clusters of an app",
            )
        elif asks[0].ask != "fixed":
            for cluster, ask in zip(self.clusters, asks, strict=True):
                if replace(ask, span=None) != replace(asks[0], span=None):
                    self._error(
                        ask.span or cluster.span,
                        "account-mixed",
                        f"{cluster.id} words the account field unlike {self.clusters[0].id}; a form has one",
                        "write `account` once for the site, or the same on all clusters",
                    )
        return asks[0]

    # -- one field --------------------------------------------------------------------------

    def _field(self, spec: FieldSpec) -> FormField:
        makers: dict[str, Callable[[FieldSpec], FormField]] = {
            "clusters": self._cluster_field,
            "node_types": self._node_type_field,
            "cores": self._cores_field,
            "gpus": self._gpus_field,
            "hours": self._hours_field,
            "versions": self._version_field,
            "account": self._asked_field,
            "queue": self._asked_field,
            "qos": self._asked_field,
        }
        return makers.get(spec.source, self._own_field)(spec)

    def _cluster_field(self, spec: FieldSpec) -> FormField:
        # OOD lists the clusters that the user may use; options of ours would hide its choice.
        attributes = list(_texts(spec))
        wanted = spec.setting("value")
        if wanted is not None:
            known = [c.id for c in self.clusters]
            if wanted not in known:
                self._error(
                    spec.span,
                    "field-default",
                    f"{quote(wanted)} is no cluster here: {', '.join(known)}",
                )
            attributes.append(("value", wanted))
        return FormField("cluster", (*attributes, *spec.attributes))

    def _own_field(self, spec: FieldSpec) -> FormField:
        attributes: list[tuple[str, Any]] = [("widget", spec.widget)] if spec.widget else []
        for key in ("label", "value", "min", "max", "step", "required", "help"):
            value = self._own_value(spec) if key == "value" else spec.setting(key)
            if value is None or (key == "required" and spec.only_with_gpus):
                continue  # a hidden required field would stop the browser without a word
            attributes.append((key, as_text(value) if key in ("value", "label", "help") else value))
        attributes += spec.attributes
        options = tuple(FormOption(o.label, o.value, o.directives) for o in spec.options)
        self._check_own_directives(spec)
        return FormField(spec.id, tuple(attributes), options)

    def _check_own_directives(self, spec: FieldSpec) -> None:
        """Directives that the app writes itself must do something, and hide nothing required."""
        named = [(name, o.span) for o in spec.options for name, _ in o.directives]
        for name, value in spec.attributes:
            if name.startswith("data-") and spec.widget == "check_box":
                named.append((re.sub(r"-when-(un-?)?checked$", "", name), spec.span))
            elif name.startswith("data-"):
                named.append((f"{name}: {value}", spec.span))  # on the element itself: nothing
        ids = self._form_ids()
        required = {
            self.ids[s.id] for s in self.specs if s.setting("required") and not s.only_with_gpus
        }
        for name, span in named:
            effect = directives.read(name, ids)
            half = (
                effect
                and effect.kind in ("min", "max")
                and "-for-" in name
                and not effect.condition
            )
            if effect is None or half:
                self._error(
                    span,
                    "directive-dead",
                    f"the directive {quote(name)} names no field of this form",
                    f"fields: {', '.join(ids)} (with - for _ in directives)",
                )
            elif effect.kind == "hide" and effect.target in required:
                self._error(
                    span,
                    "directive-required",
                    f"{quote(name)} hides {effect.target}, which is required: the browser would stop "
                    "without saying why",
                    "do not hide it, or do not require it",
                )

    def _own_value(self, spec: FieldSpec) -> Any:
        """What a field starts with; a browser leaves radios and numbers empty otherwise."""
        value = spec.setting("value")
        if spec.widget == "check_box" and isinstance(value, bool):
            attributes = dict(spec.attributes)
            return (
                attributes.get("checked_value", "1")
                if value
                else attributes.get("unchecked_value", "0")
            )
        if value is None and spec.widget in ("radio", "radio_button"):
            return spec.options[0].value
        if value is None and spec.widget in ("number_field", "range_field"):
            return spec.setting("min", 0)
        return value

    def _asked_field(self, spec: FieldSpec) -> FormField:
        ask = self.asks[spec.source]
        form_id = self.ids[spec.id]
        attributes: list[tuple[str, Any]] = []
        if form_id not in _OWN_WIDGET:
            attributes.append(("widget", "text_field"))
        # What the site says of this app's field counts most, then what it says of all, then the app.
        override = self.site.override(self.settings.app.id)
        own = {
            k: v
            for f in (override.fields if override else ())
            if f.id == spec.id
            for k, v in f.changes
        }
        label = own.get("label") or ask.label or spec.setting("label", "")
        value = own.get("value") or ask.value or spec.setting("value", "")
        help_text = own.get("help") or ask.help or spec.setting("help", "")
        if label:
            attributes.append(("label", label))
        if value:
            attributes.append(("value", as_text(value)))
        if spec.source == "account" and ask.required and ask.ask == "text":
            attributes.append(("required", True))
        if help_text:
            attributes.append(("help", help_text))
        return FormField(form_id, (*attributes, *spec.attributes))

    def _version_field(self, spec: FieldSpec) -> FormField:
        attributes: list[tuple[str, Any]] = [("widget", "select"), *_texts(spec)]
        wanted = spec.setting("value")
        ids = [v.id for v in self.settings.versions]
        if wanted is not None:
            if str(wanted) not in ids:
                self._error(
                    spec.span,
                    "field-default",
                    f"{quote(str(wanted))} is no version: {', '.join(ids)}",
                )
            attributes.insert(1, ("value", str(wanted)))
        options = []
        for version in self.settings.versions:
            away = [c.id for c in self.clusters if c.id not in version.clusters]
            marks = tuple(self._option_for(cluster, version.span) for cluster in away)
            options.append(FormOption(version.label, version.id, marks))
        return FormField(spec.id, (*attributes, *spec.attributes), tuple(options))

    def _cores_field(self, spec: FieldSpec) -> FormField:
        app = self.settings.app.resources
        first = self.offers[0]
        default = first.node.cores.default
        if app.cores_default is not None:
            default = app.cores_default
        if default is None:
            default = max(1, first.cores.start)
        help_text = spec.setting("help", "")
        if any(o.cores.start == 0 for o in self.offers) and not help_text:
            help_text = "Zero asks for the whole node."
        return self._number(spec, default, [o.cores for o in self.offers], help_text)

    def _gpus_field(self, spec: FieldSpec) -> FormField:
        limits = [o.gpus or range(1) for o in self.offers]
        return self._number(spec, self.offers[0].default_gpus, limits, spec.setting("help", ""))

    def _hours_field(self, spec: FieldSpec) -> FormField:
        site_default = self.clusters[0].hours.default
        default = (
            self.settings.app.resources.hours_default or site_default or self.offers[0].hours.start
        )
        limits = [o.hours for o in self.offers]
        return self._number(spec, default, limits, spec.setting("help", ""))

    def _number(
        self, spec: FieldSpec, default: int, limits: Sequence[range], help_text: str
    ) -> FormField:
        """A number field. Its own limits are the widest; the first choice's follow on the page."""
        form_id = self.ids[spec.id]
        wanted = spec.setting("value", default)
        if not isinstance(wanted, int) or isinstance(wanted, bool):
            self._error(spec.span, "field-default", f"{quote(wanted)} is not a whole number")
            wanted = default
        low, high = min(r.start for r in limits), max(r.stop - 1 for r in limits)
        attributes: list[tuple[str, Any]] = []
        if form_id not in _OWN_WIDGET:
            attributes.append(("widget", "number_field"))
        if spec.setting("label"):
            attributes.append(("label", spec.setting("label")))
        attributes += [("value", min(max(wanted, low), high)), ("min", low)]
        if high != NO_LIMIT_HOURS:
            attributes.append(("max", high))
        attributes.append(("step", 1))
        if form_id != "bc_num_hours":  # that one is required anyway
            attributes.append(("required", True))
        if help_text:
            attributes.append(("help", help_text))
        return FormField(form_id, (*attributes, *spec.attributes))

    # -- the node type field and everything that follows it -----------------------------------

    def _node_type_field(self, spec: FieldSpec) -> FormField:
        attributes: list[tuple[str, Any]] = [("widget", "select"), *_texts(spec)]
        wanted = spec.setting("value")
        if wanted is not None:
            if wanted not in self.node_ids:
                self._error(
                    spec.span,
                    "field-default",
                    f"{quote(wanted)} is no node type: {', '.join(self.node_ids)}",
                )
            attributes.insert(1, ("value", wanted))
        self._check_same_entries()
        marks: dict[str, list[tuple[str, Any]]] = {
            n: self._clusters_without(n) for n in self.node_ids
        }
        for source, limit_of in (
            ("cores", lambda o: o.cores),
            ("gpus", lambda o: o.gpus or range(1)),
            ("hours", lambda o: o.hours),
        ):
            self._add_limits(marks, source, limit_of)
        self._add_visibility(marks)
        options = tuple(
            FormOption(self._label(node_id), node_id, tuple(marks[node_id]))
            for node_id in self.node_ids
        )
        return FormField(spec.id, (*attributes, *spec.attributes), options)

    def _clusters_without(self, node_id: str) -> list[tuple[str, Any]]:
        having = {o.cluster.id for o in self.offers if o.node.id == node_id}
        span = self._of(node_id)[0].node.span
        return [self._option_for(c.id, span) for c in self.clusters if c.id not in having]

    def _option_for(self, cluster: str, span: Span) -> tuple[str, Any]:
        name = directives.option_for("cluster", cluster)
        if not directives.option_for_matches(name, "cluster", cluster, self._form_ids()):
            self._refuse_directive(name, span, cluster)
        return name, False

    def _add_limits(
        self,
        marks: dict[str, list[tuple[str, Any]]],
        source: str,
        limit_of: Callable[[Offer], range],
    ) -> None:
        """min and max of a number field for every option: one that is missing would be sticky."""
        spec = next((s for s in self.specs if s.source == source), None)
        if spec is None or len({limit_of(o) for o in self.offers}) == 1:
            return
        target = self.ids[spec.id]
        per_cluster = any(len({limit_of(o) for o in self._of(n)}) > 1 for n in self.node_ids)
        ranges = [limit_of(o) for o in self.offers]
        kinds = ["min"] if len({r.start for r in ranges}) > 1 else []
        kinds += ["max"] if len({r.stop for r in ranges}) > 1 else []
        for node_id in self.node_ids:
            for offer in self._of(node_id) if per_cluster else self._of(node_id)[:1]:
                limits = limit_of(offer)
                for kind in kinds:
                    value = limits.start if kind == "min" else limits.stop - 1
                    cluster = offer.cluster.id if per_cluster else ""
                    marks[node_id].append((self._limit(kind, target, cluster, offer), value))

    def _limit(self, kind: str, target: str, cluster: str, offer: Offer) -> str:
        name = directives.limit(kind, target, "cluster" if cluster else "", cluster)
        effect = directives.read(name, self._form_ids())
        good = (
            effect is not None
            and (effect.kind, effect.target) == (kind, target)
            and effect.condition == ("cluster" if cluster else "")
        )
        if good and cluster and effect is not None:
            hit = [c.id for c in self.clusters if directives.limit_matches(effect, c.id)]
            good = hit == [cluster]
        if not good:
            self._refuse_directive(name, offer.node.span, cluster)
        return name

    def _add_visibility(self, marks: dict[str, list[tuple[str, Any]]]) -> None:
        """Hide, and set, fields that mean nothing for a node type."""
        hidden: list[tuple[FieldSpec, Callable[[Offer], bool], Any]] = []
        for spec in self.specs:
            if spec.source == "gpus":
                hidden.append((spec, lambda o: o.gpus is not None, 0))
            elif spec.only_with_gpus:
                hidden.append((spec, lambda o: o.gpus is not None, spec.otherwise))
            elif spec.source == "queue":
                hidden.append((spec, lambda o: _takes(o, o.node.partition), None))
            elif spec.source == "qos":
                hidden.append((spec, lambda o: _takes(o, o.node.qos), None))
        for spec, shown, value in hidden:
            target = self.ids[spec.id]
            for node_id in self.node_ids:
                states = {shown(o) for o in self._of(node_id)}
                if len(states) > 1:
                    self._refuse_mixed(spec, node_id, shown)
                elif states == {False}:
                    marks[node_id].append(
                        (self._act(directives.hide(target), "hide", target, spec), True)
                    )
                    if value is not None:
                        name = self._act(directives.set_value(target), "set", target, spec)
                        marks[node_id].append((name, value))

    def _act(self, name: str, kind: str, target: str, spec: FieldSpec) -> str:
        if directives.read(name, self._form_ids()) != directives.Effect(kind, target):
            self._refuse_directive(name, spec.span, "")
        return name

    def _refuse_mixed(self, spec: FieldSpec, node_id: str, shown: Callable[[Offer], bool]) -> None:
        with_it = next(o for o in self._of(node_id) if shown(o))
        without = next(o for o in self._of(node_id) if not shown(o))
        self._error(
            without.node.span,
            "node-type-mixed",
            f"the node type {quote(node_id)} needs the field {quote(spec.id)} on {with_it.cluster.id} "
            f"and not on {without.cluster.id}; a form can show or hide it by node type only",
            "give the two clusters' node types different ids",
            (with_it.node.span, f"needs it ({with_it.cluster.id})"),
            (spec.span, "the field"),
        )

    def _refuse_directive(self, name: str, span: Span, cluster: str) -> None:
        if (cluster or span) in self._refused:
            return
        self._refused.add(cluster or span)
        about = (
            f"the form's JavaScript does not understand a limit for the cluster {quote(cluster)}"
            if cluster
            else "the form's JavaScript does not find the field"
        )
        hint = (
            "cluster ids with a digit after - or _, capitals, or the word `for` cannot carry limits: "
            "give the node types of each cluster ids of their own, or the same limits"
            if cluster
            else "no field's id may begin with another field's id here; rename one"
        )
        self._error(
            span,
            "directive-misread",
            f"{about}: {quote(name)} would do nothing, or something else",
            hint,
        )

    def _check_same_entries(self) -> None:
        for index, node_id in enumerate(self.node_ids):
            for other in self.node_ids[:index]:
                if directives.same_entry(node_id, other):
                    self._error(
                        self._of(node_id)[0].node.span,
                        "node-type-id",
                        f"the form's JavaScript cannot tell {quote(node_id)} from {quote(other)}",
                        "give them ids that differ in more than -, _ and capitals",
                        (self._of(other)[0].node.span, "the other"),
                    )

    def _label(self, node_id: str) -> str:
        offers = self._of(node_id)
        for offer in offers[1:]:
            if offer.node.label != offers[0].node.label:
                self._error(
                    offer.node.span,
                    "node-type-label",
                    f"the node type {quote(node_id)} is called {quote(offer.node.label)} on "
                    f"{offer.cluster.id} and {quote(offers[0].node.label)} on {offers[0].cluster.id}",
                    "a form has one label for a value: use the same, or another id",
                    (offers[0].node.span, "the other"),
                )
        return offers[0].node.label

    def _check_ids(self) -> None:
        ids = self._form_ids()
        for index, form_id in enumerate(ids):
            if form_id in ids[:index]:
                self._error(
                    self.settings.app.span,
                    "field-twice",
                    f"two fields would be called {quote(form_id)}",
                )

    # -- helpers ----------------------------------------------------------------------------

    def _of(self, node_id: str) -> list[Offer]:
        return [o for o in self.offers if o.node.id == node_id]

    def _form_ids(self) -> list[str]:
        # OOD puts `cluster` first where the form does not list it.
        listed = [self.ids[s.id] for s in self.specs]
        return listed if "cluster" in listed else ["cluster", *listed]

    def _error(
        self, span: Span, rule: str, message: str, hint: str = "", *related: tuple[Span, str]
    ) -> None:
        self.findings.append(error(span, rule, message, hint, *related))


def _takes(offer: Offer, fixed: str) -> bool:
    """Whether a queue or QOS that the user gives counts for an offer."""
    return SCHEDULERS[offer.cluster.scheduler].takes_queue and not fixed


def _texts(spec: FieldSpec) -> tuple[tuple[str, Any], ...]:
    return tuple((key, spec.setting(key)) for key in ("label", "help") if spec.setting(key))


def as_text(value: Any) -> str:
    """A value of YAML as a form holds it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _default(field: FormField) -> str:
    """What a browser without JavaScript posts for an untouched field."""
    value = dict(field.attributes).get("value")
    if value is not None:
        return as_text(value)
    if field.options:
        return field.options[0].value
    return "0" if dict(field.attributes).get("widget") == "check_box" else ""


__all__ = ["FormPlan", "plan_form"]
