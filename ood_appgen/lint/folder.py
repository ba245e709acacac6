"""App directories on disk: where they are, and what is in their files. Nothing is understood here.

This module imports little: a run in which nothing has changed needs no more than this.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FORM_NAMES = ("form.yml.erb", "form.yml")
# What a directory with a form has that is an app, and no copy of a form.
APP_NAMES = ("manifest.yml", "submit.yml.erb", "submit.yml")
_LARGEST = 1_000_000
_READ_SUFFIXES = (
    ".yml",
    ".yaml",
    ".erb",
    ".js",
    ".md",
    ".sh",
    ".py",
    ".R",
    ".toml",
    ".json",
    ".cfg",
    ".yamllint",
)
# Files of the directories above an app that are read, because they speak for the app as well.
_READ_ABOVE = ("appverse.yml", "README.md", ".yamllint", ".yamllint.yaml", ".yamllint.yml")
_SKIPPED = {".git", "node_modules", "__pycache__", ".venv"}


@dataclass(frozen=True)
class Content:
    """A file that was read."""

    data: bytes
    executable: bool


@dataclass(frozen=True, eq=False, repr=False)
class AppFolder:
    """An app's directory as it was when it was read.

    `names` are all files below it, `contents` those of interest that could be read, `outer` the
    names of the files in the directories above, up to where the repository begins, and ".git" where
    there is one; `above` are those that were read, by the way to them ("../README.md"). `inner` is
    the way down to the app from the uppermost of these directories.
    """

    path: Path
    names: frozenset[str]
    contents: Mapping[str, Content]
    outer: frozenset[str]
    above: Mapping[str, Content] = field(default_factory=dict)
    inner: str = ""


def find_apps(path: Path) -> list[Path]:
    """The app directories at and below a path, sorted; a file stands for the app that it is in.

    What lies inside an app is none: Open OnDemand does not see it there, and forms alone are copies. A
    form.yml at the top of a repository of apps, with nothing that runs, is no app around the others.
    """
    if path.is_file():
        for folder in path.resolve().parents:
            if any((folder / name).is_file() for name in FORM_NAMES):
                return [folder]
        return []
    found = []
    whole: set[str] = set()
    for where, folders, names in os.walk(path):
        folders[:] = sorted(f for f in folders if f not in _SKIPPED)
        if any(name in names for name in FORM_NAMES):
            folders[:] = [f for f in folders if f not in ("template", "local")]
            if not any(where.startswith(outer) for outer in whole):
                found.append(Path(where))
                if any(name in names for name in APP_NAMES):
                    whole.add(f"{where}{os.sep}")
    return sorted(found)


def find_root(folder: Path) -> Path | None:
    """The directory at or above `folder` that a repository (.git) begins at."""
    return _find_root(folder.resolve())


def _find_root(place: Path) -> Path | None:
    name = str(place)
    while not os.path.exists(f"{name}/.git"):
        above = os.path.dirname(name)
        if above == name:
            return None
        name = above
    return Path(name)


def read(folder: Path, root: Path | None = None) -> AppFolder:
    """Read an app's directory. `root` is where the repository begins, for files that speak for all."""
    names = set()
    contents = {}
    for name in _list_files(folder):
        names.add(name)
        content = _read(folder, name)
        if content is not None:
            contents[name] = content
    outer = set()
    above = {}
    depth = 0
    place = folder.resolve()
    for depth, upper in enumerate(_directories_above(place, root), 1):
        try:
            here = {entry.name for entry in os.scandir(upper) if entry.is_file()}
        except OSError:
            continue
        outer |= here
        for name in sorted(here.intersection(_READ_ABOVE)):
            content = _read_file(f"{upper}/{name}")
            if content is not None:
                above["../" * depth + name] = content
    if _find_root(place) is not None:
        outer.add(".git")
    inner = "/".join(place.parts[-depth:]) if depth else ""
    return AppFolder(folder, frozenset(names), contents, frozenset(outer), above, inner)


def _list_files(folder: Path) -> Iterator[str]:
    top = str(folder)
    for where, folders, names in os.walk(top):
        inner = where[len(top) :].strip("/")
        folders[:] = sorted(f for f in folders if f not in _SKIPPED)
        if not inner:
            # Of an app inside this one only what is at its top.
            for inside in [f for f in folders if _holds_form(folder / f)]:
                folders.remove(inside)
                yield from _list_top(folder, inside)
        for name in sorted(names):
            yield f"{inner}/{name}" if inner else name


def _list_top(folder: Path, inside: str) -> Iterator[str]:
    try:
        names = sorted(entry.name for entry in os.scandir(folder / inside) if entry.is_file())
    except OSError:
        return
    yield from (f"{inside}/{name}" for name in names)


def _holds_form(folder: Path) -> bool:
    return folder.name not in ("template", "local") and any(
        (folder / name).is_file() for name in FORM_NAMES
    )


def _read(folder: Path, name: str) -> Content | None:
    if "/" in name and not name.startswith(("template/", "local/")):
        return None
    if not name.startswith("template/") and not name.endswith(_READ_SUFFIXES):
        return None
    return _read_file(f"{folder}/{name}")


def _read_file(path: str) -> Content | None:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return None
        with open(path, "rb") as file:
            return Content(file.read(), bool(status.st_mode & stat.S_IXUSR))
    except OSError:
        return None


def _directories_above(folder: Path, root: Path | None) -> Iterator[Path]:
    if (folder / ".git").exists():
        return
    for above in folder.parents:
        if (root is not None and above != root and root not in above.parents) or above == Path("/"):
            return
        yield above
        if (above / ".git").exists():
            return
