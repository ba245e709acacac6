"""A text or a number stands where Open OnDemand wants true or false.

Why
    `email_on_started`, `copy_environment` and their like are asked as Ruby asks: only false and nil are
    false. The text "false", the text "0" and the number 0 are all true. A check box posts "1" or "0",
    so that <%= my_check_box %> alone is always true.
    (OSC/ood_core lib/ood_core/job/script.rb, initialize; job/adapters/slurm.rb, submit.)

Bad
    script:
      email_on_started: <%= send_mail %>

Good
    script:
      email_on_started: <%= send_mail == "1" %>

Fix
    Write true or false without quotes, or an expression that gives them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.ERROR

# OSC/ood_core lib/ood_core/job/script.rb: what is used as a condition.
_KEYS = (
    "submit_as_hold",
    "rerunnable",
    "email_on_started",
    "email_on_terminated",
    "copy_environment",
)
_TRUE = ("true", "yes", "on", "1", "t", "y")
_FALSE = ("false", "no", "off", "0", "f", "n")


def check(app: App) -> Iterator[Finding]:
    """Look at the values of those keys."""
    for section in submit.sections(app, "script"):
        for key in _KEYS:
            node = section.get(key)
            if not isinstance(node, Scalar):
                continue
            finding = _check_printed(app, key, node) if node.opaque else _check_literal(key, node)
            if finding is not None:
                yield finding


def _check_literal(key: str, node: Scalar) -> Finding | None:
    if node.kind in ("bool", "null"):
        return None
    word = node.value.strip().lower()
    if word in _TRUE:
        return None  # it is true, as is meant
    message = f"`{key}: {node.value}` is true to Ruby: only false and nothing are false"
    if word in _FALSE:
        return at(node, message, "write false, without quotes", fix=replace(node, "false"))
    return at(node, message, "write true or false, without quotes", severity=Severity.WARNING)


def _check_printed(app: App, key: str, node: Scalar) -> Finding | None:
    field = submit.printed_field(node)
    found = submit.values(app, field) if field is not None else None
    if field == "bc_email_on_started":
        offered: tuple[str, ...] = ("1", "0")
    elif found is not None:
        offered = found.offered
    else:
        return None
    quoted = node.style in ("'", '"')
    wrong = [v for v in offered if v in _FALSE and (quoted or v not in ("false", "no", "off"))]
    if not wrong:
        return None
    right = next((v for v in offered if v in _TRUE), "1")
    return at(
        node,
        f"{quote(field)} is {quote(wrong[0])} at times, and `{key}:` takes that for true",
        f"write <%= {field} == {quote(right)} %>",
    )
