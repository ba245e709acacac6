"""A script that bash cannot read.

Why
    The job runs the script line by line until bash comes to the mistake, and stops there: a quote that is
    never closed, an `if` without `fi`. The user sees a session that ends, or one that never
    gets its server. The script is read as Open OnDemand would render it, with a word for what ERB prints.
    (OSC/ood_core lib/ood_core/batch_connect/template.rb, base_script.)

Bad
    if [ -d "$HOME/data" ]; then
      cd "$HOME/data"

Good
    if [ -d "$HOME/data" ]; then
      cd "$HOME/data"
    fi

Fix
    Close what is open. `bash -n` on the rendered script, in the session's directory, says the same.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import lru_cache

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import bash
from ood_appgen.lint.app import App
from ood_appgen.lint.bash import Script
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR

_LINE = re.compile(r"(?:bash|environment): line (\d+): (.*)")
# Text that Ruby may print as syntax, so that a word in its place is not the same.
_SYNTAX = re.compile(r"""[\n"'`(){}]|\b(?:if|then|else|fi|for|do|done|case|esac|while)\b|EO[FTL]""")


def check(app: App) -> Iterator[Finding]:
    """Ask the grammar first, and bash itself about what the grammar doubts."""
    for file in app.scripts:
        if not bash.is_run_by_bash(file) or _prints_syntax(file):
            continue
        scripts = bash.scripts(file)
        wrong = []
        for script in scripts:
            message = _ask_bash(script.text) if script.root.has_error else ""
            if message:
                wrong.append((script, message))
        # Conditions may belong together, so that not every view can come about.
        if wrong and (len(wrong) == len(scripts) or len(file.program.branchings) <= 1):
            yield _report(file, *wrong[0])


def _report(file: SourceFile, script: Script, message: str) -> Finding:
    found = _LINE.match(message)
    lines = script.text.split("\n")
    number = min(int(found[1]), len(lines)) if found else 1
    while number > 1 and not lines[number - 1].strip():
        number -= 1
    start = sum(len(line) + 1 for line in lines[: number - 1])
    indent = len(lines[number - 1]) - len(lines[number - 1].lstrip())
    line, _ = file.position(script.offset(start + indent))
    begin = script.offset(start + indent)
    end = file.line_offset(line) + len(file.line(line))
    what = found[2] if found else "syntax error"
    return Finding(f"bash cannot read this: {what}", "see bash -n", file, begin, max(begin, end))


@lru_cache(maxsize=1024)
def _ask_bash(text: str) -> str:
    try:
        done = subprocess.run(
            ["bash", "--norc", "-O", "extglob", "-n"],
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    errors = done.stderr.decode(errors="replace").splitlines()
    return errors[0] if done.returncode and errors else ""


def _prints_syntax(file: SourceFile) -> bool:
    if not file.tags:
        return False
    if file.program.has_errors or any(not tag.closed for tag in file.tags):
        return True
    inside = False
    for node in file.program.nodes:
        if node.type in ("string_content", "heredoc_content"):
            inside = inside or bool(_SYNTAX.search(file.program.source(node)))
    return inside
