"""A long option and its value stand in one item of `native:`.

Why
    Each item of `native:` is one word of the command line, and no shell takes it apart. `--mem 4G` in
    one item is an option named "mem 4G", which sbatch does not know: the job is not submitted.
    Only where the cluster's configuration has a `submit_host` it works, because ssh hands all words to
    a shell there, and it breaks on the day when that changes.
    (OSC/ood_core lib/ood_core/job/adapters/slurm.rb, call; helper.rb, ssh_wrap.)

Bad
    native:
      - "--mem 4G"

Good
    native:
      - "--mem=4G"

Fix
    Join them with `=`, or write two items.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar, Sequence
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING

_OPTION = re.compile(r"(--[a-z][a-z-]*)[ \t]+(?=\S)")


def check(app: App) -> Iterator[Finding]:
    """Look at items that begin with an option and a blank."""
    for node in submit.natives(app):
        if not isinstance(node, Sequence):
            continue
        for item in node.items:
            if not isinstance(item, Scalar):
                continue
            found = _OPTION.match(item.text)
            if found is None:
                continue
            yield at(
                item,
                f"{quote(found[1])} and its value are one argument: the scheduler knows no such option",
                f"write `{found[1]}=...`, or two items",
                fix=_mend(item, found),
            )


def _mend(item: Scalar, found: re.Match[str]) -> Edit | None:
    start = item.file.text.find(found[0], item.start, item.end)
    if start < 0 or item.style in ("|", ">"):
        return None
    return Edit(item.file.path, start, start + len(found[0]), found[1] + "=")
