"""Values that are known only when a user submits: what a submit file computes, as data.

A small closed set of expressions. Each is printed as Ruby by `encode.ruby` and evaluated in Python
here; the tests hold both to the same result on every choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Literal:
    """A value known when the app is rendered: text, number, boolean or list of texts."""

    value: Any


@dataclass(frozen=True, slots=True)
class FormText:
    """What a field of the form holds, without blanks around it."""

    field: str


@dataclass(frozen=True, slots=True)
class FormNumber:
    """A whole number that a field of the form holds."""

    field: str


@dataclass(frozen=True, slots=True)
class Local:
    """A name that the submit file has given a value before."""

    name: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A column of the chosen node type's row; None where the row has none."""

    name: str


@dataclass(frozen=True, slots=True)
class ComputeFact:
    """A fact of the compute cluster that the chosen node type acts like."""

    name: str


@dataclass(frozen=True, slots=True)
class Person:
    """Of the user who submits, or of `user`: name, home, uid or gid."""

    fact: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class StagedRoot:
    """The session's directory."""


@dataclass(frozen=True, slots=True)
class Product:
    """factor * factor // divisor, in whole numbers."""

    left: Expr
    right: Expr
    divisor: int = 1


@dataclass(frozen=True, slots=True)
class Join:
    """Texts and expressions, one after the other."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """The first unless that is None."""

    first: Expr
    second: Expr


@dataclass(frozen=True, slots=True)
class IsZero:
    """Condition: a number is zero."""

    number: Expr


@dataclass(frozen=True, slots=True)
class IsPositive:
    """Condition: a number is larger than zero."""

    number: Expr


@dataclass(frozen=True, slots=True)
class IsGiven:
    """Condition: a value is neither None nor empty."""

    value: Expr


@dataclass(frozen=True, slots=True)
class IsLabel:
    """Condition on text: YAML and Kubernetes take it for a label without quotes."""

    value: Expr


@dataclass(frozen=True, slots=True)
class Not:
    """Condition: another one does not hold."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class All:
    """Condition: all of several hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Quoted:
    """A text with quotes around it as part of its value (for adapters that print it raw)."""

    value: Expr


@dataclass(frozen=True, slots=True)
class If:
    """One of two values."""

    condition: Condition
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class ListPart:
    """Items of a list: expressions, or a list-valued column; only where `when` holds."""

    items: Expr | tuple[Expr, ...]
    when: Condition | None = None
    otherwise: tuple[Expr, ...] | None = None


@dataclass(frozen=True, slots=True)
class Concat:
    """A list made of parts."""

    parts: tuple[ListPart, ...]


Condition = IsZero | IsPositive | IsGiven | IsLabel | Not | All
Expr = (
    Literal
    | FormText
    | FormNumber
    | Local
    | Fact
    | ComputeFact
    | Person
    | StagedRoot
    | Product
    | Join
    | Either
    | Quoted
    | If
    | Concat
)

# What YAML 1.1 readers (Psych, Kubernetes' own) take for something other than text.
LABEL_WORDS = ("y", "n", "yes", "no", "on", "off", "true", "false", "null")


@dataclass(frozen=True)
class Environment:
    """What expressions are evaluated against: one user's choice.

    `people` maps "" (the submitting user) and other user names to their name, home, uid and gid.
    """

    form: Mapping[str, str]
    row: Mapping[str, Any]
    compute: Mapping[str, Any]
    people: Mapping[str, Mapping[str, Any]]
    staged_root: str
    names: Mapping[str, Any]


def evaluate(expr: Expr, env: Environment) -> Any:
    """The value of an expression, as Ruby computes it from what `encode.ruby` prints."""
    match expr:
        case Literal(value):
            return value
        case FormText(field):
            return env.form.get(field, "").strip(" \t\n\v\f\r\0")
        case FormNumber(field):
            return int(env.form.get(field, "") or 0)
        case Local(name):
            return env.names[name]
        case Fact(name):
            return env.row.get(name)
        case ComputeFact(name):
            return env.compute.get(name)
        case Person(fact, user):
            return env.people[user][fact]
        case StagedRoot():
            return env.staged_root
        case Product(left, right, divisor):
            return (evaluate(left, env) or 0) * (evaluate(right, env) or 0) // divisor
        case Join(parts):
            return "".join(_text(evaluate(part, env)) for part in parts)
        case Either(first, second):
            value = evaluate(first, env)
            return evaluate(second, env) if value is None else value
        case Quoted(value):
            return f'"{evaluate(value, env)}"'
        case If(condition, then, otherwise):
            return evaluate(then if holds(condition, env) else otherwise, env)
        case Concat(parts):
            return [item for part in parts for item in _items(part, env)]


def holds(condition: Condition, env: Environment) -> bool:
    """Whether a condition is true."""
    match condition:
        case IsZero(number):
            return bool(evaluate(number, env) == 0)
        case IsPositive(number):
            return bool(evaluate(number, env) > 0)
        case IsGiven(Fact() | ComputeFact() as fact):
            return evaluate(fact, env) is not None
        case IsGiven(value):
            return evaluate(value, env) not in (None, "")
        case IsLabel(value):
            text = str(evaluate(value, env))
            return text[:1].isalpha() and text[:1].isascii() and text.lower() not in LABEL_WORDS
        case Not(inner):
            return not holds(inner, env)
        case All(conditions):
            return all(holds(inner, env) for inner in conditions)


def _items(part: ListPart, env: Environment) -> list[Any]:
    items: Expr | tuple[Expr, ...] = part.items
    if part.when is not None and not holds(part.when, env):
        if part.otherwise is None:
            return []
        items = part.otherwise
    if isinstance(items, tuple):
        return [evaluate(item, env) for item in items]
    return list(evaluate(items, env) or ())


def _text(value: Any) -> str:
    return "" if value is None else str(value)
