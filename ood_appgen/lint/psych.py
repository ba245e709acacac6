"""YAML as Ruby's Psych reads it for Open OnDemand, as nodes that know where they stand.

Psych resolves plain scalars with rules of its own (psych/scalar_scanner.rb of Ruby 3.x): YAML 1.1's
booleans, base 60 and octal numbers, dates and symbols. Both Psych and this module parse with libyaml.
Only the first document of a file counts: OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb
`read_yaml_erb` calls YAML.safe_load, which refuses aliases, dates and symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as RawNode

from ood_appgen.lint.erb import MASK
from ood_appgen.lint.source_file import SourceFile, View

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(
    r"(?:[-+]?0[b][01_,]+|[-+]?0[0-7_,]+|[-+]?(?:0|[1-9](?:[0-9]|,[0-9]|_[0-9])*)|[-+]?0[x][0-9a-fA-F_,]+)\Z"
)
_FLOAT = re.compile(r"(?:[-+]?(?=[0-9]|\.[0-9])[0-9_,]*(?:\.[0-9]*)?(?:[eE][-+][0-9]+)?(?:#.*)?)\Z")
_BASE_60_INT = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9]){1,2}\Z")
_BASE_60_FLOAT = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*\Z")
_DATE = re.compile(r"\d{4}-(?:1[012]|0\d|\d)-(?:[12]\d|3[01]|0\d|\d)\Z")
_TIME = re.compile(
    r"-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?\Z"
)
_BOOLEANS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


@dataclass(frozen=True, eq=False)
class Node:
    """A part of a YAML document, at `start`:`end` of its file."""

    file: SourceFile
    start: int
    end: int
    tag: str = field(default="", kw_only=True)


@dataclass(frozen=True, eq=False)
class Scalar(Node):
    """A single value. `text` is what is written, `kind` what Psych makes of it.

    Kinds: str, int, float, bool, null, date, symbol. `style` is "" (plain), one of the two quotes,
    `|` or `>`. An `opaque` one depends on Ruby: each character of a tag is `erb.MASK` in `text`.
    """

    text: str
    kind: str
    style: str
    opaque: bool

    @property
    def value(self) -> str:
        """What Ruby's `to_s` makes of it, which is what forms and adapters get."""
        return _to_s(self.text, self.kind)


@dataclass(frozen=True, eq=False)
class Mapping(Node):
    """Keys and values in their order, with repeated keys; not `complete` when Ruby may add some."""

    items: tuple[tuple[Node, Node], ...]
    complete: bool

    def get(self, name: str) -> Node | None:
        """The value that Psych gives `name`: the last."""
        return next((v for k, v in reversed(self.items) if _is_key(k, name)), None)

    def key(self, name: str) -> Scalar | None:
        """The key of that value."""
        found = (k for k, _ in reversed(self.items) if _is_key(k, name))
        key = next(found, None)
        return key if isinstance(key, Scalar) else None

    @property
    def entries(self) -> Iterator[tuple[Scalar, Node]]:
        """Pairs whose key is a plain word that does not depend on Ruby."""
        for key, value in self.items:
            if isinstance(key, Scalar) and not key.opaque:
                yield key, value


@dataclass(frozen=True, eq=False)
class Sequence(Node):
    """A list; not `complete` when Ruby may add items."""

    items: tuple[Node, ...]
    complete: bool


@dataclass(frozen=True)
class Failure:
    """Why a document is no YAML, and where."""

    message: str
    offset: int


@dataclass(frozen=True)
class Document:
    """The first document of a view: `root` is None where it is empty or broken (`failure`).

    `aliases` are the offsets of anchors, aliases and merge keys, `documents` how many there are.
    """

    root: Node | None
    failure: Failure | None = None
    aliases: tuple[int, ...] = ()
    documents: int = 1


@lru_cache(maxsize=256)
def read(file: SourceFile, view: View) -> Document:
    """Read a view of a file. Rules ask again and again, so the last ones are kept."""
    loader = YAML(typ="safe", pure=False)
    loader.version = (1, 1)
    try:
        nodes = list(loader.compose_all(view.text))
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        offset = mark.index if mark is not None else 0
        message = " ".join(str(exc.problem or exc.context or "is not YAML").split())
        return Document(None, Failure(message, min(offset, len(view.text))))
    except YAMLError as exc:
        return Document(None, Failure(" ".join(str(getattr(exc, "reason", exc)).split()), 0))
    except RecursionError:
        return Document(None, Failure("is nested too deeply", 0))
    except (ValueError, LookupError, AttributeError, TypeError, AssertionError) as exc:
        return Document(None, Failure(f"is not YAML: {exc}", 0))
    nodes = [n for n in nodes if n is not None]
    if not nodes:
        return Document(None)
    builder = _Builder(file, view)
    try:
        root = builder.build(nodes[0])
    except RecursionError:
        return Document(None, Failure("is nested too deeply", 0))
    return Document(root, None, tuple(builder.aliases), len(nodes))


