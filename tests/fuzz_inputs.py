"""Damaged and merely odd site.yml and app.yml texts, the same ones for the same seed.

Two kinds. Text mutations break lines, indents and scalars of the sample files: the reader and the
schemas must say what is wrong. Data mutations mostly stay within the schemas (values are made from
them), so that they reach the models, the planner, the templates and the final checks.
"""

from __future__ import annotations

import copy
import io
import json
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ood_appgen.resources import load_schema

SAMPLES = Path(__file__).resolve().parent.parent / "sample_apps"
SITES = ("site.yml", "sites/arc/site.yml", "sites/cloud/site.yml")
APPS = ("codeserver", "data-mover", "desktop", "jupyter", "notebook-from-git", "pytorch", "rstudio")
# Every app's scripts and icons by the names that the samples use.
FILES = {
    "before.sh": b'echo "before ${port}"\n',
    "script.sh": b"sleep 60\n",
    "clean.sh": b"echo clean\n",
    "icon.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>\n',
}
DEEP = 10_000
SURROGATE = "\ud800"  # half a character: YAML can escape it, and no file can hold it

# fmt: off
# As they stand in a file.
HOSTILE_TEXTS = (
    *("~", "null", "''", '""', "yes", "no", "on", "y", "010", "0x1f", "0b1", "0o7", "1_000", "-0"),
    *("1:30", "190:20:30", "2024-01-01", "2024-01-01T00:00:00Z", ".inf", "-.inf", ".nan", "NaN"),
    *("1e3", "1.", ".5", "9" * 30, "9" * 5000, "-1", "0", "3.10", "1e999", "=", "<<", "- a"),
    *("&a x", "*a", "!!str 1", "!!int x", "!!float x", "!!binary x", "!!set {a}", "!ruby/object x"),
    *("!!timestamp x", "!!python/name:os.system", "!!omap [a: 1]", "!<tag:yaml.org,2002:bool> x"),
    *("!!null x", "!!bool x", "!!map x", "!!seq x", "! x", "!e!x y", "%YAML 9.9", "--- a", "..."),
    *("[", "]", "{", "}", "[[[]]]", "{a: {b: [c]}}", "[{}]", "{?: }", "? a", "{a, b}", "[a: b]"),
    *('"', "'", '"\\x00"', '"\\u2028"', '"\\ud800"', '"\\q"', '"a\\\nb"', "|", ">", "|9", ">-",
      "|+"),
    *("a: b", "a #b", "#", ":", "-", "?", "@x", "`x`", "%x", "\t", "a\tb", "\x07", "\x85",
      "\ufeff"),
    *("<%= 1 %>", "<% x %>", "%>", "-%>", "{{ 7*7 }}", "{% x %}", "{## x ##}", "${HOME}", "$(id)"),
    *("`id`", "'; id; '", "#{7*7}", "<b>", "&amp;", "😀", "é", "\u202eabc", "\x7f", "\\", "a\\nb"),
    *("{user}", "{compute_cluster}", "{", "{}", "{{}", "}{", "{home", "../../etc/passwd", "/",
      "x.sh"),
    *("[" * 50, "{a: " * 50, "- " * 50),
)
# As data: most of them pass for one line of text.
HOSTILE_VALUES: tuple[Any, ...] = (
    *("", " ", "a b", "'", '"', "a'b\"c", "\\", "a\\", "#{7*7}", "<%= 7*7 %>", "<%% x %%>", "%>"),
    *("-%>", "{{ 7*7 }}", "{% raw %}", "{## x ##}", "${HOME}", "$(id)", "`id`", "a;b", "a|b",
      "a&b"),
    *("<b>&amp;</b>", "]]>", "--", "-x", "@x", "~", "null", "yes", "no", "010", "1:30",
      "2024-01-01"),
    *("{", "}", "{}", "{user}", "{home}", "{compute_cluster}", "{uid}{gid}", "{port", "host}",
      "{a b}"),
    *("é", "😀", "\u202eabc", "\u2028", "\x85", "\x07", "\x00", "\t", "a\nb", "\n", "a\n\nb\n",
      "\ufeff", *[SURROGATE] * 3),
    *("|", ">", "|x", "? a", ": a", "- a", "a: b", "a #b", "#a", "&a", "*a", "!a", "%a", "x" * 300),
    *(None, True, False, 0, 1, -1, 2**31, 10**30, 0.5, float("inf"), float("nan"), [], {}, [[]]),
    *([None], [1], {"a": 1}, {"": ""}, {"a b": None}, [{"a": []}], ["a", "a"]),
)
WORDS = (
    *("a", "b", "c", "x1", "h100s", "a_b", "a__b", "a_", "a-b", "a.b", "a/b", "A", "Ab", "A-1",
      "a-1"),
    *("1", "0", "10", "2.0", "for", "for-x", "cluster", "node_type", "cores", "gpus", "hours",
      "account"),
    *("method", "select", "end", "id", "class", "label", "value", "node", "native", "user", "p",
      "in"),
    *("bc_num_hours", "bc_num_slots", "auto_accounts", "bc_email_on_started", "bc_vnc_idle",
      "widget"),
    *("owens", "pitzer", "kubernetes", "arc", "any", "hugemem", "compute", "home", "project",
      "apps"),
    *("/x", "/x y", "{home}", "{home}/x", "/{user}/x", "/{compute_cluster}", "/{host}/{port}",
      "/'"),
    *("python", "python/3.12", "osc.edu/role", "example.org/x", "matlab:1", "none", "icon.svg",
      "fa://x"),
    *("fas fa-book", "v1", "demo/demo:1", "docker.example.org:5000/x", "amd.com/gpu", "true",
      "1000"),
)
NUMBERS = (0, 1, 1, 2, 3, 4, 8, 28, 48, 64, 100, 1000, 8760, 65535, 99999)
# fmt: on


