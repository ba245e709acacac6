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
    Use a smart attribute where there is one (auto_queues, auto_accounts, auto_modules_NAME...), write the
    values down, or let a scheduled job write them to a file. A slow or failing program makes the form slow
    or invalid. Nothing is said of programs that answer at once, such as `groups`, `id` or `whoami`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import shell
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Program
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.NOTE
_QUICK = frozenset(
    "groups id whoami logname hostname date uname arch nproc getent pwd echo printf true "
    "basename dirname readlink realpath "
    "cat head tail tr cut grep egrep fgrep sed awk gawk sort uniq wc tac rev paste column".split()
)
_FILE = "a file that a scheduled job writes, or values that are written down"
_ATTRIBUTES = (
    (
        r"\bsinfo\b|\bscontrol\s+(?:\S+\s+)*show\s+part|\bqstat\b.*\s-[qQ]|\bbqueues\b",
        "auto_queues",
    ),
    (r"\bsacctmgr\b(?!.*\bqos\b)|\bsshare\b", "auto_accounts"),
    (r"\bsacctmgr\b.*\bqos\b", "auto_qos"),
    (r"\bmodule\b.*\b(?:avail|spider)\b|\bmodulecmd\b", "auto_modules_NAME"),
)
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
            "a program runs when the form is loaded; since 4.2 its answer is kept for up to six hours",
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
                command = _find_command(file.program, node)
                if command is not None and _is_quick(command):
                    continue
                yield Finding(
                    message,
                    _find_hint(command or ""),
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


def _find_command(program: Program, node: Node) -> str | None:
    """What is started, where it is written out; `X` stands for what Ruby puts into it."""
    if node.type == "subshell":
        return _read_text(program, node)
    arguments = node.child_by_field_name("arguments")
    texts = []
    for argument in arguments.named_children if arguments is not None else ():
        if argument.type == "string":
            texts.append(_read_text(program, argument))
        elif argument.type == "identifier":
            texts.append(_read_variable(program, argument))
        else:
            texts.append("X")
    return " ".join(texts) or None


def _read_text(program: Program, node: Node) -> str:
    parts = []
    for child in node.named_children:
        parts.append("X" if child.type == "interpolation" else program.source(child))
    return "".join(parts)


def _read_variable(program: Program, name: Node) -> str:
    """The text of a variable that is assigned once, before it is used."""
    found = [
        right
        for node in program.nodes
        if node.type == "assignment" and node.end_byte <= name.start_byte
        if (left := node.child_by_field_name("left")) is not None
        if (right := node.child_by_field_name("right")) is not None
        if program.source(left) == program.source(name)
    ]
    return _read_text(program, found[0]) if len(found) == 1 and found[0].type == "string" else "X"


def _is_quick(command: str) -> bool:
    """Whether all programs of a command line answer at once, and the same each time."""
    commands = shell.Part(SourceFile("", "", command), command).script.commands
    return bool(commands) and all(c.name in _QUICK for c in commands)


def _find_hint(command: str) -> str:
    for pattern, attribute in _ATTRIBUTES:
        if re.search(pattern, command, re.DOTALL):
            return f"the smart attribute {attribute}, or {_FILE}"
    return _FILE
