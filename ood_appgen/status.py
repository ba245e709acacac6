"""How rendered apps stand to their sources: up to date, behind, edited by hand, or left over."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ood_appgen import lock
from ood_appgen.writer import EDITED, FOREIGN, AppChanges

UP_TO_DATE = "up to date"
NEW = "not rendered yet"
INPUTS = "inputs changed"
TOOL = "tool changed"
BY_HAND = "edited by hand"
BEHIND = "not as it would be rendered"
ORPHANED = "orphaned"


@dataclass(frozen=True)
class Status:
    """One app: where it is, its states, and for each what a person wants to know of it."""

    target: Path
    states: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to do."""
        return [state for state, _ in self.states] == [UP_TO_DATE]


def examine(changes: AppChanges, inputs: Mapping[str, str], made_by: str) -> Status:
    """Compare an app as it would be rendered (`writer.compare`) with what is there.

    Inputs or tool count as changed only where they change the output: a comment in site.yml leaves
    every app up to date.
    """
    known = lock.read(changes.target)
    kinds = {c.path: c for c in changes.changes if c.path != lock.LOCK_NAME}
    if all(c.kind == "create" for c in kinds.values()):
        return Status(changes.target, ((NEW, ()),))
    news = tuple(c.path for c in kinds.values() if c.kind in ("create", "update", "remove"))
    states: list[tuple[str, tuple[str, ...]]] = []
    if news:
        moved = _differences(known.inputs, inputs)
        if moved:
            states.append((INPUTS, moved))
        if known.made_by and known.made_by != made_by:
            states.append((TOOL, (f"{known.made_by} made it, this is {made_by}",)))
        if not states:
            states.append((BEHIND, news))
    edits = [c for c in kinds.values() if c.by_hand == EDITED]
    foreign = [c for c in kinds.values() if c.by_hand == FOREIGN]
    if edits or foreign:
        lines = [_describe_edit(changes.target, c.path, known.base.get(c.path)) for c in edits]
        lines += [f"{c.path}: not written by appgen" for c in foreign]
        states.append((BY_HAND, tuple(lines)))
    return Status(changes.target, tuple(states) or ((UP_TO_DATE, ()),))


def find_orphans(output: Path, app_ids: Sequence[str]) -> list[Status]:
    """Directories of apps that appgen wrote once and that the site no longer has."""
    if not output.is_dir():
        return []
    found = []
    for folder in sorted(output.iterdir()):
        if folder.name.startswith(".") or folder.name in app_ids or not folder.is_dir():
            continue
        if (folder / lock.LOCK_NAME).is_file():
            text = "no app of the site is rendered there; delete the directory if nobody needs it"
            found.append(Status(folder, ((ORPHANED, (text,)),)))
    return found


def _differences(known: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    changed = [p for p in now if p in known and known[p] != now[p]]
    new = [f"{p} (new)" for p in now if p not in known and known]
    gone = [f"{p} (gone)" for p in known if p not in now]
    return tuple(sorted([*changed, *new, *gone]))


def _describe_edit(target: Path, path: str, base: str | None) -> str:
    """A file and the lines of it that somebody changed."""
    try:
        text = (target / path).read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return path
    if base is None:
        return path
    places = []
    matcher = difflib.SequenceMatcher(None, base.splitlines(), text.splitlines(), autojunk=False)
    for kind, _, _, start, end in matcher.get_opcodes():
        if kind == "delete":
            places.append(f"after {start}")
        elif kind != "equal":
            places.append(f"{start + 1}" if end == start + 1 else f"{start + 1} to {end}")
    if not places:
        return f"{path}: the executable bit"
    return (
        f"{path}: line{'s' if len(places) > 1 or ' to ' in places[0] else ''} {', '.join(places)}"
    )
