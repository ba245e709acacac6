"""An option of the form that no branch handles leaves a variable nil.

Why
    A `case` or an `if` chain without `else` does nothing for a value that it does not name. When each
    of its branches sets the same variable, that variable is nil then, and what is made of it
    is empty or fails: nil has no `each`, and prints as nothing.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, submit_opts: the file is plain ERB.)

Bad
    # form.yml offers cpu, gpu and hugemem
    case node_type
    when "cpu" then args = ["--partition=cpu"]
    when "gpu" then args = ["--partition=gpu"]
    end

Good
    case node_type
    when "cpu" then args = ["--partition=cpu"]
    when "gpu" then args = ["--partition=gpu"]
    else raise "no partition for #{node_type}"
    end

Fix
    Handle the option, add an `else`, or set the variable before.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node as RubyNode

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import ruby, submit
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Program
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for chains without else whose branches all set one variable that is read later."""
    for file, in_template in submit.programs(app):
        program = file.program
        for node in program.nodes:
            if not node.is_named or node.type not in ("case", "if") or _is_nested(node):
                continue
            clauses = submit.clauses(program, node, in_template)
            tests = [test for _, test in clauses]
            refusal = submit.first_raise(program)
            refused = refusal is not None and refusal < node.start_byte
            if len(clauses) < 2 or None in tests or refused:
                continue
            names = _set_in_all(program, node, [clause for clause, _ in clauses])
            for name in names:
                if not _is_bare(program, node, name):
                    continue
                row = _find_unhandled(app, tests)
                if row is None:
                    break
                given = ", ".join(f"{field} {quote(value)}" for field, value in row.items())
                word = "case" if node.type == "case" else "if"
                yield Finding(
                    f"no branch is for {given}: {quote(name)} is nil then",
                    "handle it, or add an `else` that raises an error",
                    file,
                    node.start_byte,
                    node.start_byte + len(word),
                )
                break


def _is_nested(node: RubyNode) -> bool:
    """Whether it stands in something that decides, repeats or takes its value."""
    parent = node.parent
    while parent is not None:
        if parent.type not in ("program", "body_statement", "begin"):
            return True
        parent = parent.parent
    return False


def _find_unhandled(app: App, tests: list[submit.Test | None]) -> dict[str, str] | None:
    fields = frozenset().union(*(test.fields for test in tests if test is not None))
    rows = submit.combinations(app, fields) if fields else None
    for row in rows or ():
        if submit.choose(tests, row) == (None, True):
            return row
    return None


def _set_in_all(program: Program, node: RubyNode, clauses: list[RubyNode]) -> list[str]:
    """Variables that each clause assigns, in the order of the first."""
    found: list[list[str]] = []
    for index, clause in enumerate(clauses):
        end = clauses[index + 1].start_byte if index + 1 < len(clauses) else node.end_byte
        names = []
        for inner in ruby.walk(clause):
            left = inner.child_by_field_name("left") if inner.type == "assignment" else None
            if left is not None and left.type == "identifier" and left.start_byte < end:
                names.append(program.source(left))
        found.append(names)
    return [name for name in dict.fromkeys(found[0]) if all(name in names for names in found)]


def _is_bare(program: Program, node: RubyNode, name: str) -> bool:
    """Whether nothing sets it before or elsewhere, and it is used after, with no thought of nil."""
    used = False
    for other in program.nodes:
        if other.type != "identifier" or program.source(other) != name:
            continue
        if node.start_byte <= other.start_byte < node.end_byte:
            continue
        parent = other.parent
        if parent is None or other.start_byte < node.start_byte:
            return False
        if parent.type in ("assignment", "operator_assignment", "block_parameters", "if", "unless"):
            return False
        if parent.type in ("conditional", "binary", "unary", "if_modifier", "unless_modifier"):
            return False
        if parent.type == "call":
            method = parent.child_by_field_name("method")
            word = program.source(method) if method is not None else ""
            if word in ("nil?", "blank?", "present?", "presence", "to_a", "to_s", "try"):
                return False
            if "&." in program.source(parent):
                return False
        used = True
    return used
