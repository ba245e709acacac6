"""A select has no options.

Why
    The page shows an empty list, in which nothing can be chosen, and nothing is submitted for the field.
    With a text in place of the list the form is an error page. (OSC/ondemand
    apps/dashboard/app/lib/smart_attributes/attribute.rb, select_choices.)

Bad
    queue:
      widget: select

Good
    queue:
      widget: select
      options:
        - "short"
        - "long"

Fix
    Write the options, as a list. Nothing is said where Ruby or a form.js may fill them; where a script
    of the app names form.yml, and so may write the options at installation, this is a note.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import shell
from ood_appgen.lint.app import FORM_NAMES, App
from ood_appgen.lint.documents import has_tag_below, named_in_form_scripts, on_page
from ood_appgen.lint.psych import Mapping, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import fixed_widget, takes_options

SEVERITY = Severity.WARNING
_HINT_WRITTEN = "let the script that writes this file run before the app is installed"


def check(app: App) -> Iterator[Finding]:
    """Look for selects whose settings are all known."""
    written = Severity.NOTE if _is_written_by_script(app) else None
    for form in app.forms:
        parent = form.root.get("attributes") if form.root else None
        for attribute, settings, widget in on_page(form):
            name = attribute.name
            if not takes_options(widget) or fixed_widget(name) or name.startswith("global_"):
                continue
            if not isinstance(parent, Mapping) or named_in_form_scripts(app, name):
                continue
            key, options = settings.key("options"), settings.get("options")
            if isinstance(options, Scalar) and not options.opaque and options.value and key:
                yield at(
                    options,
                    "the options are a text, not a list: the form is an error page",
                    f"write - {quote(options.value)} on a line of its own",
                    severity=Severity.ERROR,
                )
                continue
            if name == "cluster" or has_tag_below(parent, attribute.key) or not settings.complete:
                continue
            if options is None or (isinstance(options, Scalar) and options.kind == "null"):
                yield at(
                    key or settings.key("widget") or attribute.key,
                    f"the select {quote(name)} has no options",
                    _HINT_WRITTEN if written is not None else "write options: and a list below it",
                    severity=written,
                )
            elif isinstance(options, Sequence) and not options.items and options.complete:
                yield at(
                    key or attribute.key,
                    f"the select {quote(name)} has no options",
                    _HINT_WRITTEN if written is not None else "write some",
                    severity=written,
                )


def _is_written_by_script(app: App) -> bool:
    """Whether a script beside the form names the file, as one does that writes it at installation."""
    return any(
        name in file.text
        for file in app.files.values()
        if "/" not in file.name and (shell.is_shell(file) or file.name.endswith(".py"))
        for name in FORM_NAMES
    )
