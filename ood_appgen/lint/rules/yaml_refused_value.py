"""A date, a symbol or an object of Ruby stands in YAML, which Open OnDemand refuses.

Why
    Open OnDemand reads its files with Psych's safe_load, which makes only texts, numbers, booleans,
    lists and mappings. For `2024-01-01`, `:name` or `!ruby/object` it raises "Tried to load
    unspecified class", and the form is invalid or the submission fails.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, read_yaml_erb; ruby/psych
    lib/psych/scalar_scanner.rb and class_loader.rb.)

Bad
    options:
      - 2024-01-01
      - :newest

Good
    options:
      - "2024-01-01"
      - "newest"

Fix
    Put the value in quotes. `appgen lint --fix` does it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import quoted, roots
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.ERROR
_CLASSES = {"date": "a date", "symbol": "a symbol"}
# Tags that Psych gives a meaning of its own to, which safe_load does not allow.
_TAGS = ("!ruby/", "tag:ruby.yaml.org,2002:", "tag:yaml.org,2002:set")
_ALLOWED = ("!ruby/string", "!ruby/hash", "!ruby/array", "!ruby/encoding")


def check(app: App) -> Iterator[Finding]:
    """Look for values that safe_load would need a class for."""
    for _, root in roots(app):
        for node in psych.walk(root):
            if node.tag.startswith(_TAGS) and node.tag not in _ALLOWED:
                yield at(
                    node,
                    f"the tag {quote(node.tag)} makes the whole file invalid",
                    "Open OnDemand reads plain texts, numbers, booleans, lists and mappings only",
                )
            elif isinstance(node, Scalar) and node.kind in _CLASSES and not node.opaque:
                yield at(
                    node,
                    f"{quote(node.text)} is {_CLASSES[node.kind]} in YAML, "
                    "which makes the whole file invalid",
                    "put it in quotes",
                    fix=replace(node, quoted(node.text)) if not node.tag else None,
                )
