"""A form value, which is always a text, is compared or calculated with as a number.

Why
    Whatever the widget, the form's values are Strings. `num_cores == 4` is never true, `num_cores > 4`
    raises an error, and `num_cores * 2` writes the text twice: "8" becomes "88". Compared with a
    text, "16" comes before "4".
    (OSC/ondemand apps/dashboard/app/lib/smart_attributes/attribute.rb, value.)

Bad
    <%- if num_gpus > 0 -%>

Good
    <%- if num_gpus.to_i > 0 -%>

Fix
    Call `.to_i` (or `.to_f`) on the field.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node as RubyNode

from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint import ruby, submit
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Program
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR

_NUMBERS = ("integer", "float")
_EQUAL = ("==", "!=", "===")
_ORDER = ("<", ">", "<=", ">=")
_CALCULATE = ("+", "-", "*", "/", "**")


def check(app: App) -> Iterator[Finding]:
    """Look at operators between a field and a number, and at `when` with a number."""
    known = submit.field_names(app)
    for file, in_template in submit.programs(app):
        program = file.program
        for node in program.nodes:
            if node.type == "binary":
                yield from _check_binary(app, file, program, node, in_template, known)
            elif node.type == "when":
                yield from _check_when(file, program, node, in_template, known)


def _check_binary(
    app: App,
    file: SourceFile,
    program: Program,
    node: RubyNode,
    in_template: bool,
    known: frozenset[str],
) -> Iterator[Finding]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if left is None or right is None or operator is None:
        return
    sign = program.source(operator)
    if sign in _EQUAL and not in_template and submit.is_idle(file, node.start_byte):
        return
    for field_side, other in ((left, right), (right, left)):
        found = submit.operand(program, field_side, in_template)
        if found is None or found.numeric or found.field not in known:
            continue
        if other.type in _NUMBERS:
            message = _say(found.field, sign, program.source(other), field_side is left)
            if message:
                yield _report(file, node, field_side, found.field, message)
        elif sign in _ORDER and other.type == "string" and ruby.literal(other) is not None:
            limit = ruby.literal(other) or ""
            if _is_misordered(app, found, sign, limit, field_side is left):
                message = f"{quote(found.field)} is a text: {_example(limit)}"
                yield _report(file, node, None, found.field, message)


def _say(field: str, sign: str, number: str, first: bool) -> str:
    if sign in _EQUAL:
        always = "true" if sign == "!=" else "false"
        return f"{quote(field)} is a text: `{sign} {number}` is always {always}"
    if sign in _ORDER:
        return f"{quote(field)} is a text: comparing it with {number} is an error"
    if sign == "*" and first:
        return f"{quote(field)} is a text: `* {number}` repeats it"
    if sign in _CALCULATE:
        return f"{quote(field)} is a text: `{sign}` with {number} is an error"
    return ""


def _example(limit: str) -> str:
    return f'"100" comes before {quote(limit)}' if limit > "100" else "texts compare as words do"


def _is_misordered(app: App, found: submit.Operand, sign: str, limit: str, first: bool) -> bool:
    """Whether a value that the form can give compares otherwise than as a number."""
    if not limit.isdigit() or not limit.isascii():
        return False
    offered = submit.values(app, found.field)
    if offered is not None:
        given = [v for v in offered.offered if v.isdigit() and v.isascii()]
    elif any(form.widget(found.field) == "number_field" for form in app.forms):
        given = [
            str(n)
            for n in range(
                _first(app, found.field, "min", 0), _first(app, found.field, "max", 99) + 1
            )
        ]
    else:
        return False
    return any(
        (v > limit) != (int(v) > int(limit)) or (v < limit) != (int(v) < int(limit)) for v in given
    )


def _first(app: App, field: str, key: str, default: int) -> int:
    for form in app.forms:
        attribute = form.attribute(field)
        text = attribute.text(key) if attribute is not None else None
        if text is not None and text.isdigit() and text.isascii() and len(text) < 4:
            return int(text)
    return default


def _check_when(
    file: SourceFile, program: Program, node: RubyNode, in_template: bool, known: frozenset[str]
) -> Iterator[Finding]:
    case = node.parent
    subject = case.child_by_field_name("value") if case is not None else None
    found = submit.operand(program, subject, in_template)
    if found is None or found.numeric or found.field not in known:
        return
    for pattern in node.named_children:
        if pattern.type != "pattern":
            continue
        number = pattern.named_children[0] if pattern.named_children else None
        if number is not None and number.type in _NUMBERS:
            message = f"{quote(found.field)} is a text: {program.source(number)} never matches it"
            hint = f"write it in quotes: {quote(program.source(number))}"
            yield Finding(message, hint, file, number.start_byte, number.end_byte)


def _report(
    file: SourceFile, node: RubyNode, field_side: RubyNode | None, field: str, message: str
) -> Finding:
    fix = None
    if field_side is not None and field_side.type in ("identifier", "call"):
        fix = Edit(file.path, field_side.end_byte, field_side.end_byte, ".to_i")
    return Finding(
        message,
        f"compare numbers: {field}.to_i",
        file,
        node.start_byte,
        node.end_byte,
        fix=fix,
    )
