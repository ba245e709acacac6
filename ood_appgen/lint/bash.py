"""Shell scripts of an app as bash reads them, with plausible words in place of what ERB prints.

Open OnDemand runs script.sh directly, in bash by its first line, and sources before.sh, after.sh and
clean.sh into a bash script (OSC/ood_core lib/ood_core/batch_connect/template.rb, base_script).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from ood_appgen.lint.erb import MASK, Tag
from ood_appgen.lint.ruby import walk
from ood_appgen.lint.source_file import SourceFile, View

SOURCED = ("template/before.sh", "template/after.sh", "template/clean.sh")
_SHEBANG = re.compile(r"#!\s*(\S+)(?:\s+(?:-\S+\s+)*(\S+))?")
_SHELLS = ("bash", "sh", "dash", "ksh", "zsh")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_MASKS = re.compile(f"{MASK}+")


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
    """How bash reads a tag, and the command that it is an argument of ("" for none)."""

    quoting: Quoting
    command: str


def shell_of(file: SourceFile) -> str:
    """The shell that reads a file: bash, sh..., or "" where none does."""
    found = _SHEBANG.match(file.text)
    name = file.name.removesuffix(".erb")
    if found:
        program = found[1].rpartition("/")[2]
        if program == "env":
            program = (found[2] or "").rpartition("/")[2]
        return program if program in _SHELLS else ""
    return "bash" if name.endswith((".sh", ".bash")) else ""


def fill(file: SourceFile, view: View, letter: str = "x") -> str:
    """A view with a word for each tag that prints, lines of nothing but such tags too.

    As long as the file, and ASCII, so that bytes are characters. A tag that eats the end of its line
    joins it with the next one.
    """
    text = list(_NOT_ASCII.sub("_", view.text.replace(MASK, letter)))
    shown = set(view.opaque)
    for tag in file.tags:
        if tag.kind != "output":
            continue
        if tag.start in shown:
            line_end = file.text.find("\n", tag.start, tag.end)
            stop = tag.end if line_end < 0 else line_end
            text[tag.start : stop] = letter * (stop - tag.start)
        elif view.text[tag.start] != MASK:
            continue
        if eats_newline(file, tag):
            text[tag.end] = " "
    return "".join(text)


def eats_newline(file: SourceFile, tag: Tag) -> bool:
    """Whether a tag that prints ends in `-%>` at the end of a line, which joins the next line on."""
    ends = file.text[tag.end - 3 : tag.end] == "-%>"
    return tag.closed and ends and file.text[tag.end : tag.end + 1] == "\n"


def parse(text: str) -> Node:
    """The syntax tree of ASCII shell text."""
    return _parse(text)


@lru_cache(maxsize=64)
def _parse(text: str) -> Node:
    return _parser().parse(text.encode("ascii", "replace")).root_node


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bash.language()))


def places(file: SourceFile) -> dict[int, Place]:
    """How bash reads each tag that prints, by the tag's start; in the first view that shows it."""
    found: dict[int, Place] = {}
    for view in file.views:
        text = ""
        for tag in file.tags:
            if tag.kind != "output" or tag.start in found or not _shows(view, tag):
                continue
            text = text or fill(file, view)
            found[tag.start] = _place(parse(text), tag.start, tag.end)
    return found


def variables_set(root: Node) -> Iterator[str]:
    """Names that a script surely or maybe sets: assignments, read, declare, for, printf -v."""
    for node in walk(root):
        if node.type == "variable_assignment":
            name = node.child_by_field_name("name")
            if name is not None and name.text:
                yield name.text.decode().partition("[")[0]
        elif node.type in ("for_statement", "c_style_for_statement", "select_statement"):
            name = node.child_by_field_name("variable")
            if name is not None and name.text:
                yield name.text.decode()
        elif node.type in ("declaration_command", "command"):
            for child in node.named_children[1:] if node.type == "command" else node.named_children:
                if child.type in ("word", "variable_name") and child.text:
                    yield child.text.decode()


def _shows(view: View, tag: Tag) -> bool:
    return view.text[tag.start] == MASK or tag.start in view.opaque


def _place(root: Node, start: int, end: int) -> Place:
    node: Node | None = root.descendant_for_byte_range(start, start + 1)
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
