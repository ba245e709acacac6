"""Rendered apps to where Open OnDemand reads them, each in one step, with a way back.

The version before is kept in `.appgen-previous/` beside the apps: names with a dot are not shown as
apps (OSC/ondemand apps/dashboard/app/apps/ood_app.rb, hidden?).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ood_appgen import lock, writer
from ood_appgen.writer import WriteError

PREVIOUS = ".appgen-previous"
_CONFLICT = re.compile(rb"^<{7} edited by hand$", re.MULTILINE)
_APP_NAME = re.compile(r"[A-Za-z0-9][\w-]*")


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one app: `kind` is create, update, unchanged or roll back.

    `files` are those that differ, each with created, changed or removed.
    """

    name: str
    kind: str
    files: tuple[tuple[str, str], ...] = ()


def plan(sources: Sequence[Path], to: Path) -> list[Step]:
    """What deploying would change; reads only. Raises WriteError."""
    steps = []
    for source in sources:
        _check_name(source.name)
        target = to / source.name
        _check_target(target)
        if to.resolve().is_relative_to(source.resolve()):
            raise WriteError(f"{to}: lies inside {source}, which is to be deployed; name another")
        for path in sorted(p for p in source.rglob("*") if p.is_file()):
            if _CONFLICT.search(path.read_bytes()):
                raise WriteError(
                    f"{path}: has a merge conflict that nobody has decided (look for <<<<<<<); "
                    "nothing was changed"
                )
        files = _differences(target, source)
        kind = "create" if not target.exists() else "update" if files else "unchanged"
        steps.append(Step(source.name, kind, files))
    return steps


def deploy(sources: Sequence[Path], to: Path, dry_run: bool = False) -> list[Step]:
    """Put apps below `to`, all of them or none. Raises WriteError with nothing changed."""
    sources = list(dict.fromkeys(sources))
    if dry_run:
        return plan(sources, to)
    try:
        with ExitStack() as stack:
            for root in dict.fromkeys(source.parent.resolve() for source in sources):
                if root != to.resolve():  # nobody renders while we copy
                    stack.enter_context(writer.exclusive(root))
            steps = plan(sources, to)
            todo = [s for s, step in zip(sources, steps, strict=True) if step.kind != "unchanged"]
            if not todo:
                return steps
            to.mkdir(parents=True, exist_ok=True)
            stack.enter_context(writer.exclusive(to))
            kept = to / PREVIOUS
            _check_previous(kept, [source.name for source in todo])
            staged = []
            for source in todo:
                stage = Path(
                    tempfile.mkdtemp(prefix=f"{writer.STAGE_PREFIX}{source.name}-", dir=to)
                )
                stack.callback(shutil.rmtree, stage, ignore_errors=True)
                shutil.copytree(source, stage, symlinks=True, dirs_exist_ok=True)
                staged.append((to / source.name, stage))
            writer.exchange_all(staged)
            try:  # what was kept until now goes away with the stages
                replaced = [(kept / t.name, stage) for t, stage in staged if stage.exists()]
                writer.exchange_all(replaced)
            except BaseException:
                writer.exchange_all(staged)
                raise
    except (OSError, shutil.Error) as exc:
        raise _unwritable(exc, to) from exc
    return steps


def find_previous(to: Path) -> list[str]:
    """Names of apps of which a version before is kept."""
    folder = to / PREVIOUS
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and _APP_NAME.fullmatch(p.name))


def roll_back(names: Sequence[str], to: Path, dry_run: bool = False) -> list[Step]:
    """Bring back the version before of each app; what is there now becomes the version before.

    So that a second roll back undoes the first. Raises WriteError with nothing changed.
    """
    names = list(dict.fromkeys(names))
    for name in names:
        _check_name(name)
        _check_target(to / name)
        kept = to / PREVIOUS / name
        if (to / PREVIOUS).is_symlink() or not (kept / lock.LOCK_NAME).is_file():
            raise WriteError(f"{to / name}: no version before is kept; nothing was changed")
        _check_target(kept)
    steps = [Step(name, "roll back") for name in names]
    if dry_run:
        return steps
    try:
        with writer.exclusive(to):
            writer.exchange_all([(to / name, to / PREVIOUS / name) for name in names])
    except OSError as exc:
        raise _unwritable(exc, to) from exc
    return steps


def _check_name(name: str) -> None:
    if not _APP_NAME.fullmatch(name):
        raise WriteError(f"{name}: is no app's name; nothing was changed")


def _check_target(target: Path) -> None:
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise WriteError(f"{target}: is no directory; move it away, then deploy again")
    if target.is_dir() and not (target / lock.LOCK_NAME).is_file():
        raise WriteError(
            f"{target}: was not made by appgen (it has no {lock.LOCK_NAME}); move it away, "
            "or give the app another id"
        )


def _check_previous(kept: Path, names: Sequence[str]) -> None:
    """Whether the versions before can be kept: asked before anything is changed."""
    for path in (kept, *(kept / name for name in names)):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise WriteError(f"{path}: is no directory; move it away, then deploy again")
    kept.mkdir(exist_ok=True)
    if kept.stat().st_uid != os.geteuid():
        raise WriteError(f"{kept}: belongs to somebody else; nothing was changed")


def _differences(old: Path, new: Path) -> tuple[tuple[str, str], ...]:
    before, after = _files(old), _files(new)
    found = []
    for path in sorted({*before, *after}):
        if path not in before:
            found.append((path, "created"))
        elif path not in after:
            found.append((path, "removed"))
        elif before[path] != after[path]:
            found.append((path, "changed"))
    return tuple(found)


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): (
            f"-> {os.readlink(path)}" if path.is_symlink() else writer.find_state(path)
        )
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _unwritable(exc: OSError, to: Path) -> WriteError:
    reason = exc.strerror or "a file there is none that can be copied"
    return WriteError(f"{exc.filename or to}: cannot be written: {reason}; nothing was changed")
