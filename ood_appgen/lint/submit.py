"""What a submit file says, what values its fields can have, and under which of them text shows.

Source: OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb (submit_opts, submit_config),
session_context.rb (to_openstruct) and app/lib/smart_attributes; OSC/ood_core
lib/ood_core/job/script.rb.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from tree_sitter import Node as RubyNode

from ood_appgen.lint import psych, ruby
from ood_appgen.lint.app import App
from ood_appgen.lint.erb import MASK, Tag
from ood_appgen.lint.form import Attribute, Form
from ood_appgen.lint.psych import Document, Node, Scalar
from ood_appgen.lint.ruby import Branching, Program
from ood_appgen.lint.source_file import SourceFile

# Smart attributes that set something below `script:` (apps/dashboard/app/lib/smart_attributes).
SCRIPT_ATTRIBUTES = {
    "bc_num_hours": "wall_time",
    "bc_account": "accounting_id",
    "bc_queue": "queue_name",
    "bc_email_on_started": "email_on_started",
    "bc_num_slots": "native",
    "bc_num_nodes": "native",
    "auto_accounts": "accounting_id",
    "auto_cores": "cores",
    "auto_groups": "accounting_id",
    "auto_job_name": "job_name",
    "auto_primary_group": "accounting_id",
    "auto_qos": "qos",
    "auto_queues": "queue_name",
}
# Those that set something below `batch_connect:`.
BATCH_CONNECT_ATTRIBUTES = {"bc_vnc_idle": "idle", "bc_vnc_resolution": "geometry"}

_MOST_COMBINATIONS = 5000
_CHOICES = ("select", "radio", "radio_button")


@lru_cache(maxsize=64)
def documents(file: SourceFile) -> tuple[Document, ...]:
    """The file's YAML, once for each of its views."""
    return tuple(psych.read(file, view) for view in file.views)


def roots(app: App) -> Iterator[psych.Mapping]:
    """The whole document of each view of each submit file."""
    for file in app.submit_files:
        for document in documents(file):
            if isinstance(document.root, psych.Mapping):
                yield document.root


def sections(app: App, name: str) -> Iterator[psych.Mapping]:
    """What stands under `script:` or `batch_connect:`, in each view."""
    for root in roots(app):
        section = root.get(name)
        if isinstance(section, psych.Mapping):
            yield section


def natives(app: App) -> Iterator[Node]:
    """What stands under `script: native:`, in each view."""
    for section in sections(app, "script"):
        native = section.get("native")
        if native is not None:
            yield native


def schedulers(app: App) -> frozenset[str]:
    """The schedulers of the app's clusters, as the site profile says; empty when one is unknown."""
    site = app.settings.site
    if site is None or not app.forms:
        return frozenset()
    known = {cluster.id: cluster.scheduler for cluster in site.clusters}
    found = set()
    for form in app.forms:
        if not form.clusters or not form.clusters_complete:
            return frozenset()
        for cluster in form.clusters:
            if cluster.value not in known:
                return frozenset()
            found.add(known[cluster.value])
    return frozenset(found)


def programs(app: App) -> Iterator[tuple[SourceFile, bool]]:
    """The ERB files in which fields are read; True for those that say `context.` before a field."""
    for file in app.submit_files:
        if file.tags and not file.program.has_errors:
            yield file, False
    for file in app.scripts:
        if file.tags and not file.program.has_errors:
            yield file, True


def field_names(app: App) -> frozenset[str]:
    """The names under which a submit file finds the fields (what smart attributes make of ids)."""
    names = set()
    for name in app.field_names:
        names.add(re.sub(r"[-/]", "_", name))
        if name.startswith("global_bc_"):
            names.add(name.removeprefix("global_"))
    # auto_environment_variable_FOO is the one id that keeps its case.
    for form in app.forms:
        for item in form.items:
            if item.id.startswith("auto_environment_variable_"):
                prefix = len("auto_environment_variable_")
                names.add(item.id[:prefix] + item.node.value[prefix:].replace("-", "_"))
    return frozenset(names)


# -- the values of fields ------------------------------------------------------------------------


