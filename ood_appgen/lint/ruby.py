"""The Ruby of an ERB file, read with a real grammar (tree-sitter-ruby) and never run.

A node's `start_byte` and `end_byte` are offsets into the file's text: programs are plain ASCII.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property

import tree_sitter_ruby
from tree_sitter import Language, Node, Parser

from ood_appgen.lint import erb

Range = tuple[int, int]

_MOST_VIEWS = 48
_LOOPS = ("while", "until", "for")
# Words that the grammar takes for names when they stand where nothing is open: `end` too many.
_CLOSING = frozenset("end else elsif when then ensure rescue".split())
_ASSIGNED = ("left_assignment_list", "destructured_left_assignment", "rest_assignment")
# What makes a program read fields under names that cannot be seen.
_DYNAMIC = frozenset(
    "send public_send __send__ instance_eval eval to_h each_pair method_missing "
    "local_variable_get instance_variable_get dig".split()
)


@dataclass(frozen=True, slots=True)
class Name:
    """A use of a bare name that is no local variable: a form field, or a method of Ruby."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Arm:
    """The text between two tags of an `if`, `unless` or `case`.

    `node` is the whole statement, `condition` what is tested there (None for else).
    """

    start: int
    end: int
    node: Node
    condition: Node | None


@dataclass(frozen=True, slots=True)
class Branching:
    """An `if`, `unless` or `case` whose arms are text; `exhaustive` when it has an else."""

    node: Node
    arms: tuple[Arm, ...]
    exhaustive: bool


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_ruby.language()))


def parse(code: str) -> Node:
    """The syntax tree of Ruby code; `code` must be ASCII for offsets to be characters."""
    return _parser().parse(code.encode()).root_node


def walk(node: Node) -> Iterator[Node]:
    """A node and all below it, in the order of the text."""
    todo = [node]
    while todo:
        current = todo.pop()
        yield current
        todo.extend(reversed(current.children))


def literal(node: Node) -> str | None:
    """The value of a string, symbol or number that stands there literally; else None."""
    if node.type in ("integer", "float"):
        return node.text.decode() if node.text else None
    if node.type == "simple_symbol":
        return node.text.decode()[1:] if node.text else None
    if node.type not in ("string", "bare_string", "chained_string"):
        return None
    if any(n.type in ("interpolation", "escape_sequence") for n in walk(node)):
        return None
    parts = [n.text.decode() for n in walk(node) if n.type == "string_content" and n.text]
    return "".join(parts)


