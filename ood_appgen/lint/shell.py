"""The shell of an app, read with a real grammar (tree-sitter-bash) and never run.

`parts(app)` are all places that hold a script: the files of template/, and the texts under `script:`
and `batch_connect:` of the submit file that the job runs. What `read` finds stands at offsets of the
file, and in the masked text: what ERB prints is `erb.MASK`.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from tree_sitter import Node

from ood_appgen import bash_grammar
from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.bash import is_copy as is_copy
from ood_appgen.lint.erb import MASK, blank
from ood_appgen.lint.ruby import walk
from ood_appgen.lint.source_file import SourceFile

# Keys whose text ood_core puts into the job script
# (OSC/ood_core lib/ood_core/batch_connect/template.rb, to_s and the methods below it).
_SCRIPT_KEYS = (
    "script_wrapper",
    "header",
    "footer",
    "before_script",
    "before_file",
    "run_script",
    "after_script",
    "clean_script",
    "timeout_script",
    "bash_helpers",
)
_SHEBANG = re.compile(r"#!\s*\S*?(?:/env\s+(?:-\S+\s+)*)?(?:/|\b)(?:ba|da|k|z)?sh\b")
_SHELL_NAME = re.compile(r"\.(?:sh|bash)(?:\.erb)?\Z")
_COMMENT_LINE = re.compile(r"^[ \t]*#.*", re.MULTILINE)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPE_IN_QUOTES = re.compile(r'\\([$`"\\\n])')
_EXPANSIONS = ("expansion", "simple_expansion", "command_substitution", "process_substitution")
_QUOTED = ("string", "raw_string", "ansi_c_string", "translated_string")


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotes, at `start`:`end` of the file; `$x` and `$(...)` are as written.

    A `literal` one has neither those nor anything that ERB prints.
    """

    text: str
    start: int
    end: int
    literal: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: its words, the first of which is its name."""

    words: tuple[Word, ...]
    start: int
    end: int

    @property
    def name(self) -> str:
        """The name without its directory."""
        return self.words[0].text.rpartition("/")[2]

    @property
    def arguments(self) -> tuple[Word, ...]:
        """The words after the name."""
        return self.words[1:]

    def options(self) -> Iterator[tuple[str, str | None, Word]]:
        """Its `--name value` and `--name=value`: name, value, and the word that names it.

        The value is None where nothing follows, or another option does.
        """
        for index, word in enumerate(self.words):
            if not word.text.startswith("-") or index == 0:
                continue
            name, equals, value = word.text.partition("=")
            if equals:
                yield name, value, word
                continue
            following = self.words[index + 1].text if index + 1 < len(self.words) else None
            yield name, None if following is None or following.startswith("-") else following, word


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirection to or from a file: `operator` is `>`, `>>`, `<`..."""

    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Assignment:
    """`name=value`, alone, before a command, or after export and the like."""

    name: str
    value: Word


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a here-document: its text, and where it starts in the file."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Heredoc:
    """The lines of a here-document."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """What a script has of each kind, in the order of the text; nested ones too."""

    commands: tuple[Command, ...]
    pipelines: tuple[tuple[Command, ...], ...]
    redirects: tuple[Redirect, ...]
    assignments: tuple[Assignment, ...]
    heredocs: tuple[Heredoc, ...]
    functions: frozenset[str]

    def inside(self, word: Word) -> Iterator[Command]:
        """The commands of the substitutions in a word."""
        return (c for c in self.commands if word.start < c.start and c.end <= word.end)


@dataclass(frozen=True, eq=False)
class Part:
    """A shell text of a file. `lines` are where its lines begin: in the text, and in the file."""

    file: SourceFile
    text: str
    lines: tuple[tuple[int, int], ...] = ((0, 0),)

    @cached_property
    def script(self) -> Script:
        """The script that it is."""
        return _Reader(self).read()

    @cached_property
    def code(self) -> str:
        """The text with its comments blank; lines of here-documents that begin with # too."""
        text = self.text
        for node in self.nodes:
            if node.type == "comment":
                start, end = node.start_byte, node.end_byte
                text = text[:start] + blank(text[start:end]) + text[end:]
        return _COMMENT_LINE.sub(lambda found: blank(found[0]), text)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes of its syntax tree, in the order of the text; bytes are characters."""
        return tuple(walk(bash_grammar.parse_by_character(self.text)))

    def offset(self, position: int) -> int:
        """The place in the file of a character of the text."""
        index = bisect_right(self._starts, position) - 1
        start, at = self.lines[index]
        return min(at + position - start, len(self.file.text))

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _ in self.lines]


_PARTS: WeakKeyDictionary[App, tuple[Part, ...]] = WeakKeyDictionary()


def parts(app: App) -> tuple[Part, ...]:
    """All shell of an app, with every arm of ERB's conditions."""
    found = _PARTS.get(app)
    if found is None:
        found = _PARTS[app] = tuple(_find_parts(app))
    return found


def is_shell(file: SourceFile) -> bool:
    """Whether a file is a shell script, by its name or its first line, and no copy put aside."""
    if file.binary or not file.text or is_copy(file.name):
        return False
    if _SHELL_NAME.search(file.name):
        return True
    return bool(_SHEBANG.match(file.masked.lstrip()))


def _find_parts(app: App) -> Iterator[Part]:
    for file in app.scripts:
        if is_shell(file):
            yield Part(file, file.masked)
    for file in app.submit_files:
        if not any(key in file.text for key in _SCRIPT_KEYS):
            continue
        seen = set()
        for view in file.views:
            root = psych.read(file, view).root
            if root is None:
                continue
            for scalar in _find_script_texts(root):
                if scalar.start not in seen:
                    seen.add(scalar.start)
                    yield _read_block(file, scalar, view.text)


