"""Findings for code scanning: SARIF 2.1.0 (OASIS standard, errata 01).

Section numbers below are the standard's. What GitHub makes of the file is told in its docs, "SARIF
support for code scanning": it takes a relative uri from the top of the repository, refuses a whole
file for one result without a location, and adds its own fingerprint beside ours.
"""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ood_appgen.diagnostics import Diagnostic, Severity, Span
from ood_appgen.report.common import RuleFacts, clean, fingerprints, from_root
from ood_appgen.report.text import ReadLine

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BASE = "%SRCROOT%"
# GitHub's words for what is no security finding.
_PROBLEMS = {
    Severity.NOTE: "recommendation",
    Severity.WARNING: "warning",
    Severity.ERROR: "error",
}
_CODE = ("Bad", "Good")
# 3.11.5 has every brace doubled, which viewers do not undo in a message without arguments; one
# that would be a placeholder must not be taken for one.
_PLACEHOLDER = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True, slots=True)
class Suppressed:
    """A finding that is not reported: ignored in the file itself, or listed in a baseline."""

    diagnostic: Diagnostic
    in_file: bool
    reason: str = ""


def report(
    diagnostics: Iterable[Diagnostic],
    rules: Iterable[RuleFacts],
    read_line: ReadLine,
    version: str,
    *,
    suppressed: Iterable[Suppressed] = (),
    root: str = ".",
) -> str:
    """The whole report; `root` is the top of the repository, `rules` are those that were on."""
    diagnostics = list(diagnostics)
    hidden = list(suppressed)
    everything = diagnostics + [entry.diagnostic for entry in hidden]
    described = {rule.id: rule for rule in rules}
    for d in everything:  # passed through from another program, or about the linter itself
        described.setdefault(d.rule, RuleFacts(d.rule, d.rule, severity=d.severity))
    order = sorted(described)
    positions = {rule: number for number, rule in enumerate(order)}
    identities = fingerprints(everything, read_line, root)
    results = [
        _describe(diagnostic, positions[diagnostic.rule], identity, root)
        for diagnostic, identity in zip(everything, identities, strict=True)
    ]
    if hidden:  # 3.27.23: all results of a run have `suppressions`, or none
        for result in results[: len(diagnostics)]:
            result["suppressions"] = []
        for result, entry in zip(results[len(diagnostics) :], hidden, strict=True):
            result["suppressions"] = [_describe_suppression(entry)]
    driver = {
        "name": "appgen",
        "fullName": "appgen lint",
        "semanticVersion": version,
        "rules": [_describe_rule(described[rule]) for rule in order],
    }
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "originalUriBaseIds": {
                    _BASE: {"description": {"text": "The top of the repository."}}
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }
        ],
    }
    return clean(json.dumps(log, indent=2, ensure_ascii=False)) + "\n"


def _describe_rule(rule: RuleFacts) -> dict[str, Any]:
    parts = _split_doc(rule.doc)
    described: dict[str, Any] = {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": " ".join(parts.get("Why", rule.title).split())},
        "help": {"text": rule.doc or rule.title, "markdown": _write_markdown(rule, parts)},
        "defaultConfiguration": {"level": rule.severity.word},
        "properties": {"tags": [rule.group], "problem.severity": _PROBLEMS[rule.severity]},
    }
    if rule.page:
        described["helpUri"] = rule.page
    return described


def _split_doc(doc: str) -> dict[str, str]:
    """The text under each heading, as far as it is indented to the left edge."""
    parts: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in doc.splitlines()[1:]:
        if line[:1].strip():
            lines = parts.setdefault(line.strip(), [])
        else:
            lines.append(line)
    return {
        heading: textwrap.dedent("\n".join(lines)).strip("\n") for heading, lines in parts.items()
    }


def _write_markdown(rule: RuleFacts, parts: dict[str, str]) -> str:
    paragraphs = [rule.title]
    for heading, text in parts.items():
        paragraphs.append(f"## {heading}")
        # Indented by four, it is code.
        paragraphs.append(textwrap.indent(text, "    ") if heading in _CODE else text)
    return "\n\n".join(filter(None, paragraphs))


def _describe(diagnostic: Diagnostic, position: int, identity: str, root: str) -> dict[str, Any]:
    text = diagnostic.message + (f"\nHint: {diagnostic.hint}" if diagnostic.hint else "")
    result: dict[str, Any] = {
        "ruleId": diagnostic.rule,
        "ruleIndex": position,
        "level": diagnostic.severity.word,
        "message": {"text": _escape(text)},
        "locations": [{"physicalLocation": _locate(diagnostic.path, diagnostic.span, root)}],
        "partialFingerprints": {"appgenFinding/v1": identity},
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {
                "id": number,
                "physicalLocation": _locate(span.path, span, root),
                "message": {"text": _escape(message)},
            }
            for number, (span, message) in enumerate(diagnostic.related, 1)
        ]
    return result


def _describe_suppression(entry: Suppressed) -> dict[str, str]:
    described = {"kind": "inSource" if entry.in_file else "external", "status": "accepted"}
    if entry.reason:
        described["justification"] = entry.reason
    return described


def _locate(path: str, span: Span | None, root: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": _locate_file(path, root)}
    if span:
        region = {"startLine": span.line, "startColumn": span.column}
        if span.end_line and span.end_column:
            region |= {"endLine": span.end_line, "endColumn": span.end_column}
        location["region"] = region
    return location


def _locate_file(path: str, root: str) -> dict[str, str]:
    """The bytes of a path, percent-encoded (3.10); the base only for what lies below it (3.4.4)."""
    seen = from_root(path, root)
    encoded = quote(os.fsencode(seen))
    if seen.startswith("/"):
        return {"uri": f"file://{encoded}"}
    return {"uri": encoded, "uriBaseId": _BASE}


def _escape(text: str) -> str:
    """Text that no viewer takes for a placeholder (3.11.5) or a link (3.11.6)."""
    return _PLACEHOLDER.sub(r"{{\1}}", text).replace("](", "\\](")
