"""A text that the user types is printed into submit.yml.erb as it is.

Why
    Open OnDemand runs the ERB first and reads the result as YAML. So a text with `: ` or ` #`
    in it, or one that begins with `*`, `@`, `[` or a quote, makes a broken file, a list or half of the
    text, and the account `0123` becomes the number 83. Between quotes, a quote of the same kind ends the
    text, and a backslash counts between double ones. A second line always breaks the file.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, read_yaml_erb.)

Bad
    job_name: <%= job_name %>
    native: ["--comment", "<%= comment %>"]

Good
    job_name: <%= job_name.to_json %>
    native: ["--comment", <%= comment.to_json %>]

Fix
    Print the whole value with `.to_json`, and no quotes around the tag. Where an empty field must leave
    the key out, write `<%= job_name.presence.to_json %>`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import psych, taint
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile
from ood_appgen.lint.taint import Kind, Typed

SEVERITY = Severity.WARNING

_OFTEN_NUMBERS = frozenset("account accounts acct project allocation".split())
_WHOLE = "print it with .to_json, and without quotes around the tag"
_BLOCK = 'make one line of it: .split.join(" ")'
_PART = 'put all of the value into the tag: <%= "...#{x}".to_json %>'


def check(app: App) -> Iterator[Finding]:
    """Look at each scalar of a submit file that typed text is printed into."""
    for file in app.submit_files:
        raw = taint.prints(app, file, taint.YAML)
        if not raw:
            continue
        scalars = _scalars(file)
        for found in raw:
            scalar = next((s for s in scalars if s.start <= found.tag.start < s.end), None)
            if scalar is None:
                continue
            whole = (
                file.text[scalar.start : scalar.end].strip("\"' \n")
                == (file.text[found.tag.start : found.tag.end])
            )
            for field in found.fields:
                what, severity = _what_happens(field, scalar, whole)
                if what:
                    hint = _BLOCK if scalar.style in ("|", ">") else _WHOLE if whole else _PART
                    yield Finding(
                        f"what the user types as {quote(field.id)} {what}",
                        hint,
                        file,
                        found.tag.start,
                        found.tag.end,
                        severity,
                    )
                    break


def _scalars(file: SourceFile) -> list[Scalar]:
    found = []
    for view in file.views:
        root = psych.read(file, view).root
        if root is not None:
            found += [n for n in psych.walk(root) if isinstance(n, Scalar) and n.opaque]
    return found


def _what_happens(field: Typed, scalar: Scalar, whole: bool) -> tuple[str, Severity]:
    kind = field.kind
    if scalar.style in ("|", ">"):
        if kind is Kind.LINES:
            return "is printed into a block: its second line is not indented", SEVERITY
        return "", SEVERITY
    if kind is Kind.LINES:
        return "is printed as it is: a second line or a quote breaks the YAML", SEVERITY
    if scalar.style == '"':
        if kind is Kind.PASSWORD:
            return 'is printed in double quotes: a " or \\ in it breaks the YAML', SEVERITY
        if kind in (Kind.TEXT, Kind.PATH):
            return 'is printed in double quotes: a " or \\ in it breaks the YAML', Severity.NOTE
        return "", SEVERITY
    if scalar.style == "'":
        if kind is Kind.PASSWORD:
            return "is printed in single quotes: an apostrophe breaks the YAML", SEVERITY
        if kind in (Kind.TEXT, Kind.PATH):
            return "is printed in single quotes: an apostrophe breaks the YAML", Severity.NOTE
        return "", SEVERITY
    if kind is Kind.WORD:
        words = set(re.split(r"_", field.id))
        if whole and words & _OFTEN_NUMBERS:
            return 'is printed without quotes: "0123" becomes the number 83', Severity.NOTE
        return "", SEVERITY
    if kind is Kind.WORDS:
        return "", SEVERITY
    if whole:
        return 'is printed without quotes: "a: b", "[a]" and "no" become something else', SEVERITY
    return 'is printed without quotes: " #" and ": " in it are not text to YAML', SEVERITY
