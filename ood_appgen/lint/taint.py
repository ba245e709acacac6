"""Which tags of a file print a text that the user typed, and what that text may look like.

Nothing is checked on the portal's side (OSC/ondemand apps/dashboard/app/models/batch_connect/
session_context.rb takes any value), but a rule is of use to people who fill in the form in good
faith: so a field counts as typed where its widget takes any text, and what it is for (its name, label
and default value) says what people put in. Ruby is followed through assignments, interpolation,
ternaries and methods that keep a text's characters; whatever else is done to a text is taken to make
it safe. So a field that is reported does arrive as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

from tree_sitter import Node

from ood_appgen.lint import erb, ruby
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Attribute, Form
from ood_appgen.lint.psych import Scalar, resolve
from ood_appgen.lint.ruby import Program
from ood_appgen.lint.source_file import SourceFile

YAML = "yaml"
SHELL = "shell"
HTML = "html"


class Kind(Enum):
    """What people type into a field."""

    WORD = "word"  # an account, a queue, a version, a number: one word of letters and digits
    WORDS = "words"  # arguments, modules, commands: meant to be split by the shell
    PATH = "path"
    TEXT = "text"
    PASSWORD = "password"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Typed:
    """A field that takes any text; `node` is where the form lists it.

    `default` is what the form fills in; a `picked` path is chosen from a list; `shell` are lines of
    commands, meant to be run.
    """

    id: str
    kind: Kind
    node: Scalar
    default: str = ""
    picked: bool = False
    shell: bool = False


@dataclass(frozen=True, slots=True)
class Print:
    """A tag that prints what was typed into `fields` with its special characters as they were.

    `found` are the ids of those that Ruby asks the file system about: it is a path that there is.
    """

    tag: erb.Tag
    fields: tuple[Typed, ...]
    found: frozenset[str] = frozenset()


_WIDGETS = {
    "text_field": Kind.TEXT,
    "text_area": Kind.LINES,
    "path_selector": Kind.PATH,
    "password_field": Kind.PASSWORD,
    "search_field": Kind.TEXT,
    "email_field": Kind.WORD,
    "telephone_field": Kind.WORD,
    "url_field": Kind.WORD,
}
# Words of a field's name, the last one first: it says what the field is.
_NAMES = {
    Kind.WORDS: "args argument arguments opts option options flag flags param params parameter "
    "parameters module modules package packages cmd command commands exec libs urls hosts tags "
    "env environment additional variables extra script binary bin executable code native preexec requirements list",
    Kind.PASSWORD: "password passwd passphrase",
    Kind.PATH: "path dir directory folder file files home root venv virtualenv workdir location "
    "workspace sif image notebook input output datadir wd cwd dirname filename",
    Kind.WORD: "account accounts acct project group groups partition queue queues qos reservation email "
    "mail user username version ver time hours hour walltime days minutes seconds cores cpus cpu "
    "ntasks tasks slots nodes node nodelist mem memory ram gpu gpus num number count size port host "
    "hostname license jobid id constraint constraints feature features token key seed font "
    "resolution geometry cluster gres date threads processes license switch type mode",
}
_KIND_OF = {word: kind for kind, words in _NAMES.items() for word in words.split()}
_MEANT_TO_BE_SPLIT = re.compile(
    r"\b(arguments?|options|flags?|parameters|separated|modules?|packages|commands?|variables)\b",
    re.IGNORECASE,
)
_SHELL_LINES = re.compile(
    r"\b(?:commands?|cmds?|scripts?|environment|env|variables?|vars|setup|code|modules?|arguments?|args|"
    r"options|flags|bashrc|preamble|prologue|exports?)\b",
    re.IGNORECASE,
)

# Methods whose result has the text's own characters in it (Ruby's String, ActiveSupport's).
_KEEPING = frozenset(
    "to_s to_str to_sym strip lstrip rstrip squish chomp chop chomp! strip! downcase upcase "
    "capitalize titleize swapcase presence dup freeze itself encode force_encoding scrub unicode_normalize "
    "html_safe concat prepend insert ljust rjust center reverse split lines join first last "
    "partition rpartition delete_prefix delete_suffix then tap compact uniq sort flatten reject "
    "select to_a map values fetch [] + % * raw unescape delete_if truncate".split()
)
# Those that change characters: safe where they are about the special ones, else as if not there.
_CHANGING = frozenset("gsub sub tr tr_s delete squeeze gsub! sub! tr! delete!".split())
_WRAPPING = frozenset("String Array format sprintf raw Pathname".split())
_PATH_METHODS = frozenset("join expand_path basename dirname absolute_path realpath new".split())
_JSON = frozenset("to_json dump inspect generate to_yaml".split())
_SPECIAL = re.compile(r"[\"'`$;&|<>\\ ^]|\\W|\\s")
_TESTS = frozenset("== != === =~ !~ eql? equal?".split())
_CHECKING = frozenset(
    "=~ !~ match match? include? start_with? end_with? exist? exists? file? directory? "
    "== === key? member? cover? in?".split()
)
_ON_DISK = frozenset("exist? exists? file? directory? readable? executable?".split())
_POSTED = ("user_context", "session.user_context", "self.user_context")
_REFUSING = frozenset("raise fail abort".split())
_BRANCHES = frozenset(
    "if unless elsif else then when case if_modifier unless_modifier while until for "
    "while_modifier until_modifier do_block block rescue rescue_modifier conditional "
    "method lambda ensure".split()
)


def typed_fields(app: App) -> dict[str, Typed]:
    """The fields of the app's forms that take any text, by id."""
    found: dict[str, Typed] = {}
    for form in app.forms:
        for item in form.items:
            if item.id in found:
                continue
            kind = _kind(form, item.id)
            if kind is not None:
                attribute = form.attribute(item.id)
                typed = Typed(item.id, kind, item.node)
                if attribute is not None:
                    typed = replace(
                        typed,
                        default=_default(attribute),
                        picked=form.widget(item.id) == "path_selector",
                        shell=kind is Kind.LINES and _is_shell(item.id, attribute),
                    )
                found[item.id] = typed
    return found


