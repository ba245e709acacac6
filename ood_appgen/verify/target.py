"""What is proved, and what is found about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ood_appgen.model.plan import AppPlan
from ood_appgen.verify.choices import Count


@dataclass(frozen=True)
class Target:
    """An app to prove. `folder` holds its files, `shown_as` names it to the user.

    With a plan, `planned` are the files that the plan makes; what differs from them on disk was
    edited. `schedulers` is by cluster, as far as the site profile tells.
    """

    name: str
    folder: Path
    shown_as: str
    plan: AppPlan | None = None
    planned: Mapping[str, str] = field(default_factory=dict)
    schedulers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @cached_property
    def edits(self) -> dict[str, tuple[tuple[int, str, str], ...]]:
        """By file: line, text on disk and text of the plan, where they differ."""
        found = {}
        for path, planned in self.planned.items():
            try:
                text = (self.folder / path).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if text != planned:
                found[path] = tuple(_edits(planned.splitlines(), text.splitlines()))
        return found


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one case. `key` says which problems are one and the same."""

    rule: str
    file: str
    message: str
    key: str
    line: int = 0
    planned: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, with the smallest choice that shows it and the places that it came from."""

    problem: Problem
    values: Mapping[str, str]
    count: int
    places: tuple[tuple[str, str], ...]
    related: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cluster and node type: what can be asked for there, and how it went."""

    cluster: str
    node_type: str
    cores: str
    gpus: str
    hours: str
    evaluated: int
    failed: int
    sample: str


@dataclass(frozen=True)
class Report:
    """What was found about one app; `stopped` says why nothing was evaluated."""

    target: Target
    seed: int
    count: Count | None
    evaluated: Mapping[str, int]
    skipped: int
    cells: tuple[Cell, ...]
    findings: tuple[Finding, ...]
    stopped: str = ""

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.findings or self.stopped)


def _edits(planned: list[str], found: list[str]) -> Iterator[tuple[int, str, str]]:
    matcher = difflib.SequenceMatcher(None, planned, found, autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        for at in range(max(a2 - a1, b2 - b1)):
            now = found[b1 + at] if b1 + at < b2 else ""
            was = planned[a1 + at] if a1 + at < a2 else ""
            yield min(b1 + at, max(b2 - 1, b1)) + 1, now, was
