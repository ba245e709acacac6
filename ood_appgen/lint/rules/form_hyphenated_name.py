"""A field's name has a character that no Ruby name can have.

Why
    In submit.yml.erb `node-type` is `node` minus `type`, and in template/*.erb so is
    `context.node-type`; JavaScript directives cannot name it either. In the releases after 4.2.3 such
    a field makes the form an error page. (OSC/ondemand
    apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb, format_bc_id; app/javascript/
    dynamic_forms.js, snakeCaseWords.)

Bad
    form:
      - node-type

Good
    form:
      - node_type

Fix
    Use small letters, digits and underscores only, at both places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING
_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_FREE = ("auto_modules_", "auto_environment_variable_")


def check(app: App) -> Iterator[Finding]:
    """Look at listed names; modules and environment variables have their own rules for names."""
    page_fails = app.settings.at_least("4.3")
    for form in app.forms:
        for item in form.items:
            if item.node.kind != "str" or item.id.startswith(_FREE) or _NAME.fullmatch(item.id):
                continue
            better = re.sub(r"[^a-z0-9]+", "_", item.id).strip("_")
            yield at(
                item.node,
                f"Ruby cannot read a field of the name {quote(item.node.value)}",
                f"name it {better}" if _NAME.fullmatch(better) else "use letters and underscores",
                severity=Severity.ERROR if page_fails and re.search(r"[-/]", item.id) else None,
            )