class _Builder:
    def __init__(self, file: SourceFile, view: View) -> None:
        self.file = file
        self.view = view
        self.aliases: list[int] = []
        self._building: set[int] = set()
        self._built: dict[int, Node] = {}

    def build(self, raw: RawNode) -> Node:
        start, end = raw.start_mark.index, raw.end_mark.index
        if id(raw) in self._built or id(raw) in self._building:
            self.aliases.append(start)
            return self._built.get(id(raw)) or Mapping(self.file, start, end, (), False)
        if raw.anchor:
            self.aliases.append(start)
        self._building.add(id(raw))
        node = self._build(raw, start, end)
        self._building.discard(id(raw))
        self._built[id(raw)] = node
        return node

    def _build(self, raw: RawNode, start: int, end: int) -> Node:
        tag = str(raw.tag) if raw.tag else ""
        tag = "" if tag.startswith(_TAG) else tag
        if isinstance(raw, MappingNode):
            items = tuple((self.build(k), self.build(v)) for k, v in raw.value)
            end = max(start, items[-1][1].end) if items and not raw.flow_style else end
            return Mapping(self.file, start, end, items, self._complete(raw), tag=tag)
        if isinstance(raw, SequenceNode):
            parts = tuple(map(self.build, raw.value))
            end = max(start, parts[-1].end) if parts and not raw.flow_style else end
            return Sequence(self.file, start, end, parts, self._complete(raw), tag=tag)
        assert isinstance(raw, ScalarNode)
        text = str(raw.value)
        style = raw.style or ""
        opaque = MASK in text or any(start <= o < raw.end_mark.index for o in self.view.opaque)
        kind = "str" if style or opaque or tag else resolve(text)
        if not style and kind == "str" and text == "<<":
            self.aliases.append(start)
        return Scalar(self.file, start, end, text, kind, style, opaque, tag=tag)

    def _complete(self, raw: RawNode) -> bool:
        # A block collection ends where the next token begins: blank lines after it are its own.
        start, end = raw.start_mark.index, raw.end_mark.index
        return not any(start <= o <= end for o in self.view.opaque)


def resolve(text: str) -> str:
    """What Psych makes of a plain scalar: see `Scalar.kind`."""
    lower = text.lower()
    if text in ("", "~") or lower == "null":
        return "null"
    if lower in _BOOLEANS:
        return "bool"
    if text[0] == ":" and len(text) > 1 and text[1] != ":" and not text[1].isspace():
        return "symbol"
    if text[0] in "-+.0123456789":
        if _DATE.match(text) and _is_date(text):
            return "date"
        if _TIME.match(text):
            return "date"
        if lower in (".inf", "+.inf", "-.inf", ".nan"):
            return "float"
        if _BASE_60_INT.match(text) or _INTEGER.match(text):
            return "int"
        if _BASE_60_FLOAT.match(text):
            return "float"
        if _FLOAT.match(text) and any(c.isdigit() for c in text):
            return "float"
    return "str"


def _is_date(text: str) -> bool:
    year, month, day = (int(part) for part in text.split("-"))
    days = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return 1 <= month <= 12 and 1 <= day <= days[month - 1]


def _to_s(text: str, kind: str) -> str:
    if kind == "null":
        return ""
    if kind == "bool":
        return str(_BOOLEANS[text.lower()]).lower()
    if kind == "int":
        return str(_integer(text))
    if kind == "float":
        return _float(text)
    return text[1:] if kind == "symbol" else text


def _integer(text: str) -> int:
    digits = text.replace("_", "").replace(",", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if ":" in digits:
        total = 0
        for part in digits.split(":"):
            total = total * 60 + int(part)
        return sign * total
    if digits.startswith(("0x", "0b")):
        return sign * int(digits, 0)
    return sign * (int(digits, 8) if digits.startswith("0") and len(digits) > 1 else int(digits))


def _float(text: str) -> str:
    lower = text.lower()
    if lower.endswith((".inf", ".nan")):
        return {".inf": "Infinity", "+.inf": "Infinity", "-.inf": "-Infinity"}.get(lower, "NaN")
    digits = text.replace("_", "").replace(",", "")
    if ":" in digits:
        total = 0.0
        for part in digits.lstrip("+-").split(":"):
            total = total * 60 + float(part)
        return repr(-total if digits.startswith("-") else total)
    try:
        return repr(float(digits))
    except ValueError:
        return text


def _is_key(node: Node, name: str) -> bool:
    return isinstance(node, Scalar) and not node.opaque and node.kind == "str" and node.text == name


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below one, keys too."""
    if isinstance(node, Mapping):
        for key, value in node.items:
            yield key
            yield value
    elif isinstance(node, Sequence):
        yield from node.items


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it; each once, however often an alias names it."""
    seen: set[int] = set()
    todo = [node]
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        todo.extend(reversed(list(children(current))))


def merge(parent: Node | None, child: Node | None) -> Node | None:
    """Two documents as ActiveSupport's deep_merge joins them: mappings key by key, the rest replaced."""
    if not isinstance(parent, Mapping) or not isinstance(child, Mapping):
        return child if child is not None else parent
    names = {k.text for k, _ in child.entries}
    kept = [(k, v) for k, v in parent.items if not (isinstance(k, Scalar) and k.text in names)]
    joined = []
    for key, value in child.items:
        old = parent.get(key.text) if isinstance(key, Scalar) and not key.opaque else None
        both = merge(old, value) if isinstance(old, Mapping) else value
        joined.append((key, both if both is not None else value))
    complete = parent.complete and child.complete
    return Mapping(child.file, child.start, child.end, (*kept, *joined), complete)
