"""Which line of site.yml or app.yml made a line of output, and the other way round.

Nothing keeps books: an app is rendered again with one value changed, or one part left out, and what
comes out differently depends on it. So the answer is true whatever the planner does. Parts are
followed from the whole to the single value, and only those are followed that the line depends on.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ood_appgen.diagnostics import Span
from ood_appgen.source import Document, PathKey

Render = Callable[[Any, Any], Mapping[str, str] | None]
"""Files by path for the data of site.yml and app.yml; None where they do not make an app."""

# The most that is rendered for one answer.
_MOST_TRIALS = 2_000


@dataclass(frozen=True, slots=True)
class Cause:
    """A part of site.yml or app.yml that a line depends on.

    `changed_to` is the value that was tried (None: the part was left out), `becomes` the line that
    came out in its place (None: none did).
    """

    path: PathKey
    span: Span
    value: Any
    changed_to: Any
    becomes: str | None

    @property
    def name(self) -> str:
        """The part as people write it: clusters.owens.node_types.any.cores.max."""
        return show_path(self.path)


@dataclass(frozen=True, slots=True)
class Touch:
    """Lines of a file that change with a value: line number, and the text before and after."""

    file: str
    changes: tuple[tuple[int, str, str], ...]


class Explainer:
    """Renders an app again and again; keeps what it rendered."""

    def __init__(
        self, site: Document, app: Document, render: Render, keywords: frozenset[str]
    ) -> None:
        """`keywords` are the keys that the schemas know: they are no names of anybody's."""
        self.documents = (site, app)
        self.keywords = keywords
        self.render = render
        baseline = render(site.data, app.data)
        assert baseline is not None, "the caller has rendered it"
        self.baseline = baseline
        self.trials = 0

    def explain(self, file: str, line: int) -> list[Cause]:
        """The parts that a line of a rendered file depends on; each only as fine as can be told.

        A line that nothing changes is the same for every site and app: the templates'.
        """
        found: list[Cause] = []
        for which, document in enumerate(self.documents):
            found += self._descend(which, document.data, (), file, line)
        # A name that is changed wherever it stands is one cause, not one for each place.
        names: dict[tuple[object, ...], Cause] = {}
        for cause in found:
            key = (
                (cause.path,)
                if cause.changed_to is None
                else (str(cause.changed_to), cause.becomes)
            )
            names.setdefault(key, cause)
        return list(names.values())

    def touches(self, which: int, path: PathKey) -> list[Touch] | None:
        """What changes in the output with the value at `path` of site.yml (0) or app.yml (1).

        None where that cannot be told: no other value that is tried makes an app.
        """
        found: list[Touch] | None = None
        for _, files in self._variants(which, path):
            found = []
            for name in sorted({*self.baseline, *files}):
                changes = tuple(_changes(self.baseline.get(name, ""), files.get(name, "")))
                if changes:
                    found.append(Touch(name, changes))
            if found:
                break
        return found

    def _descend(
        self, which: int, value: Any, path: PathKey, file: str, line: int
    ) -> Iterator[Cause]:
        left_out, cause = self._depends(which, path, file, line) if path else (False, None)
        if left_out and cause is None:
            return  # without this part the line is the same
        inner: list[Cause] = []
        for key, part in _parts(value):
            inner += self._descend(which, part, (*path, key), file, line)
        yield from inner
        if not inner and cause is not None:
            yield cause

    def _depends(
        self, which: int, path: PathKey, file: str, line: int
    ) -> tuple[bool, Cause | None]:
        """Whether the app could be rendered without the part, and what a change does to the line."""
        before = self.baseline[file].splitlines()
        left_out = False
        for tried, files in self._variants(which, path):
            left_out = left_out or tried is None
            after = files.get(file, "").splitlines()
            same, becomes = _find_line(before, after, line - 1)
            if not same:
                document = self.documents[which]
                value = _get(document.data, path)
                return True, Cause(path, document.key_span(path), value, tried, becomes)
        return left_out, None

    def _variants(self, which: int, path: PathKey) -> Iterator[tuple[Any, Mapping[str, str]]]:
        """The value at `path` changed in ways that still make an app, with what comes out.

        A name that others refer to cannot be changed alone: it is changed wherever it stands.
        """
        value = _get(self.documents[which].data, path)
        could = False
        for tried in (*_neighbours(value), None):
            data = [d.data for d in self.documents]
            data[which] = _with(data[which], path, tried)
            files = self._try(data)
            if files is not None:
                could = True
                yield tried, files
        name = value if isinstance(value, str) else path[-1] if isinstance(value, dict) else None
        if not could and isinstance(name, str) and name not in self.keywords:
            files = self._try([_renamed(d.data, name, f"{name}z") for d in self.documents])
            if files is not None:
                yield f"{name}z", files

    def _try(self, data: list[Any]) -> Mapping[str, str] | None:
        if self.trials >= _MOST_TRIALS:
            return None
        self.trials += 1
        return self.render(*data)


