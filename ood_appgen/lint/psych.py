"""YAML as Ruby's Psych reads it for Open OnDemand, as nodes that know where they stand.

Psych resolves plain scalars with rules of its own (psych/scalar_scanner.rb of psych 5,
which Open OnDemand bundles): YAML 1.1's
booleans, base 60 and octal numbers, dates and symbols. Both Psych and this module parse with libyaml.
Only the first document of a file counts: OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb
`read_yaml_erb` calls YAML.safe_load, which refuses aliases, dates and symbols.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, DocumentEndEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as RawNode

from ood_appgen.lint.erb import MASK
from ood_appgen.lint.source_file import SourceFile, View

_TAGGED = re.compile(r"(?:&\S+\s+)?!")
_STRINGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:binary", "!str", "!binary")
_INTEGER = re.compile(
    r"[-+]?(?:0b(?=[_,]*[01])[01_,]+|0(?=[_,]*[0-7])[0-7_,]+|0|[1-9](?:[0-9]|,[0-9]|_[0-9])*"
    r"|0x(?=[_,]*[0-9a-fA-F])[0-9a-fA-F_,]+)"
)
_FLOAT = re.compile(r"[-+]?(?=[0-9]|\.[0-9])(?:[0-9][0-9_,]*)?\.[0-9]*(?:[eE][-+][0-9]+)?")
_INFINITY = re.compile(r"([-+]?)\.inf", re.IGNORECASE)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9]){1,2}(\.[0-9_]*)?")
# Psych asks for the class before it looks whether there is such a day: 2024-02-30 is refused too.
_DATE = re.compile(r"[0-9]{4}-(?:1[012]|0[0-9]|[0-9])-(?:[12][0-9]|3[01]|0[0-9]|[0-9])")
_TIME = re.compile(
    r"-?\d{4}-\d{1,2}-\d{1,2}(?:[Tt]|\s+)\d{1,2}:\d\d:\d\d(?:\.\d*)?(?:\s*(?:Z|[-+]\d{1,2}:?(?:\d\d)?))?",
    re.ASCII,
)
_PART = re.compile(r"[-+]?[0-9]+(?:_[0-9]+)*(?:\.[0-9]+(?:_[0-9]+)*)?")
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
        found = self._last.get(name)
        return found[1] if found else None

    def key(self, name: str) -> Scalar | None:
        """The key of that value."""
        found = self._last.get(name)
        return found[0] if found else None

    @cached_property
    def _last(self) -> dict[str, tuple[Scalar, Node]]:
        return {k.text: (k, v) for k, v in self.entries if k.kind == "str"}

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
    """Read a view of a file; each view is read once."""
    known: dict[View, Document] = vars(file).setdefault("documents", {})
    if view not in known:
        known[view] = _read(file, view)
    return known[view]


def _read(file: SourceFile, view: View) -> Document:
    loader = _loader()
    nodes: list[RawNode] = []
    try:
        for node in loader.compose_all(view.text):
            nodes.append(node)
    except MarkedYAMLError as exc:
        # Psych stops at the end of the first document: what is wrong after it is never seen.
        if not nodes:
            mark = exc.problem_mark or exc.context_mark
            if "end of stream" in str(exc.problem) and exc.context_mark is not None:
                mark = exc.context_mark  # what was opened and never closed
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


def find_aliases(view: View) -> list[tuple[int, int]]:
    """Where the first document uses aliases (`*name`), which Psych refuses; an anchor alone is fine."""
    found: list[tuple[int, int]] = []
    try:
        for event in _loader().parse(view.text):
            if isinstance(event, AliasEvent):
                found.append((event.start_mark.index, event.end_mark.index))
            elif isinstance(event, DocumentEndEvent):
                break
    except YAMLError:
        pass
    return found


def _loader() -> YAML:
    loader = YAML(typ="safe", pure=False)
    loader.version = (1, 1)
    return loader


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
        tag = str(raw.tag) if raw.tag and _TAGGED.match(self.view.text, start) else ""
        if isinstance(raw, MappingNode):
            items = tuple(self._pairs(raw))
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
        quoted = bool(style) and not tag  # Psych resolves `!!int "3"`, and ignores most tags
        kind = "str" if quoted or opaque or tag in _STRINGS else resolve(text)
        if not style and kind == "str" and text == "<<":
            self.aliases.append(start)
        return Scalar(self.file, start, end, text, kind, style, opaque, tag=tag)

    def _pairs(self, raw: MappingNode) -> Iterator[tuple[Node, Node]]:
        stops = [key.start_mark.index for key, _ in raw.value[1:]] + [raw.end_mark.index]
        for (key, value), stop in zip(raw.value, stops, strict=False):  # `{}` has no pairs
            built = self.build(key), self.build(value)
            yield built[0], self._with_lines(built[1], key.end_mark.index, stop)

    def _with_lines(self, value: Node, start: int, stop: int) -> Node:
        """A value with the lines that Ruby prints between its key and the next one."""
        if not any(start <= o < stop for o in self.view.opaque):
            return value
        if isinstance(value, (Mapping, Sequence)) and value.complete:
            return replace(value, complete=False)
        if isinstance(value, Scalar) and value.kind == "null" and not value.text:
            return replace(value, kind="str", opaque=True)
        return value

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
    if "\n" in text:
        return "str"
    if text[0] == ":" and len(text) > 1:
        return "symbol"
    if text[0] not in "-+.0123456789":
        return "str"
    if _TIME.fullmatch(text) or _DATE.fullmatch(text):
        return "date"
    if _INFINITY.fullmatch(text) or lower == ".nan":
        return "float"
    if base_60 := _BASE_60.fullmatch(text):
        return "float" if base_60[1] else "int"
    if _FLOAT.fullmatch(text):
        return "float"
    return "int" if _INTEGER.fullmatch(text) else "str"


def _to_s(text: str, kind: str) -> str:
    if kind == "null":
        return ""
    if kind == "bool":
        return str(_BOOLEANS[text.lower()]).lower()
    try:
        if kind == "int":
            return str(_integer(text))
        if kind == "float":
            return _float(text)
    except (ValueError, OverflowError):  # thousands of digits
        return text
    return text[1:] if kind == "symbol" else text


def _integer(text: str) -> int:
    if ":" in text:
        return int(_base_60(text))
    digits = text.replace("_", "").replace(",", "")
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if digits.startswith(("0x", "0b")):
        return sign * int(digits, 0)
    return sign * (int(digits, 8) if digits.startswith("0") and len(digits) > 1 else int(digits))


def _base_60(text: str) -> float:
    """Psych's sum: the first part counts 3600 each, also where there are two parts only."""
    total = 0.0 if "." in text else 0
    for place, part in enumerate(text.split(":")):
        number = _PART.match(part)
        digits = number[0].replace("_", "") if number else "0"
        value = float(digits) if "." in text else int(digits)
        total += value * 60 ** abs(place - 2)
    return total


def _float(text: str) -> str:
    if infinite := _INFINITY.fullmatch(text):
        return "-Infinity" if infinite[1] == "-" else "Infinity"
    if text.lower() == ".nan":
        return "NaN"
    number = _base_60(text) if ":" in text else float(text.replace("_", "").replace(",", ""))
    shown = repr(number)
    if "inf" in shown:
        return shown.replace("inf", "Infinity")
    if 1e15 <= abs(number) < 1e16 and shown.endswith(".0"):
        # Ruby writes the exponent of whole numbers one digit earlier than Python.
        sign, digits = shown[: shown[0] == "-"], shown.lstrip("-").removesuffix(".0")
        return f"{sign}{digits[0]}.{digits[1:].rstrip('0') or '0'}e+15"
    mantissa, e, exponent = shown.partition("e")
    return mantissa + (".0" if e and "." not in mantissa else "") + e + exponent


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