def prints(app: App, file: SourceFile, language: str) -> tuple[Print, ...]:
    """The tags of a file that print typed text raw, as far as `language` is concerned.

    How names are read depends on the file: fields themselves in a submit file, `context.x` below
    template/, `user_context["x"]` in info and completed views.
    """
    if not file.tags:
        return ()
    typed = _refuse_checked(app, typed_fields(app))
    if not typed:
        return ()
    flow = _Flow(file, typed, language)
    found = []
    for tag in file.tags:
        if tag.kind != "output" or not tag.closed:
            continue
        names = flow.printed(tag)
        if names:
            fields = tuple(typed[name] for name in sorted(names))
            found.append(Print(tag, fields, flow.found_on_disk))
    return tuple(found)


def _kind(form: Form, field_id: str) -> Kind | None:
    attribute = form.attribute(field_id)
    if attribute is None:
        # A text field, unless the site has a smart attribute or a global field of that name.
        return Kind.WORD if field_id in ("bc_account", "bc_queue") else None
    if attribute.opaque or attribute.fixed or field_id not in form.rendered:
        return None
    if attribute.settings is None or any(map(attribute.get, ("pattern", "readonly", "disabled"))):
        return None
    kind = _WIDGETS.get(form.widget(field_id))
    if kind is None:
        return None
    value = attribute.text("value") or ""
    if resolve(value.strip()) in ("int", "float"):
        return Kind.WORD
    if kind is not Kind.TEXT:
        return kind
    return _kind_by_text(attribute) or _kind_by_name(field_id, kind)


def _default(attribute: Attribute) -> str:
    """What the form fills in; where a picker begins, when that is for bash to expand."""
    texts = [attribute.text(key) or "" for key in ("value", "directory")]
    return next((t for t in texts if "$" in t or t.startswith("~")), texts[0])


