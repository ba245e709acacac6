"""`batch_connect: template:` misspells the name of a template.

Why
    The template is a file of the ood_core library: basic, vnc or vnc_container. Another name is a
    LoadError, which is no StandardError: the page answers with HTTP 500, and no message says why.
    A site can install a template of its own, so that the rule speaks of names that look like one of
    these, and of names that can be none.
    (OSC/ood_core lib/ood_core/batch_connect/factory.rb, build; OSC/ondemand
    apps/dashboard/app/models/batch_connect/session.rb, script_content.)

Bad
    batch_connect:
      template: VNC

Good
    batch_connect:
      template: vnc

Fix
    Write basic, vnc or vnc_container, in lower case.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.ERROR

# OSC/ood_core lib/ood_core/batch_connect/templates of 0.23 to 0.31.1.
_TEMPLATES = ("basic", "vnc", "vnc_container")
_SCHEDULERS = ("slurm", "torque", "pbspro", "lsf", "sge", "kubernetes", "form", "submit", "script")
# Of ood_core after 0.31.1 (pull request 944).
_COMING = ("wayvnc",)


def check(app: App) -> Iterator[Finding]:
    """Look at literal names."""
    for section in submit.sections(app, "batch_connect"):
        node = section.get("template")
        if not isinstance(node, Scalar) or node.opaque or node.kind == "null":
            continue
        name = node.value
        if name in _TEMPLATES:
            continue
        message = f"there is no batch connect template {quote(name)}: submitting is an HTTP 500"
        if name in _COMING:
            hint = f"Open OnDemand {app.settings.ondemand} has {', '.join(_TEMPLATES)}"
            yield at(node, message, hint, severity=Severity.WARNING)
            continue
        close = difflib.get_close_matches(name.lower().strip(), _TEMPLATES, 1, 0.7)
        if close:
            hint = f"did you mean {quote(close[0])}?"
            yield at(node, message, hint, fix=replace(node, close[0]))
        elif not name or name.strip() in _SCHEDULERS:
            yield at(node, message, f"it has {', '.join(_TEMPLATES)}")
