"""The choices to evaluate: every one that decides resources, pairs of the rest, hostile texts.

A form of ten fields has more combinations than anyone can run. What decides resources (cluster,
node type, GPUs, cores) is taken in full; of all other fields every pair of values occurs with every
cluster, which is where faults of a switch are. The order, and the seed, are the same each time.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from ood_appgen.model.plan import STAND_IN
from ood_appgen.verify.form import Field, Form, State

# The most numbers of GPUs that are taken one by one.
_MANY_GPUS = 16
_CORES = ("num_cores", "cores", "auto_cores", "bc_num_slots", "num_cpus", "cpus", "ncpus")
_GPUS = ("num_gpus", "gpus", "gpu_count", "ngpus")
_NODE_TYPES = ("node_type", "node", "nodetype", "instance", "partition", "queue")

HOSTILE = (
    'it\'s "quoted"',
    'back\\slash \\n\\"',
    "$(touch /tmp/appgen-canary)",
    "`touch /tmp/appgen-canary`",
    "a; touch /tmp/appgen-canary #",
    "a: b",
    "- a",
    " # not a comment",
    "!!str &a *a {[",
    "<%= raise %>",
    "%s #{1 + 1} ${HOME}",
    "line\nbreak: true",
    "line\r\nbreak: true",
    "\u2028wide\u2028",
)


@dataclass(frozen=True, slots=True)
class Roles:
    """The fields that decide resources, by id; "" where the form has none."""

    cluster: str = "cluster"
    node_type: str = ""
    cores: str = ""
    gpus: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A choice to evaluate.

    `phase` is grid, pairs or text; for text `field` is the one that holds something hostile.
    """

    values: Mapping[str, str]
    phase: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many combinations the form allows, and how many pairs of values no choice brings about."""

    combinations: int
    grid: int
    pairs_missed: int


def guess_roles(form: Form) -> Roles:
    """The roles of a form that nobody planned, by the names and directives of its fields."""

    def named(names: Iterable[str], kinds: tuple[str, ...]) -> str:
        return next((n for n in names if (f := form.field(n)) and f.kind in kinds), "")

    node_type = named(_NODE_TYPES, ("select",))
    if not node_type:
        drives = sorted(
            (-len(acts), name) for name, acts in form.drivers.items() if name != "cluster"
        )
        node_type = drives[0][1] if drives else ""
    return Roles(
        "cluster", node_type, named(_CORES, ("number",)), named(_GPUS, ("number", "select"))
    )


def settle(form: Form, chosen: Mapping[str, str]) -> State:
    """The form's state for a choice, with every required text given."""
    given = {f.id: STAND_IN for f in form.fields if f.kind == "text" and f.required and not f.start}
    return form.settle(given | dict(chosen))


def grid(form: Form, roles: Roles) -> Iterator[Case]:
    """Every cluster x node type x GPUs, with the fewest, a middle and the most cores, and zero."""
    for place in places(form, roles):
        state = settle(form, place)
        for cores in _core_counts(state, roles.cores):
            for gpus in _values(form, state, roles.gpus) if roles.gpus else ("",):
                chosen = dict(place)
                if cores:
                    chosen[roles.cores] = cores
                if roles.gpus and roles.gpus not in state.hidden:
                    chosen[roles.gpus] = gpus
                yield Case(settle(form, chosen).values, "grid")


def count(form: Form, roles: Roles, pairs_missed: int) -> Count:
    """How many combinations of all values there are; a text counts as empty or given."""
    total = points = 0
    for place in places(form, roles):
        state = settle(form, place)
        sizes = []
        for field in form.fields:
            if field.id in place or field.id in state.hidden:
                continue
            if field.kind == "number":
                least, most = state.limits[field.id]
                sizes.append(most - least + 1 if least is not None and most is not None else 1)
            else:
                sizes.append(len(_values(form, state, field.id)))
        total += math.prod(max(size, 1) for size in sizes)
        gpus = len(_values(form, state, roles.gpus)) if roles.gpus else 1
        points += len(_core_counts(state, roles.cores)) * max(gpus, 1)
    return Count(total, points, pairs_missed)


