"""What a new form brings its users, in their words: "pitzer: hugemem now up to 96 cores".

Read from the two forms alone, through the model of Open OnDemand's form that `verify` has: so it says
what users will see, and not what somebody meant to change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ood_appgen import source
from ood_appgen.verify import choices
from ood_appgen.verify.form import Form, State, read_form
from ood_appgen.writer import AppChanges

_FORM = "form.yml"
# As many node types are named one by one.
_FEW = 3
_UNITS = {"cores": "core", "gpus": "GPU", "hours": "hour"}


@dataclass(frozen=True)
class _Place:
    """What one node type of one cluster offers: limits by unit, and the choices of each select."""

    limits: Mapping[str, tuple[int, int]]
    options: Mapping[str, tuple[str, ...]]
    hidden: frozenset[str]


@dataclass(frozen=True)
class _Offer:
    form: Form
    roles: choices.Roles
    places: Mapping[tuple[str, str], _Place]


def find(apps: Sequence[AppChanges]) -> dict[str, list[str]]:
    """The ids of the apps that each news is of; to be asked before anything is written."""
    found: dict[str, list[str]] = {}
    for app in apps:
        change = next((c for c in app.changes if c.path == _FORM), None)
        if change is None or change.kind not in ("update", "merge"):
            continue
        new = next(f.content for f in app.files if f.path == _FORM)
        try:
            texts = ((app.target / _FORM).read_bytes().decode(), new.decode())
        except (OSError, UnicodeDecodeError):
            continue
        for text in describe(*texts):
            found.setdefault(text, []).append(app.target.name)
    return found


def describe(old: str, new: str) -> list[str]:
    """The news between two texts of form.yml; nothing where either cannot be read, as in conflict."""
    before, after = _read(old), _read(new)
    if before is None or after is None:
        return []
    return [*_describe_places(before, after), *_describe_fields(before.form, after.form)]


def _read(text: str) -> _Offer | None:
    document, findings = source.read_text(text, "form.yml")
    if document is None or findings or not isinstance(document.data, dict):
        return None
    try:
        form = read_form(document.data)
    except ValueError:
        return None
    if form.field("cluster") is None:
        return None
    roles = choices.guess_roles(form)
    places = {}
    for place in choices.places(form, roles):
        state = choices.settle(form, place)
        key = (place[roles.cluster], place.get(roles.node_type, ""))
        places[key] = _read_place(form, roles, state)
    return _Offer(form, roles, places)


def _read_place(form: Form, roles: choices.Roles, state: State) -> _Place:
    limits = {}
    for unit, name in (("cores", roles.cores), ("gpus", roles.gpus), ("hours", "bc_num_hours")):
        least, most = state.limits.get(name, (None, None))
        if name and name not in state.hidden and least is not None and most is not None:
            limits[unit] = (least, most)
    known = {roles.cluster, roles.node_type}
    options = {f: o for f, o in state.options.items() if f not in known and f not in state.hidden}
    return _Place(limits, options, state.hidden)


def _describe_places(before: _Offer, after: _Offer) -> Iterator[str]:
    clusters = dict.fromkeys(c for c, _ in (*before.places, *after.places))
    for cluster in clusters:
        old = {n: p for (c, n), p in before.places.items() if c == cluster}
        new = {n: p for (c, n), p in after.places.items() if c == cluster}
        if not old:
            names = ", ".join(_label(after, n) for n in new if n)
            yield f"{cluster} is new" + (f": {names}" if names else "")
        elif not new:
            yield f"{cluster} is gone"
        else:
            yield from _describe_cluster(cluster, before, after, old, new)


def _describe_cluster(
    cluster: str,
    before: _Offer,
    after: _Offer,
    old: Mapping[str, _Place],
    new: Mapping[str, _Place],
) -> Iterator[str]:
    for node in new:
        if node not in old:
            most = new[node].limits.get("cores", (0, 0))[1]
            upto = f", up to {_count(most, 'core')}" if most else ""
            yield f"{cluster}: {_label(after, node)} is new{upto}"
    for node in old:
        if node not in new:
            yield f"{cluster}: {_label(before, node)} is gone"
    both = [n for n in new if n in old]
    said: dict[str, list[str]] = {}
    for node in both:
        for text in _compare(after.form, old[node], new[node]):
            said.setdefault(text, []).append(node)
    for text, nodes in said.items():
        if len(nodes) == len(both) and len(nodes) > 1:
            yield f"{cluster}: {text}"
        elif len(nodes) > _FEW and len(nodes) >= len(both) - 2:
            others = ", ".join(_label(after, n) for n in both if n not in nodes)
            yield f"{cluster}: all but {others} {text}"
        else:
            names = ", ".join(_label(after, n) for n in nodes if n)
            yield f"{cluster}: {names} {text}" if names else f"{cluster}: {text}"


def _compare(form: Form, old: _Place, new: _Place) -> Iterator[str]:
    for unit, word in _UNITS.items():
        if unit in old.limits and unit in new.limits:
            (least, most), (low, high) = old.limits[unit], new.limits[unit]
            if most != high:
                yield f"now up to {_count(high, word)} (before: {most})"
            if least != low:
                yield f"now from {_count(low, word)} (before: {least})"
        elif unit in new.limits:
            yield f"now with up to {_count(new.limits[unit][1], word)}"
        elif unit in old.limits:
            yield f"no longer asks for {word}s"
    for field, options in new.options.items():
        known = old.options.get(field)
        if known is None:
            continue
        label = _field_label(form, field)
        added = [o for o in options if o not in known]
        gone = [o for o in known if o not in options]
        if added:
            yield f"{label} has {_join(added)} now"
        if gone:
            yield f"{label} has {_join(gone)} no more"


def _describe_fields(before: Form, after: Form) -> Iterator[str]:
    for field in after.fields:
        if field.kind != "fixed" and before.field(field.id) is None:
            yield f"the form now asks for {_field_label(after, field.id)}"
    for field in before.fields:
        if field.kind != "fixed" and after.field(field.id) is None:
            yield f"the form no longer asks for {_field_label(before, field.id)}"
    for field in after.fields:
        old = before.field(field.id)
        if old is not None and old.kind == field.kind == "text" and old.start != field.start:
            yield f'{_field_label(after, field.id)} starts with "{field.start}" now'


def _label(offer: _Offer, node: str) -> str:
    """A node type as users choose it, with its id where the two differ much."""
    field = offer.form.field(offer.roles.node_type)
    label = next((o.label for o in field.options if o.value == node), node) if field else node
    return node if label.lower() == node.lower() else f"{label} ({node})"


def _field_label(form: Form, name: str) -> str:
    field = form.field(name)
    return f'"{field.label or name}"' if field else f'"{name}"'


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _join(words: Iterable[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
