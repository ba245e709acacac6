"""Rendered shell scripts: does bash read them, and does a user's text stay a text in them?"""

from __future__ import annotations

import re
import subprocess
from functools import lru_cache

from ood_appgen import bash_grammar
from ood_appgen.bash_grammar import Quoting

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


def _arrives(quoting: Quoting, printed: str) -> str | None:
    """What bash makes of a printed text; None if it is more than one text to it."""
    if quoting in (Quoting.COMMENT, Quoting.VERBATIM):
        return None if "\n" in printed else printed
    if quoting is Quoting.SINGLE:
        return None if "'" in printed else printed
    if quoting in (Quoting.DOUBLE, Quoting.HEREDOC):
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
def _context(text: str, byte: int) -> Quoting:
    """How bash reads the character at an offset."""
    return bash_grammar.find_place(bash_grammar.parse(text), byte).quoting


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "...")