def mutations(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """`count` pairs of a site.yml and an app.yml text."""
    rng = random.Random(seed)
    for _ in range(count):
        site, app = _base(rng)
        kind = rng.random()
        if kind < 0.3:  # the text of one of the two
            texts = [_dump(site, rng), _dump(app, rng)]
            target = rng.randrange(2)
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                texts[target] = rng.choice(TEXT_MUTATORS)(texts[target], rng)
            yield texts[0], texts[1]
            continue
        wild = kind < 0.5
        for _ in range(rng.choice((1, 1, 2, 3, 5))):
            data, schema = (site, "site") if rng.random() < 0.5 else (app, "app")
            _change(data, schema, rng, wild)
        yield _dump(site, rng), _dump(app, rng)


# -- the samples, made small ----------------------------------------------------------------------


@cache
def _samples() -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
    yaml = YAML(typ="safe", pure=True)
    sites = tuple(yaml.load((SAMPLES / name).read_text(encoding="utf-8")) for name in SITES)
    apps = (yaml.load((SAMPLES / "apps" / a / "app.yml").read_text(encoding="utf-8")) for a in APPS)
    return sites, tuple(apps)


def _base(rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sample site and a sample app, with a part of what they have: it is YAML that takes time."""
    sites, apps = _samples()
    site, app = copy.deepcopy(rng.choice(sites)), copy.deepcopy(rng.choice(apps))
    clusters, mounts = site["clusters"], site.setdefault("mounts", {})
    _keep(clusters, rng.choice((1, 1, 1, 2, len(clusters))), rng)
    for cluster in clusters.values():
        _keep(cluster["node_types"], rng.choice((1, 1, 2, 3)), rng)
        if "mounts" in cluster:
            cluster["mounts"] = rng.sample(cluster["mounts"], min(2, len(cluster["mounts"])))
    offered = {n for cluster in clusters.values() for n in cluster["node_types"]}
    site["node_types"] = {k: v for k, v in site.get("node_types", {}).items() if k in offered}
    mounted = {m for cluster in clusters.values() for m in cluster.get("mounts", ())}
    mounted |= {m for m in app.get("mounts", ()) if isinstance(m, str)} & {*mounts}
    mounted |= {m for o in site["apps"].values() for m in o.get("mounts", ())}
    if "apps" in mounts and mounted:
        mounted.add("apps")  # the compute clusters name that one
    else:
        site.pop("compute_clusters", None)
    site["mounts"] = {k: v for k, v in mounts.items() if k in mounted}
    site["apps"] = {k: v for k, v in site["apps"].items() if k == app["id"]}
    for override in site["apps"].values():
        override.pop("clusters", None)
        override.pop("node_types", None)
        for version in override.get("versions", {}).values():
            version.pop("clusters", None)
    app["scripts"] = {name: f"{name}.sh" for name in app["scripts"]}
    needed = ("account", "node_types", "versions")
    named = {f for override in site["apps"].values() for f in override.get("fields", ())}
    app["form"] = [
        f for f in app["form"] if f.get("from") in needed or f["id"] in named or rng.random() < 0.5
    ]
    return site, app


def _keep(mapping: dict[str, Any], count: int, rng: random.Random) -> None:
    for name in rng.sample(list(mapping), max(0, len(mapping) - count)):
        del mapping[name]


def _dump(data: Any, rng: random.Random) -> str:
    """YAML in one of two styles; JSON is one, and quick to write."""
    if rng.random() < 0.9:
        return json.dumps(data, ensure_ascii=False, indent=1).replace(SURROGATE, "\\ud800")
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    yaml.default_flow_style = rng.choice((False, None))
    yaml.width = 200
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue().removeprefix("%YAML 1.1\n").replace(SURROGATE, "?")


# -- text -----------------------------------------------------------------------------------------


def _lines_mutator(change: Callable[[list[str], int, random.Random], None]) -> Callable[..., str]:
    def mutate(text: str, rng: random.Random) -> str:
        lines = text.split("\n")
        change(lines, rng.randrange(len(lines)), rng)
        return "\n".join(lines)

    return mutate


def _delete_line(lines: list[str], at: int, rng: random.Random) -> None:
    del lines[at : at + rng.choice((1, 1, 2, 5))]


def _duplicate_line(lines: list[str], at: int, rng: random.Random) -> None:
    lines.insert(rng.choice((at, rng.randrange(len(lines)))), lines[at])


def _swap_lines(lines: list[str], at: int, rng: random.Random) -> None:
    other = rng.randrange(len(lines))
    lines[at], lines[other] = lines[other], lines[at]


def _indent_line(lines: list[str], at: int, rng: random.Random) -> None:
    lines[at] = rng.choice((" ", "  ", "\t", "    ", "- ")) + lines[at]


def _outdent_line(lines: list[str], at: int, rng: random.Random) -> None:
    lines[at] = lines[at][rng.choice((1, 2, 4)) :]


def _replace_scalar(lines: list[str], at: int, rng: random.Random) -> None:
    key, colon, rest = lines[at].partition(":")
    hostile = rng.choice(HOSTILE_TEXTS)
    comma = "," if rest.endswith(",") else ""
    lines[at] = f"{key}: {hostile}{comma}" if colon else hostile + comma


def _replace_key(lines: list[str], at: int, rng: random.Random) -> None:
    key, colon, rest = lines[at].partition(":")
    indent = key[: len(key) - len(key.lstrip())]
    lines[at] = f"{indent}{rng.choice(HOSTILE_TEXTS)}{colon}{rest}"


def _insert_text(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice(HOSTILE_TEXTS) + text[at:]


def _delete_text(text: str, rng: random.Random) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] + text[at + rng.choice((1, 1, 2, 10, 100)) :]


def _cut_text(text: str, rng: random.Random) -> str:
    return text[: rng.randrange(len(text) + 1)]


def _whole_text(text: str, rng: random.Random) -> str:
    if rng.random() < 0.1:
        return rng.choice(("{a: " * DEEP, "- " * DEEP, "id: " + "{? " * DEEP, "[" * 200))
    return rng.choice(
        ("", "\n", "# x\n", "---\n", "--- a", "null", "[]", "{}", "a", "1", "\ufeff" + text)
        + ("---\n" + text, text + "\n---\n" + text, text.replace("\n", "\r\n"), text + "\n...\nx")
        + (
            text.replace("\n", "\r"),
            text.upper(),
            text.replace(" ", "\t"),
            rng.choice(HOSTILE_TEXTS),
        )
    )


TEXT_MUTATORS: tuple[Callable[[str, random.Random], str], ...] = (
    *map(_lines_mutator, (_delete_line, _duplicate_line, _swap_lines, _indent_line, _outdent_line)),
    *[_lines_mutator(_replace_scalar)] * 4,
    _lines_mutator(_replace_key),
    _insert_text,
    _delete_text,
    _cut_text,
    _whole_text,
)


# -- data -----------------------------------------------------------------------------------------


def _change(data: dict[str, Any], schema: str, rng: random.Random, wild: bool) -> None:
    """One change of one part; a wild one cares nothing for the schema."""
    root = load_schema(schema)
    places = list(_places(data, root, root))
    # Every depth alike: most values of a site lie deep, in lists of node types.
    depth = rng.choice(sorted({d for d, *_ in places}))
    _, parent, key, part = rng.choice([p for p in places if p[0] == depth])
    value = parent[key]
    if wild:
        _change_wildly(parent, key, rng)
    elif isinstance(value, dict) and rng.random() < 0.8:
        _change_mapping(value, part, root, rng)
    elif isinstance(value, list) and rng.random() < 0.8:
        _change_list(value, part, root, rng)
    elif rng.random() < 0.15 and isinstance(parent, dict):
        del parent[key]
    else:
        parent[key] = make(part, root, rng)


def _change_wildly(parent: Any, key: Any, rng: random.Random) -> None:
    what = rng.random()
    if what < 0.6:
        parent[key] = copy.deepcopy(rng.choice(HOSTILE_VALUES))
    elif what < 0.75:
        del parent[key]
    elif isinstance(parent, dict):
        name = rng.choice((*WORDS, *(v for v in HOSTILE_VALUES if isinstance(v, str))))
        parent[name] = parent.pop(key) if what < 0.9 else parent[key]
    else:
        parent.insert(rng.randrange(len(parent) + 1), parent[key])


def _change_mapping(
    data: dict[str, Any], part: dict[str, Any], root: dict[str, Any], rng: random.Random
) -> None:
    known = part.get("properties", {})
    absent = [k for k in known if k not in data]
    if data and rng.random() < 0.15:
        del data[rng.choice(list(data))]
    elif absent:
        name = rng.choice(absent)
        data[name] = make(known[name], root, rng)
    elif isinstance(part.get("additionalProperties"), dict):
        name = rng.choice([w for w in WORDS if _fits(w, part.get("propertyNames", {}))] or ["a"])
        old = rng.choice(list(data.values())) if data and rng.random() < 0.5 else None
        made = make(part["additionalProperties"], root, rng)
        data[name] = copy.deepcopy(old) if old is not None else made


def _change_list(
    data: list[Any], part: dict[str, Any], root: dict[str, Any], rng: random.Random
) -> None:
    what = rng.random()
    if data and what < 0.2:
        del data[rng.randrange(len(data))]
    elif data and what < 0.4:
        rng.shuffle(data)
    elif data and what < 0.5:
        data.append(copy.deepcopy(rng.choice(data)))
    else:
        data.insert(rng.randrange(len(data) + 1), make(part.get("items", {}), root, rng))


def _places(
    data: Any, part: dict[str, Any], root: dict[str, Any], depth: int = 1
) -> Iterator[tuple[int, Any, Any, dict[str, Any]]]:
    """Each part of the data with its place in what holds it, and its schema."""
    part = _resolve(part, root, data)
    items: list[tuple[Any, Any, dict[str, Any]]] = []
    if isinstance(data, dict):
        known, other = part.get("properties", {}), part.get("additionalProperties")
        other = other if isinstance(other, dict) else {}
        items = [(k, v, known.get(k, other)) for k, v in data.items()]
    elif isinstance(data, list):
        items = [(i, v, part.get("items", {})) for i, v in enumerate(data)]
    for key, value, inner in items:
        yield depth, data, key, _resolve(inner, root, value)
        yield from _places(value, inner, root, depth + 1)


def _resolve(part: dict[str, Any], root: dict[str, Any], data: Any) -> dict[str, Any]:
    while "$ref" in part:
        part = root["$defs"][part["$ref"].rsplit("/", 1)[1]]
    for branch in part.get("anyOf", ()):
        inner = _resolve(branch, root, data)
        wanted = {"object": dict, "string": str, "null": type(None)}.get(str(inner.get("type")))
        if wanted is None or isinstance(data, wanted):
            return inner
    return part


def make(part: dict[str, Any], root: dict[str, Any], rng: random.Random) -> Any:
    """A value that a schema accepts, as far as the few words that ours use go."""
    part = _resolve(part, root, None) if "$ref" in part else part
    if "anyOf" in part:
        return make(rng.choice(part["anyOf"]), root, rng)
    if "enum" in part:
        return rng.choice(part["enum"])
    kind = part.get("type", "string")
    kind = rng.choice(kind) if isinstance(kind, list) else kind
    if kind == "object":
        known, needed = part.get("properties", {}), part.get("required", ())
        other = part.get("additionalProperties")
        made = {
            k: make(v, root, rng) for k, v in known.items() if k in needed or rng.random() < 0.3
        }
        if isinstance(other, dict):
            names = [w for w in WORDS if _fits(w, part.get("propertyNames", {}))]
            made |= {n: make(other, root, rng) for n in rng.sample(names, rng.randint(1, 2))}
        if "patternProperties" in part and rng.random() < 0.3:
            word = rng.choice(("hide", "set", "min", "max", "label", "option-for", "x"))
            made[f"data-{word}-{rng.choice(WORDS)}"] = rng.choice((True, False, 1, "a"))
        return made
    if kind == "array":
        return [make(part.get("items", {}), root, rng) for _ in range(rng.randint(1, 3))]
    if kind == "integer":
        low, high = part.get("minimum", -1), part.get("maximum", 10**12)
        return rng.choice([n for n in (*NUMBERS, low, high) if low <= n <= high])
    if kind in ("boolean", "null"):
        return rng.random() < 0.5 if kind == "boolean" else None
    texts = [t for t in (*WORDS, *HOSTILE_VALUES) if isinstance(t, str) and _fits(t, part)]
    return rng.choice(texts or ["a"])


def _fits(text: str, part: dict[str, Any]) -> bool:
    return len(text) >= part.get("minLength", 0) and bool(re.search(part.get("pattern", ""), text))
