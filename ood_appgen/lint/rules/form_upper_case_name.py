"""A field's name has upper-case letters, which Open OnDemand makes lower-case.

Why
    A field listed as `NumCores` is `numcores` everywhere else: in submit.yml.erb, in `context`, on the page
    and in directives. Its settings are looked up as `NumCores`. In submit.yml.erb `NumCores` is a
    constant that does not exist, so that each submission fails, a name such as `readLength` is nil there,
    and `context.NumCores` fails everywhere. Until release 3.1 names kept their case. (OSC/ondemand
    apps/dashboard/app/lib/smart_attributes/attribute.rb, initialize;
    apps/dashboard/app/models/batch_connect/app.rb, attributes.)

Bad
    form:
      - NumCores

Good
    form:
      - num_cores

Fix
    Write the name in lower case at both places, and read it so in ERB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR
_OWN_CASE = ("auto_modules_", "auto_environment_variable_")


def check(app: App) -> Iterator[Finding]:
    """Look at listed names, since release 4.0, where Ruby of the app reads the name as listed.

    Names of modules are made lower-case on purpose.
    """
    if not app.settings.at_least("4.0"):
        return
    code = " ".join(
        file.text[tag.code_start : tag.code_end] for file in app.files.values() for tag in file.tags
    )
    words = frozenset(re.findall(r"\w+", code))
    for form in app.forms:
        for item in form.items:
            name = item.node.value
            if name == item.id or name not in words or name.startswith(_OWN_CASE):
                continue
            yield at(
                item.node,
                f"since release 4.0 the field {quote(name)} is {quote(item.id)}: "
                f"{_say_what_happens(name)}",
                f"write {item.id} here, under attributes:, in submit.yml.erb and after context.",
            )


def _say_what_happens(name: str) -> str:
    """What comes of the name as written: in submit.yml.erb an unknown name is nil, a constant fails."""
    own = "fails" if name[:1].isupper() else "is nil"
    return f"{name} {own} in submit.yml.erb, and context.{name} fails in templates"
