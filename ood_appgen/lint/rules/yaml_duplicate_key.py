"""A key stands twice in one mapping.

Why
    Ruby's YAML keeps the last of the two and says nothing: all that is below the first one is lost.
    (ruby/psych lib/psych/visitors/to_ruby.rb, revive_hash; read by OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, read_yaml_erb.)

Bad
    num_cores:
      widget: number_field
      label: Cores
      label: Number of cores

Good
    num_cores:
      widget: number_field
      label: Number of cores

Fix
    Delete the one that is not meant, or join what is below them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import roots
from ood_appgen.lint.psych import Mapping, Node, Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for keys that one arm of the ERB repeats."""
    for _, root in roots(app):
        for node in psych.walk(root):
            if isinstance(node, Mapping):
                yield from _check_mapping(node)


def _check_mapping(mapping: Mapping) -> Iterator[Finding]:
    program = mapping.file.program
    last: dict[tuple[str, str], tuple[Scalar, Node]] = {}
    for key, value in mapping.entries:
        if key.text == "<<" or key.file is not mapping.file or program.in_loop(key.start):
            continue
        known = last.get((key.kind, key.value))
        last[key.kind, key.value] = (key, value)
        if known is None or program.arm_at(known[0].start) != program.arm_at(key.start):
            continue
        same = _written(known[1]) == _written(value)
        yield at(
            known[0],
            f"the key {quote(key.text)} stands twice: this one is ignored",
            "delete one of the two",
            severity=Severity.WARNING if same else None,
            related=((key.file, key.start, "this one counts"),),
        )


def _written(node: Node) -> str:
    return node.file.text[node.start : node.end]
