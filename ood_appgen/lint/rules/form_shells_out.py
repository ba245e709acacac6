"""The form runs programs each time it is loaded.

Why
    ERB in a form runs in the web server of the user, and the page waits for it. Since release 4.2 the result
    is kept for up to six hours, so that a queue or an account that is new is not seen until then.
    Before, a page that lists apps runs it again for each app and each view, many times a minute for
    all users together. (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, from_token and
    form_config.)

Bad
    <%- queues = `sinfo -h -o %R`.split -%>

Good
    queue:
      widget: auto_queues

Fix
    Use the smart attributes (auto_queues, auto_accounts, auto_modules...), write the values down, or let a
    scheduled job write them to a file. A slow or failing program makes the form slow or invalid.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Program
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.NOTE
_BARE = ("system", "spawn", "exec", "fork")
_OF = {
    "IO": ("popen",),
    "Kernel": ("system", "spawn", "exec", "fork"),
    "Process": ("spawn",),
    "PTY": ("spawn",),
}


def check(app: App) -> Iterator[Finding]:
    """Look for the first program that each form file starts."""
    if app.settings.at_least("4.2"):
        message, severity = (
            "a program runs when the form is loaded; its answer is kept for hours",
            None,
        )
    else:
        message = "a program runs each time the form is loaded, many times for one page"
        severity = Severity.WARNING
    files = [app.form_file, *app.sub_app_files.values()]
    for file in dict.fromkeys(f for f in files if f is not None and f.tags):
        for node in file.program.nodes:
            if _starts_program(file.program, node):
                end = min(node.end_byte, node.start_byte + 60)
                first_line = file.text[node.start_byte : end].partition("\n")[0]
                yield Finding(
                    message,
                    "smart attributes such as auto_queues, or a file that is written now and then",
                    file,
                    node.start_byte,
                    node.start_byte + len(first_line),
                    severity,
                )
                break


def _starts_program(program: Program, node: Node) -> bool:
    if node.type == "subshell":
        return True
    if node.type != "call":
        return False
    method = node.child_by_field_name("method")
    receiver = node.child_by_field_name("receiver")
    name = program.source(method) if method is not None else ""
    if receiver is None:
        return name in _BARE and node.child_by_field_name("arguments") is not None
    owner = program.source(receiver).removeprefix("::")
    return owner in ("Open3", "Open4") or name in _OF.get(owner, ())
