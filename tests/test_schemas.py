"""The schemas themselves, and the two programs that read them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from fuzz_inputs import mutations
from ood_appgen import api, source
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


# -- what the schemas say of keys that are left out -------------------------------------------------

_SITE = {
    "site": "Test",
    "ondemand": "4.1",
    "account": {"ask": "text"},
    "hours": {"max": 8},
    "modules": {},
    "mounts": {
        "home": {"path": "/home"},
        "claim": {"pvc": {"name": "claim", "size_mb": 1}, "to": "/claim"},
        "settings": {"configmap": {"name": "settings"}, "to": "/settings"},
        "keys": {"secret": {"name": "keys"}, "to": "/keys"},
        "scratch": {"empty_dir": {}, "to": "/scratch"},
        "disk": {"ephemeral": {"size_mb": 1}, "to": "/disk"},
    },
    "clusters": {
        "hpc": {
            "scheduler": "slurm",
            "node_types": {"any": {"cores": {"max": 4}}, "gpu": {"cores": {"max": 4}, "gpus": {}}},
        },
        "pods": {
            "scheduler": "kubernetes",
            "before": "host=h port=1 password=p\necho\n",
            "wall_time": "unlimited",
            "requests": {},
            "mounts": ["home", "claim", "settings", "keys", "scratch", "disk"],
            "forbid": {},
            "priority_classes": {"urgent": {"value": 1}},
            "pod": {
                "priority_class": "urgent",
                "tolerations": [{"key": "gpu"}],
                "environment_from": [{"secret": "site"}],
            },
            "node_types": {
                "pod": {
                    "cores": {"max": 4},
                    "memory_mb": 4000,
                    "gpus": {},
                    "compute_cluster": "hpc",
                }
            },
        },
    },
    "compute_clusters": {"hpc": {"modules": {}}},
    "apps": {"one": {"fields": {"note": {}}, "versions": {"1.0": {}}}},
}
_APP = {
    "id": "one",
    "title": "One",
    "form": [
        {"id": "cluster", "from": "clusters"},
        {"id": "account", "from": "account"},
        {"id": "bc_num_hours", "from": "hours"},
        {"id": "node_type", "from": "node_types"},
        {"id": "num_cores", "from": "cores"},
        {"id": "num_gpus", "from": "gpus"},
        {"id": "version", "from": "versions"},
        {"id": "note", "widget": "text_field"},
    ],
    "versions": [{"id": "1.0", "modules": ["one/1.0"]}],
    "connection": {},
    "container": {"image": "one:1", "port": 8080},
    "pod": {"tolerations": [{"key": "app"}]},
    "environment_from": [{"name": "ONE", "secret": "app", "key": "one", "file": "/etc/one"}],
    "mounts": [
        {"name": "own", "path": "/own"},
        {"name": "own-claim", "pvc": {"name": "own", "size_mb": 1}, "to": "/a", "directory": "/a"},
        {"name": "own-settings", "configmap": {"name": "own"}, "to": "/b", "directory": "/b"},
        {"name": "own-keys", "secret": {"name": "own"}, "to": "/c", "directory": "/c"},
        {"name": "own-scratch", "empty_dir": {}, "to": "/d"},
        {"name": "own-disk", "ephemeral": {"size_mb": 1}, "to": "/e"},
    ],
    "init": [
        {
            "name": "clone",
            "image": "alpine/git",
            "git": {
                "repository": "https://example.org/one.git",
                "into": "own-scratch",
                "credentials": {"secret": "git"},
            },
        }
    ],
    "scripts": {"script": "exec one\necho\n"},
    "view": {"kind": "link"},
}
# Where in these each key with a default is written; the name of a definition stands for its first use.
_PLACES = {
    "site": {
        "account": "account",
        "hours": "hours",
        "modules": "modules",
        "mount": "mounts.home",
        "mount.pvc": "mounts.claim.pvc",
        "mount.configmap": "mounts.settings.configmap",
        "mount.secret": "mounts.keys.secret",
        "mount.empty_dir": "mounts.scratch.empty_dir",
        "mount.ephemeral": "mounts.disk.ephemeral",
        "gpus": "clusters.hpc.node_types.gpu.gpus",
        "gpus.resource": "clusters.pods.node_types.pod.gpus.resource",
        "whole_node": "clusters.hpc.whole_node",
        "node_type": "clusters.hpc.node_types.any",
        "cluster": "clusters.pods",
        "cluster.priority_classes.*": "clusters.pods.priority_classes.urgent",
        "toleration": "clusters.pods.pod.tolerations.0",
        "environment_source": "clusters.pods.pod.environment_from.0",
        "app_override": "apps.one",
        "field_override": "apps.one.fields.note",
        "version_override": "apps.one.versions.1/0",
    },
    "app": {
        "own_mount": "mounts.0",
        "own_mount.pvc": "mounts.1.pvc",
        "own_mount.configmap": "mounts.2.configmap",
        "own_mount.secret": "mounts.3.secret",
        "own_mount.empty_dir": "mounts.4.empty_dir",
        "own_mount.ephemeral": "mounts.5.ephemeral",
        "init": "init.0",
        "toleration": "pod.tolerations.0",
        "environment_source": "environment_from.0",
    },
}


def _defaults(part: Any, path: str) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    if isinstance(part, dict):
        if "default" in part and ("type" in part or "enum" in part or "anyOf" in part):
            found.append((path, part))
        for name, inner in part.get("properties", {}).items():
            found += _defaults(inner, f"{path}.{name}".lstrip("."))
        found += _defaults(part.get("additionalProperties"), f"{path}.*")
        found += _defaults(part.get("items"), f"{path}.*")
    return found


def _all_defaults() -> list[tuple[str, str, dict[str, Any]]]:
    found = []
    for name, places in _PLACES.items():
        schema = load_schema(name)
        found += [(name, *item) for item in _defaults(schema, "")]
        for key, part in schema["$defs"].items():
            for path, described in _defaults(part, key):
                known = max((p for p in places if f"{path}.".startswith(f"{p}.")), key=len)
                found.append((name, places[known] + path.removeprefix(known), described))
    return found


def test_many_keys_have_a_default() -> None:
    assert len(_all_defaults()) >= 50


def _another(described: dict[str, Any]) -> Any:
    """Another value than the default."""
    value = described["default"]
    if "enum" in described:
        return next(v for v in described["enum"] if v != value)
    if "anyOf" in described:
        return next(v for v in described["examples"] if v != value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + (1 if value != described.get("maximum") else -1)
    return f"{value}x"


def _render(folder: Path, site: Any, app: Any) -> tuple[list[str], dict[str, bytes]]:
    (folder / "apps/one").mkdir(parents=True)
    (folder / "site.yml").write_text(json.dumps(site))
    (folder / "apps/one/app.yml").write_text(json.dumps(app))
    result = api.render_apps([folder / "apps/one"], folder / "site.yml")
    files = {f.path: f.content for a in result.apps for f in a.files if f.path != "README.md"}
    return [f.format() for f in result.findings], files


@pytest.mark.parametrize(
    ("file", "place", "described"),
    [pytest.param(*item, id=f"{item[0]}:{item[1]}") for item in _all_defaults()],
)
def test_a_default_is_what_a_key_that_is_left_out_means(
    file: str, place: str, described: dict[str, Any], tmp_path: Path
) -> None:
    def with_value(folder: str, value: Any) -> tuple[list[str], dict[str, bytes]]:
        site, app = copy.deepcopy(_SITE), copy.deepcopy(_APP)
        part: Any = site if file == "site" else app
        *above, key = (word.replace("/", ".") for word in place.split("."))
        for word in above:
            part = part[int(word)] if isinstance(part, list) else part.setdefault(word, {})
        assert key not in part
        part[key] = value
        return _render(tmp_path / folder, site, app)

    left_out = _render(tmp_path / "left-out", _SITE, _APP)
    assert left_out[0] == []
    assert with_value("default", described["default"]) == left_out
    # The key is read there: another value makes another app, or is refused.
    assert with_value("other", _another(described)) != left_out


def test_both_schemas_have_the_same_words_for_pods() -> None:
    site, app = (load_schema(name)["$defs"] for name in ("site", "app"))
    shared = sorted({*site} & {*app})
    assert {"environment_source", "limits", "pod", "requests", "toleration"} <= {*shared}
    for name in shared:
        assert site[name] == app[name], name
    own = copy.deepcopy(app["own_mount"])
    assert own["required"] == ["name"]
    del own["properties"]["name"]
    assert own["properties"] == site["mount"]["properties"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_definition_is_used(name: str) -> None:
    schema = load_schema(name)
    used = json.dumps(schema)
    assert [d for d in schema.get("$defs", {}) if f'"#/$defs/{d}"' not in used] == []