@dataclass(frozen=True)
class Values:
    """`offered` by the form's page; `others` are those that a field may have besides."""

    offered: tuple[str, ...]
    others: frozenset[str]


@lru_cache(maxsize=1024)
def values(app: App, field: str) -> Values | None:
    """All values that a field can have; None when they cannot be known."""
    if not app.fields_complete or _is_scripted(app, field):
        return None
    offered: dict[str, None] = {}
    others = {""}
    for form in app.forms:
        if field not in form.ids:
            continue
        found = _values_in(form, field)
        if found is None:
            return None
        offered.update(dict.fromkeys(found.offered))
        others |= found.others
    return Values(tuple(offered), frozenset(others)) if offered else None


def _is_scripted(app: App, field: str) -> bool:
    return any(field in file.text for file in app.form_scripts)


def _values_in(form: Form, field: str) -> Values | None:
    attribute = form.attribute(field)
    if not form.attributes_complete:
        return None
    if field == "cluster" and (attribute is None or attribute.get("options") is None):
        names = tuple(cluster.value.strip() for cluster in form.clusters)
        glob = any(c in name for name in names for c in "*?[{")
        return Values(names, frozenset()) if form.clusters_complete and not glob else None
    if attribute is None or attribute.opaque or field.startswith(("auto_", "global_", "bc_")):
        return None
    if attribute.fixed:
        value = attribute.node if attribute.settings is None else attribute.get("value")
        if isinstance(value, Scalar) and not value.opaque:
            return Values((value.value,), frozenset())
        return None
    default = attribute.get("value")
    if isinstance(default, Scalar) and default.opaque:
        return None
    others = frozenset({default.value} if isinstance(default, Scalar) else ())
    if attribute.widget in _CHOICES:
        return _choices(attribute, others)
    if attribute.widget == "check_box":
        checked, unchecked = (
            _text_or(attribute, "checked_value", "1"),
            _text_or(attribute, "unchecked_value", "0"),
        )
        if checked is None or unchecked is None:
            return None
        return Values((checked, unchecked), others)
    return None


def _choices(attribute: Attribute, others: frozenset[str]) -> Values | None:
    html = attribute.get("html_options")
    if not attribute.options_complete or attribute.get("multiple") is not None:
        return None
    if html is not None and not (isinstance(html, psych.Mapping) and html.get("multiple") is None):
        return None
    found = tuple(option.value.value for option in attribute.options if option.value is not None)
    return Values(found, others)


def _text_or(attribute: Attribute, key: str, default: str) -> str | None:
    return default if attribute.get(key) is None else attribute.text(key)


def printed_field(node: Scalar) -> str | None:
    """The field that a scalar prints, alone or with `to_s`, `to_i` or `strip`, and nothing else."""
    tags = [t for t in node.file.tags if node.start <= t.start < node.end and t.kind == "output"]
    if len(tags) != 1 or set(node.text.strip()) - {MASK}:
        return None
    found = operand(node.file.program, printed_node(node.file.program, tags[0]), False)
    return (
        found.field
        if found is not None and set(found.methods) <= {"to_s", "to_i", "strip"}
        else None
    )


def printed_node(program: Program, tag: Tag) -> RubyNode | None:
    """The expression that a tag prints."""
    code = program.code[tag.code_start : tag.code_end]
    start = tag.code_start + len(code) - len(code.lstrip())
    end = tag.code_start + len(code.rstrip())
    if start >= end:
        return None
    node: RubyNode | None = program.root.descendant_for_byte_range(start, end)
    exact = node is not None and (node.start_byte, node.end_byte) == (start, end)
    return node if exact else None


# -- what Ruby tests -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Operand:
    """A field in an expression, with the methods called on it (`to_s`, `to_i`...)."""

    field: str
    methods: tuple[str, ...]
    node: RubyNode

    @property
    def numeric(self) -> bool:
        """Whether it is a number, and no String as a field itself is."""
        return any(method in _NUMERIC for method in self.methods)

    def apply(self, value: str) -> str | int | float:
        """What the expression is when the field has a value."""
        result: str | int | float = value
        for method in self.methods:
            result = _METHODS[method](str(result) if method != "to_s" else _to_s(result))
        return result


