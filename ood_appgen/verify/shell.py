"""Rendered shell scripts: does bash read them, and does a user's text stay a text in them?"""

from __future__ import annotations

import re
import subprocess
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

# A line that sets a variable to a word without a single special character. Such words cannot
# change how bash reads the rest, so texts that differ in them alone are read once.
_PLAIN_EXPORT = re.compile(r"^(export [A-Za-z_]\w*=)(?:''|[A-Za-z0-9_./:@%+=,-]+)$", re.MULTILINE)
_SHEBANG = re.compile(r"#!.*\b(?:ba|da|k|z)?sh\b")
_SHELL_SPECIAL = frozenset(" \t\n\r;&|<>()$`\"'\\*?[]{}~#!=")


def is_script(path: str, text: str) -> bool:
    """Whether a rendered file is one that bash or sh reads."""
    name = path.removesuffix(".erb")
    return name.endswith((".sh", ".bash")) or bool(_SHEBANG.match(text))


def check_syntax(text: str) -> tuple[int, str] | None:
    """Line and message of what `bash -n` says against a script, or None."""
    return _bash_n(_PLAIN_EXPORT.sub(r"\1x", text))


@lru_cache(maxsize=256)
def _bash_n(text: str) -> tuple[int, str] | None:
    done = subprocess.run(["bash", "-n"], input=text.encode(), capture_output=True, check=False)
    if done.returncode == 0:
        return None
    message = done.stderr.decode(errors="replace").strip().splitlines()
    first = re.sub(r"^bash: ", "", message[0]) if message else f"exit status {done.returncode}"
    found = re.match(r"line (\d+): (.*)", first)
    return (int(found[1]), found[2]) if found else (0, first)


def check_inert(plain: str, hostile: str, marker: str, value: str) -> tuple[int, str] | None:
    """Line and sentence where `value` does something to a script, or None.

    `plain` is the script rendered with the word `marker` as the user's text, `hostile` with
    `value`. Every place of the marker is looked up in bash's grammar: as what bash sees there,
    `value` must be exactly one text. Where the script itself depends on the value, so that the two
    do not line up, nothing is said.
    """
    parts = plain.split(marker)
    if len(parts) == 1:
        return None
    pattern = "(.*?)".join(re.escape(part) for part in parts)
    match = re.fullmatch(pattern, hostile, re.DOTALL)
    if match is None:
        return None
    offset = 0
    for part, printed in zip(parts, match.groups(), strict=False):
        offset += len(part)
        arrived = _arrives(_context(plain, len(plain[:offset].encode())), printed)
        if arrived != value:
            line = plain.count("\n", 0, offset) + 1
            how = "is not quoted" if arrived is None else f"arrives as {_short(arrived)}"
            return line, how
        offset += len(marker)
    return None


def _arrives(context: str, printed: str) -> str | None:
    """What bash makes of a printed text; None if it is more than one text to it."""
    if context == "comment":
        return None if "\n" in printed else printed
    if context == "single":
        return None if "'" in printed else printed
    if context == "verbatim":
        return None if "\n" in printed else printed
    if context == "double":
        return _read_double(printed)
    return _read_word(printed)


def _read_double(printed: str) -> str | None:
    out = []
    at = 0
    while at < len(printed):
        char = printed[at]
        if char == "\\" and at + 1 < len(printed) and printed[at + 1] in '$`"\\':
            at += 1
            out.append(printed[at])
        elif char in '$`"':
            return None
        else:
            out.append(char)
        at += 1
    return "".join(out)


def _read_word(printed: str) -> str | None:
    out = []
    at = 0
    while at < len(printed):
        char = printed[at]
        if char == "'":
            end = printed.find("'", at + 1)
            if end < 0:
                return None
            out.append(printed[at + 1 : end])
            at = end
        elif char == '"':
            end = at + 1
            while end < len(printed) and printed[end] != '"':
                end += 2 if printed[end] == "\\" else 1
            inner = _read_double(printed[at + 1 : end]) if end < len(printed) else None
            if inner is None:
                return None
            out.append(inner)
            at = end
        elif char == "\\":
            at += 1
            if at == len(printed) or printed[at] == "\n":
                return None
            out.append(printed[at])
        elif char in _SHELL_SPECIAL and char not in "=]}!":
            return None
        else:
            out.append(char)
        at += 1
    return "".join(out)


@lru_cache(maxsize=64)
def _context(text: str, byte: int) -> str:
    """How bash reads the character at an offset: word, double, single, verbatim or comment."""
    node: Node | None = (
        _parser().parse(text.encode()).root_node.descendant_for_byte_range(byte, byte + 1)
    )
    while node is not None:
        if node.type == "comment":
            return "comment"
        if node.type in ("raw_string", "ansi_c_string"):
            return "single"
        if node.type == "string":
            return "double"
        if node.type in ("command_substitution", "process_substitution"):
            return "word"
        if node.type in ("heredoc_body", "heredoc_content"):
            return "verbatim" if _is_quoted_heredoc(node) else "double"
        node = node.parent
    return "word"


def _is_quoted_heredoc(node: Node) -> bool:
    redirect = node.parent
    while redirect is not None and redirect.type != "heredoc_redirect":
        redirect = redirect.parent
    if redirect is None:
        return False
    start = next((c for c in redirect.children if c.type == "heredoc_start"), None)
    return start is not None and (start.text or b"")[:1] in (b"'", b'"', b"\\")


@cache
def _parser() -> Parser:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
