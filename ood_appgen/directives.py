"""OOD's form directives (`data-max-num-cores-for-cluster-pitzer`): written, and read as OOD reads them.

The form's JavaScript finds fields by words in a directive's name, and drops in silence what it
cannot find or finds wrongly. `read` follows it step by step, so that a directive that is about to
be written can be asked what it will really do. Source: OSC/ondemand
apps/dashboard/app/javascript/dynamic_forms.js (mountainCaseWords, snakeCaseWords, idFromToken,
parseMinMaxFor, sharedToggleOptionsFor), read at 4.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

_MOUNTAIN = re.compile(r"[-_]([a-z])|([_-][0-9])|(/)")
_SNAKE = re.compile(r"[A-Z][a-z]*[0-9]*|[^-_]+")
_CAMEL = re.compile(r"-([a-z])")


@dataclass(frozen=True, slots=True)
class Effect:
    """What a directive does: `kind` is hide, set, min, max, label, help or option-for.

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


def read(name: str, fields: Sequence[str]) -> Effect | None:
    """What OOD's JavaScript makes of a directive on a form with these fields; None: nothing."""
    key = _dataset_key(name)
    for kind in ("optionFor", "exclusiveOptionFor"):
        if key.startswith(kind):
            target = _id_from_token(key.removeprefix(kind), fields)
            return Effect("option-for", target) if target else None
    if key.startswith("alias"):
        return Effect("alias", "")
    for kind in ("min", "max"):
        if key.startswith(kind):
            return _read_limit(kind, key[len(kind) :], fields)
    for kind in ("hide", "set", "label", "help"):
        if key.startswith(kind):
            target = _id_from_token(key[len(kind) :], fields)
            return Effect(kind, target) if target else None
    return None


def same_entry(first: str, second: str) -> bool:
    """Whether two option values share one entry in the JavaScript's tables of limits."""
    return _snake(first) == _snake(second)


def limit_matches(effect: Effect, value: str) -> bool:
    """Whether a conditional limit applies while the condition's field has `value`."""
    return effect.value == _snake(value)


def option_for_matches(name: str, field: str, value: str, fields: Sequence[str]) -> bool:
    """Whether an option-for directive hides its option while `field` has `value`."""
    key = _dataset_key(name)
    effect = _read_option_for(key, fields)
    if effect is None or effect.target != field:
        return False
    first = next((t for t in map(_mountain, fields) if key.startswith(f"optionFor{t}")), None)
    shown = _mountain(value)
    if shown[:1].isdigit():
        shown = f"-{shown}"
    # The JavaScript also looks for an alias, which is empty where there is none.
    return key in (f"optionFor{first}{shown}", f"optionFor{first}")


def _word(text: str) -> str:
    return text.lower().replace("_", "-").replace("/", "_")


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


def _read_option_for(key: str, fields: Sequence[str]) -> Effect | None:
    target = _id_from_token(key.removeprefix("optionFor"), fields)
    return Effect("option-for", target) if target else None


def _read_limit(kind: str, key: str, fields: Sequence[str]) -> Effect | None:
    match = re.match(r"([A-Za-z0-9_]+)For([A-Za-z0-9_]+)$", key)
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
