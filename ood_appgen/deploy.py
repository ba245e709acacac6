"""Rendered apps to where Open OnDemand reads them, each in one step, with a way back.

The version before is kept in `.appgen-previous/` beside the apps: names with a dot are not shown as
apps (OSC/ondemand apps/dashboard/app/apps/ood_app.rb, hidden?).
"""

from __future__ import annotations

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
        target = to / source.name
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            raise WriteError(f"{target}: is no directory; move it away, then deploy again")
        if target.is_dir() and not (target / lock.LOCK_NAME).is_file():
            raise WriteError(
                f"{target}: was not made by appgen (it has no {lock.LOCK_NAME}); move it away, "
                "or give the app another id"
            )
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
    steps = plan(sources, to)
    todo = [s for s, step in zip(sources, steps, strict=True) if step.kind != "unchanged"]
    if not todo or dry_run:
        return steps
    try:
        to.mkdir(parents=True, exist_ok=True)
        with writer.exclusive(to), ExitStack() as stack:
            staged = []
            for source in todo:
                stage = Path(
                    tempfile.mkdtemp(prefix=f"{writer.STAGE_PREFIX}{source.name}-", dir=to)
                )
                stack.callback(shutil.rmtree, stage, ignore_errors=True)
                shutil.copytree(source, stage, symlinks=True, dirs_exist_ok=True)
                staged.append((to / source.name, stage))
            writer.exchange_all(staged)
            for target, stage in staged:
                _keep_previous(stage, to / PREVIOUS / target.name)
    except OSError as exc:
        raise _unwritable(exc, to) from exc
    return steps


def find_previous(to: Path) -> list[str]:
    """Names of apps of which a version before is kept."""
    folder = to / PREVIOUS
    return sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []


def roll_back(names: Sequence[str], to: Path, dry_run: bool = False) -> list[Step]:
    """Bring back the version before of each app; what is there now becomes the version before.

    So that a second roll back undoes the first. Raises WriteError with nothing changed.
    """
    for name in names:
        if not (to / PREVIOUS / name).is_dir():
            raise WriteError(f"{to / name}: no version before is kept; nothing was changed")
    steps = [Step(name, "roll back") for name in names]
    if dry_run:
        return steps
    try:
        with writer.exclusive(to):
            writer.exchange_all([(to / name, to / PREVIOUS / name) for name in names])
    except OSError as exc:
        raise _unwritable(exc, to) from exc
    return steps


def _keep_previous(old: Path, kept: Path) -> None:
    """Put the directory that was exchanged away where `roll_back` finds it."""
    if not old.exists():
        return  # the app is new here
    kept.parent.mkdir(exist_ok=True)
    if kept.exists():
        shutil.rmtree(kept)
    old.rename(kept)


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
        path.relative_to(folder).as_posix(): writer.find_state(path)
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def _unwritable(exc: OSError, to: Path) -> WriteError:
    reason = exc.strerror or str(exc)
    return WriteError(f"{exc.filename or to}: cannot be written: {reason}; nothing was changed")
