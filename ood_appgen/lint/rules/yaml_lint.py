"""The site's own settings for yamllint are not kept.

Why
    A repository with a .yamllint has agreed on how its YAML looks. yamllint itself is asked, with those
    settings, about the files without ERB; in a file with ERB most of its rules would judge text that
    Ruby has yet to make. What it says of syntax and repeated keys is left out where the rules
    yaml-syntax and yaml-duplicate-key say it. Where there is no .yamllint in the app's directory or
    above it, or no program yamllint, this rule says nothing. (yamllint.readthedocs.io, Configuration.)

Bad
    # .yamllint: {extends: default}
    form: [bc_num_hours , bc_num_slots]

Good
    # .yamllint: {extends: default}
    form: [bc_num_hours, bc_num_slots]

Fix
    Change the line as yamllint says, or the setting in .yamllint.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import read_by_ood
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.WARNING
_CONFIGS = (".yamllint", ".yamllint.yaml", ".yamllint.yml")  # in yamllint's order
_LINE = re.compile(r"\./(.+?):(\d+):(\d+): \[(error|warning)\] (.*?)(?: \(([\w-]+)\))?\Z")
_SAID_BY_OTHERS = ("syntax", "key-duplicates")
_MOST_FINDINGS = 500


def check(app: App) -> Iterator[Finding]:
    """Run yamllint once on the plain YAML files of the app."""
    nearest = _find_config(app)
    if nearest is None:
        return
    config, before = nearest
    files = {
        before + file.name: file
        for file in app.files.values()
        if file.name.endswith((".yml", ".yaml")) and not file.binary and file is not config
    }
    texts = tuple((name, file.text) for name, file in sorted(files.items()))
    checked = {file.name for file in read_by_ood(app)}
    for name, line, column, level, message, rule in _ask_yamllint(config.text, texts):
        file = files[name]
        if line > file.line_count or (rule in _SAID_BY_OTHERS and file.name in checked):
            continue
        start = min(file.line_offset(line) + column - 1, len(file.text))
        yield Finding(
            f"{message} (yamllint)",
            f"the rule {rule} of {config.path}" if rule else "",
            file,
            start,
            min(start + 1, len(file.text)),
            Severity.WARNING if level == "error" else Severity.NOTE,
        )


def _find_config(app: App) -> tuple[SourceFile, str] | None:
    """The nearest settings, and the way from there down to the app ("" or "apps/jupyter/")."""
    parts = app.inner.split("/") if app.inner else []
    for depth in range(len(parts) + 1):
        for name in _CONFIGS:
            file = app.above.get("../" * depth + name) if depth else app.files.get(name)
            if file is not None and not file.binary:
                return file, "".join(f"{part}/" for part in parts[len(parts) - depth :])
    return None


@lru_cache(maxsize=256)
def _ask_yamllint(
    config: str, texts: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, int, int, str, str, str], ...]:
    program = _find_program()
    if program is None or not texts:
        return ()
    with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile("w+b") as settings:
        settings.write(config.encode())
        settings.flush()
        for name, text in texts:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        command = [program, "--format", "parsable", "-c", settings.name]
        try:
            done = subprocess.run(
                [*command, *(f"./{name}" for name, _ in texts)],
                cwd=folder,
                capture_output=True,
                check=False,
                timeout=120,
            )
        except (OSError, subprocess.SubprocessError):
            return ()
    found = []
    for said in done.stdout.decode("utf-8", "replace").splitlines()[:_MOST_FINDINGS]:
        match = _LINE.match(said)
        if match:
            name, line, column, level, message, rule = match.groups()
            found.append((name, int(line), int(column), level, message, rule or ""))
    return tuple(found)


def _find_program() -> str | None:
    """The program: on the path, or installed beside this one."""
    return shutil.which("yamllint") or shutil.which("yamllint", path=Path(sys.executable).parent)
