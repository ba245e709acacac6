"""Mends: `appgen lint --fix` and `--diff`.

All is worked out in memory, round by round until nothing is left to mend; then files are replaced one
by one, or the differences printed. A file outside of the paths that the user named is left alone,
wherever a symbolic link leads.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ood_appgen.diagnostics import Diagnostic, Edit
from ood_appgen.lint.folder import AppFolder, Content
from ood_appgen.lint.run import Outcome, Target, check_one, make_outcome

_MOST_ROUNDS = 10
_BOM = b"\xef\xbb\xbf"

Check = Callable[[Target, AppFolder], list[Diagnostic]]


class FixError(Exception):
    """A file cannot be replaced; the message says which and why."""


@dataclass(frozen=True)
class Fixed:
    """An app before and after its mends, what is found in it then, and how many were made."""

    before: AppFolder
    after: Outcome
    count: int

    @property
    def changed(self) -> list[str]:
        """The names of the files that are to be replaced."""
        old = self.before.contents
        return sorted(n for n, content in self.after.files.contents.items() if content != old[n])


def mend(outcome: Outcome, allowed: Sequence[Path], check: Check = check_one) -> Fixed:
    """Mend an app in memory. `allowed` are the paths, resolved, that may be changed."""
    before = outcome.files
    count = 0
    for _ in range(_MOST_ROUNDS):
        files, done = _apply(outcome, allowed)
        if not done:
            break
        count += done
        outcome = make_outcome(outcome.target, files, check(outcome.target, files))
    return Fixed(before, outcome, count)


def write(fixed: Fixed) -> None:
    """Replace the files that were mended. Raises FixError."""
    for name in fixed.changed:
        path = (fixed.before.path / name).resolve()
        try:
            _replace(path, fixed.before.contents[name], fixed.after.files.contents[name])
        except OSError as exc:
            raise FixError(f"{path}: cannot be written: {exc.strerror}") from exc


def diff(fixed: Fixed) -> Iterator[str]:
    """The lines of a unified diff, with line ends, as `patch` and `git apply` read it."""
    import difflib

    for name in fixed.changed:
        old, new = fixed.before.contents[name], fixed.after.files.contents[name]
        path = fixed.after.target.prefix + name
        if old.executable != new.executable:
            yield f"diff --git a/{path} b/{path}\nold mode 100644\nnew mode 100755\n"
        before, after = (_split(content.data) for content in (old, new))
        for line in difflib.unified_diff(before, after, f"a/{path}", f"b/{path}"):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _split(data: bytes) -> list[str]:
    parts = data.decode("utf-8", "surrogateescape").split("\n")
    return [*(f"{part}\n" for part in parts[:-1]), *filter(None, parts[-1:])]


def _apply(outcome: Outcome, allowed: Sequence[Path]) -> tuple[AppFolder, int]:
    """The files with as many mends as do not touch each other, and how many those are."""
    target, files = outcome.target, outcome.files
    by_name: dict[str, list[Edit]] = {}
    for edit in dict.fromkeys(d.fix for d in outcome.findings if d.fix):
        name = edit.path.removeprefix(target.prefix)
        if edit.path.startswith(target.prefix) and name in files.contents:
            by_name.setdefault(name, []).append(edit)
    contents = dict(files.contents)
    count = 0
    for name, edits in by_name.items():
        if _is_allowed((files.path / name).resolve(), allowed):
            contents[name], done = _edit(contents[name], edits)
            count += done
    return replace(files, contents=contents), count


def _is_allowed(path: Path, allowed: Iterable[Path]) -> bool:
    return any(path == place or place in path.parents for place in allowed)


def _edit(content: Content, edits: Iterable[Edit]) -> tuple[Content, int]:
    bom = _BOM if content.data.startswith(_BOM) else b""
    try:
        text = content.data[len(bom) :].decode("utf-8")
    except UnicodeDecodeError:
        return content, 0
    newline = "\r\n" if "\r\n" in text else "\n"
    executable = content.executable
    parts: list[str] = []
    position = count = 0
    last_start = -1
    for edit in sorted(edits, key=lambda e: (e.start, e.end, e.text)):
        if edit.run_bit:
            count += not executable
            executable = True
            continue
        ends = 0 <= edit.start <= edit.end <= len(text)
        if not ends or edit.start < position or edit.start == last_start:
            continue
        if text[edit.start : edit.end] == edit.text:
            continue
        parts += [
            text[position : edit.start],
            edit.text.replace("\r\n", "\n").replace("\n", newline),
        ]
        position, last_start = edit.end, edit.start
        count += 1
    parts.append(text[position:])
    return Content(bom + "".join(parts).encode("utf-8"), executable), count


def _replace(path: Path, old: Content, new: Content) -> None:
    """Put a file in the place of another in one step, with its mode and, where possible, owner."""
    status = path.stat()
    if path.read_bytes() != old.data:
        raise FixError(f"{path}: changed while it was linted; run again")
    mode = stat.S_IMODE(status.st_mode)
    if new.executable and not old.executable:
        mode |= stat.S_IXUSR
        mode |= stat.S_IXGRP if mode & stat.S_IRGRP else 0
        mode |= stat.S_IXOTH if mode & stat.S_IROTH else 0
    if new.data == old.data:
        path.chmod(mode)
        return
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(new.data)
            with contextlib.suppress(OSError):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fchmod(file.fileno(), mode)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
