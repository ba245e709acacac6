"""OOD's form directives (`data-max-num-cores-for-cluster-pitzer`): written, and read as OOD reads them.

The form's JavaScript finds fields by words in a directive's name, and drops in silence what it
cannot find or finds wrongly. `read` follows it step by step, so that a directive that is about to
be written can be asked what it will really do. Source: OSC/ondemand
apps/dashboard/app/javascript/dynamic_forms.js (mountainCaseWords, snakeCaseWords, idFromToken,
parseMinMaxFor, parseCheckedWhen, sharedToggleOptionsFor, cacheAliases), read at 4.2.3.

`fields` are the ids of the page's elements, in its order. Whoever knows more of them than the form's
fields (each has a wrapper, radio buttons have one each) gets an answer that is true to the letter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

_MOUNTAIN = re.compile(r"[-_]([a-z])|([_-][0-9])|(/)")
_SNAKE = re.compile(r"[A-Z][a-z]*[0-9]*|[^-_]+")
_CAMEL = re.compile(r"-([a-z])")
_LIMIT_FOR = re.compile(r"([A-Za-z0-9_]+)For([A-Za-z0-9_]+)")
_CHECKED_WHEN = re.compile(r"([A-Za-z0-9_]+)When([A-Za-z0-9_]+)")
_KINDS = {
    "optionFor": "option-for",
    "exclusiveOptionFor": "exclusive-option-for",
    "max": "max",
    "min": "min",
    "set": "set",
    "hide": "hide",
    "label": "label",
    "alias": "alias",
    "help": "help",
}
_STEMS = {kind: stem for stem, kind in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Effect:
    """What a directive does: `kind` is hide, set, min, max, label, help, alias or option-for.

    `target` is the field acted on (for option-for: the field that decides). `condition` and
    `value` are those of a `-for-FIELD-VALUE` clause; `value` is in the JavaScript's own form.
    """

    kind: str
    target: str
    condition: str = ""
    value: str = ""


def option_for(field: str, value: str) -> str:
    """Name of the directive that hides an option (with `false`) while `field` has `value`."""
    return f"data-option-for-{_word(field)}-{_word(value)}"


def limit(kind: str, target: str, field: str = "", value: str = "") -> str:
    """Name of a `min` or `max` directive, for one value of another field where that is given."""
    clause = f"-for-{_word(field)}-{_word(value)}" if field else ""
    return f"data-{kind}-{_word(target)}{clause}"


def hide(target: str) -> str:
    """Name of the directive that hides a field."""
    return f"data-hide-{_word(target)}"


def set_value(target: str) -> str:
    """Name of the directive that sets a field."""
    return f"data-set-{_word(target)}"


@lru_cache(maxsize=8192)
def kind_of(name: str) -> str:
    """The kind of a directive by its first word: as in `Effect`, and exclusive-option-for; or ""."""
    key = _dataset_key(name)
    return next((kind for stem, kind in _KINDS.items() if key.startswith(stem)), "")


def read(name: str, fields: Sequence[str]) -> Effect | None:
    """What OOD's JavaScript makes of a directive on a form with these fields; None: nothing."""
    kind = kind_of(name)
    if not kind:
        return None
    rest = _dataset_key(name).removeprefix(_STEMS[kind])
    if kind == "alias":
        return Effect("alias", "")
    if kind in ("min", "max"):
        return _read_limit(kind, rest, fields)
    target = _id_from_token(rest, fields)
    if not target:
        return None
    return Effect("option-for" if kind == "exclusive-option-for" else kind, target)


def read_checked_when(name: str, fields: Sequence[str]) -> tuple[bool, Effect | None]:
    """What becomes of a check box's `data-hide-FIELD-when-checked`; `value` is the state that counts.

    The first is whether the name can be read at all: where it cannot, the JavaScript fails, and
    no directive after it counts. States other than checked are unchecked.
    """
    match = _CHECKED_WHEN.fullmatch(_dataset_key(name).removeprefix("hide"))
    if match is None:
        return False, None
    target = _id_from_token(match[1], fields)
    state = "checked" if match[2].lower() == "checked" else "unchecked"
    return True, Effect("hide", target, value=state) if target else None


def named_exactly(name: str, target: str) -> bool:
    """Whether a directive names a field in full, and not another one that begins like it.

    Conditions and values, which follow it, are not looked at.
    """
    kind = kind_of(name)
    rest = _dataset_key(name).removeprefix(_STEMS[kind]) if kind else ""
    token = _mountain(target)
    if kind in ("option-for", "exclusive-option-for"):
        return rest.startswith(token)
    return rest == token or (
        kind in ("min", "max", "hide") and rest.startswith((f"{token}For", f"{token}When"))
    )


