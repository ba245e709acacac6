"""Bash read with a real grammar (tree-sitter-bash) and never run: trees, and how a place is quoted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the grammar is loaded where a script is read
    from tree_sitter import Node, Parser


_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


class Quoting(Enum):
    """How bash reads a place of a script."""

    WORD = "unquoted"
    COMMAND = "as a command"
    DOUBLE = "in double quotes"
    SINGLE = "in single quotes"
    HEREDOC = "in a here document"
    VERBATIM = "in a quoted here document"
    COMMENT = "in a comment"


@dataclass(frozen=True, slots=True)
class Place:
    """How a place is quoted, and the command that it is an argument of ("" for none)."""

    quoting: Quoting
    command: str


def parse(text: str) -> Node:
    """The syntax tree of shell text; offsets are bytes of its UTF-8."""
    return _parser().parse(text.encode()).root_node


def parse_by_character(text: str) -> Node:
    """The same with offsets of characters: what is not ASCII is read as a letter."""
    return parse(_NOT_ASCII.sub("_", text))


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def find_place(root: Node, byte: int) -> Place:
    """How bash reads the character at an offset of a tree."""
    node: Node | None = root.descendant_for_byte_range(byte, byte + 1)
    command = ""
    quoting: Quoting | None = None
    while node is not None:
        kind = node.type
        if quoting is None:
            if kind == "comment":
                return Place(Quoting.COMMENT, "")
            if kind in ("raw_string", "ansi_c_string"):
                quoting = Quoting.SINGLE
            elif kind in ("string", "translated_string"):
                quoting = Quoting.DOUBLE
            elif kind in ("heredoc_body", "heredoc_content"):
                quoted = _is_quoted_heredoc(node)
                return Place(Quoting.VERBATIM if quoted else Quoting.HEREDOC, "")
            elif kind == "command_name":
                quoting = Quoting.COMMAND
            elif kind in ("command_substitution", "process_substitution", "command"):
                quoting = Quoting.WORD
        if kind in ("command", "declaration_command") and not command:
            name = node.child_by_field_name("name") or next(iter(node.children), None)
            command = name.text.decode() if name is not None and name.text else ""
        node = node.parent
    return Place(quoting or Quoting.WORD, command)


def _is_quoted_heredoc(node: Node) -> bool:
    redirect = node.parent
    while redirect is not None and redirect.type != "heredoc_redirect":
        redirect = redirect.parent
    if redirect is None:
        return False
    start = next((c for c in redirect.children if c.type == "heredoc_start"), None)
    return start is not None and (start.text or b"")[:1] in (b"'", b'"', b"\\")