def pairs(form: Form, roles: Roles, seed: int) -> tuple[list[Case], int]:
    """Choices in which every two values of two fields meet, for each cluster.

    With them, the number of pairs that the form does not let meet.
    """
    rows: list[Case] = []
    missed = 0
    all_places = list(places(form, roles))
    clusters = dict.fromkeys(place[roles.cluster] for place in all_places)
    for cluster in clusters:
        picker = random.Random(f"{seed} {cluster}")
        offers = [
            (place, _factors(form, settle(form, place), place))
            for place in all_places
            if place[roles.cluster] == cluster
        ]
        open_pairs: dict[tuple[tuple[str, str], tuple[str, str]], None] = {}
        for place, factors in offers:
            sets: list[tuple[str, tuple[str, ...]]] = list(factors.items())
            if roles.node_type:
                sets.insert(0, (roles.node_type, (place[roles.node_type],)))
            for (f, values), (g, others) in combinations(sets, 2):
                for v in values:
                    for w in others:
                        open_pairs[(f, v), (g, w)] = None
            if len(sets) == 1:  # nothing to pair: each value still occurs
                for v in sets[0][1]:
                    open_pairs[(sets[0][0], v), (sets[0][0], v)] = None
        while open_pairs:
            pair = next(iter(open_pairs))
            row = _row(form, roles, offers, pair, open_pairs, picker)
            met = 0
            for f, g in combinations([k for k in row if k != roles.cluster], 2):
                for key in (((f, row[f]), (g, row[g])), ((g, row[g]), (f, row[f]))):
                    if open_pairs.pop(key, 0) is None:
                        met += 1
            for f in row:
                if open_pairs.pop(((f, row[f]), (f, row[f])), 0) is None:
                    met += 1
            if pair in open_pairs:
                del open_pairs[pair]
                missed += 1
            if met:
                rows.append(Case(row, "pairs"))
    return rows, missed


def texts(form: Form, roles: Roles) -> Iterator[Case]:
    """Every hostile text in every field that takes text, on every cluster."""
    seen: set[str] = set()
    for place in places(form, roles):
        if place[roles.cluster] in seen:
            continue
        seen.add(place[roles.cluster])
        state = settle(form, place)
        for field in form.fields:
            if field.kind == "text" and field.id not in state.hidden:
                for text in HOSTILE:
                    yield Case({**state.values, field.id: text}, "text", field.id)


def places(form: Form, roles: Roles) -> Iterator[dict[str, str]]:
    """Every cluster and node type that the form lets a user choose."""
    cluster = form.field(roles.cluster)
    assert cluster is not None
    for name in [o.value for o in cluster.options] or [cluster.start]:
        if not roles.node_type:
            yield {roles.cluster: name}
            continue
        state = settle(form, {roles.cluster: name})
        for node in state.options.get(roles.node_type) or (state.values[roles.node_type],):
            yield {roles.cluster: name, roles.node_type: node}


def _core_counts(state: State, field: str) -> tuple[str, ...]:
    if not field or field in state.hidden:
        return ("",)
    least, most = state.limits[field]
    if least is None and most is None:
        return (state.values[field],)
    low = least if least is not None else 1
    high = most if most is not None else max(low, 1)
    one = max(low, 1)
    picked = {low, one, (one + high) // 2, high}
    return tuple(str(n) for n in sorted(picked) if low <= n <= high)


def _values(form: Form, state: State, field_id: str) -> tuple[str, ...]:
    """The values of a field that are tried; a hidden one has only what the form set."""
    field = form.field(field_id)
    assert field is not None
    if field_id in state.hidden or field.kind == "fixed":
        return (state.values[field_id],)
    if field.kind == "select":
        return state.options[field_id]
    if field.kind == "check":
        return ("0", "1")
    if field.kind == "number":
        least, most = state.limits[field_id]
        if least is None or most is None:
            return (state.values[field_id],)
        if most - least < _MANY_GPUS:
            return tuple(str(n) for n in range(least, most + 1))
        return (str(least), str((least + most) // 2), str(most))
    return _texts(field)


def _texts(field: Field) -> tuple[str, ...]:
    given = field.start or STAND_IN
    return (given,) if field.required else ("", given)


def _factors(form: Form, state: State, place: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    factors = {}
    for field in form.fields:
        if field.id in place or field.kind == "fixed" or field.id in state.hidden:
            continue
        values = _values(form, state, field.id)
        if field.kind == "number" and len(values) > 2:
            values = (values[0], values[-1])
        if field.kind == "number" and not field.required:
            values = ("", *values)
        factors[field.id] = values
    return factors


def _row(
    form: Form,
    roles: Roles,
    offers: list[tuple[dict[str, str], dict[str, tuple[str, ...]]]],
    pair: tuple[tuple[str, str], tuple[str, str]],
    open_pairs: Mapping[tuple[tuple[str, str], tuple[str, str]], None],
    picker: random.Random,
) -> dict[str, str]:
    fixed = dict(pair)
    fit = [
        (place, factors)
        for place, factors in offers
        if all(v == place.get(f) or v in factors.get(f, ()) for f, v in fixed.items())
    ]
    place, factors = picker.choice(fit)
    row = dict(place)
    row.update((f, v) for f, v in fixed.items() if f in factors)
    rest = [f for f in factors if f not in row]
    picker.shuffle(rest)
    for field in rest:
        values = list(factors[field])
        picker.shuffle(values)
        row[field] = max(values, key=lambda v: _meets(field, v, row, open_pairs))  # noqa: B023
    return dict(settle(form, row).values)


def _meets(
    field: str,
    value: str,
    row: Mapping[str, str],
    open_pairs: Mapping[tuple[tuple[str, str], tuple[str, str]], None],
) -> int:
    return sum(
        ((field, value), other) in open_pairs or (other, (field, value)) in open_pairs
        for other in row.items()
    )
