"""`conn_params:` is no list of names.

Why
    Each entry is the name of a shell variable, which Open OnDemand writes into the session's
    connection file as `name: $name`. A mapping fails when the job is submitted, a text with commas is one
    odd name, and a name with a hyphen or a blank is no variable.
    (OSC/ood_core lib/ood_core/batch_connect/template.rb, conn_params and base_script.)

Bad
    batch_connect:
      conn_params: csrf_token, jobid

Good
    batch_connect:
      conn_params:
        - csrf_token
        - jobid

Fix
    Write a list with one name an entry, of letters, digits and underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def check(app: App) -> Iterator[Finding]:
    """Look at the list and at each name."""
    for section in submit.sections(app, "batch_connect"):
        node, key = section.get("conn_params"), section.key("conn_params")
        if isinstance(node, Mapping) and key is not None and node.items:
            yield at(key, "`conn_params:` is a mapping", "write a list of names")
        for item in node.items if isinstance(node, Sequence) else (node,):
            if isinstance(item, (Mapping, Sequence)) and item is not node:
                message = "this entry of `conn_params:` is no name"
                yield at(item, message, "write one name an entry")
            elif isinstance(item, Scalar) and _is_odd(item):
                message = f"{quote(item.value)} is no name of a shell variable"
                yield at(item, message, "write a list with one name an entry")


def _is_odd(item: Scalar) -> bool:
    return not item.opaque and item.kind != "null" and not _NAME.fullmatch(item.value)
