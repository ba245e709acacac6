"""Text to plain data with positions: YAML as Ruby's Psych (YAML 1.1, no aliases) would read it.

The words that YAML 1.1 turns into something else (`yes`, `010`, `1:30`, `2024-01-01`) are findings
here and never data: whoever writes `- 3.10` in a list of versions means the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from ood_appgen.diagnostics import Diagnostic, Span, error, file_error, quote

PathKey = tuple[str | int, ...]

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+\Z")
_TAG = "tag:yaml.org,2002:"
_SCALARS = ("str", "bool", "int", "float", "null", "timestamp", "value")


@dataclass(frozen=True)
class Document:
    """A file that was read: its data, and where each part of it stands.

    `spans` gives the place of a value, `key_spans` that of the key before it, both by path from
    the root. `raw` gives the text of a plain scalar as it was written (`3.10`, not 3.1).
    """

    path: str
    text: str
    data: Any
    spans: dict[PathKey, Span] = field(repr=False)
    key_spans: dict[PathKey, Span] = field(repr=False)
    raw: dict[PathKey, str] = field(repr=False)

    def span(self, path: PathKey) -> Span:
        """The place of the value at `path`, or of the nearest part around it."""
        while path and path not in self.spans:
            path = path[:-1]
        return self.spans.get(path, Span(self.path, 1, 1))

    def key_span(self, path: PathKey) -> Span:
        """The place of the key at `path`; list items have none, so theirs is the item."""
        return self.key_spans.get(path) or self.span(path)

    def places(self, path: PathKey, data: Iterable[str]) -> dict[str, Span]:
        """The places of the keys in `data`, which are those of the mapping at `path`."""
        return {key: self.key_span((*path, key)) for key in data}


def read_file(path: Path, shown_as: str) -> tuple[Document | None, list[Diagnostic]]:
    """Read a YAML file. `shown_as` is the path that messages name.

    Returns no document where the file cannot be read as YAML at all.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as exc:
        return None, [
            file_error(
                shown_as, "yaml-syntax", f"byte {exc.start} is not UTF-8 text", "save as UTF-8"
            )
        ]
    except OSError as exc:
        return None, [file_error(shown_as, "unreadable", f"cannot be read: {exc.strerror or exc}")]
    return read_text(text, shown_as)


def read_text(text: str, shown_as: str) -> tuple[Document | None, list[Diagnostic]]:
    """Read YAML from a string; see `read_file`."""
    directive = re.search(r"^%(YAML|TAG)", text, re.MULTILINE)
    if directive:
        line = text.count("\n", 0, directive.start()) + 1
        message = f"the directive %{directive[1]} would change how the file is read"
        return None, [error(Span(shown_as, line, 1), "yaml-syntax", message, "delete the line")]
    try:
        node = _compose(text)
    except MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        message = " ".join(str(exc.problem or exc.context or "is not YAML").split())
        if mark is None:
            return None, [file_error(shown_as, "yaml-syntax", message)]
        span = Span(shown_as, mark.line + 1, mark.column + 1)
        return None, [error(span, "yaml-syntax", f"this is not YAML: {message}")]
    except YAMLError as exc:
        position = getattr(exc, "position", None)
        message = " ".join(str(getattr(exc, "reason", exc)).split())
        if isinstance(position, int):
            line = text.count("\n", 0, position) + 1
            column = position - (text.rfind("\n", 0, position) + 1) + 1
            return None, [error(Span(shown_as, line, column), "yaml-syntax", message)]
        return None, [file_error(shown_as, "yaml-syntax", message)]
    except RecursionError:
        return None, [file_error(shown_as, "yaml-syntax", "is nested too deeply")]
    except (ValueError, LookupError, AttributeError, TypeError, AssertionError) as exc:
        # ruamel.yaml's scanner gives way with plain exceptions on some malformed input.
        return None, [file_error(shown_as, "yaml-syntax", f"this is not YAML: {exc}")]
    reader = _Reader(shown_as)
    try:
        data = reader.read(node, ()) if node is not None else None
    except RecursionError:
        return None, [file_error(shown_as, "yaml-syntax", "is nested too deeply")]
    document = Document(shown_as, text, data, reader.spans, reader.key_spans, reader.raw)
    return document, reader.findings


def _compose(text: str) -> Node | None:
    """The node graph; libyaml's where it can, ruamel's own parser for its better messages."""
    for pure in (False, True):
        loader = YAML(typ="safe", pure=pure)
        loader.version = (1, 1)
        try:
            node: Node | None = loader.compose(text)
        except (YAMLError, ValueError, LookupError, AttributeError, TypeError):
            if pure:
                raise
        else:
            return node
    return None