def _to_s(value: object) -> str:
    return str(value)


def to_i(text: str) -> int:
    """Ruby's String#to_i."""
    found = re.match(r"\s*([-+]?\d+(?:_\d+)*)", text)
    return int(found[1].replace("_", "")) if found else 0


def _to_f(text: str) -> float:
    found = re.match(r"\s*[-+]?\d+(?:_\d+)*(?:\.\d+)?(?:[eE][-+]?\d{1,2})?", text)
    return float(found[0].replace("_", "")) if found else 0.0


_METHODS: dict[str, Callable[[str], str | int | float]] = {
    "to_s": str,
    "to_str": str,
    "strip": str.strip,
    "chomp": lambda text: text.rstrip("\n"),
    "downcase": str.lower,
    "upcase": str.upper,
    "to_i": to_i,
    "to_f": _to_f,
    "length": len,
    "size": len,
}
_NUMERIC = ("to_i", "to_f", "length", "size")


def operand(program: Program, node: RubyNode | None, in_template: bool) -> Operand | None:
    """A bare field (in template/: `context.field`), or one with plain methods called on it."""
    node = _unwrap(node)
    if node is None:
        return None
    if node.type == "identifier":
        name = program.source(node)
        if in_template or name in program.assigned:
            return None
        return Operand(name, (), node)
    if node.type != "call" or node.child_by_field_name("arguments") is not None:
        return None
    receiver = node.child_by_field_name("receiver")
    method = node.child_by_field_name("method")
    if receiver is None or method is None:
        return None
    name = program.source(method)
    if receiver.type == "identifier" and program.source(receiver) == "context":
        if not in_template or "context" in program.assigned:
            return None
        return Operand(name, (), node)
    inner = operand(program, receiver, in_template)
    if inner is None or name not in _METHODS or (inner.numeric and name != "to_s"):
        return None
    return Operand(inner.field, (*inner.methods, name), node)


def _unwrap(node: RubyNode | None) -> RubyNode | None:
    while node is not None and node.type in ("parenthesized_statements", "then"):
        if len(node.named_children) != 1:
            return None
        node = node.named_children[0]
    return node


@dataclass(frozen=True)
class Test:
    """A condition: `answer` tells how it turns out for values of `fields`; None: nobody knows."""

    fields: frozenset[str]
    answer: Callable[[Mapping[str, str]], bool | None]


_UNKNOWN = Test(frozenset(), lambda _: None)


def read_test(program: Program, node: RubyNode | None, in_template: bool = False) -> Test:
    """A condition as a `Test`."""
    node = _unwrap(node)
    if node is None:
        return _UNKNOWN
    if node.type in ("true", "false"):
        truth = node.type == "true"
        return Test(frozenset(), lambda _: truth)
    if node.type == "unary" and program.code[node.start_byte] in "!n":
        return _opposite(read_test(program, node.child_by_field_name("operand"), in_template))
    if node.type == "binary":
        return _read_binary(program, node, in_template)
    if node.type == "call":
        return _read_call(program, node, in_template)
    return _UNKNOWN


def _opposite(test: Test) -> Test:
    def answer(given: Mapping[str, str]) -> bool | None:
        found = test.answer(given)
        return None if found is None else not found

    return Test(test.fields, answer)


def _among(field: Operand, entries: list[RubyNode]) -> Test:
    texts = {ruby.literal(entry) for entry in entries}
    return _of(field, lambda v: v in texts)


def _read_binary(program: Program, node: RubyNode, in_template: bool) -> Test:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    sign = node.child_by_field_name("operator")
    sign_text = program.source(sign) if sign is not None else ""
    if sign_text in ("&&", "and", "||", "or"):
        one, two = (read_test(program, side, in_template) for side in (left, right))
        decisive = sign_text in ("||", "or")

        def join(given: Mapping[str, str]) -> bool | None:
            answers = (one.answer(given), two.answer(given))
            if decisive in answers:
                return decisive
            return None if None in answers else not decisive

        return Test(one.fields | two.fields, join)
    for field_side, other in ((left, right), (right, left)):
        found = operand(program, field_side, in_template)
        if found is not None and other is not None:
            return _compare(program, found, sign_text, other, field_side is left)
    return _UNKNOWN


