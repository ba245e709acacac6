"""An alias or a merge key is used, which Open OnDemand refuses.

Why
    Open OnDemand reads its files with Psych's safe_load and does not allow aliases. The form is then
    invalid (or the submission fails) with "Unknown alias" or "Alias parsing was not enabled". An
    anchor alone does no harm. (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb,
    read_yaml_erb; ruby/psych lib/psych/visitors/to_ruby.rb, NoAliasRuby.)

Bad
    attributes:
      cores: &limits
        min: 1
        max: 48
      nodes:
        <<: *limits

Good
    attributes:
      cores:
        min: 1
        max: 48
      nodes:
        min: 1
        max: 48

Fix
    Write the value out where the alias stands, or let ERB in a .yml.erb file print it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import readings
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look for aliases in what Psych loads."""
    for file, view, document in readings(app):
        if document.failure is None and "*" in view.text and document.root is not None:
            for start, end in psych.find_aliases(view):
                yield Finding(
                    f"the alias {quote(file.text[start:end])} makes the whole file invalid",
                    "write the value out: Open OnDemand reads YAML without aliases",
                    file,
                    start,
                    end,
                )
