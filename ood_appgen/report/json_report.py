"""Findings for programs: a JSON list of objects, lines and columns from 1.

`line` and `column` are null where the whole file is meant, `end_line` and `end_column` also where
only the start is known. `end_column` is the column after the last character.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ood_appgen.diagnostics import Diagnostic
from ood_appgen.report.common import clean


def report(diagnostics: Iterable[Diagnostic]) -> str:
    """The whole report."""
    found = [_describe(diagnostic) for diagnostic in diagnostics]
    return clean(json.dumps(found, indent=2, ensure_ascii=False)) + "\n"


def _describe(diagnostic: Diagnostic) -> dict[str, Any]:
    span = diagnostic.span
    return {
        "path": diagnostic.path,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line or None if span else None,
        "end_column": span.end_column or None if span else None,
        "rule": diagnostic.rule,
        "severity": diagnostic.severity.word,
        "message": diagnostic.message,
        "hint": diagnostic.hint,
    }
