"""Comments in an app that silence a rule: `# appgen: ignore[rule, other] why`.

At the end of a line such a comment counts for that line, alone on a line for the next one;
`ignore-file[...]` for the whole file. It must be a comment to whoever reads the file: YAML, the
shell, Ruby, ERB (`<%# ... %>`), JavaScript (`//`), HTML and markdown (`<!-- ... -->`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ood_appgen.diagnostics import Diagnostic, Edit, Severity, quote, sort
from ood_appgen.lint import erb, psych, shell
from ood_appgen.lint.app import App
from ood_appgen.lint.catalog import IGNORE_UNUSED
from ood_appgen.lint.ruby import walk
from ood_appgen.lint.source_file import SourceFile

_IGNORE = re.compile(r"appgen:[ \t]*ignore(-file)?\b(?:\[([^\]\n]*)\])?")
_WORD = re.compile(r"[^\s,]+")
_HTML = (".html", ".htm", ".md", ".markdown")
_SLASHES = (".js", ".mjs", ".ts", ".css")


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
    for match in _IGNORE.finditer(file.text):
        place = _find_comment(file, match.start())
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


def _find_comment(file: SourceFile, offset: int) -> tuple[int, int, int] | None:
    """Start and end of the comment that begins with `offset`, and where its text ends.

    None where whoever reads the file sees no comment there.
    """
    text = file.text
    line_start = text.rfind("\n", 0, offset) + 1
    line_end = text.find("\n", offset)
    line_end = line_end if line_end >= 0 else len(text)
    line_end -= text[line_start:line_end].endswith("\r")
    before = text[line_start:offset].rstrip(" \t")
    tag = next((t for t in file.tags if t.start <= offset < t.end), None)
    if tag is not None:
        if tag.kind == "comment":
            inner = text[tag.code_start : offset].strip()
            return (tag.start, tag.end, min(tag.code_end, line_end)) if not inner else None
        if not before.endswith("#"):
            return None
        start = line_start + len(before) - 1
        end = min(line_end, tag.code_end)
        if not text[tag.code_start : start].strip() and not text[end : tag.code_end].strip():
            return tag.start, tag.end, end
        return (start, end, end) if _is_ruby_comment(file, start) else None
    next_tag = next((t.start for t in file.tags if t.start >= offset), line_end)
    line_end = min(line_end, next_tag)
    name = file.name.removesuffix(".erb")
    for opening, closing, suffixes in (
        ("<!--", "-->", _HTML),
        ("/*", "*/", (*_SLASHES, *_HTML)),
        ("//", "", (*_SLASHES, *_HTML)),
    ):
        if name.endswith(suffixes) and before.endswith(opening):
            start = line_start + len(before) - len(opening)
            close = text.find(closing, offset, line_end) if closing else line_end
            return (start, close + len(closing), close) if close >= 0 else None
    if name.endswith((*_HTML, *_SLASHES, ".json")) or not before.endswith("#"):
        return None
    start = line_start + len(before) - 1
    if start > line_start and text[start - 1] not in " \t" and not _ends_tag(file, start):
        return None
    if name.endswith((".yml", ".yaml")) and _is_in_scalar(file, start):
        return None
    if shell.is_shell(file) and not _is_shell_comment(file, start):
        return None
    return start, line_end, line_end


def _ends_tag(file: SourceFile, offset: int) -> bool:
    return any(tag.end == offset for tag in file.tags)


def _is_ruby_comment(file: SourceFile, offset: int) -> bool:
    return any(
        node.type == "comment" and node.start_byte <= offset < node.end_byte
        for node in file.program.nodes
    )


def _is_in_scalar(file: SourceFile, offset: int) -> bool:
    """Whether a place of a YAML file belongs to a value."""
    for view in file.views:
        root = psych.read(file, view).root
        for node in psych.walk(root) if root is not None else ():
            if not isinstance(node, psych.Scalar) or not node.start <= offset < node.end:
                continue
            # The line on which a block begins may end in a comment.
            header_end = file.text.find("\n", node.start) if node.style in ("|", ">") else -1
            if offset > header_end:
                return True
    return False


def _is_shell_comment(file: SourceFile, offset: int) -> bool:
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    text = file.masked.replace(erb.MASK, "x")
    code = "".join(c if c.isascii() else "_" for c in text)
    root = Parser(Language(tree_sitter_bash.language())).parse(code.encode()).root_node
    return any(n.type == "comment" and n.start_byte <= offset < n.end_byte for n in walk(root))