def _is_shell(field_id: str, attribute: Attribute) -> bool:
    """Whether people type lines of shell there, which are meant to be run."""
    label = attribute.text("label") or ""
    return _SHELL_LINES.search(f"{field_id} {label}".replace("_", " ")) is not None


def _kind_by_text(attribute: Attribute) -> Kind | None:
    words = " ".join(attribute.text(key) or "" for key in ("label", "help"))
    return Kind.WORDS if _MEANT_TO_BE_SPLIT.search(words) else None


def _kind_by_name(name: str, kind: Kind) -> Kind | None:
    if name.startswith(("bc_", "auto_")):
        return Kind.WORD if name in ("bc_account", "bc_queue") else None
    for word in reversed(re.split(r"[_\W]+", name)):
        if word in _KIND_OF:
            return _KIND_OF[word]
    return kind


def _refuse_checked(app: App, typed: dict[str, Typed]) -> dict[str, Typed]:
    """Without the fields on whose value the submit file raises."""
    checked: set[str] = set()
    for file in app.submit_files:
        if not file.tags:
            continue
        flow = _Flow(file, typed, YAML)
        for node in file.program.nodes:
            if node.type == "identifier" and file.program.source(node) in _REFUSING:
                checked |= flow.named_in_conditions(node)
    return {name: field for name, field in typed.items() if name not in checked}


