"""view.html.erb uses a name that connection.yml does not have.

Why
    The view sees what the job wrote into connection.yml: host, port, password, what the template adds
    (display, websocket, spassword for vnc) and the names under `conn_params`. Any other name is
    nothing, without an error: the address becomes /node//8080/. Form fields are not among them.
    (OSC/ondemand apps/dashboard/app/views/batch_connect/sessions/connections/_custom.html.erb and
    app/models/batch_connect/session.rb, connect.)

Bad
    <form action="/rnode/<%= host %>/<%= port %>/?token=<%= token %>">

Good
    submit.yml.erb:  batch_connect: {template: basic, conn_params: [token]}
    before.sh.erb:   export token=...

Fix
    List the name under `conn_params` in submit.yml.erb and set it in before.sh, or correct it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import connection, context
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Name, Program
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING

# The locals of the page around the view, and methods of Kernel that need no argument.
_AROUND = frozenset(
    "view connect output_buffer local_assigns binding puts print p raise rand sleep lambda proc "
    "loop block_given? caller __method__ require format sprintf self nil true false "
    "extend include h url_encode html_escape u custom custom_counter custom_iteration".split()
)

_NIL_TESTS = frozenset("blank? present? presence nil? empty? try".split())


def check(app: App) -> Iterator[Finding]:
    """Look for names that no connection parameter explains."""
    file = app.file("view.html.erb")
    params = connection.read(app)
    if file is None or not params.complete or file.program.has_errors:
        return
    program = file.program
    known = set(params.names) | _AROUND | context.OBJECT
    if app.settings.at_least("4.2"):
        known.add("session")
    known |= {name.name for name in program.names if _is_asked(program, name)}
    seen = set()
    for name in program.names:
        if name.name in known or name.name in seen:
            continue
        seen.add(name.name)
        close = difflib.get_close_matches(name.name, sorted(params.names), n=1, cutoff=0.8)
        hint = "list it under conn_params in submit.yml.erb, and set it in before.sh"
        if close:
            hint = f"did you mean {quote(close[0])}? Or {hint}"
        yield at(
            name,
            f"{quote(name.name)} is no connection parameter: it is nil here, and prints nothing",
            hint,
            file=file,
        )


def _is_asked(program: Program, name: Name) -> bool:
    """Whether the author knows that it may be nothing (`x.blank?`, `if x`), or it is a method."""
    node = program.root.descendant_for_byte_range(name.start, name.end)
    while node is not None and node.parent is not None:
        parent = node.parent
        if parent.child_by_field_name("arguments") is not None:
            return parent.child_by_field_name("receiver") != node
        if parent.child_by_field_name("condition") == node:
            return True
        method = parent.child_by_field_name("method")
        if method is not None and program.source(method) in _NIL_TESTS:
            return True
        operator = parent.child_by_field_name("operator")
        if operator is not None and operator.type in (
            "||",
            "&&",
            "or",
            "and",
            "!",
            "not",
            "defined?",
        ):
            return True
        if parent.type not in ("parenthesized_statements", "binary", "unary", "call"):
            return False
        node = parent
    return False
