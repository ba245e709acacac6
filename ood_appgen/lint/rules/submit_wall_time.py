"""`wall_time:` is not a number of seconds.

Why
    Open OnDemand takes the number at the beginning of `wall_time` for seconds. "01:30:00" in quotes is
    one second, "2h" is two, and the hours of bc_num_hours as they are end the job after seconds.
    (Without quotes 1:30:00 is right by luck: YAML 1.1 reads it in base 60, as 5400.)
    (OSC/ood_core lib/ood_core/job/script.rb, initialize; OSC/ondemand
    apps/dashboard/app/lib/smart_attributes/attributes/bc_num_hours.rb, submit.)

Bad
    script:
      wall_time: "01:30:00"

Good
    script:
      wall_time: 5400

Fix
    Write seconds; of hours: <%= bc_num_hours.to_i * 3600 %>.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.erb import MASK
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR

_HOURS = re.compile(r"(\w*_)?(num_)?hours?(_\w+)?")
_SHORT_S = 60


def check(app: App) -> Iterator[Finding]:
    """Look at what the text begins with, and at fields of hours printed alone."""
    for section in submit.sections(app, "script"):
        node = section.get("wall_time")
        if isinstance(node, Scalar):
            yield from _check_scalar(node)


def _check_scalar(node: Scalar) -> Iterator[Finding]:
    hint = "write seconds: hours.to_i * 3600"
    if node.opaque:
        rest = re.sub(f"{MASK}+", "", node.text).strip()
        masked = node.text.strip().startswith(MASK)
        if masked and node.style in ("'", '"') and re.fullmatch(r"(:[0-9]{2}){1,2}|[hmHM]", rest):
            message = f"a time such as {quote('2' + rest)} is cut to its first number, as seconds"
            yield at(node, message, hint)
        field = submit.printed_field(node)
        if field is not None and _HOURS.fullmatch(field) and not rest:
            message = f"the hours of {quote(field)} are taken for seconds"
            yield at(node, message, f"write <%= {field}.to_i * 3600 %>")
        return
    value = node.value.strip()
    if node.kind == "str" and value and not re.fullmatch(r"\d+(\.\d*)?", value):
        found = submit.to_i(value)
        yield at(
            node, f"Open OnDemand takes {quote(node.value)} for a wall time of {found} s", hint
        )
    elif node.kind in ("int", "float", "str") and 0 < submit.to_i(value) < _SHORT_S:
        yield at(node, f"a wall time of {value} s: Open OnDemand counts in seconds", hint)