class _Flow:
    """Where typed text goes in the Ruby of one file."""

    def __init__(self, file: SourceFile, typed: dict[str, Typed], language: str) -> None:
        self.program: Program = file.program
        self.typed = typed
        self.language = language
        self.name = file.name
        self._is_submit = file.name.rpartition("/")[2].endswith((".yml.erb", ".yaml.erb")) and (
            not file.name.startswith("template/")
        )
        self._assignments: dict[str, list[tuple[Node, Node]]] = {}
        self._known: dict[int, frozenset[str]] = {}
        self._open: set[int] = set()
        for node in self.program.nodes:
            if node.type in ("assignment", "operator_assignment"):
                left = node.child_by_field_name("left")
                right = node.child_by_field_name("right")
                if left is not None and right is not None and left.type == "identifier":
                    name = self.program.source(left)
                    self._assignments.setdefault(name, []).append((node, right))

    @cached_property
    def found_on_disk(self) -> frozenset[str]:
        """The typed fields of which Ruby asks whether there is such a file or directory."""
        names: frozenset[str] = frozenset()
        for node in self.program.nodes:
            if node.type != "call":
                continue
            method = node.child_by_field_name("method")
            if method is None or self.program.source(method) not in _ON_DISK:
                continue
            receiver = node.child_by_field_name("receiver")
            if receiver is not None and receiver.type in ("constant", "scope_resolution"):
                receiver = node.child_by_field_name("arguments")
            names |= self.of(receiver)
            if receiver is not None:  # a variable is often set again where there is no such file
                values = self._assignments.get(self.program.source(receiver), ())
                names |= self._any(value for _, value in values)
        return names

    def printed(self, tag: erb.Tag) -> frozenset[str]:
        """The typed fields that a tag prints."""
        names: frozenset[str] = frozenset()
        for node in self._expressions(tag):
            names |= self.of(node)
        return names - self._decided(tag.start)

    def named_in_conditions(self, node: Node) -> frozenset[str]:
        """Fields that the conditions around a node are about."""
        names: set[str] = set()
        current: Node | None = node
        while current is not None:
            for key in ("condition", "value"):
                condition = current.child_by_field_name(key)
                if condition is not None:
                    names |= self._mentioned(condition)
            current = current.parent
        return frozenset(names)

    def _expressions(self, tag: erb.Tag) -> Iterator[Node]:
        """The outermost nodes inside a tag."""
        start, end = tag.code_start, tag.code_end
        node: Node | None = self.program.root.named_descendant_for_byte_range(start, end)
        todo = [node] if node is not None else []
        while todo:
            current = todo.pop()
            if start <= current.start_byte and current.end_byte <= end:
                if current.is_named:
                    yield current
            elif current.start_byte < end and current.end_byte > start:
                todo.extend(current.children)

    def _decided(self, offset: int) -> frozenset[str]:
        """Fields that a condition around an offset compares with something."""
        names: frozenset[str] = frozenset()
        for branching in self.program.branchings:
            for arm in branching.arms:
                if not arm.start <= offset < arm.end or arm.condition is None:
                    continue
                if arm.condition.type == "when":
                    value = branching.node.child_by_field_name("value")
                    names |= self._mentioned(value) if value is not None else frozenset()
                else:
                    names |= self._compared(arm.condition)
        return names

    def _compared(self, condition: Node) -> frozenset[str]:
        names: frozenset[str] = frozenset()
        for node in ruby.walk(condition):
            if node.type == "binary":
                operator = node.child_by_field_name("operator")
                tests = operator is not None and operator.type in ("==", "===", "=~")
                if tests and not self._is_blank_literal(node):
                    names |= self._mentioned(node)
            elif node.type == "call":
                method = node.child_by_field_name("method")
                if method is not None and self.program.source(method) in _CHECKING:
                    names |= self._mentioned(node)
        return names

    def _is_blank_literal(self, node: Node) -> bool:
        return any(ruby.literal(child) == "" for child in node.named_children)

    def _mentioned(self, node: Node) -> frozenset[str]:
        names: frozenset[str] = frozenset()
        for inner in ruby.walk(node):
            if inner.type in ("identifier", "call", "element_reference"):
                names |= self._leaf(inner) or frozenset()
        return names

    # -- expressions -------------------------------------------------------------------------------

    def of(self, node: Node | None) -> frozenset[str]:
        """The fields whose typed text the value of an expression may hold."""
        if node is None:
            return frozenset()
        if node.id in self._known:
            return self._known[node.id]
        if node.id in self._open or len(self._open) > 100:
            return frozenset()
        self._open.add(node.id)
        try:
            found = self._of(node)
        finally:
            self._open.discard(node.id)
        self._known[node.id] = found
        return found

    def _of(self, node: Node) -> frozenset[str]:
        leaf = self._leaf(node)
        if leaf is not None:
            return leaf
        kind = node.type
        if kind in ("string", "chained_string", "heredoc_body", "subshell"):
            return self._any(n for n in node.children if n.type in ("interpolation", "string"))
        if kind in (
            "interpolation",
            "parenthesized_statements",
            "then",
            "else",
            "begin",
            "body_statement",
            "block_body",
            "ensure",
        ):
            return self.of(node.named_children[-1]) if node.named_children else frozenset()
        if kind in ("array", "argument_list", "splat_argument"):
            return self._any(node.named_children)
        if kind == "conditional":
            return self._arms(node, ("consequence", "alternative"))
        if kind in ("if", "unless", "elsif"):
            return self._arms(node, ("consequence", "alternative"))
        if kind in ("if_modifier", "unless_modifier"):
            inside = self.of(node.child_by_field_name("body"))
            condition = node.child_by_field_name("condition")
            return inside - self._compared(condition) if condition is not None else inside
        if kind == "rescue_modifier":
            return self._any(node.named_children)
        if kind == "case":
            value = node.child_by_field_name("value")
            decided = self._mentioned(value) if value is not None else frozenset()
            bodies = [
                n.child_by_field_name("body") for n in node.named_children if n.type == "when"
            ]
            others = [n for n in node.named_children if n.type == "else"]
            when = self._any(n for n in bodies if n is not None) - decided
            return when | self._any(others)
        if kind == "binary":
            operator = node.child_by_field_name("operator")
            if operator is None or operator.type in _TESTS:
                return frozenset()
            if operator.type in ("||", "or", "+", "<<"):
                return self._any(node.named_children)
            if operator.type in ("&&", "and", "*"):
                side = "left" if operator.type == "*" else "right"
                return self.of(node.child_by_field_name(side))
            if operator.type == "%":
                return self._any(node.named_children)
            return frozenset()
        if kind in ("assignment", "operator_assignment"):
            return self.of(node.child_by_field_name("right"))
        if kind == "element_reference":
            return self._element(node)
        if kind == "call":
            return self._call(node)
        return frozenset()

    def _any(self, nodes: Iterable[Node | None]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for node in nodes:
            found |= self.of(node)
        return found

    def _arms(self, node: Node, keys: tuple[str, ...]) -> frozenset[str]:
        condition = node.child_by_field_name("condition")
        decided = self._compared(condition) if condition is not None else frozenset()
        return self._any(node.child_by_field_name(key) for key in keys) - decided

    def _element(self, node: Node) -> frozenset[str]:
        keys = node.named_children[1:]
        if any(key.type in ("regex", "string") for key in keys):
            return frozenset()
        return self.of(node.child_by_field_name("object"))

    def _call(self, node: Node) -> frozenset[str]:
        method = node.child_by_field_name("method")
        receiver = node.child_by_field_name("receiver")
        arguments = node.child_by_field_name("arguments")
        name = self.program.source(method) if method is not None else ""
        if receiver is None:
            return self.of(arguments) if name in _WRAPPING else frozenset()
        if receiver.type in ("constant", "scope_resolution"):
            if self.program.source(receiver) in ("File", "Pathname") and name in _PATH_METHODS:
                return self.of(arguments)
            return frozenset()
        if name in _CHANGING:
            return frozenset() if self._is_about_special(arguments) else self.of(receiver)
        if name in ("join", "concat", "prepend", "+"):
            return self.of(receiver) | self.of(arguments)
        if name in _KEEPING and node.child_by_field_name("block") is None:
            return self.of(receiver)
        if name in _JSON and self.language == HTML:
            return frozenset()
        return frozenset()

    def _is_about_special(self, arguments: Node | None) -> bool:
        text = self.program.source(arguments) if arguments is not None else ""
        text = text.replace("\\r", "").replace("\\n", "").strip("()")
        if re.fullmatch(r"/\??/\s*,\s*(\"\"|'')", text):
            return False  # only line ends are changed
        parts = [p.strip() for p in text.split(",")]
        return any(_SPECIAL.search(part.strip("\"'/")) for part in parts)

    def _leaf(self, node: Node) -> frozenset[str] | None:
        """The field that a node names; None where it is something else."""
        source = self.program.source
        if node.type == "identifier":
            name = source(node)
            if name in self._assignments:
                return self._variable(name, node)
            if not self._is_submit:
                return None
            if name in self.program.assigned or name not in self.typed:
                return None
            parent = node.parent
            called = parent is not None and parent.type == "call"
            if called and parent is not None and parent.child_by_field_name("method") == node:
                return None
            return frozenset({name})
        if node.type == "call":
            receiver = node.child_by_field_name("receiver")
            method = node.child_by_field_name("method")
            if receiver is None or method is None:
                return None
            if source(receiver) == "context" and self.name.startswith("template/"):
                return frozenset({source(method)} & set(self.typed))
            if source(receiver) in _POSTED and source(method) in ("fetch", "dig"):
                arguments = node.child_by_field_name("arguments")
                keys = arguments.named_children[:1] if arguments is not None else []
                return frozenset({ruby.literal(key) or "" for key in keys} & set(self.typed))
            return None
        if node.type == "element_reference":
            receiver = node.child_by_field_name("object")
            if receiver is not None and source(receiver) in _POSTED:
                return frozenset(
                    {ruby.literal(key) or "" for key in node.named_children[1:2]} & set(self.typed)
                )
        return None

    def _variable(self, name: str, use: Node) -> frozenset[str]:
        """What a variable may hold where it is used: the last value it surely got, or later ones."""
        around = set(self._branches(use))
        found: frozenset[str] = frozenset()
        for assignment, value in reversed(self._assignments[name]):
            if assignment.end_byte > use.start_byte:
                continue
            appended = assignment.type == "operator_assignment"
            found |= self.of(value)
            if not appended and set(self._branches(assignment)) <= around:
                break
        return found

    def _branches(self, node: Node) -> Iterator[int]:
        current = node.parent
        while current is not None:
            if current.type in _BRANCHES:
                yield current.id
            current = current.parent
