"""An app's form as its users meet it: which options, limits and hidden fields each choice leaves.

Read from form.yml alone, so that what the form offers can be held against what was planned. The
directives are read as Open OnDemand reads them (`directives`); what its JavaScript does with them
is in OSC/ondemand apps/dashboard/app/javascript/dynamic_forms.js, the fields that a form has by
itself in app/models/batch_connect/app.rb (add_cluster_widget) and app/lib/smart_attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ood_appgen import directives
from ood_appgen.directives import Effect
from ood_appgen.model.plan import STAND_IN

_NUMBERS = ("bc_num_hours", "bc_num_slots", "bc_num_nodes", "bc_vnc_idle", "auto_cores")
_CHECKED = ("check_box", "checkbox")


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a select: its value, and its directives as form.yml has them."""

    label: str
    value: str
    directives: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field. `kind` is select, check, number, text or fixed (the user cannot change it).

    `start` is what it holds before anyone touches it; `minimum` and `maximum` are the field's own.
    """

    id: str
    kind: str
    label: str
    start: str
    required: bool
    options: tuple[Option, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What the form shows and would post once some values are chosen.

    `options` are those shown, by select; `limits` the least and most, by number field.
    """

    values: Mapping[str, str]
    hidden: frozenset[str]
    options: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, tuple[int | None, int | None]]


@dataclass(frozen=True, slots=True)
class _Directive:
    """A directive of one option of one select, understood."""

    field: str
    option: str
    name: str
    effect: Effect
    value: Any