def _compare(program: Program, field: Operand, sign: str, other: RubyNode, first: bool) -> Test:
    other = _unwrap(other) or other
    if sign in ("=~", "!~", "===") and other.type == "regex":
        pattern = read_regex(program, other)
        if pattern is None or field.numeric:
            return _UNKNOWN
        wanted = sign != "!~"
        return _of(field, lambda v: bool(pattern.search(str(v))) is wanted)
    constant = _constant(program, other)
    if constant is None:
        return _UNKNOWN
    if sign in ("==", "!=", "==="):
        return _of(field, lambda v: _same(v, constant) is (sign != "!="))
    if sign in _ORDERS and field.numeric and not isinstance(constant, str):
        order = _ORDERS[sign if first else _MIRRORED[sign]]
        return _of(field, lambda v: order(float(v), float(constant)))
    return _UNKNOWN


_ORDERS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _same(value: str | float, constant: str | float) -> bool:
    return isinstance(value, str) is isinstance(constant, str) and value == constant


def _constant(program: Program, node: RubyNode) -> str | float | None:
    """A literal string, or a number."""
    text = ruby.literal(node)
    if text is None or node.type == "simple_symbol":
        return None
    if node.type in ("integer", "float"):
        try:
            return float(text.replace("_", ""))
        except ValueError:
            return None
    return text


def _of(field: Operand, accepts: Callable[[str | float], bool]) -> Test:
    def answer(given: Mapping[str, str]) -> bool | None:
        return accepts(field.apply(given[field.field])) if field.field in given else None

    return Test(frozenset({field.field}), answer)


def _read_call(program: Program, node: RubyNode, in_template: bool) -> Test:
    receiver = _unwrap(node.child_by_field_name("receiver"))
    method = node.child_by_field_name("method")
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    if receiver is None or method is None or node.child_by_field_name("block") is not None:
        return _UNKNOWN
    name = program.source(method)
    field = operand(program, receiver, in_template)
    if field is not None and not field.numeric:
        if not given and name in _BLANKNESS:
            return _of(field, _BLANKNESS[name])
        if name in ("match", "match?") and len(given) == 1 and given[0].type == "regex":
            return _compare(program, field, "=~", given[0], True)
        texts = [ruby.literal(argument) for argument in given]
        known = [text for text in texts if text is not None]
        if given and len(known) == len(given):
            if name == "start_with?":
                return _of(field, lambda v: str(v).startswith(tuple(known)))
            if name == "end_with?":
                return _of(field, lambda v: str(v).endswith(tuple(known)))
            if name == "include?" and len(known) == 1:
                return _of(field, lambda v: known[0] in str(v))
            if name in ("eql?", "equal?") and len(known) == 1:
                return _compare(program, field, "==", given[0], True)
    if len(given) == 1:
        argument = operand(program, given[0], in_template)
        if receiver.type == "regex" and name in ("match", "match?") and argument is not None:
            return _compare(program, argument, "=~", receiver, False)
        for item, listed in ((argument, receiver), (field, given[0])):
            if item is None or name != ("include?" if listed is receiver else "in?"):
                continue
            entries = list_items(listed)
            if entries is not None:
                return _among(item, entries)
    return _UNKNOWN


_BLANKNESS: dict[str, Callable[[str | float], bool]] = {
    "blank?": lambda v: not str(v).strip(),
    "present?": lambda v: bool(str(v).strip()),
    "empty?": lambda v: not str(v),
}


def list_items(node: RubyNode) -> list[RubyNode] | None:
    """The items of a literal list of strings (also `%w[]`); None when one is something else."""
    if node.type not in ("array", "string_array"):
        return None
    items = list(node.named_children)
    plain = all(i.type in ("string", "bare_string") and ruby.literal(i) is not None for i in items)
    return items if items and plain else None


