"""`native:` has not the shape that the scheduler's adapter reads.

Why
    Most adapters (Slurm, PBS Pro, LSF...) take a flat list and append its items to the command line: a
    text or a mapping there is a TypeError when the job is submitted, and a list or mapping inside the
    list becomes one odd argument. Kubernetes takes a mapping with `container:`; Torque also takes a
    mapping with `resources:`. An item with nothing after its dash is an empty argument.
    (OSC/ood_core lib/ood_core/job/adapters/slurm.rb, submit; torque.rb, submit;
    kubernetes/batch.rb, generate_id_yml.)

Bad
    script:
      native: "--exclusive"

Good
    script:
      native:
        - "--exclusive"

Fix
    Write one list item for each word of the command line, or `--option=value` as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR

# Sun Grid Engine's adapter wraps a text into a list.
_LENIENT = ("sge",)


def check(app: App) -> Iterator[Finding]:
    """Look at `native:` in each view."""
    schedulers = submit.schedulers(app)
    scheduler = next(iter(schedulers)) if len(schedulers) == 1 else ""
    for node in submit.natives(app):
        if isinstance(node, Scalar):
            yield from _check_scalar(node, scheduler)
        elif isinstance(node, Mapping) and scheduler == "slurm":
            yield _report(node, "Slurm's options are a flat list, and this is a mapping")
        elif isinstance(node, Sequence):
            if scheduler == "kubernetes":
                yield _report(node, "Kubernetes takes a mapping with `container:`, this is a list")
            else:
                yield from _check_items(node)


def _check_scalar(node: Scalar, scheduler: str) -> Iterator[Finding]:
    literal = not node.opaque and node.kind != "null" and node.text.strip()
    if literal and scheduler not in _LENIENT:
        yield _report(node, f"the text {quote(node.value)} is no list: the job is not submitted")


def _report(node: Node, message: str) -> Finding:
    start = node.start
    end = node.end if isinstance(node, Scalar) else min(node.end, _line_end(node))
    hint = "write one item for each word of the command line"
    return Finding(f"`native:`: {message}", hint, node.file, start, end)


def _line_end(node: Node) -> int:
    found = node.file.text.find("\n", node.start)
    return found if found >= 0 else len(node.file.text)


def _check_items(node: Sequence) -> Iterator[Finding]:
    for item in node.items:
        if isinstance(item, (Mapping, Sequence)):
            kind = "mapping" if isinstance(item, Mapping) else "list"
            yield _report(item, f"a {kind} inside the list becomes one odd argument")
        elif _is_empty(item):
            yield _report(item, "an empty item is an empty argument")


def _is_empty(item: Node) -> bool:
    """Whether nothing can stand there: an `if` on the line may have given something."""
    if not isinstance(item, Scalar) or item.kind != "null" or item.opaque:
        return False
    return not item.file.masked[item.end : _line_end(item)].partition("#")[0].strip()
