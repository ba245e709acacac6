"""Documents against JSON Schemas, with the findings at the line of the key or value they concern.

A schema may carry `x-error`, a sentence that replaces the validator's own where that would not
help ("an id starts with a letter ..."). It stands beside the keyword that fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from ood_appgen.diagnostics import Diagnostic, Span, error, quote
from ood_appgen.resources import load_schema
from ood_appgen.source import Document, PathKey

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

_TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
# What a text would be without its quotes.
_PLAIN = {
    "integer": "[-+]?(0|[1-9][0-9]*)",
    "number": "[-+]?[0-9]+([.][0-9]+)?",
    "boolean": "true|false",
}


def validate(document: Document, schema: str) -> list[Diagnostic]:
    """All findings of the schema called `schema` (see `resources.SCHEMAS`) in `document`."""
    rule = f"{schema}-schema"
    if document.data is None:
        return [error(Span(document.path, 1, 1), rule, "the file is empty")]
    if _compiled(schema, None).is_valid(document.data):
        return []
    found: list[Diagnostic] = []
    for problem in _leaves(_validator(schema, None).iter_errors(document.data)):
        found.extend(_describe(problem, document, rule))
    return found


def check_data(data: Any, schema: str, definition: str | None = None) -> list[str]:
    """Findings in data of our own making, as `path: message` lines.

    `definition` picks one of the schema's `$defs`: the shape that this data must have.
    """
    if _compiled(schema, definition).is_valid(data):
        return []
    problems = _leaves(_validator(schema, definition).iter_errors(data))
    return [
        f"{'.'.join(map(str, p.absolute_path)) or '(top)'}: {_sentence(p) or p.message}"
        for p in problems
    ]


# Two validators: a compiled one says yes or no (most documents are valid, and a site with many node
# types has thousands); the one in Python says why, and is imported only then.


@cache
def _compiled(schema: str, definition: str | None) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_part(schema, definition))


@cache
def _validator(schema: str, definition: str | None) -> Draft202012Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_part(schema, definition))


def _part(schema: str, definition: str | None) -> dict[str, Any]:
    whole = load_schema(schema)
    if definition is None:
        return whole
    return {"$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": f"#/$defs/{definition}"}


def property_names(schema: str) -> Iterator[str]:
    """All keys that a schema names, at any depth."""
    todo: list[Any] = [_part(schema, None)]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            if isinstance(part.get("properties"), dict):
                yield from part["properties"]
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)


def _leaves(problems: Iterable[ValidationError]) -> Iterator[ValidationError]:
    """The findings that say something: those inside anyOf/oneOf unless the schema has a sentence."""
    for problem in problems:
        branches = list(problem.context or ())
        if not branches or _sentence(problem):
            yield problem
            continue
        # Of the alternatives, the one whose top-level type fits is the one the user meant.
        by_branch: dict[Any, list[ValidationError]] = {}
        for inner in branches:
            by_branch.setdefault(inner.schema_path[0], []).append(inner)
        fitting = [
            group
            for group in by_branch.values()
            if not any(e.validator == "type" and not e.path for e in group)
        ]
        chosen = sorted(fitting, key=lambda group: len(group))[:1]
        yield from _leaves(chosen[0] if chosen else branches[:1])


def _sentence(problem: ValidationError) -> str:
    schema = problem.schema
    return str(schema.get("x-error", "")) if isinstance(schema, dict) else ""


def _describe(problem: ValidationError, document: Document, rule: str) -> Iterator[Diagnostic]:
    schema: dict[str, Any] = problem.schema if isinstance(problem.schema, dict) else {}
    instance: Any = problem.instance
    wanted: Any = problem.validator_value
    path: PathKey = tuple(problem.absolute_path)
    span = document.key_span(path) if instance is None else document.span(path)
    what = _name(path)
    kind = str(problem.validator)
    if kind == "additionalProperties" and isinstance(instance, dict):
        known = list(schema.get("properties", {}))
        patterns = schema.get("patternProperties", {})
        for key in instance:
            if key not in known and not any(re.search(p, key) for p in patterns):
                yield _unknown_key(document, (*path, key), known, rule)
        return
    if "propertyNames" in problem.absolute_schema_path and isinstance(instance, str):
        yield error(
            document.key_span((*path, instance)),
            rule,
            f"{quote(instance)} cannot be a name in {what}",
            _sentence(problem),
        )
        return
    if kind == "required":
        missing = next(
            k for k in wanted if k not in instance and problem.message.startswith(repr(k))
        )
        known = list(schema.get("properties", {}))
        strays = [key for key in instance if key not in known]
        if any(_nearest(key, known) == missing for key in strays):
            return  # misspelt: said once, at the key itself
        yield error(
            document.key_span(path),
            rule,
            f"{what} needs a key {quote(missing)}",
            _first_sentence(schema.get("properties", {}).get(missing, {})),
        )
        return
    shown = quote(document.raw.get(path, instance))
    if isinstance(instance, dict | list):
        shown = "a list" if isinstance(instance, list) else "a mapping"
    sentence = _sentence(problem)
    if sentence and kind not in ("type", "minLength"):
        yield error(span, rule, f"{what} is {shown}: {sentence}")
    elif kind == "type":
        names = [wanted] if isinstance(wanted, str) else list(wanted)
        needed = " or ".join(_TYPE_NAMES[n] for n in names)
        scalar = not isinstance(instance, dict | list) and instance is not None
        hint = "put it in quotes" if "string" in names and scalar else ""
        given = "empty" if instance is None else shown
        if isinstance(instance, bool | int | float):
            given = document.raw.get(path, str(instance))
            given += ", which is read as a number" if not isinstance(instance, bool) else ""
        elif isinstance(instance, str) and "string" not in names:
            given = f"the text {shown}"
            fits = any(re.fullmatch(_PLAIN[n], instance) for n in names if n in _PLAIN)
            hint = "remove the quotes" if fits else ""
        yield error(span, rule, f"{what} must be {needed}, but is {given}", hint)
    elif kind in ("enum", "const"):
        values = [str(v) for v in (wanted if kind == "enum" else [wanted])]
        yield error(
            span,
            rule,
            f"{what} must be one of {', '.join(values)}, but is {shown}",
            did_you_mean(str(instance), values),
        )
    elif kind in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        word = "at least" if "inimum" in kind else "at most"
        yield error(span, rule, f"{what} must be {word} {wanted}, but is {shown}")
    elif kind in ("minItems", "minProperties", "minLength"):
        yield error(span, rule, f"{what} must not be empty")
    elif kind == "pattern":
        example = next(iter(schema.get("examples", ())), "")
        hint = f"{_first_sentence(schema)}; for example {quote(example)}" if example else ""
        yield error(span, rule, f"{what} cannot be {shown}", hint)
    elif kind == "uniqueItems":
        twice = next((i for i, item in enumerate(instance) if item in instance[:i]), 0)
        place = document.span((*path, twice))
        yield error(
            place, rule, f"{what} names {quote(instance[twice])} twice", "delete one of them"
        )
    elif kind in ("not", "dependentRequired", "anyOf", "oneOf", "maxProperties"):
        yield error(span, rule, f"{what} does not fit: {_first_sentence(schema)}")
    else:
        yield error(span, rule, f"{what}: {problem.message}")


def _unknown_key(document: Document, path: PathKey, known: list[str], rule: str) -> Diagnostic:
    hint = did_you_mean(str(path[-1]), known)
    if not hint and known:
        hint = f"known keys: {', '.join(sorted(known))}"
    return error(
        document.key_span(path),
        rule,
        f"{quote(path[-1])} is not a key of {_name(path[:-1])}",
        hint,
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` for the nearest known word, or nothing."""
    nearest = _nearest(word, known)
    return f"did you mean {quote(nearest)}?" if nearest else ""


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib

    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)), "")


def _name(path: PathKey) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"


def _first_sentence(schema: Any) -> str:
    text = schema.get("description", "") if isinstance(schema, dict) else ""
    return str(text).split(". ")[0].rstrip(".")