@dataclass(frozen=True)
class Form:
    """A form. `clusters` are those of the app in its order."""

    clusters: tuple[str, ...]
    fields: tuple[Field, ...]

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The fields' ids in order."""
        return tuple(f.id for f in self.fields)

    def field(self, field_id: str) -> Field | None:
        """The field with an id."""
        return self._by_id.get(field_id)

    @cached_property
    def _by_id(self) -> dict[str, Field]:
        return {f.id: f for f in self.fields}

    @cached_property
    def _directives(self) -> tuple[_Directive, ...]:
        found = []
        for field in self.fields:
            for option in field.options:
                for name, value in option.directives:
                    effect = directives.read(name, self.ids)
                    if effect is not None and (effect.target in self._by_id):
                        found.append(_Directive(field.id, option.value, name, effect, value))
        return tuple(found)

    @cached_property
    def drivers(self) -> dict[str, frozenset[str]]:
        """Fields that decide something about others: by field, those they act on."""
        acts: dict[str, set[str]] = {}
        for d in self._directives:
            if d.effect.kind == "option-for":
                acts.setdefault(d.effect.target, set()).add(d.field)
            else:
                acts.setdefault(d.field, set()).add(d.effect.target)
                if d.effect.condition:
                    acts.setdefault(d.effect.condition, set()).add(d.effect.target)
        return {field: frozenset(targets) for field, targets in acts.items()}

    @cached_property
    def _kept_out(self) -> dict[tuple[str, str, str], frozenset[str]]:
        """By select, deciding field and its value: the options that are not shown."""
        out: dict[tuple[str, str, str], set[str]] = {}
        for d in self._directives:
            decider = self._by_id[d.effect.target]
            if d.effect.kind != "option-for":
                continue
            exclusive = d.name.startswith("data-exclusive")
            plain = d.name.replace("data-exclusive-", "data-", 1)
            for value in (o.value for o in decider.options):
                matches = directives.option_for_matches(plain, decider.id, value, self.ids)
                keeps_out = (not matches) if exclusive else (matches and d.value is False)
                if keeps_out:
                    out.setdefault((d.field, decider.id, value), set()).add(d.option)
        return {key: frozenset(options) for key, options in out.items()}

    @cached_property
    def _deciders(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for select, decider, _value in self._kept_out:
            found.setdefault(select, {})[decider] = None
        return {select: tuple(deciders) for select, deciders in found.items()}

    @cached_property
    def _acting(self) -> dict[tuple[str, str], tuple[_Directive, ...]]:
        acting: dict[tuple[str, str], list[_Directive]] = {}
        for d in self._directives:
            if d.effect.kind in ("hide", "set", "min", "max"):
                acting.setdefault((d.field, d.option), []).append(d)
        return {key: tuple(found) for key, found in acting.items()}

    def shown_options(self, field_id: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """The options of a select that are shown while other fields hold `values`."""
        out: set[str] = set()
        for decider in self._deciders.get(field_id, ()):
            out |= self._kept_out.get((field_id, decider, values[decider]), frozenset())
        return tuple(o.value for o in self._by_id[field_id].options if o.value not in out)

    def settle(self, chosen: Mapping[str, str]) -> State:
        """What the form makes of a choice; fields that are not chosen start as they start.

        Fields are followed in form order until nothing changes. A number out of its limits goes to
        the nearer one. Where two options limit one field, the narrower limit is taken (the
        JavaScript takes the later event's, which depends on the order of the user's clicks).
        """
        values = {f.id: f.start for f in self.fields} | dict(chosen)
        for _ in range(len(self.fields) + 1):
            before = dict(values)
            options: dict[str, tuple[str, ...]] = {}
            hidden: set[str] = set()
            limits = {f.id: (f.minimum, f.maximum) for f in self.fields if f.kind == "number"}
            for field in self.fields:
                if field.kind == "select":
                    shown = self.shown_options(field.id, values)
                    options[field.id] = shown
                    if values[field.id] not in shown and shown:
                        values[field.id] = shown[0]
            directed: dict[tuple[str, str], int] = {}
            for field in self.fields:
                for d in self._acting.get((field.id, values[field.id]), ()):
                    self._act(d, values, hidden, directed)
            for (kind, target), number in directed.items():
                if target in limits:
                    least, most = limits[target]
                    limits[target] = (number, most) if kind == "min" else (least, number)
            for name, (least, most) in limits.items():
                values[name] = _clamp(values[name], least, most)
            if values == before:
                break
        return State(values, frozenset(hidden), options, limits)

    def _act(
        self,
        d: _Directive,
        values: dict[str, str],
        hidden: set[str],
        directed: dict[tuple[str, str], int],
    ) -> None:
        target = d.effect.target
        if d.effect.kind == "hide":
            if d.value is True or d.value == "true":
                hidden.add(target)
        elif d.effect.kind == "set":
            values[target] = _text(d.value)
        elif not d.effect.condition or directives.limit_matches(
            d.effect, values[d.effect.condition]
        ):
            number = _number(d.value)
            if number is not None:
                key = (d.effect.kind, target)
                narrower = max if d.effect.kind == "min" else min
                directed[key] = narrower(directed.get(key, number), number)


def read_form(data: Mapping[str, Any]) -> Form:
    """The form that form.yml's data makes. Raises ValueError where it makes none."""
    clusters = tuple(str(c) for c in _list(data.get("cluster")) if c)
    if not clusters:
        raise ValueError("it names no cluster")
    attributes = data.get("attributes") or {}
    layout = data.get("form") or []
    if not isinstance(attributes, Mapping) or not isinstance(layout, list):
        raise ValueError('"form" must be a list and "attributes" a mapping')
    ids = list(dict.fromkeys(str(item).lower() for item in _flatten(layout)))
    if "cluster" not in ids:
        ids.insert(0, "cluster")
    return Form(
        clusters, tuple(_field(field_id, attributes.get(field_id), clusters) for field_id in ids)
    )


def _field(field_id: str, given: Any, clusters: tuple[str, ...]) -> Field:
    if field_id == "bc_vnc_resolution":
        # Only sites with native VNC clients show it; elsewhere it is a fixed nothing.
        return Field(field_id, "fixed", "", "", False)
    if given is not None and not isinstance(given, Mapping):
        return Field(field_id, "fixed", "", _text(given), False)
    options: dict[str, Any] = dict(given or {})
    if field_id == "cluster":
        base = {"widget": "select", "options": [[c, c] for c in clusters], "label": "Cluster"}
        if len(clusters) == 1:
            base = {"widget": "hidden_field", "value": clusters[0]}
        options = base | options
    label = str(options.get("label") or field_id)
    start = _text(options.get("value"))
    if options.get("fixed"):
        return Field(field_id, "fixed", label, start, False)
    widget = str(options.get("widget") or "text_field")
    required = bool(options.get("required"))
    if field_id in _NUMBERS or widget in ("number_field", "range_field"):
        required = required or field_id == "bc_num_hours"
        own_least = 0 if field_id == "bc_vnc_idle" else (1 if field_id in _NUMBERS else None)
        least = _number(options["min"]) if "min" in options else own_least
        return Field(
            field_id,
            "number",
            label,
            start or ("1" if field_id in _NUMBERS else ""),
            required,
            minimum=least,
            maximum=_number(options.get("max")),
        )
    if field_id == "bc_email_on_started" or widget in _CHECKED:
        return Field(field_id, "check", label, start or "0", required)
    if widget in ("select", "radio_button", "radio"):
        choices = tuple(_option(o) for o in _list(options.get("options")))
        if choices:
            values = [c.value for c in choices]
            first = start if start in values else values[0]
            return Field(field_id, "select", label, first, required, choices)
    if widget == "hidden_field":
        return Field(field_id, "fixed", label, start, False)
    if field_id.startswith("auto_"):  # a select of what the user has: accounts, queues, groups
        return Field(field_id, "text", label, start or STAND_IN, True)
    return Field(field_id, "text", label, start, required)


def _option(given: Any) -> Option:
    if not isinstance(given, list):
        return Option(_text(given), _text(given), ())
    texts = [item for item in given if not isinstance(item, Mapping)]
    found = [pair for item in given if isinstance(item, Mapping) for pair in item.items()]
    label = _text(texts[0]) if texts else ""
    value = _text(texts[1]) if len(texts) > 1 else label
    return Option(label, value, tuple((str(k), v) for k, v in found))


def _clamp(value: str, least: int | None, most: int | None) -> str:
    number = _number(value)
    if number is None:
        return value
    if least is not None and number < least:
        return str(least)
    if most is not None and number > most:
        return str(most)
    return value


def _number(value: Any) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _flatten(items: Iterable[Any]) -> Iterable[Any]:
    for item in items:
        if isinstance(item, list):
            yield from _flatten(item)
        elif isinstance(item, Mapping):
            for inner in item.values():
                yield from _flatten(inner if isinstance(inner, list) else [inner])
        else:
            yield item