def _is_called(node: Node) -> bool:
    """Whether a name is a method's after a dot (`range.end`), or one that is defined."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "call":
        return parent.child_by_field_name("receiver") is not None and (
            parent.child_by_field_name("method") == node
        )
    return parent.type in ("method", "singleton_method", "alias", "undef", "pair")


class Program:
    """The Ruby program of one ERB file.

    `code` is as long as the file, with blanks for what is not Ruby.
    """

    def __init__(self, text: str, code: str, tags: tuple[erb.Tag, ...]) -> None:
        self.text = text
        self.tags = tags
        self.code, self.root = self._parse(code)

    def _parse(self, code: str) -> tuple[str, Node]:
        # ERB ends a comment at the end of its tag; Ruby alone would go on to the end of the line, and
        # what is behind it there, comments too, comes to light once it is taken out.
        while True:
            root = parse(code)
            parts = []
            position = 0
            for node in walk(root):
                if node.type != "comment":
                    continue
                tag = self.tag_at(node.start_byte)
                if tag and tag.code_end < node.end_byte:
                    parts += [
                        code[position : node.start_byte],
                        " " * (tag.code_end - node.start_byte),
                    ]
                    position = tag.code_end
            if not parts:
                return code, root
            code = "".join(parts) + code[position:]

    @property
    def has_errors(self) -> bool:
        """Whether the grammar could not read it all; what it says is then to be doubted."""
        return self.root.has_error or bool(self.stray_keywords)

    @cached_property
    def stray_keywords(self) -> tuple[Node, ...]:
        """Keywords that close or go on with nothing, which the grammar reads as names."""
        if not any(word in self.code for word in _CLOSING):
            return ()
        return tuple(
            node
            for node in self.nodes
            if node.type == "identifier"
            and self.code[node.start_byte : node.end_byte] in _CLOSING
            and not _is_called(node)
        )

    def tag_at(self, offset: int) -> erb.Tag | None:
        """The tag that an offset is in."""
        return next((t for t in self.tags if t.start <= offset < t.end), None)

    def source(self, node: Node) -> str:
        """The text of a node, as the file has it."""
        return self.text[node.start_byte : node.end_byte]

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes, in the order of the text."""
        return tuple(walk(self.root))

    @cached_property
    def assigned(self) -> frozenset[str]:
        """Names of local variables: assigned, parameters, and what `rescue =>` binds."""
        names = set()
        for node in self.nodes:
            if node.type in ("assignment", "operator_assignment"):
                left = node.child_by_field_name("left")
                if left is not None:
                    names |= set(self._targets(left))
            elif node.type in ("block_parameters", "method_parameters", "lambda_parameters"):
                names |= {self.source(n) for n in walk(node) if n.type == "identifier"}
            elif node.type in ("exception_variable", "for"):
                names |= {self.source(n) for n in node.named_children[:1] if n.type == "identifier"}
            elif node.type == "method":
                name = node.child_by_field_name("name")
                if name is not None:
                    names.add(self.source(name))
        return frozenset(names)

    def _targets(self, left: Node) -> Iterator[str]:
        if left.type == "identifier":
            yield self.source(left)
        elif left.type in _ASSIGNED:
            for child in left.named_children:
                yield from self._targets(child)

    @cached_property
    def names(self) -> tuple[Name, ...]:
        """Bare names that are not local variables, with a receiver or arguments or not.

        In submit.yml.erb such a name is a form field, whose absence is nil in silence (Ruby's
        OpenStruct), unless it has arguments.
        """
        found = []
        for node in self.nodes:
            if node.type != "identifier":
                continue
            name = self.source(node)
            parent = node.parent
            if name in self.assigned or parent is None:
                continue
            if parent.type == "call" and parent.child_by_field_name("method") == node:
                continue
            if parent.type in ("method", "undef", "alias", "keyword_parameter"):
                continue
            found.append(Name(name, node.start_byte, node.end_byte))
        return tuple(found)

    @cached_property
    def context_names(self) -> tuple[Name, ...]:
        """Uses of `context.x`, and of `context[:x]`: fields of the form."""
        found = []
        for node in self.nodes:
            if node.type == "call":
                receiver = node.child_by_field_name("receiver")
                method = node.child_by_field_name("method")
                if (
                    receiver is not None
                    and method is not None
                    and self.source(receiver) == "context"
                ):
                    found.append(Name(self.source(method), method.start_byte, method.end_byte))
            elif node.type == "element_reference":
                receiver = node.child_by_field_name("object")
                if receiver is not None and self.source(receiver) == "context":
                    for key in node.named_children[1:2]:
                        name = literal(key)
                        if name is not None:
                            found.append(Name(name, key.start_byte, key.end_byte))
        return tuple(found)

    @cached_property
    def reads_unseen(self) -> bool:
        """Whether fields may be read under names that cannot be seen (send, each_pair, include)."""
        for node in self.nodes:
            if node.type == "identifier" and self.source(node) in _DYNAMIC:
                return True
            if node.type == "self":
                return True
        return False

    # -- how the text depends on the program -----------------------------------------------------

    @cached_property
    def branchings(self) -> tuple[Branching, ...]:
        """The conditions whose arms hold text, outer ones before those inside them."""
        found = []
        for node in self.nodes:
            if node.is_named and node.type in ("if", "unless", "case"):
                branching = self._read_branching(node)
                if branching is not None:
                    found.append(branching)
        return tuple(found)

    @cached_property
    def loop_starts(self) -> tuple[int, ...]:
        """Where text begins that a loop or block repeats any number of times, or not at all."""
        return tuple(start for start, _ in self._loops)

    @cached_property
    def _loops(self) -> tuple[Range, ...]:
        found = []
        for node in self.nodes:
            if node.is_named and node.type in ("do_block", "block", *_LOOPS):
                first, last = self.tag_at(node.start_byte), self.tag_at(node.end_byte - 1)
                if first is not None and last is not None and first != last:
                    found.append((first.end, last.start))
        return tuple(found)

    @cached_property
    def arm_choices(self) -> tuple[tuple[Range, ...], ...]:
        """For each view of the text, what does not show in it.

        Each arm shows in one view at least; all combinations of independent conditions do not.
        """
        return tuple(self._choices(self._inside.get(id(None), [])))[:_MOST_VIEWS] or ((),)

    @cached_property
    def _inside(self) -> dict[int, list[Branching]]:
        """The branchings that stand in an arm, by its id; those in none by that of None."""
        found: dict[int, list[Branching]] = {}
        for branching in self.branchings:
            found.setdefault(id(self._enclosing(branching)), []).append(branching)
        return found

    def arm_at(self, offset: int) -> Arm | None:
        """The innermost arm that an offset of the text is in; None: it is always there."""
        best = None
        for branching in self.branchings:
            for arm in branching.arms:
                if arm.start <= offset < arm.end and (best is None or arm.start >= best.start):
                    best = arm
        return best

    def in_loop(self, offset: int) -> bool:
        """Whether an offset is in text that a loop or block repeats."""
        return any(start <= offset < end for start, end in self._loops)

    def _choices(self, branchings: list[Branching]) -> list[tuple[Range, ...]]:
        options: list[list[tuple[Range, ...]]] = []
        for branching in branchings:
            ways: list[tuple[Range, ...]] = []
            for arm in branching.arms:
                others = tuple((a.start, a.end) for a in branching.arms if a is not arm)
                inner = self._inside.get(id(arm), [])
                ways += [(*others, *way) for way in self._choices(inner)]
            if not branching.exhaustive:
                ways.append(tuple((a.start, a.end) for a in branching.arms))
            options.append(ways)
        count = max(map(len, options), default=1)
        return [
            tuple(r for ways in options for r in (ways[i] if i < len(ways) else ways[0]))
            for i in range(min(count, _MOST_VIEWS))
        ]

    def _enclosing(self, branching: Branching) -> Arm | None:
        """The innermost arm that a branching stands in."""
        best = None
        for other in self._outer_of(branching):
            for arm in other.arms:
                if arm.start <= branching.node.start_byte < arm.end and (
                    best is None or arm.start >= best.start
                ):
                    best = arm
        return best

    def _outer_of(self, branching: Branching) -> Iterator[Branching]:
        node = branching.node
        for other in self.branchings:
            if other is not branching and (
                other.node.start_byte <= node.start_byte and node.end_byte <= other.node.end_byte
            ):
                yield other

    def _read_branching(self, node: Node) -> Branching | None:
        clauses: list[tuple[int, Node | None]] = []  # where each clause's keyword stands
        if node.type == "case":
            for child in node.named_children:
                if child.type == "when":
                    clauses.append((child.start_byte, child))
                elif child.type == "else":
                    clauses.append((child.start_byte, None))
        else:
            current: Node | None = node
            while current is not None:
                clauses.append((current.start_byte, current.child_by_field_name("condition")))
                if current.type == "else":
                    break
                current = current.child_by_field_name("alternative")
        last = self.tag_at(node.end_byte - 1)
        if last is None or not clauses:
            return None
        arms = []
        for index, (start, condition) in enumerate(clauses):
            header = self.tag_at(self._header_end(start, condition))
            stop = clauses[index + 1][0] if index + 1 < len(clauses) else last.start
            closing = self.tag_at(stop)
            if header is None or closing is None:
                return None
            if header == closing:  # an arm without text: `else raise "..." end` in one tag
                if not self._raises(start, stop):
                    arms.append(Arm(header.end, header.end, node, condition))
                continue
            if closing.start < header.end:
                return None
            arms.append(Arm(header.end, closing.start, node, condition))
        if all(arm.start == arm.end for arm in arms):
            return None
        return Branching(node, tuple(arms), clauses[-1][1] is None)

    def _raises(self, start: int, stop: int) -> bool:
        """Whether code raises, so that there is no text at all."""
        return any(
            start <= node.start_byte < stop and self.source(node) in ("raise", "fail", "abort")
            for node in self.nodes
            if node.type == "identifier"
        )

    def _header_end(self, start: int, condition: Node | None) -> int:
        """The last character of what opens an arm: its keyword or its condition."""
        if condition is None:
            return start
        if condition.type == "when":
            patterns = [c for c in condition.named_children if c.type == "pattern"]
            return patterns[-1].end_byte - 1 if patterns else start
        return condition.end_byte - 1
