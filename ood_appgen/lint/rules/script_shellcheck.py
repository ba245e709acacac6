"""What shellcheck finds in a script.

Why
    shellcheck knows many mistakes of shell scripts that bash accepts and that do something else than
    meant. It runs where it is installed, on the script as Open OnDemand would render it. Only what
    is a mistake in any script is passed on: no style, nothing about variables that come from
    before.sh or from Open OnDemand, and nothing that depends on what ERB prints.
    (koalaman/shellcheck; its wiki has a page for each number.)

Bad
    PATH_TO_DATA = "/data"

Good
    PATH_TO_DATA="/data"

Fix
    https://www.shellcheck.net/wiki/SC2283 explains SC2283, and so on.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import bash
from ood_appgen.lint.app import App
from ood_appgen.lint.bash import Script
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.NOTE
PROGRAM = "shellcheck"

# Checks whose findings are mistakes, and do not depend on a word that stands for what ERB prints.
_CODES = (
    "1083 1097 2026 2069 2077 2088 2089 2090 2096 2103 2109 2114 2115 2121 2122 2127 2142 "
    "2147 2151 2152 2168 2173 2178 2190 2203 2210 2215 2216 2217 2218 2239 2240 2259 2261 2264 "
    "2269 2273 2274 2275 2276 2280 2281 2282 2283 2284 2285 2286 2287 2288 2289 2290 2296 2298 2299 "
    "2300 2301 2303 2321"
).split()
_BRACES = re.compile(r"\{\$(\w+)\}")
_SURE = (1083, 2088, 2215)  # {$NAME} for ${NAME}, "~/x", and an option that begins a command
_MOST_VIEWS = 2
_MOST_FINDINGS = 200
_MOST_TEXTS = 5000

# Code, level, line, column, end line, end column, message
Comment = tuple[int, str, int, int, int, int, str]

_said: dict[str, tuple[Comment, ...]] = {}  # what shellcheck said of a text


def prepare(apps: Iterable[App]) -> None:
    """Ask about the scripts of many apps at once: starting shellcheck takes time, and many are alike."""
    if len(_said) > _MOST_TEXTS:
        _said.clear()
    _ask_shellcheck(script.text for app in apps for _, script in _find_scripts(app))


def check(app: App) -> Iterator[Finding]:
    """Report what shellcheck says of the scripts of the app."""
    scripts = _find_scripts(app)
    _ask_shellcheck(script.text for _, script in scripts)
    found = [(f, s, comment) for f, s in scripts for comment in _said.get(s.text, ())]
    for file, script, comment in found[:_MOST_FINDINGS]:
        code, level, line, column, end_line, end_column, message = comment
        start, end = _place(script, line, column), _place(script, end_line, end_column)
        if _touches_tag(script, start, end) or "xxx" in message:
            continue
        if code == 2088 and "R_LIBS" in script.text[script.text.rfind("\n", 0, start) + 1 : start]:
            continue  # R expands the tilde itself
        hint = f"https://www.shellcheck.net/wiki/SC{code}"
        if code == 1083:
            name = _BRACES.match(script.text, start)
            if name is None:
                continue  # awk {'print $1'} works, and the brace that ends {$NAME} says no more
            message = f"The braces of {name[0]} stay in the text"
            hint = f"write ${{{name[1]}}}; {hint}"
        wrong = level == "error" or code in _SURE
        yield Finding(
            f"{message} (SC{code})",
            hint,
            file,
            script.offset(start),
            script.offset(max(start, end - 1)) + 1,
            Severity.WARNING if wrong else SEVERITY,
        )


def _find_scripts(app: App) -> list[tuple[SourceFile, Script]]:
    """The scripts with all arms of their conditions; where those make no script, one by one."""
    found = []
    for file in app.scripts:
        if bash.is_run_by_bash(file):
            whole = bash.whole(file)
            scripts = bash.scripts(file)[:_MOST_VIEWS] if whole.root.has_error else (whole,)
            found += [(file, script) for script in scripts]
    return found


def _place(script: Script, line: int, column: int) -> int:
    position = 0
    for _ in range(line - 1):
        position = script.text.find("\n", position) + 1
        if not position:
            return len(script.text)
    return min(position + column - 1, len(script.text))


def _touches_tag(script: Script, start: int, end: int) -> bool:
    return any(at < max(end, start + 1) and start < at + 40 for at in script.tags.values())


def _ask_shellcheck(texts: Iterable[str]) -> None:
    new = [text for text in dict.fromkeys(texts) if text not in _said]
    if not new:
        return
    _said.update(dict.fromkeys(new, ()))
    with tempfile.TemporaryDirectory() as folder:
        for index, text in enumerate(new):
            # A tab counts as eight columns to shellcheck.
            Path(folder, str(index)).write_text(text.replace("\t", " "), encoding="ascii")
        command = ["shellcheck", "--norc", "--format=json", "--severity=warning", "--shell=bash"]
        command.append("--include=" + ",".join(f"SC{code}" for code in _CODES))
        try:
            done = subprocess.run(
                [*command, *map(str, range(len(new)))],
                cwd=folder,
                capture_output=True,
                check=False,
                timeout=120,
            )
            comments = json.loads(done.stdout or b"[]")
        except (OSError, ValueError, subprocess.SubprocessError):
            return
    for c in comments:
        text = new[int(c["file"])]
        _said[text] = (
            *_said[text],
            (
                int(c["code"]),
                str(c["level"]),
                int(c["line"]),
                int(c["column"]),
                int(c["endLine"]),
                int(c["endColumn"]),
                " ".join(str(c["message"]).split()),
            ),
        )
