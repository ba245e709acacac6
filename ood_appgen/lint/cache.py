"""Findings kept between runs, by what they follow from: files, rules, programs, configuration.

An entry is one file named by the hash of all of that. What cannot be read or written is
no error: the app is checked anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ood_appgen import __version__
from ood_appgen.diagnostics import Diagnostic, Edit, Severity, Span

# Rules may start these; what they find depends on which there are.
PROGRAMS = ("bash", "shellcheck", "yamllint")
_MOST_ENTRIES = 5000
_MOST_BYTES = 50_000_000
_OLDEST_SECONDS = 30 * 24 * 3600
_PRUNE_SECONDS = 24 * 3600
_PACKAGE = Path(__file__).resolve().parent.parent
# What findings can depend on beside the rules: what those import, and the parsers.
_SOURCES = ("lint", "lint/rules", "lint/meta", "model", ".")
_PARSERS = ("tree_sitter", "tree_sitter_ruby", "tree_sitter_bash", "_ruamel_yaml")


def default_folder() -> Path:
    """Where entries are: below $XDG_CACHE_HOME, or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return Path(base if os.path.isabs(base) else Path.home() / ".cache", "ood-appgen", "lint")


def make_key(parts: Iterable[bytes | str]) -> str:
    """The hash of some texts, in their order; where one ends counts too."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()


@cache
def code_version() -> str:
    """What tells this state of the rules and parsers from another: sizes and times of their files."""
    return make_key((__version__, sys.version, *_stat_sources(), *_stat_parsers()))


def programs_version() -> str:
    """What tells these programs from others: where they are, and their sizes and times."""
    import shutil

    return make_key(_stat_line(path) for p in PROGRAMS if (path := shutil.which(p)))


def _stat_sources() -> Iterator[str]:
    for part in _SOURCES:
        with os.scandir(_PACKAGE / part) as entries:
            yield from sorted(_stat_line(e.path) for e in entries if e.name.endswith(".py"))


def _stat_parsers() -> Iterator[str]:
    import importlib.util

    for name in _PARSERS:
        found = importlib.util.find_spec(name)
        if found is not None and found.origin:
            yield _stat_line(found.origin)


def _stat_line(path: str) -> str:
    status = os.stat(path)
    return f"{path} {status.st_size} {status.st_mtime_ns}"


class Cache:
    """Entries in a folder; with None instead, nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, key: str) -> list[Diagnostic] | None:
        """The findings that were kept for a key."""
        if self.folder is None:
            return None
        try:
            with open(self.folder / key, "rb") as file:
                digest, _, body = file.read().partition(b"\n")
            if digest.decode() != make_key((body,)):
                return None
            found = [_unpack(item) for item in json.loads(body)]
        except (OSError, ValueError, TypeError, LookupError):
            return None
        return found

    def put(self, key: str, found: Sequence[Diagnostic]) -> None:
        """Keep findings."""
        if self.folder is None:
            return
        body = json.dumps([_pack(d) for d in found], separators=(",", ":")).encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".new-", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(make_key((body,)).encode() + b"\n" + body)
                os.replace(name, self.folder / key)
            except OSError:
                os.unlink(name)
                raise
        except OSError:
            self.folder = None  # full, or not ours: this run keeps no more

    def prune(self) -> None:
        """Once a day: delete what is old, and the oldest of what is too much."""
        if self.folder is None:
            return
        stamp = self.folder / ".pruned"
        now = time.time()
        try:
            if stamp.exists() and now - stamp.stat().st_mtime < _PRUNE_SECONDS:
                return
            stamp.touch()
            entries = []
            with os.scandir(self.folder) as found:
                for entry in found:
                    if entry.name != stamp.name and entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        entries.append((status.st_mtime, status.st_size, entry.path))
        except OSError:
            return
        kept = size = 0
        for changed, length, path in sorted(entries, reverse=True):
            kept, size = kept + 1, size + length
            if kept > _MOST_ENTRIES or size > _MOST_BYTES or now - changed > _OLDEST_SECONDS:
                try:
                    os.unlink(path)
                except OSError:
                    continue  # another run was quicker


def _pack(found: Diagnostic) -> list[Any]:
    fix = found.fix
    return [
        found.path,
        _pack_span(found.span) if found.span else None,
        found.rule,
        int(found.severity),
        found.message,
        found.hint,
        [[_pack_span(span), text] for span, text in found.related],
        [fix.path, fix.start, fix.end, fix.text, fix.run_bit] if fix else None,
    ]


def _pack_span(span: Span) -> list[Any]:
    return [span.path, span.line, span.column, span.end_line, span.end_column]


def _unpack(item: Any) -> Diagnostic:
    path, span, rule, severity, message, hint, related, fix = item
    return Diagnostic(
        path,
        Span(*span) if span else None,
        rule,
        Severity(severity),
        message,
        hint,
        tuple((Span(*place), text) for place, text in related),
        Edit(*fix) if fix else None,
    )
