"""A file has a second YAML document, which is never read.

Why
    A line `---` begins a new document, and Open OnDemand reads the first one alone. What stands
    below the line is not even looked at. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, read_yaml_erb: YAML.safe_load gives one document.)

Bad
    cluster: owens
    ---
    form:
      - bc_num_hours

Good
    ---
    cluster: owens
    form:
      - bc_num_hours

Fix
    Delete the line `---`, or all that is below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import readings
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR
_MARK = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_CONTENT = re.compile(r"^[ \t]*[^\s#]", re.MULTILINE)


def check(app: App) -> Iterator[Finding]:
    """Look for text below the end of the first document."""
    for file, view, document in readings(app):
        if document.root is None or document.failure is not None:
            continue
        # No text of a document may begin a line with the mark, whatever its style.
        mark = _MARK.search(view.text, document.root.end)
        if mark is not None and _CONTENT.search(view.text, mark.end()):
            yield Finding(
                "all from here on is a second document, which is never read",
                "delete this line, or what is below it",
                file,
                mark.start(),
                mark.end(),
            )
