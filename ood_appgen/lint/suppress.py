"""Comments in an app that silence a rule: `# appgen: ignore[rule, other] why`.

At the end of a line such a comment counts for that line, alone on a line for the next one;
`ignore-file[...]` for the whole file. It must be a comment to whoever reads the file: YAML, the
shell, Ruby, ERB (`<%# ... %>`), JavaScript (`//`), HTML and markdown (`<!-- ... -->`).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ood_appgen import bash_grammar
from ood_appgen.diagnostics import Diagnostic, Edit, Severity, quote, sort
from ood_appgen.lint import erb, psych, shell
from ood_appgen.lint.app import App
from ood_appgen.lint.catalog import IGNORE_UNUSED
from ood_appgen.lint.ruby import Range, walk
from ood_appgen.lint.source_file import SourceFile

_IGNORE = re.compile(r"appgen:[ \t]*ignore(-file)?\b(?:\[([^\]\n]*)\])?")
_WORD = re.compile(r"[^\s,]+")
_HTML = (".html", ".htm", ".md", ".markdown")
_SLASHES = (".js", ".mjs", ".ts", ".css")
_MARKS = (
    ("<!--", "-->", _HTML),
    ("/*", "*/", (*_SLASHES, *_HTML)),
    ("//", "", (*_SLASHES, *_HTML)),
)
_ENDLESS = 1 << 62


@dataclass(frozen=True, slots=True)
class Word:
    """A rule's id in a comment, at `start`:`end` of the file."""

    id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment at `start`:`end` that silences rules on `line`, or, with line 0, in the whole file.

    `alone` says that there is nothing else on its line.
    """

    start: int
    end: int
    words: tuple[Word, ...]
    reason: str
    line: int
    alone: bool


def read(file: SourceFile) -> tuple[Comment, ...]:
    """The comments of a file that silence rules, in order."""
    if "appgen:" not in file.text:
        return ()
    found: list[Comment] = []
    finder = _Finder(file)
    for match in _IGNORE.finditer(file.text):
        place = finder.find(match.start())
        if place is None or (found and match.start() < found[-1].end):
            continue
        start, end, text_end = place
        words = tuple(
            Word(word[0], match.start(2) + word.start(), match.start(2) + word.end())
            for word in _WORD.finditer(match[2] or "")
        )
        reason = file.text[match.end() : text_end].strip().lstrip("-:#— ").strip()
        line, _ = file.position(start)
        alone = not _rest_of_line(file, start, end).strip()
        found.append(Comment(start, end, words, reason, 0 if match[1] else line, alone))
    return _aim(file, found)


def apply(
    app: App, found: Iterable[Diagnostic], ran: Callable[[str, str], bool]
) -> list[Diagnostic]:
    """The findings that no comment silences, and a finding for each comment that silences nothing.

    `ran` says whether a rule (by its id) did its work in a file (by its path).
    """
    comments = {f.path: c for f in app.files.values() if (c := read(f))}
    if not comments:
        return list(found)
    used: set[tuple[str, Word]] = set()
    kept = []
    for finding in found:
        line = finding.span.line if finding.span else None
        silencing = [
            word
            for comment in comments.get(finding.path, ())
            if comment.line in (0, line)
            for word in comment.words
            if word.id == finding.rule
        ]
        used |= {(finding.path, word) for word in silencing}
        if not silencing:
            kept.append(finding)
    for file in app.files.values():
        if not ran(IGNORE_UNUSED, file.path):
            continue
        for comment in comments.get(file.path, ()):
            idle = [w for w in comment.words if (file.path, w) not in used]
            kept += _report_unused(file, comment, [w for w in idle if ran(w.id, file.path)])
    return sort(kept)


def _report_unused(file: SourceFile, comment: Comment, unused: list[Word]) -> Iterator[Diagnostic]:
    for word in unused:
        yield Diagnostic(
            file.path,
            file.span(word.start, word.end),
            IGNORE_UNUSED,
            Severity.WARNING,
            f"{quote(word.id)} finds nothing {'on this line' if comment.line else 'in this file'}",
            "delete the comment" if len(comment.words) == 1 else "take it out of the list",
            fix=_delete(file, comment) if len(comment.words) == len(unused) else None,
        )


def _delete(file: SourceFile, comment: Comment) -> Edit:
    """The mend that takes out a comment, and its line where there is nothing else on it."""
    start, end = comment.start, comment.end
    before = file.text[:start]
    start = len(before.rstrip(" \t"))
    if comment.alone:
        newline = file.text.find("\n", end)
        end = newline + 1 if newline >= 0 else len(file.text)
    elif file.text[end : end + 1] not in ("", "\n", "\r"):
        start = comment.start
    return Edit(file.path, start, end, "")


def _aim(file: SourceFile, comments: list[Comment]) -> tuple[Comment, ...]:
    """Comments alone on their lines count for the next line that holds something else."""
    alone = {c.line for c in comments if c.alone and c.line}
    aimed = []
    for comment in comments:
        line = comment.line
        while line in alone:
            line += 1
        aimed.append(replace(comment, line=line))
    return tuple(aimed)


def _rest_of_line(file: SourceFile, start: int, end: int) -> str:
    """What else is on the lines of a place."""
    first = file.text.rfind("\n", 0, start) + 1
    last = file.text.find("\n", end)
    return file.text[first:start] + file.text[end : last if last >= 0 else len(file.text)]


class _Finder:
    """The comments of a file; what is found out of the whole file is found out once."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.name = file.name.removesuffix(".erb")
        self.text = file.text

    def find(self, offset: int) -> tuple[int, int, int] | None:
        """Start and end of the comment that begins with `offset`, and where its text ends.

        None where whoever reads the file sees no comment there.
        """
        line_start = self.text.rfind("\n", 0, offset) + 1
        line_end = self.text.find("\n", offset)
        line_end = line_end if line_end >= 0 else len(self.text)
        line_end -= self.text[line_start:line_end].endswith("\r")
        before = self.text[line_start:offset].rstrip(" \t")
        index = bisect_right(self._tag_starts, offset)
        if index and offset < self.file.tags[index - 1].end:
            return self._find_in_tag(self.file.tags[index - 1], offset, before, line_end)
        if index < len(self.file.tags):
            line_end = min(line_end, self.file.tags[index].start)
        for opening, closing, suffixes in _MARKS:
            if self.name.endswith(suffixes) and before.endswith(opening):
                start = line_start + len(before) - len(opening)
                close = self.text.find(closing, offset, line_end) if closing else line_end
                return (start, close + len(closing), close) if close >= 0 else None
        if self.name.endswith((*_HTML, *_SLASHES, ".json")) or not before.endswith("#"):
            return None
        start = line_start + len(before) - 1
        first_word = start == line_start or self.text[start - 1] in " \t" or start in self._tag_ends
        if not first_word or self._is_text(start):
            return None
        return start, line_end, line_end

    def _find_in_tag(
        self, tag: erb.Tag, offset: int, before: str, line_end: int
    ) -> tuple[int, int, int] | None:
        if tag.kind == "comment":
            inner = self.text[tag.code_start : offset].strip()
            return (tag.start, tag.end, min(tag.code_end, line_end)) if not inner else None
        if not before.endswith("#"):
            return None
        start = self.text.rindex("#", 0, offset)
        end = min(line_end, tag.code_end)
        rest = self.text[tag.code_start : start], self.text[end : tag.code_end]
        if not any(part.strip() for part in rest):
            return tag.start, tag.end, end
        return (start, end, end) if _holds(self._ruby_comments, start) else None

    def _is_text(self, offset: int) -> bool:
        """Whether a `#` belongs to a value of YAML, or is no comment to the shell."""
        if self.name.endswith((".yml", ".yaml")):
            return any(_holds(scalars, offset) for scalars in self._scalars)
        return shell.is_shell(self.file) and not _holds(self._shell_comments, offset)

    @cached_property
    def _tag_starts(self) -> list[int]:
        return [tag.start for tag in self.file.tags]

    @cached_property
    def _tag_ends(self) -> frozenset[int]:
        return frozenset(tag.end for tag in self.file.tags)

    @cached_property
    def _ruby_comments(self) -> list[Range]:
        nodes = self.file.program.nodes
        return sorted((n.start_byte, n.end_byte) for n in nodes if n.type == "comment")

    @cached_property
    def _shell_comments(self) -> list[Range]:
        root = bash_grammar.parse_by_character(self.file.masked.replace(erb.MASK, "x"))
        return sorted((n.start_byte, n.end_byte) for n in walk(root) if n.type == "comment")

    @cached_property
    def _scalars(self) -> list[list[Range]]:
        """Where values stand, in each view."""
        found = []
        for view in self.file.views:
            root = psych.read(self.file, view).root
            nodes = psych.walk(root) if root is not None else ()
            scalars = (node for node in nodes if isinstance(node, psych.Scalar))
            found.append(sorted((self._content_start(s), s.end) for s in scalars))
        return found

    def _content_start(self, scalar: psych.Scalar) -> int:
        """Where a value begins; the line on which a block begins may end in a comment."""
        if scalar.style not in ("|", ">"):
            return scalar.start
        header_end = self.text.find("\n", scalar.start)
        return header_end + 1 if header_end >= 0 else scalar.start


def _holds(ranges: list[Range], offset: int) -> bool:
    """Whether an offset is in one of some ranges; sorted, none in another."""
    index = bisect_right(ranges, (offset, _ENDLESS))
    return index > 0 and ranges[index - 1][0] <= offset < ranges[index - 1][1]