def show_path(path: PathKey) -> str:
    """A path as people write it; list items by their number from 1."""
    text = ""
    for key in path:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{key}" if text else key
    return text


def find_paths(document: Document, words: str) -> list[PathKey]:
    """The paths of values that end in `words`, as `show_path` has them (owens.node_types.any)."""
    return [path for path in document.spans if f".{show_path(path)}".endswith(f".{words}")]


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _neighbours(value: Any) -> tuple[Any, ...]:
    """Other values of the same kind; small steps, so that limits are still kept."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (value + 1, value - 1)
    if isinstance(value, float):
        return (value + 1, value / 2)
    if isinstance(value, str):
        return (f"{value}z", f"{value}\n") if "\n" in value else (f"{value}z",)
    return ()


def _get(data: Any, path: PathKey) -> Any:
    for key in path:
        data = data[key]
    return data


def _with(data: Any, path: PathKey, value: Any) -> Any:
    """The data with another value at `path`, or without it; all else is shared."""
    if not path:
        return value
    changed = copy.copy(data)
    key = path[0]
    if len(path) == 1 and value is None:
        del changed[key]
    else:
        changed[key] = _with(data[key], path[1:], value)
    return changed


def _renamed(data: Any, old: str, new: str) -> Any:
    if isinstance(data, dict):
        return {new if k == old else k: _renamed(v, old, new) for k, v in data.items()}
    if isinstance(data, list):
        return [_renamed(item, old, new) for item in data]
    return new if data == old else data


def _find_line(before: list[str], after: list[str], index: int) -> tuple[bool, str | None]:
    """Whether a line is still there; if not, the line in its place, if there is one."""
    for kind, start, end, first, last in _opcodes(before, after):
        if not start <= index < end:
            continue
        if kind == "equal":
            return True, before[index]
        if kind == "replace":
            return False, after[min(first + index - start, last - 1)]
        return False, None
    return True, None


def _changes(before: str, after: str) -> Iterator[tuple[int, str, str]]:
    old, new = before.splitlines(), after.splitlines()
    for kind, start, end, first, last in _opcodes(old, new):
        if kind == "equal":
            continue
        for offset in range(max(end - start, last - first)):
            was = old[start + offset] if start + offset < end else ""
            now = new[first + offset] if first + offset < last else ""
            yield min(start + offset + 1, len(old)), was, now


def _opcodes(old: list[str], new: list[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """difflib's steps, with what both have at start and end taken off first: that is fast."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    if head:
        yield "equal", 0, head, 0, head
    middle = difflib.SequenceMatcher(
        None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False
    )
    for kind, start, end, first, last in middle.get_opcodes():
        yield kind, start + head, end + head, first + head, last + head
    if tail:
        yield "equal", len(old) - tail, len(old), len(new) - tail, len(new)
