"""ERB text taken apart without running it: tags, the Ruby in them, and the text around them.

Everything is masked at the same length, so that each offset stays that of the file. Source of the
grammar: Ruby's erb/compiler.rb, trim mode "-", which is how Open OnDemand reads its ERB (OSC/ondemand
apps/dashboard/app/models/batch_connect/app.rb, render_erb_file).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MASK = "\ue000"
"""Stands in masked text for each character of a tag that prints something."""

_OPEN = re.compile(r"<%(%|=|#|-|)")
_CLOSE = re.compile(r"%%>|-?%>")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag at `start`:`end` with its code at `code_start`:`code_end`.

    `kind` is code, output or comment. An unclosed tag runs to the end of the text.
    """

    kind: str
    start: int
    end: int
    code_start: int
    code_end: int
    closed: bool = True


def split(text: str) -> tuple[Tag, ...]:
    """The tags of an ERB text, in order. `<%%` is literal text and no tag."""
    tags = []
    position = 0
    while found := _OPEN.search(text, position):
        mark = found[1]
        if mark == "%":
            position = found.end()
            continue
        close = _CLOSE.search(text, found.end())
        while close and close[0] == "%%>":
            close = _CLOSE.search(text, close.end())
        kind = {"=": "output", "#": "comment"}.get(mark, "code")
        if close is None:
            tags.append(Tag(kind, found.start(), len(text), found.end(), len(text), False))
            break
        tags.append(Tag(kind, found.start(), close.end(), found.end(), close.start()))
        position = close.end()
    return tuple(tags)


def blank(text: str) -> str:
    """As many blanks, with the line ends kept."""
    return "\n".join([" " * len(line) for line in text.split("\n")])


def to_ruby(text: str, tags: tuple[Tag, ...]) -> str:
    """The Ruby program of the tags, at the offsets of the file; plain ASCII, so bytes are characters.

    Each tag ends in `;`, as ERB's compiler separates them.
    """
    parts = []
    position = 0
    for tag in tags:
        if tag.kind == "comment":
            continue
        code = text[tag.code_start : tag.code_end]
        if code.lstrip().startswith("#") and "\n" not in code.strip():
            continue
        parts.append(blank(text[position : tag.code_start]))
        parts.append("".join(c if c.isascii() else "_" for c in code))
        position = tag.code_end
        if tag.closed:
            parts.append(";")
            position += 1
    parts.append(blank(text[position:]))
    return "".join(parts)


def mask(text: str, tags: tuple[Tag, ...], fill: str = MASK) -> tuple[str, tuple[int, ...]]:
    """The text with its tags masked, and where lines that Ruby alone makes begin.

    A tag that prints becomes a word of `fill` on its first line; other tags become blanks. A line of
    nothing but printing tags may become any number of lines: it is blank here, and its offset is
    in the second result.
    """
    parts = []
    opaque_lines = []
    position = 0
    lone = _find_lone_lines(text, tags)
    for tag in tags:
        parts.append(text[position : tag.start])
        whole = text[tag.start : tag.end]
        if tag.kind != "output":
            parts.append(blank(whole))
        elif tag.start in lone:
            opaque_lines.append(tag.start)
            parts.append(blank(whole))
        else:
            first, newline, rest = whole.partition("\n")
            parts.append(fill * len(first) + newline + blank(rest))
        position = tag.end
    parts.append(text[position:])
    return "".join(parts), tuple(opaque_lines)


def _find_lone_lines(text: str, tags: tuple[Tag, ...]) -> frozenset[int]:
    """Starts of printing tags on lines with nothing else than tags."""
    lone = set()
    ends = {tag.end: tag for tag in tags}
    starts = {tag.start: tag for tag in tags}
    for tag in tags:
        if tag.kind != "output":
            continue
        before, after = tag.start, tag.end
        while before > 0 and text[before - 1] in " \t" or before in ends:
            before = ends[before].start if before in ends else before - 1
        while after < len(text) and text[after] in " \t" or after in starts:
            after = starts[after].end if after in starts else after + 1
        if (before == 0 or text[before - 1] == "\n") and (
            after == len(text) or text[after] in "\r\n"
        ):
            lone.add(tag.start)
    return frozenset(lone)
