"""Files to disk: all or nothing, and never over something that a person wrote.

Each app's directory is built anew beside the old one and exchanged with it in one system call, so
that a reader, or a kill, meets the old tree or the new one. `appgen.lock` in the directory
holds the hash of every file that was written; what does not match it was made or edited by hand.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ood_appgen import lock
from ood_appgen.lock import LOCK_NAME
from ood_appgen.render import RenderedFile

EDITED = "edited since appgen wrote it"
FOREIGN = "not written by appgen"
STAGE_PREFIX = ".appgen-"
_STAGE_NAME = re.compile(r"\.appgen-[a-z][a-z0-9_-]*-[a-z0-9_]{8}(\.old)?")
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


class WriteError(Exception):
    """The output cannot be written; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one file. `kind` is create, update, merge, keep, remove or unchanged.

    `by_hand` says what of somebody's work takes part: "edited since appgen wrote it" or "not
    written by appgen". A file is kept when it was edited and there is nothing new for it;
    `conflicts` counts the places of a merge that a person has to decide. `found` is the digest of
    what was there.
    """

    path: str
    kind: str
    by_hand: str = ""
    conflicts: int = 0
    found: str = ""


@dataclass(frozen=True)
class AppChanges:
    """What happens to one app's directory, with the contents that its files get."""

    target: Path
    files: tuple[RenderedFile, ...]
    changes: tuple[Change, ...]
    rendered: tuple[RenderedFile, ...]
    found: tuple[Change, ...]

    @property
    def is_clean(self) -> bool:
        """Whether the directory is already as it should be, but for what the lock remembers."""
        return all(c.kind == "unchanged" or c.path == LOCK_NAME for c in self.changes)

    @property
    def blocked(self) -> tuple[Change, ...]:
        """Changes that would destroy somebody's work: they need --merge or --force."""
        return tuple(c for c in self.changes if c.by_hand and c.kind in ("update", "remove"))


def compare(
    target: Path,
    files: Sequence[RenderedFile],
    version: str,
    app_id: str = "",
    inputs: Mapping[str, str] | None = None,
) -> AppChanges:
    """Compare an app's rendered files with its directory; reads only. Raises WriteError.

    `inputs` are the digests of what the files were made from, for the lock.
    """
    with_lock = (*files, lock.make(files, version, app_id, inputs or {}))
    found = _find_changes(target, with_lock)
    return AppChanges(target, with_lock, found, with_lock, found)


def force(changes: AppChanges) -> AppChanges:
    """The same with appgen's version of everything: what was edited is overwritten."""
    ours = (replace(c, kind="update") if c.kind == "keep" else c for c in changes.changes)
    return replace(changes, changes=tuple(ours))


def merge(changes: AppChanges) -> AppChanges:
    """The same with edits and news in one file, where both changed it since it was written.

    Where they touch the same lines, both stand there between conflict markers. A file whose edits
    cannot be merged (it is no text, or a link, or its lock is lost) is kept as it is, and so is an
    edited one that appgen no longer makes.
    """
    base = lock.read(changes.target).base
    files = {f.path: f for f in changes.files}
    merged = []
    for change in changes.changes:
        if change.by_hand and change.kind == "remove":
            change = replace(change, kind="keep")
        elif change.by_hand and change.kind == "update":
            ours = files[change.path]
            joined = _merge_file(base.get(change.path), changes.target / change.path, ours.content)
            if joined is None:
                change = replace(change, kind="keep")
            else:
                files[change.path] = replace(ours, content=joined[0])
                change = replace(change, kind="merge", conflicts=joined[1])
        merged.append(change)
    return replace(changes, files=tuple(files.values()), changes=tuple(merged))


def _merge_file(base: str | None, path: Path, ours: bytes) -> tuple[bytes, int] | None:
    from merge3 import Merge3  # only where there is something to merge

    if base is None or path.is_symlink():
        return None
    try:
        yours, new = path.read_bytes().decode(), ours.decode()
    except (OSError, UnicodeDecodeError):
        return None
    old, theirs, ours_now = (text.splitlines(keepends=True) for text in (base, yours, new))
    both = Merge3(old, theirs, ours_now)
    conflicts = sum(region[0] == "conflict" for region in both.merge_regions())
    text = "".join(both.merge_lines(name_a="edited by hand", name_b="appgen"))
    return text.encode(), conflicts


