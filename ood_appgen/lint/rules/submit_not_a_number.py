"""A text stands where Open OnDemand wants a number.

Why
    `cores`, `gpus_per_node` and `priority` are cut to the number at their beginning. A text that does
    not begin with digits is 0: `gpus_per_node: "v100:2"` asks for no GPU.
    (OSC/ood_core lib/ood_core/job/script.rb, initialize.)

Bad
    script:
      gpus_per_node: "v100:2"

Good
    script:
      native:
        - "--gpus-per-node=v100:2"

Fix
    Write the number alone; say the rest in `native:`.
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

_KEYS = ("cores", "gpus_per_node", "priority")


def check(app: App) -> Iterator[Finding]:
    """Look at texts, literal or begun by literal text."""
    for section in submit.sections(app, "script"):
        for key in _KEYS:
            node = section.get(key)
            if not isinstance(node, Scalar) or node.kind != "str":
                continue
            text = node.text.strip()
            begin = text.partition(MASK)[0]
            if re.fullmatch(r"-?\d+", text) or not re.match(r"-?\d*[^\d\s-]", begin):
                continue
            shown = re.sub(f"{MASK}+", "...", text)
            yield at(
                node,
                f"`{key}: {shown}` is {submit.to_i(begin)} to Open OnDemand, which wants a number",
                f"write the number alone; what is in {quote(shown)} besides goes into `native:`",
            )
