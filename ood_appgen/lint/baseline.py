"""Findings that a project knows of and does not want to hear of again.

A finding is the same one if file, rule, message and the text of its line are; its line number does
not count, since lines move. Paths are seen from the directory of the baseline file.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ood_appgen.diagnostics import Diagnostic

_VERSION = 1
ReadLine = Callable[[str, int], str]


class BaselineError(Exception):
    """The baseline cannot be read or written; the message says why."""


class Entry(NamedTuple):
    """What makes a finding the same one in another run."""

    path: str
    rule: str
    message: str
    line: str


def read(path: Path) -> Counter[Entry]:
    """The findings of a baseline file, each with how often it was found. Raises BaselineError."""
    try:
        data = json.loads(path.read_bytes())
        if data["version"] != _VERSION:
            raise BaselineError(f"{path}: was written by another version of appgen: write it anew")
        return Counter(
            {
                Entry(*(str(item[name]) for name in Entry._fields)): int(item["count"])
                for item in data["findings"]
            }
        )
    except OSError as exc:
        raise BaselineError(
            f"{path}: cannot be read: {exc.strerror}; make it with --write-baseline"
        ) from exc
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as exc:
        raise BaselineError(
            f"{path}: is no baseline of appgen; make it with --write-baseline"
        ) from exc


def write(path: Path, entries: Counter[Entry]) -> None:
    """Write a baseline file: sorted, so that two versions of it can be compared.

    Raises BaselineError.
    """
    findings = [{**e._asdict(), "count": n} for e, n in sorted(entries.items()) if n > 0]
    text = json.dumps({"version": _VERSION, "findings": findings}, indent=2) + "\n"
    try:
        new = path.with_name(f"{path.name}.new-{os.getpid()}")
        new.write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as exc:
        raise BaselineError(f"{path}: cannot be written: {exc.strerror}") from exc


def count(path: Path, found: Iterable[Diagnostic], read_line: ReadLine) -> Counter[Entry]:
    """Findings as the entries of the baseline file `path`."""
    return Counter(make_entry(path, d, read_line) for d in found)


def make_entry(path: Path, finding: Diagnostic, read_line: ReadLine) -> Entry:
    """A finding as an entry of the baseline file `path`."""
    line = read_line(finding.path, finding.span.line).strip() if finding.span else ""
    return Entry(_inner(path, finding.path), finding.rule, finding.message, line)


def subtract(
    path: Path, known: Counter[Entry], found: Sequence[Diagnostic], read_line: ReadLine
) -> tuple[list[Diagnostic], Counter[Entry]]:
    """The findings that are not known, and what is known and was not found."""
    left = known.copy()
    new = []
    for finding in found:
        entry = make_entry(path, finding, read_line)
        if left[entry] > 0:
            left[entry] -= 1
        else:
            new.append(finding)
    return new, +left


def beneath(path: Path, entries: Counter[Entry], folders: Iterable[str]) -> Counter[Entry]:
    """The entries whose files are in one of some directories, as the user knows those."""
    inner = [_inner(path, folder) for folder in folders]
    return Counter(
        {
            entry: n
            for entry, n in entries.items()
            if any(f == "." or entry.path == f or entry.path.startswith(f"{f}/") for f in inner)
        }
    )


def _inner(path: Path, shown_as: str) -> str:
    return os.path.relpath(os.path.abspath(shown_as), os.path.abspath(path.parent))
