"""An option is a bare number, a boolean or nothing, for which the form is an error page.

Why
    Options must be texts, or lists of label and value. For anything else Open OnDemand says that
    the form "has missing options", and nobody can open it (since release 4.0; before, it took numbers).
    (OSC/ondemand apps/dashboard/app/lib/smart_attributes/attribute.rb, select_choices and validate!.)

Bad
    options:
      - 1
      - 2

Good
    options:
      - "1"
      - "2"

Fix
    Put the option in quotes. `appgen lint --fix` does it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import on_page, quoted, touches_tag
from ood_appgen.lint.psych import Scalar, Sequence
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import fixed_widget, takes_options

SEVERITY = Severity.ERROR
_KINDS = {"int": "a number", "float": "a number", "bool": "a boolean", "null": "nothing"}


def check(app: App) -> Iterator[Finding]:
    """Look at options that are no lists."""
    if not app.settings.at_least("4.0"):
        return
    for form in app.forms:
        for attribute, settings, widget in on_page(form):
            options = settings.get("options")
            if not takes_options(widget) or not isinstance(options, Sequence):
                continue
            if fixed_widget(attribute.name) is not None:
                continue  # has options of its own
            bare = []
            for item in options.items:
                if not isinstance(item, Scalar) or item.opaque or item.kind not in _KINDS:
                    continue
                line = item.file.position(item.start)[0]
                start = item.file.line_offset(line)
                if touches_tag(item.file, start, start + len(item.file.line(line))):
                    continue
                bare.append(item)
            for item in bare[:1]:
                hint = "put it in quotes" if item.text else "delete the line, or write an option"
                others = ", ".join(quote(other.text) for other in bare[1:7] if other.text)
                yield at(
                    item,
                    f"the option {quote(item.text)} is {_KINDS[item.kind]} in YAML: "
                    "the form is an error page",
                    f"{hint}, and the others too: {others}" if others else hint,
                    fix=_quote_all(bare),
                )


def _quote_all(bare: list[Scalar]) -> Edit | None:
    """One edit that puts all of them in quotes; what is between them stays."""
    written = [item for item in bare if item.text]
    if not written:
        return None
    file = written[0].file
    parts = []
    position = written[0].start
    for item in written:
        parts += [file.text[position : item.start], quoted(item.text)]
        position = item.end
    return Edit(file.path, written[0].start, position, "".join(parts))