def _find_changes(target: Path, files: Sequence[RenderedFile]) -> tuple[Change, ...]:
    try:
        _refuse_odd_target(target)
        known = lock.read(target).files
        changes = [_compare_file(target, file, known) for file in files]
        names = {f.path for f in files}
        for path, digest in sorted(known.items()):
            if path in names or not os.path.lexists(target / path) or (target / path).is_dir():
                continue
            state = find_state(target / path)
            by_hand = EDITED if state != digest else ""
            changes.append(Change(path, "remove", by_hand, found=state))
    except OSError as exc:
        raise WriteError(f"{exc.filename or target}: cannot be read: {exc.strerror}") from exc
    return tuple(sorted(changes, key=lambda c: c.path))


def diff(changes: AppChanges, shown_as: str) -> Iterator[str]:
    """The lines of a unified diff from what is there to what would be written."""
    import difflib

    contents = {f.path: f.content for f in changes.files}
    for change in changes.changes:
        if change.kind == "unchanged" or change.path == LOCK_NAME:
            continue
        path = changes.target / change.path
        old = path.read_bytes() if path.is_file() else b""
        new = contents.get(change.path, b"") if change.kind != "remove" else b""
        try:
            before, after = old.decode().splitlines(), new.decode().splitlines()
        except UnicodeDecodeError:
            yield f"Binary file {shown_as}/{change.path} differs"
            continue
        source = "/dev/null" if change.kind == "create" else f"a/{shown_as}/{change.path}"
        result = "/dev/null" if change.kind == "remove" else f"b/{shown_as}/{change.path}"
        lines = list(difflib.unified_diff(before, after, source, result, lineterm=""))
        yield from lines or [f"{shown_as}/{change.path}: the executable bit or line ends change"]


def write(apps: Sequence[AppChanges], root: Path) -> None:
    """Write all apps below `root`, or none. Raises WriteError with nothing changed.

    Files in a target that appgen knows nothing of stay where they are.
    """
    todo = [app for app in apps if any(c.kind != "unchanged" for c in app.changes)]
    if not todo and not any(_leftovers(root)):
        return
    try:
        root.mkdir(parents=True, exist_ok=True)
        with exclusive(root), ExitStack() as stack:
            staged = []
            for app in todo:
                if _find_changes(app.target, app.rendered) != app.found:
                    raise WriteError(f"{app.target}: changed while rendering; run again")
                stage = Path(tempfile.mkdtemp(prefix=f"{STAGE_PREFIX}{app.target.name}-", dir=root))
                stack.callback(shutil.rmtree, stage, ignore_errors=True)
                _build(app, stage)
                staged.append((app.target, stage))
            exchange_all(staged)
    except OSError as exc:
        place = exc.filename or root
        reason = exc.strerror or str(exc)
        raise WriteError(f"{place}: cannot be written: {reason}; nothing was changed") from exc


def _refuse_odd_target(target: Path) -> None:
    if target.is_symlink():
        raise WriteError(
            f"{target}: is a symbolic link; appgen replaces whole directories: "
            "point --output at the real place"
        )
    if target.exists() and not target.is_dir():
        raise WriteError(f"{target}: is a file; move it away, or choose another --output")


def _compare_file(target: Path, file: RenderedFile, known: Mapping[str, str]) -> Change:
    path = target / file.path
    for folder in path.relative_to(target).parents:
        place = target / folder
        if (
            os.path.lexists(place)
            and (place.is_symlink() or not place.is_dir())
            and place != target
        ):
            raise WriteError(
                f"{place}: appgen writes a folder of that name, but this is none; move it away"
            )
    if path.is_dir() and not path.is_symlink():
        raise WriteError(
            f"{path}: appgen writes a file of that name, but this is a folder; move it away"
        )
    if not os.path.lexists(path):
        return Change(file.path, "create")
    state = find_state(path)
    if state == lock.digest(file.content, file.executable):
        return Change(file.path, "unchanged", found=state)
    if file.path == LOCK_NAME:
        return Change(file.path, "update", found=state)
    if file.path not in known:
        return Change(file.path, "update", FOREIGN, found=state)
    if state == known[file.path]:
        return Change(file.path, "update", found=state)
    nothing_new = known[file.path] == lock.digest(file.content, file.executable)
    return Change(file.path, "keep" if nothing_new else "update", EDITED, found=state)


def find_state(path: Path) -> str:
    """The digest of a file as a lock has it; "other" for what is no plain file."""
    if path.is_symlink() or not path.is_file():
        return "other"
    return lock.digest(path.read_bytes(), bool(path.stat().st_mode & 0o100))


