"""`script_wrapper:` loses the job's script, or is no format for it.

Why
    Open OnDemand puts the session's script where the wrapper says `%s`, with Ruby's `%` operator. With
    no `%s` the whole script is left out, and the job does nothing. Another `%`, as in `date +%Y`,
    is taken for a format and is an error, or spoils the text; `%%` is a literal one.
    (OSC/ood_core lib/ood_core/batch_connect/template.rb, script_wrapper.)

Bad
    batch_connect:
      script_wrapper: |
        echo "started $(date +%F)"
        %s

Good
    batch_connect:
      script_wrapper: |
        echo "started $(date +%%F)"
        %s

Fix
    Write `%s` once, on its own line, and double each other `%`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR

_PERCENT = re.compile(r"%(%|s|.|\Z)", re.DOTALL)


def check(app: App) -> Iterator[Finding]:
    """Look at each wrapper that is a text."""
    for section in submit.sections(app, "batch_connect"):
        node, key = section.get("script_wrapper"), section.key("script_wrapper")
        if not isinstance(node, Scalar) or key is None or node.kind == "null":
            continue
        marks = [found[0] for found in _PERCENT.finditer(node.text)]
        if "%s" not in marks and not node.opaque:
            message = "this wrapper has no `%s`: the session's script is left out of the job"
            yield at(key, message, "write %s where the script belongs")
        # Each mark stands in the file as it is, unless the scalar has escapes of its own.
        for found in re.finditer(r"%(?![%s\n])", re.sub(r"%%", "  ", _inside(node))):
            offset = node.start + found.start()
            word = node.file.text[offset : offset + 2].strip()
            yield Finding(
                f"{quote(word)} is taken for a format: a literal % is an error here",
                "write %%",
                node.file,
                offset,
                offset + len(word),
            )
        if marks.count("%s") > 1:
            message = "this wrapper has `%s` more than once, which is an error"
            yield at(key, message, "write it once; a literal %s is %%s")


def _inside(node: Scalar) -> str:
    """The scalar's text as the file has it, with its ERB tags blank."""
    text = node.file.text[node.start : node.end]
    for tag in node.file.tags:
        if tag.start < node.end and tag.end > node.start:
            start, end = max(tag.start - node.start, 0), min(tag.end, node.end) - node.start
            text = text[:start] + " " * (end - start) + text[end:]
    return text
