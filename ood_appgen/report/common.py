"""What several report forms share: paths as a CI service wants them, and identities of findings."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ood_appgen.diagnostics import Diagnostic, Severity
from ood_appgen.report.text import ReadLine

_LINE_NUMBER = re.compile(r"\b(lines?|columns?) \d+")


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What a report says about a rule; `page` is the address of its documentation, where it has one.

    `doc` starts with `title` and goes on with parts: a heading alone on a line, its text indented.
    """

    id: str
    title: str
    doc: str = ""
    severity: Severity = Severity.WARNING
    page: str = ""

    @property
    def group(self) -> str:
        """The first word of its id: form, submit, script, view, security, manifest..."""
        return self.id.split("-", 1)[0]


def from_root(path: str, root: str) -> str:
    """A path as seen from the directory `root`; absolute where it lies outside of it.

    CI services know files by their path in the repository. `root` may be relative to where the
    program runs, as `path` is.
    """
    whole = os.path.abspath(path)
    seen = os.path.relpath(whole, root)
    return whole if seen == os.pardir or seen.startswith(os.pardir + os.sep) else seen


def clean(text: str) -> str:
    """The text without what no UTF-8 file can hold: bytes of a file name that are no UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def add_hint(diagnostic: Diagnostic) -> str:
    """The message, and the hint on a line of its own."""
    return "\n".join(filter(None, (diagnostic.message, diagnostic.hint)))


def fingerprints(diagnostics: Iterable[Diagnostic], read_line: ReadLine, root: str) -> list[str]:
    """An identity for each finding, that stays the same when lines are added or taken away above it.

    It is made of the path, the rule, the message without line numbers, and the text of the line;
    of findings that are alike in all these, each has its place in their order.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for diagnostic in diagnostics:
        span = diagnostic.span
        facts = (
            from_root(diagnostic.path, root),
            diagnostic.rule,
            _LINE_NUMBER.sub(r"\1", diagnostic.message),
            read_line(span.path, span.line).strip() if span else "",
        )
        seen[facts] += 1
        parts = (*facts, str(seen[facts]))
        # Each part with its length: no two lists of parts give the same bytes.
        data = "".join(f"{len(part)}:{part}" for part in parts)
        found.append(hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest()[:32])
    return found