class _Reader:
    """Turns ruamel's node graph into data, collecting places and findings."""

    def __init__(self, shown_as: str) -> None:
        self.shown_as = shown_as
        self.spans: dict[PathKey, Span] = {}
        self.key_spans: dict[PathKey, Span] = {}
        self.raw: dict[PathKey, str] = {}
        self.findings: list[Diagnostic] = []
        self._seen: set[int] = set()

    def read(self, node: Node, path: PathKey) -> Any:
        span = self._span(node)
        self.spans[path] = span
        if node.anchor or id(node) in self._seen:
            self._report(
                span,
                "yaml-alias",
                "anchors and aliases are not read here",
                "Open OnDemand refuses them too; write the value again, or share node types "
                "and mounts by name",
            )
            if id(node) in self._seen:
                return None
        self._seen.add(id(node))
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            self._check_tag(node, ("seq",))
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._scalar(node, path, span)

    def _mapping(self, node: MappingNode, path: PathKey) -> dict[str, Any]:
        self._check_tag(node, ("map",))
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key_span = self._span(key_node)
            if not isinstance(key_node, ScalarNode):
                self._report(key_span, "yaml-key", "a key must be plain text")
                continue
            key = self._usable(str(key_node.value), key_span)
            if key_node.tag == _TAG + "merge":
                self._report(key_span, "yaml-alias", "merge keys (<<) are not read here")
                continue
            if key in data:
                self._report(
                    key_span,
                    "yaml-duplicate-key",
                    f"{quote(key)} is given twice; YAML would keep the last in silence",
                    "delete one of them",
                    (self.key_spans[(*path, key)], "first given here"),
                )
                continue
            self.key_spans[(*path, key)] = key_span
            data[key] = self.read(value_node, (*path, key))
        return data

    def _scalar(self, node: ScalarNode, path: PathKey, span: Span) -> Any:
        text = self._usable(node.value, span)
        self._check_tag(node, _SCALARS)
        if str(node.tag).removeprefix(_TAG) not in _SCALARS:
            return text
        if node.style or node.tag == _TAG + "str" or node.tag == _TAG + "value":
            return text
        self.raw[path] = text
        kind = str(node.tag).removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            if text in ("true", "false"):
                return text == "true"
            if text.lower() in ("y", "n"):  # strings to Psych, unlike to YAML 1.1's own table
                return text
            self._report(
                span,
                "yaml-changed-value",
                f"{quote(text)} without quotes is read as "
                f"{'true' if text.lower() in ('yes', 'on', 'true') else 'false'}",
                "write true or false, or put the text in quotes",
            )
            return text
        if kind == "int" and _INTEGER.match(text):
            return int(text) if len(text) < 400 else text
        if kind == "float" and _FLOAT.match(text):
            return float(text)
        self._report(
            span,
            "yaml-changed-value",
            f"{quote(text)} without quotes is not read as it stands (YAML 1.1 makes a "
            f"{'date' if kind == 'timestamp' else 'number'} of it)",
            "put it in quotes if the text is meant, or write the plain decimal number",
        )
        return text

    def _usable(self, text: str, span: Span) -> str:
        """The text without what no file or shell can carry, which is a finding."""
        unusable = next((c for c in text if c == "\0" or "\ud800" <= c <= "\udfff"), "")
        if not unusable:
            return text
        self._report(
            span,
            "yaml-character",
            f"the text holds the character U+{ord(unusable):04X}, which no file or shell can carry",
            "delete it",
        )
        return text.replace("\0", "").encode("ascii", "ignore").decode()

    def _check_tag(self, node: Node, allowed: tuple[str, ...]) -> None:
        if str(node.tag).removeprefix(_TAG) not in allowed:
            self._report(
                self._span(node),
                "yaml-tag",
                f"the YAML tag {quote(str(node.tag))} is not read here",
            )

    def _span(self, node: Node) -> Span:
        return Span(self.shown_as, node.start_mark.line + 1, node.start_mark.column + 1)

    def _report(
        self, span: Span, rule: str, message: str, hint: str = "", *related: tuple[Span, str]
    ) -> None:
        self.findings.append(error(span, rule, message, hint, *related))


def load_generated(text: str) -> Any:
    """The data of YAML text that this project made itself; raises ValueError if it is not YAML."""
    document, findings = read_text(text, "generated file")
    if document is None or findings:
        raise ValueError("; ".join(d.format() for d in findings))
    return document.data
