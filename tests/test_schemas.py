"""The schemas themselves, and the two programs that read them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from fuzz_inputs import mutations
from ood_appgen import source
from ood_appgen.resources import SCHEMAS, load_schema
from samples import ROOT


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one_and_has_a_name_that_stays(name: str) -> None:
    schema = load_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"https://ood-appgen.github.io/schemas/v1/{name}.schema.json"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_property_is_described_with_an_example_that_fits(name: str) -> None:
    schema = load_schema(name)
    seen = 0
    for path, part in _properties(schema, ""):
        whole = _resolve(part, schema)
        described = part.get("description") or whole.get("description")
        assert described, path
        examples = part.get("examples") or whole.get("examples")
        assert examples, path
        for example in examples:
            check = {"$schema": schema["$schema"], "$defs": schema.get("$defs", {}), **part}
            assert not list(Draft202012Validator(check).iter_errors(example)), (path, example)
        seen += 1
    assert seen > 5


# Parts that say when something holds, not what may be written.
_CONDITIONS = (
    "examples",
    "if",
    "then",
    "allOf",
    "not",
    "anyOf",
    "propertyNames",
    "dependentSchemas",
)


def _properties(schema: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    if isinstance(schema, dict):
        for name, part in schema.get("properties", {}).items():
            if isinstance(part, dict) and part != {"not": {}}:
                found.append((f"{path}.{name}", part))
        for key, part in schema.items():
            if key not in _CONDITIONS and not key.startswith("only_"):
                found += _properties(part, f"{path}/{key}")
    return found


def _resolve(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").removeprefix("#/$defs/")
    return schema["$defs"][name] if name else part


def test_both_validators_say_the_same() -> None:
    """The compiled one decides, the other explains: they must agree on every document."""
    pairs = {
        name: (
            jsonschema_rs.Draft202012Validator(load_schema(name)),
            Draft202012Validator(load_schema(name)),
        )
        for name in ("site", "app")
    }
    verdicts = []
    for texts in mutations(7, 400):
        for name, text in zip(("site", "app"), texts, strict=True):
            document, _ = source.read_text(text, name)
            if document is None:
                continue
            compiled, explaining = pairs[name]
            verdict = compiled.is_valid(document.data)
            assert verdict == explaining.is_valid(document.data), json.dumps(document.data)[:2000]
            verdicts.append(verdict)
    assert 50 < sum(verdicts) < len(verdicts) - 50


def test_editors_are_told_where_the_schemas_are() -> None:
    for path in (ROOT / "sample_apps").rglob("*.yml"):
        first = path.read_text().split("\n")[0]
        assert first.startswith("# yaml-language-server: $schema="), path
        assert (path.parent / first.split("=", 1)[1]).is_file(), path
