"""A field is compared with a value that the form does not offer.

Why
    A select, radio buttons, a check box and the cluster have values that form.yml lists. A branch
    for another one is never taken: the value is misspelt, or the option is gone. The value counts and
    not the label: of `["GPU node", "gpu"]` it is "gpu". A check box is "1" or "0".
    (OSC/ondemand apps/dashboard/app/lib/smart_attributes/attribute.rb, select_choices and
    checked_value.)

Bad
    # form.yml offers gpu and cpu
    <%- if node_type == "gpuu" -%>

Good
    <%- if node_type == "gpu" -%>

Fix
    Write a value of the form, or delete the branch.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from tree_sitter import Node as RubyNode

from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint import ruby, submit
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Program
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile
from ood_appgen.lint.submit import Operand

SEVERITY = Severity.WARNING

Comparison = tuple[Operand, RubyNode]


def check(app: App) -> Iterator[Finding]:
    """Look at each literal that a field with known values is compared with."""
    for file, in_template in submit.programs(app):
        for found, literal in _comparisons(file.program, in_template):
            if not _is_commented(file, literal):
                yield from _check(app, file, found, literal)


def _check(app: App, file: SourceFile, found: Operand, node: RubyNode) -> Iterator[Finding]:
    value = ruby.literal(node)
    known = submit.values(app, found.field)
    if not value or known is None or found.numeric:
        return
    possible = {found.apply(v) for v in (*known.offered, *known.others)}
    if value in possible:
        return
    offered = list(dict.fromkeys(str(found.apply(v)) for v in known.offered))
    labelled = _by_label(app, found.field, value)
    close = difflib.get_close_matches(value, offered, 1, 0.75)
    same = [v for v in offered if v.lower() == value.lower()] or close
    message = f"{quote(found.field)} is never {quote(value)}: the form does not offer it"
    if labelled is not None:
        hint = f"that is an option's label; its value is {quote(labelled)}"
        yield Finding(message, hint, file, node.start_byte, node.end_byte)
        return
    if len(offered) < 2 and not same:
        return  # a constant, or the one cluster of an app that is shared among sites
    if same:
        inner = [n for n in ruby.walk(node) if n.type == "string_content"]
        fix = (
            Edit(file.path, inner[0].start_byte, inner[0].end_byte, same[0])
            if len(same) == 1 and len(inner) == 1 and same[0].lower() == value.lower()
            else None
        )
        hint = f"did you mean {quote(same[0])}?"
        yield Finding(message, hint, file, node.start_byte, node.end_byte, fix=fix)
        return
    shown = ", ".join(map(quote, offered[:6])) + (", ..." if len(offered) > 6 else "")
    hint = f"it offers {shown}: compare with one of these, or delete the test"
    yield Finding(message, hint, file, node.start_byte, node.end_byte, Severity.NOTE)


def _by_label(app: App, field: str, label: str) -> str | None:
    """The value of the option that has this label."""
    for form in app.forms:
        attribute = form.attribute(field)
        for option in attribute.options if attribute is not None else ():
            if option.label is None or option.value is None:
                continue
            if option.label.value == label != option.value.value:
                return option.value.value
    return None


def _is_commented(file: SourceFile, node: RubyNode) -> bool:
    """Whether the tag stands in a comment, where its text means nothing."""
    tag = file.program.tag_at(node.start_byte)
    if tag is None:
        return False
    if file.name.startswith("template/"):
        line = file.text[file.text.rfind("\n", 0, tag.start) + 1 : tag.start]
        return line.lstrip().startswith("#")
    return submit.in_comment(file, tag.start)


def _comparisons(program: Program, in_template: bool) -> Iterator[Comparison]:
    for node in program.nodes:
        if node.type == "binary":
            operator = node.child_by_field_name("operator")
            if operator is None or program.source(operator) not in ("==", "!=", "==="):
                continue
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            for side, other in ((left, right), (right, left)):
                found = submit.operand(program, side, in_template)
                if found is not None and other is not None and other.type == "string":
                    yield found, other
        elif node.type == "when":
            case = node.parent
            subject = case.child_by_field_name("value") if case is not None else None
            found = submit.operand(program, subject, in_template)
            if found is not None:
                yield from ((found, literal) for literal in _patterns(node))
        elif node.type == "call":
            yield from _listed(program, node, in_template)


def _patterns(when: RubyNode) -> Iterator[RubyNode]:
    for pattern in when.named_children:
        inner = pattern.named_children[0] if pattern.named_children else None
        if pattern.type != "pattern" or inner is None:
            continue
        if inner.type == "string":
            yield inner
        elif inner.type == "splat_argument" and inner.named_children:
            yield from submit.list_items(inner.named_children[0]) or ()


def _listed(program: Program, node: RubyNode, in_template: bool) -> Iterator[Comparison]:
    receiver = node.child_by_field_name("receiver")
    method = node.child_by_field_name("method")
    arguments = node.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    if receiver is None or method is None or len(given) != 1:
        return
    name = program.source(method)
    field_side, listed = (given[0], receiver) if name == "include?" else (receiver, given[0])
    if name in ("include?", "in?"):
        found = submit.operand(program, field_side, in_template)
        for item in submit.list_items(listed) or () if found is not None else ():
            assert found is not None
            yield found, item
