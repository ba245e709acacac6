"""Findings as GitLab's merge requests show them: a Code Quality report.

GitLab docs, "Code Quality", "Code Quality report format": a JSON list of objects with description,
check_name, fingerprint, severity, location.path (relative to the repository, no leading `./`) and
location.lines.begin. GitLab shows the description and not the check_name, so the former names the
rule too. Findings of two pipelines are the same when their fingerprints are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from ood_appgen.diagnostics import Diagnostic, Severity
from ood_appgen.report.common import clean, fingerprints, from_root
from ood_appgen.report.text import ReadLine

# "critical" and "blocker" are for what runs in production.
_SEVERITIES = {Severity.NOTE: "info", Severity.WARNING: "minor", Severity.ERROR: "major"}


def report(diagnostics: Iterable[Diagnostic], read_line: ReadLine, root: str = ".") -> str:
    """The whole report; `root` is the top of the repository."""
    diagnostics = list(diagnostics)
    identities = fingerprints(diagnostics, read_line, root)
    found = [
        {
            "description": f"{d.rule}: {d.message}" + (f" ({d.hint})" if d.hint else ""),
            "check_name": d.rule,
            "fingerprint": identity,
            "severity": _SEVERITIES[d.severity],
            "location": {
                "path": from_root(d.path, root),
                # The format has no findings without a line.
                "lines": {"begin": d.span.line if d.span else 1},
            },
        }
        for d, identity in zip(diagnostics, identities, strict=True)
    ]
    return clean(json.dumps(found, indent=2, ensure_ascii=False)) + "\n"
