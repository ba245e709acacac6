"""A file is not YAML.

Why
    Open OnDemand cannot read the file at all. A broken form makes the app invalid: it shows an error
    in place of the form. A broken submit file stops every submission. A broken manifest takes the
    app's name and category away. In a file with ERB, only what is broken however the Ruby turns out
    is reported. (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, read_yaml_erb and
    form_config; apps/dashboard/app/apps/manifest.rb, load.)

Bad
    attributes:
      num_cores:
        help: Cores: between 1 and 48

Good
    attributes:
      num_cores:
        help: "Cores: between 1 and 48"

Fix
    Look at the line that is named and the one before it: a value with ": " or " #" in it, or one
    that begins with a sign such as @, %, * or `, needs quotes; indentation is blanks, never tabs.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import read_by_ood, touches_tag
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for files that are broken in every view, for a reason that is no tag's."""
    for file in read_by_ood(app):
        failures = [(view, psych.read(file, view).failure) for view in file.views]
        view, failure = failures[0]
        if failure is None or any(other is None for _, other in failures):
            continue
        if file.tags and _may_be_masking(file, failure.offset, view.opaque):
            continue
        yield Finding(
            f"this is not YAML: {failure.message}",
            _hint(file, failure.offset),
            file,
            failure.offset,
            failure.offset + 1,
        )


def _may_be_masking(file: SourceFile, offset: int, opaque: tuple[int, ...]) -> bool:
    if file.program.has_errors or any(o <= offset for o in opaque):
        return True
    line = file.position(offset)[0]
    start = file.line_offset(max(1, line - 2))
    return touches_tag(file, start, file.line_offset(line) + len(file.line(line)))


def _hint(file: SourceFile, offset: int) -> str:
    number = file.position(offset)[0]
    for near in (number, number - 1):
        line = file.line(near) if near >= 1 else ""
        if "\t" in line[: len(line) - len(line.lstrip())]:
            return "indent with blanks: YAML allows no tabs there"
    return "look for a missing quote, a missing colon or a wrong indentation here or just above"