def read_regex(program: Program, node: RubyNode) -> re.Pattern[str] | None:
    """A literal pattern of the plain sort, which Python reads as Ruby does."""
    source = program.source(node)
    found = re.fullmatch(r"(?:/|%r\{)(.*)[/}]([ix]*)", source, re.DOTALL)
    if found is None or any(n.type == "interpolation" for n in node.children):
        return None
    body = found[1]
    if "x" in found[2] or not re.fullmatch(r"(?:\\[AzZdwsb./-]|[\w ./,:$^|()*+?\[\]-])*", body):
        return None
    if "(?" in body:
        return None
    body = body.replace(r"\z", r"\Z").replace(r"\/", "/")
    try:
        return re.compile(body, re.MULTILINE | (re.IGNORECASE if "i" in found[2] else 0))
    except (re.error, OverflowError, RecursionError):
        return None


def case_test(program: Program, case: RubyNode, when: RubyNode, in_template: bool = False) -> Test:
    """Whether a `when` of a `case` is met, by itself."""
    subject = case.child_by_field_name("value")
    patterns = [c.named_children[0] for c in when.named_children if c.type == "pattern"]
    patterns = [p for p in patterns if p is not None]
    if not patterns:
        return _UNKNOWN
    if subject is None:
        tests = [read_test(program, p, in_template) for p in patterns]
    else:
        field = operand(program, subject, in_template)
        if field is None:
            return _UNKNOWN
        tests = []
        for pattern in patterns:
            inner = pattern.named_children[0] if pattern.type == "splat_argument" else pattern
            entries = list_items(inner)
            if pattern.type == "splat_argument" and entries is not None:
                tests.append(_among(field, entries))
            else:
                tests.append(_compare(program, field, "===", pattern, False))
    return _any(tests)


def _any(tests: list[Test]) -> Test:
    def answer(given: Mapping[str, str]) -> bool | None:
        answers = [test.answer(given) for test in tests]
        if True in answers:
            return True
        return None if None in answers else False

    return Test(frozenset().union(*(t.fields for t in tests)), answer)


def clauses(
    program: Program, node: RubyNode, in_template: bool = False
) -> list[tuple[RubyNode, Test | None]]:
    """The clauses of an `if`, `unless` or `case` in turn, with what each tests; None for else."""
    found: list[tuple[RubyNode, Test | None]] = []
    if node.type == "case":
        for child in node.named_children:
            if child.type == "when":
                found.append((child, case_test(program, node, child, in_template)))
            elif child.type == "else":
                found.append((child, None))
        return found
    current: RubyNode | None = node
    while current is not None:
        if current.type == "else":
            found.append((current, None))
            break
        test = read_test(program, current.child_by_field_name("condition"), in_template)
        if current.type == "unless":
            test = _opposite(test)
        found.append((current, test))
        current = current.child_by_field_name("alternative")
    return found


def choose(tests: list[Test | None], given: Mapping[str, str]) -> tuple[int | None, bool]:
    """Which clause is taken (None: none of them), and whether that is sure."""
    for index, test in enumerate(tests):
        answer = True if test is None else test.answer(given)
        if answer is None:
            return None, False
        if answer:
            return index, True
    return None, True


def combinations(app: App, fields: frozenset[str]) -> list[dict[str, str]] | None:
    """All that the form can offer for these fields together; None when that cannot be known."""
    known = []
    for field in sorted(fields):
        found = values(app, field)
        if found is None:
            return None
        known.append([(field, value) for value in found.offered])
    rows = list(islice(product(*known), _MOST_COMBINATIONS + 1))
    return [dict(row) for row in rows] if len(rows) <= _MOST_COMBINATIONS else None


def first_raise(program: Program) -> int | None:
    """Where the program first refuses to go on (`raise`), if it does."""
    for node in program.nodes:
        if node.type == "identifier" and program.source(node) in ("raise", "fail", "abort"):
            return node.start_byte
    return None


# -- text that may not be there ------------------------------------------------------------------


