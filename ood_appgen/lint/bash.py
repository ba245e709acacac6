"""Shell scripts of an app as bash reads them, with plausible words in place of what ERB prints.

Open OnDemand runs script.sh directly, in bash by its first line, and sources before.sh, after.sh and
clean.sh into a bash script (OSC/ood_core lib/ood_core/batch_connect/template.rb, base_script).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from ood_appgen import bash_grammar
from ood_appgen.bash_grammar import Place, find_place
from ood_appgen.lint.erb import MASK, Tag
from ood_appgen.lint.ruby import Range
from ood_appgen.lint.source_file import SourceFile, View

if TYPE_CHECKING:
    from tree_sitter import Node

_SHEBANG = re.compile(r"#!\s*(\S+)(?:\s+(?:-\S+\s+)*(\S+))?")
_SHELLS = ("bash", "sh", "dash", "ksh", "zsh")
# What editors and people call a copy that they put aside: script.sh.erb.bak, script.sh~.
_COPY = re.compile(
    r"(?:[._-](?:bak|bk|back|backup|old|orig|original|org|save|saved|swp|rpmsave|rpmnew|dist|disabled)\d*"
    r"(?:\.erb)?|~)\Z",
    re.IGNORECASE,
)
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def is_copy(name: str) -> bool:
    """Whether a file is a copy put aside, by its name: nothing runs or reads it."""
    return _COPY.search(name) is not None


def shell_of(file: SourceFile) -> str:
    """The shell that reads a file: bash, sh..., or "" where none does."""
    if is_copy(file.name):
        return ""
    found = _SHEBANG.match(file.text)
    name = file.name.removesuffix(".erb")
    if found:
        program = found[1].rpartition("/")[2]
        if program == "env":
            program = (found[2] or "").rpartition("/")[2]
        return program if program in _SHELLS else ""
    return "bash" if name.endswith((".sh", ".bash")) else ""


@dataclass(frozen=True, eq=False)
class Script:
    """A script as one way of its conditions renders it, with a word for each tag that prints.

    `text` is ASCII, so that bytes are characters. `pieces` are where its parts begin, and where the
    same part begins in the file; `tags` where each tag that prints begins.
    """

    text: str
    pieces: tuple[tuple[int, int], ...]
    tags: dict[int, int]

    def offset(self, position: int) -> int:
        """The place in the file of a character of the script."""
        index = bisect_right(self.pieces, position, key=lambda piece: piece[0]) - 1
        if index < 0:
            return 0
        start, source = self.pieces[index]
        return source + position - start

    @cached_property
    def root(self) -> Node:
        """Its syntax tree."""
        return bash_grammar.parse(self.text)


@lru_cache(maxsize=256)
def scripts(file: SourceFile, letter: str = "x") -> tuple[Script, ...]:
    """A script once for each view of its file, as ERB's trim mode "-" writes it; none twice."""
    choices: Iterable[tuple[Range, ...]] = file.program.arm_choices if file.tags else ((),)
    found: dict[str, Script] = {}
    for hidden in choices:
        script = _render(file, hidden, letter)
        found.setdefault(script.text, script)
    return tuple(found.values())


@lru_cache(maxsize=256)
def whole(file: SourceFile, letter: str = "x") -> Script:
    """A script with all arms of its conditions, one below the other."""
    return _render(file, (), letter)


def _render(file: SourceFile, hidden: tuple[Range, ...], letter: str) -> Script:
    parts: list[str] = []
    pieces: list[tuple[int, int]] = []
    tags: dict[int, int] = {}
    length = 0

    def add(text: str, source: int) -> None:
        nonlocal length
        if text:
            pieces.append((length, source))
            parts.append(text)
            length += len(text)

    start = 0
    for tag in (*file.tags, None):
        end = tag.start if tag is not None else len(file.text)
        if tag is not None and file.text.startswith("<%-", tag.start):
            end = _strip_indent(file.text, start, end)
        for begin, stop in _visible(start, end, hidden):
            add(file.text[begin:stop], begin)
        if tag is None:
            break
        if tag.kind == "output" and not _is_hidden(tag.start, hidden):
            tags[tag.start] = length
            add(letter * min(tag.end - tag.start, 40), tag.start)
        start = tag.end
        if file.text[tag.end - 3 : tag.end] == "-%>" and file.text[start : start + 1] == "\n":
            start += 1
    text = "".join(parts).replace("<%%", "<% ") if file.tags else "".join(parts)
    return Script(_NOT_ASCII.sub("_", text), tuple(pieces), tags)


def _strip_indent(text: str, start: int, end: int) -> int:
    """Where the blanks before a `<%-` begin, if nothing else is before it on its line."""
    stop = end
    while stop > start and text[stop - 1] in " \t":
        stop -= 1
    return stop if stop == 0 or text[stop - 1] == "\n" else end


def _visible(start: int, end: int, hidden: tuple[Range, ...]) -> Iterator[Range]:
    for begin, stop in sorted(hidden):
        if stop <= start or begin >= end:
            continue
        if begin > start:
            yield start, begin
        start = max(start, stop)
    if start < end:
        yield start, end


def _is_hidden(offset: int, hidden: tuple[Range, ...]) -> bool:
    return any(begin <= offset < stop for begin, stop in hidden)


def eats_newline(file: SourceFile, tag: Tag) -> bool:
    """Whether a tag that prints ends in `-%>` at the end of a line, which joins the next line on."""
    ends = file.text[tag.end - 3 : tag.end] == "-%>"
    return tag.closed and ends and file.text[tag.end : tag.end + 1] == "\n"


def fill(file: SourceFile, view: View, letter: str = "x") -> str:
    """A view with a word for each tag that prints: as long as the file, and ASCII."""
    text = list(_NOT_ASCII.sub("_", view.text.replace(MASK, letter)))
    shown = set(view.opaque)
    for tag in file.tags:
        if tag.kind == "output" and tag.start in shown:
            line_end = file.text.find("\n", tag.start, tag.end)
            stop = tag.end if line_end < 0 else line_end
            text[tag.start : stop] = letter * (stop - tag.start)
    return "".join(text)


def is_run_by_bash(file: SourceFile) -> bool:
    """Whether a file is a script in use (no copy such as script.sh.erb.bak) that bash can read."""
    name = file.name.rpartition("/")[2].removesuffix(".erb")
    if file.binary or shell_of(file) not in ("bash", "sh", "dash"):
        return False
    return (
        name.endswith((".sh", ".bash"))
        or ("." not in name and "<%" not in file.text)
        or ("." not in name and file.is_erb)
    )


def places(file: SourceFile) -> dict[int, Place]:
    """How bash reads each tag that prints, by the tag's start; in the first view that shows it."""
    found: dict[int, Place] = {}
    for script in scripts(file):
        for source, start in script.tags.items():
            if source not in found:
                found[source] = find_place(script.root, start)
    return found