def wanted_field(name: str) -> str:
    """The field that a person would read in a directive, as far as words alone can tell."""
    kind = kind_of(name)
    word = name.lower().removeprefix("data-").removeprefix(f"{kind}-")
    if kind in ("min", "max"):
        word = word.partition("-for-")[0]
    return word.partition("-when-")[0].replace("-", "_")


def wanted_condition(name: str, field: str) -> str | None:
    """The value that a person would read behind a field's name in a directive; None: not there."""
    kind = kind_of(name)
    rest = name.lower().removeprefix("data-").removeprefix(kind)
    if kind in ("min", "max"):
        rest = rest.partition("-for")[2]
    word = f"-{field.replace('_', '-')}-"
    return rest.removeprefix(word) if rest.startswith(word) else None


def plain(value: str) -> str:
    """A value with all that directives write in other ways made alike."""
    return re.sub(r"[_/. ]", "-", value.lower())


def entry(value: str) -> str:
    """Where the JavaScript's tables keep an option's value."""
    return _snake(value)


def can_be_condition(value: str) -> bool:
    """Whether a limit's clause can name a value: lower-case words, none with `for` in it."""
    clause = f"max-n-for-cluster-{_word(value)}"
    return read(clause, ("n", "cluster")) == Effect("max", "n", "cluster", _snake(value))


def same_entry(first: str, second: str) -> bool:
    """Whether two option values share one entry in the JavaScript's tables of limits."""
    return _snake(first) == _snake(second)


def limit_matches(effect: Effect, value: str) -> bool:
    """Whether a conditional limit applies while the condition's field has `value`."""
    return effect.value == _snake(value)


def option_for_matches(
    name: str, field: str, value: str, fields: Sequence[str], alias: str = ""
) -> bool:
    """Whether an option-for directive (also an exclusive one) is the one for `field` at `value`.

    `alias` is what the option's own select calls that value (`read_alias`).
    """
    kind = kind_of(name)
    if kind not in ("option-for", "exclusive-option-for"):
        return False
    key, stem = _dataset_key(name), _STEMS[kind]
    if _id_from_token(key.removeprefix(stem), fields) != field:
        return False
    first = next((t for t in map(_mountain, fields) if key.startswith(f"{stem}{t}")), None)
    shown = _mountain(value)
    if shown[:1].isdigit():
        shown = f"-{shown}"
    # Where there is no alias the JavaScript looks for the name without a value.
    return key in (f"{stem}{first}{shown}", f"{stem}{first}{alias}")


def could_match(name: str, field: str) -> bool:
    """Whether an option-for directive can be met by any value of a field at all."""
    kind = kind_of(name)
    rest = _dataset_key(name).removeprefix(_STEMS[kind] + _mountain(field)) if kind else ""
    return not (rest[:1].islower() or rest[:1].isdigit())


def read_alias(name: str) -> str:
    """The word that a `data-alias-WORD` directive stands for, as `option_for_matches` wants it."""
    return _dataset_key(name).removeprefix("alias")


def _word(text: str) -> str:
    return text.lower().replace("_", "-").replace("/", "_")


@lru_cache(maxsize=8192)
def _dataset_key(name: str) -> str:
    return _CAMEL.sub(lambda m: m[1].upper(), name.lower().removeprefix("data-"))


@cache
def _mountain(text: str) -> str:
    lower = text.lower()

    def replace(match: re.Match[str]) -> str:
        letter, number, _slash = match.groups()
        if letter:
            return str(letter).upper()
        return str(number).replace("_", "-") if number else "_"

    return lower[:1].upper() + _MOUNTAIN.sub(replace, lower[1:])


@cache
def _snake(text: str) -> str:
    return "_".join(word.lower() for word in _SNAKE.findall(text))


def _id_from_token(text: str, fields: Sequence[str]) -> str:
    found = [_snake(token) for token in map(_mountain, fields) if text.startswith(token)]
    if len(found) > 1:
        found = [name for name in found if name.endswith(_snake(text))]
    # A name that does not survive the two conversions is no element of the page.
    return found[0] if found and found[0] in fields else ""


def _read_limit(kind: str, key: str, fields: Sequence[str]) -> Effect | None:
    match = _LIMIT_FOR.fullmatch(key)
    if match is None:
        target = _id_from_token(key, fields)
        return Effect(kind, target) if target else None
    target = _id_from_token(match[1], fields)
    if not target:
        return None
    tokens = re.findall(r"^[^A-Z]+|[A-Z][^A-Z]*", match[2])
    if len(tokens) == 2:
        return Effect(kind, target, _id_from_token(tokens[0], fields), _snake(tokens[1]))
    if len(tokens) < 2:
        return Effect(kind, target)  # a condition without a value is none
    for count in range(1, len(tokens) + 1):
        condition = _id_from_token("".join(tokens[:count]), fields)
        if condition:
            return Effect(kind, target, condition, _snake("".join(tokens[count:])))
    return Effect(kind, target)