@dataclass(frozen=True)
class Region:
    """Part of a submit file: what is always there, and the conditions that text hangs on."""

    program: Program
    always: bool
    branchings: tuple[tuple[Branching, tuple[Test | None, ...], tuple[Region, ...]], ...]

    @property
    def fields(self) -> frozenset[str]:
        """All fields that the conditions ask."""
        found: set[str] = set()
        for _, tests, inner in self.branchings:
            found |= {f for test in tests if test is not None for f in test.fields}
            found |= {f for region in inner for f in region.fields}
        return frozenset(found)

    def shows(self, given: Mapping[str, str]) -> bool | None:
        """Whether any text shows with these values; None: nobody knows."""
        if self.always:
            return True
        unsure = False
        for _, tests, inner in self.branchings:
            taken, sure = choose(list(tests), given)
            if not sure:
                unsure = True
            elif taken is not None and taken < len(inner):
                answer = inner[taken].shows(given)
                if answer:
                    return True
                unsure = unsure or answer is None
        return None if unsure else False


def region(file: SourceFile, start: int, end: int) -> Region:
    """The part of a file from `start` to `end`."""
    program = file.program
    inside = [
        b
        for b in program.branchings
        if b.arms and start <= b.node.start_byte and b.arms[-1].end <= end
    ]
    top = []
    for branching in inside:
        if not any(
            other is not branching
            and any(a.start <= branching.node.start_byte < a.end for a in other.arms)
            for other in inside
        ):
            top.append(branching)
    always = _has_content(file, start, end, [(a.start, a.end) for b in top for a in b.arms])
    parts = []
    for branching in top:
        tests = tuple(test for _, test in clauses(program, branching.node))
        inner = tuple(region(file, arm.start, arm.end) for arm in branching.arms)
        parts.append((branching, tests, inner))
    return Region(program, always, tuple(parts))


def in_comment(file: SourceFile, offset: int) -> bool:
    """Whether a place is in a comment of the YAML, where what Ruby prints means nothing."""
    start = file.text.rfind("\n", 0, offset) + 1
    before = file.masked[start:offset]
    if not before.lstrip().startswith("#") and not re.search(r"\s#", before):
        return False
    return not any(start <= offset < end for start, end in _scalar_ranges(file))


def is_idle(file: SourceFile, offset: int) -> bool:
    """Whether Ruby has no effect there: all that it prints or decides on is a comment of the YAML."""
    program = file.program
    tag = program.tag_at(offset)
    if tag is None or not in_comment(file, tag.start):
        return False
    if tag.kind == "output":
        return True
    for branching in program.branchings:
        conditions = [arm.condition for arm in branching.arms if arm.condition is not None]
        if any(c.start_byte <= offset < c.end_byte for c in conditions):
            start, end = branching.arms[0].start, branching.arms[-1].end
            lines = file.masked[start:end].split("\n")[1:-1]  # of the first, the tag is a part
            return all(not line.strip() or line.lstrip().startswith("#") for line in lines)
    return False


@lru_cache(maxsize=64)
def _scalar_ranges(file: SourceFile) -> tuple[tuple[int, int], ...]:
    """Where the values and keys of a file stand, in all its views."""
    return tuple(
        {
            (node.start, node.end)
            for document in documents(file)
            if document.root is not None
            for node in psych.walk(document.root)
            if isinstance(node, Scalar)
        }
    )


def _has_content(file: SourceFile, start: int, end: int, without: list[tuple[int, int]]) -> bool:
    """Whether there is more than blanks and comments; a printing line counts, and so does a loop."""
    text = file.masked[start:end]
    for from_, to in without:
        hidden = slice(max(from_ - start, 0), max(to - start, 0))
        text = text[: hidden.start] + " " * len(text[hidden]) + text[hidden.stop :]
    lines = (line.strip() for line in text.split("\n"))
    if any(line and line != "---" and not line.startswith("#") for line in lines):
        return True
    lone = (tag.start for tag in file.tags if tag.kind == "output")
    return any(start <= o < end and not any(f <= o < t for f, t in without) for o in lone)