def _find_script_texts(root: psych.Node) -> Iterator[psych.Scalar]:
    for node in psych.walk(root):
        for key, value in node.entries if isinstance(node, psych.Mapping) else ():
            block = isinstance(value, psych.Scalar) and value.style == "|"
            if key.text in _SCRIPT_KEYS and isinstance(value, psych.Scalar) and block:
                yield value


def _read_block(file: SourceFile, scalar: psych.Scalar, text: str) -> Part:
    """A block scalar, without its indentation."""
    first = text.find("\n", scalar.start) + 1
    if not first:
        return Part(file, "")
    written = text[first : max(first, scalar.end)].splitlines(keepends=True)
    indents = [len(line) - len(line.lstrip(" ")) for line in written if line.strip()]
    indent = min(indents, default=0)
    lines = []
    kept = []
    position, at = 0, first
    for line in written:
        cut = line[indent:] if line.strip() else line[-1:]
        lines.append((position, at + len(line) - len(cut)))
        kept.append(cut)
        position += len(cut)
        at += len(line)
    return Part(file, "".join(kept), tuple(lines) or ((0, first),))


class _Reader:
    def __init__(self, part: Part) -> None:
        self.part = part
        self.text = part.text

    def read(self) -> Script:
        commands: dict[int, Command] = {}
        pipelines: list[list[Node]] = []
        redirects: list[Redirect] = []
        assignments: list[Assignment] = []
        heredocs: list[Heredoc] = []
        functions = set()
        for node in self.part.nodes:
            kind = node.type
            if kind in ("command", "declaration_command", "unset_command"):
                command = self._read_command(node)
                if command is not None:
                    commands[node.start_byte] = command
            elif kind == "pipeline":
                pipelines.append(list(node.named_children))
            elif kind == "file_redirect":
                redirect = self._read_redirect(node)
                if redirect is not None:
                    redirects.append(redirect)
            elif kind == "heredoc_redirect":
                heredocs.append(self._read_heredoc(node))
                pipelines += self._read_heredoc_pipeline(node)
            elif kind == "variable_assignment":
                assignment = self._read_assignment(node)
                if assignment is not None:
                    assignments.append(assignment)
            elif kind == "function_definition":
                name = node.child_by_field_name("name")
                if name is not None:
                    functions.add(self._source(name))
        return Script(
            tuple(commands.values()),
            tuple(tuple(self._commands_of(line, commands)) for line in pipelines),
            tuple(redirects),
            tuple(assignments),
            tuple(heredocs),
            frozenset(functions),
        )

    def _source(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte]

    def _word(self, node: Node) -> Word:
        text = self._unquote(node)
        inner = walk(node)
        literal = MASK not in self._source(node) and not any(n.type in _EXPANSIONS for n in inner)
        return Word(
            text, self.part.offset(node.start_byte), self.part.offset(node.end_byte), literal
        )

    def _unquote(self, node: Node) -> str:
        source = self._source(node)
        if node.type == "raw_string":
            return source[1:-1]
        if node.type == "ansi_c_string":
            return source[2:-1]
        if node.type == "translated_string":
            return source[2:-1]
        if node.type == "string":
            return _ESCAPE_IN_QUOTES.sub(lambda m: m[1].replace("\n", ""), source[1:-1])
        if node.type in ("concatenation", "command_name"):
            return "".join(map(self._unquote, node.children))
        if node.type == "word":
            return _ESCAPE.sub(lambda m: m[1].replace("\n", ""), source)
        return source

    def _read_command(self, node: Node) -> Command | None:
        words = []
        for child in node.children:
            if child.type in ("export", "declare", "local", "readonly", "typeset", "unset"):
                words.append(self._word(child))
            elif child.type == "variable_assignment":
                if node.type == "declaration_command":
                    words.append(self._word(child))
            elif child.is_named and child.type not in (
                "file_redirect",
                "heredoc_redirect",
                "herestring_redirect",
                "comment",
            ):
                words.append(self._word(child))
        if not words:
            return None
        start, end = self.part.offset(node.start_byte), self.part.offset(node.end_byte)
        return Command(tuple(words), start, end)

    def _read_redirect(self, node: Node) -> Redirect | None:
        target = node.child_by_field_name("destination")
        operator = next((c.type for c in node.children if not c.is_named), "")
        return None if target is None else Redirect(operator, self._word(target))

    def _read_assignment(self, node: Node) -> Assignment | None:
        name = node.child_by_field_name("name")
        value = node.child_by_field_name("value")
        if name is None or value is None or name.type != "variable_name":
            return None
        return Assignment(self._source(name), self._word(value))

    def _read_heredoc(self, node: Node) -> Heredoc:
        body = next((c for c in node.children if c.type == "heredoc_body"), None)
        lines = []
        if body is not None:
            start = self.text.rfind("\n", 0, body.start_byte) + 1
            for line in self.text[start : body.end_byte].splitlines(keepends=True):
                lines.append(Line(line.rstrip("\r\n"), self.part.offset(start)))
                start += len(line)
        return Heredoc(tuple(lines))

    def _read_heredoc_pipeline(self, node: Node) -> Iterator[list[Node]]:
        for child in node.children:
            if child.type == "pipeline" and node.parent is not None:
                yield [*node.parent.named_children[:1], *child.named_children]

    def _commands_of(self, stages: list[Node], commands: dict[int, Command]) -> Iterator[Command]:
        """The command of each stage of a pipeline; a stage that is more than one is left out."""
        for stage in stages:
            node: Node | None = stage
            while node is not None and node.type == "redirected_statement":
                node = node.child_by_field_name("body")
            if node is not None and node.start_byte in commands and node.type == "command":
                yield commands[node.start_byte]
