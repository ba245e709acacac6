"""`overrides/` beside app.yml: whole files that take the place of rendered ones, or join them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ood_appgen.diagnostics import Diagnostic, file_error
from ood_appgen.lock import LOCK_NAME
from ood_appgen.render import RenderedFile

FOLDER = "overrides"


def read(folder: Path) -> tuple[tuple[RenderedFile, ...], list[Diagnostic]]:
    """The files in an app's overrides, by the place that they take in the rendered app.

    Names that begin with a dot are an editor's or git's, and are left out.
    """
    base = folder / FOLDER
    files = []
    findings = []
    for where, folders, names in os.walk(base):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(where) / name
            inner = path.relative_to(base).as_posix()
            if name.startswith(".") or name.endswith("~"):
                continue
            why = _refuse(path, inner, folder)
            if why:
                shown = str(path).encode("utf-8", "backslashreplace").decode()
                findings.append(file_error(shown, "override-file", *why))
                continue
            try:
                content = path.read_bytes()
                executable = bool(path.stat().st_mode & 0o100)
            except OSError as exc:
                text = f"cannot be read: {exc.strerror or exc}"
                findings.append(file_error(str(path), "override-file", text))
                continue
            files.append(RenderedFile(inner, content, executable))
    return tuple(files), findings


def _refuse(path: Path, inner: str, folder: Path) -> tuple[str, str] | None:
    """Why a file cannot be an override, and what to do; None where it can."""
    if inner.split("/", 1)[0] == LOCK_NAME:
        return "appgen keeps its own record under this name", "delete it"
    if not inner.isprintable():
        return "its name holds a character that no file of an app can have", "rename it"
    if not path.is_file():
        return "is no plain file", "put the file itself there"
    if not path.resolve().is_relative_to(folder.resolve()):
        return "is a link out of the app's directory", "put the file itself there"
    return None


def apply(
    files: Sequence[RenderedFile], replaced: Sequence[RenderedFile]
) -> tuple[RenderedFile, ...]:
    """The rendered files with the overrides in their places, sorted by path."""
    both = {f.path: f for f in files} | {f.path: f for f in replaced}
    return tuple(both[path] for path in sorted(both))