def _build(app: AppChanges, stage: Path) -> None:
    """The whole new directory: our files, and whatever else was in the old one."""
    kept = {c.path for c in app.changes if c.kind == "keep"}
    files = [f for f in app.files if f.path not in kept]
    ours = {f.path for f in files} | {c.path for c in app.changes if c.kind == "remove"}
    if app.target.is_dir():
        _copy_owner_and_mode(app.target, stage)
        _carry_over(app.target, stage, ours)
    else:
        umask = os.umask(0)
        os.umask(umask)
        stage.chmod(0o777 & ~umask)
    for file in files:
        path = stage / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = 0o777 if file.executable else 0o666
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as stream:
            stream.write(file.content)


def _carry_over(old: Path, new: Path, ours: set[str]) -> None:
    """Put everything that is not ours into the new directory, as it is."""
    for folder, folders, names in os.walk(old, onerror=_raise):
        relative = Path(folder).relative_to(old)
        for name in [*folders, *names]:
            path = Path(folder) / name
            place = new / relative / name
            if path.is_dir() and not path.is_symlink():
                below = {p.relative_to(old).as_posix() for p in path.rglob("*") if not p.is_dir()}
                if not below or below - ours:  # not only files of ours that go away
                    place.mkdir(parents=True, exist_ok=True)
                    _copy_owner_and_mode(path, place)
            elif (relative / name).as_posix() not in ours:
                try:
                    os.link(path, place, follow_symlinks=False)
                except OSError:
                    shutil.copy2(path, place, follow_symlinks=False)


def _raise(exc: OSError) -> None:
    """What cannot be listed would be lost: `os.walk` is not to pass over it."""
    raise exc


def _copy_owner_and_mode(old: Path, new: Path) -> None:
    state = old.stat()
    if (state.st_uid, state.st_gid) != (new.stat().st_uid, new.stat().st_gid):
        os.chown(new, state.st_uid, state.st_gid)
    shutil.copystat(old, new)


def exchange_all(staged: Sequence[tuple[Path, Path]]) -> None:
    """Put each second directory where the first is, all of them or none; the old ones end up there."""
    done: list[tuple[Path, Path]] = []
    try:
        for target, stage in staged:
            _exchange(target, stage)
            done.append((target, stage))
    except BaseException:  # Ctrl-C too
        for target, stage in reversed(done):
            _exchange(target, stage)
        raise


def _exchange(target: Path, stage: Path) -> None:
    """Put `stage` where `target` is; the old directory, if any, ends up at `stage`."""
    if not target.exists():
        if stage.exists():
            stage.rename(target)
        return
    if not stage.exists():  # taking back a directory that was new
        target.rename(stage)
        return
    import ctypes  # only where there is something to exchange

    libc = ctypes.CDLL(None, use_errno=True)
    rename = getattr(libc, "renameat2", None)
    if rename is not None:
        answer = rename(
            _AT_FDCWD, os.fsencode(stage), _AT_FDCWD, os.fsencode(target), _RENAME_EXCHANGE
        )
        if answer == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
            raise OSError(code, os.strerror(code), str(target))
    # File systems without an exchange (NFS): two renames, with a moment between them.
    # `exclusive` finds what a kill leaves there, beside the target, and puts it back.
    name = (
        stage.name if _STAGE_NAME.fullmatch(stage.name) else f"{STAGE_PREFIX}{target.name}-rollback"
    )
    aside = target.with_name(f"{name}.old")
    target.rename(aside)
    try:
        stage.rename(target)
    except OSError:
        aside.rename(target)
        raise
    aside.rename(stage)


def _leftovers(root: Path) -> list[Path]:
    """What a writer that was killed left behind, and what one at work is using."""
    return [p for p in root.iterdir() if _STAGE_NAME.fullmatch(p.name)] if root.is_dir() else []


@contextmanager
def exclusive(root: Path) -> Iterator[None]:
    """One writer at a time below `root`; also tidies up after a writer that was killed."""
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WriteError(
                f"{root}: another appgen is writing here; wait for it and run again"
            ) from None
        for left in _leftovers(root):
            target = root / left.name.removeprefix(STAGE_PREFIX).rsplit("-", 1)[0]
            if left.suffix == ".old" and not target.exists():
                left.rename(target)  # killed between the two renames of _exchange
            else:
                shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        os.close(handle)
