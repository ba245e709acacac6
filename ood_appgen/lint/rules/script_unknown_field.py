"""A script asks for a form field that there is not.

Why
    Below template/, `context` is the filled-in form. A name that is no field of it raises
    NoMethodError while the job is staged: the user sees an error box, and nothing is submitted. Since
    Open OnDemand 4.0 fields have lower-case names, however the form writes them; what comes of that,
    form-upper-case-name says. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/session_context.rb, method_missing;
    app/lib/smart_attributes/attribute.rb, initialize.)

Bad
    form.yml:      form: [working_dir]
    script.sh.erb: cd <%= context.work_dir %>

Good
    cd <%= context.working_dir %>

Fix
    Correct the name, or list the field under `form:` in form.yml. For a field that only some of the
    sub-apps have, write `context.try(:work_dir)`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint import context
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Name
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR
_OWN_CASE = (
    "auto_modules_",
    "auto_environment_variable_",
)  # form-upper-case-name leaves them alone


def check(app: App) -> Iterator[Finding]:
    """Look for `context.x` in files that Open OnDemand renders."""
    if not app.fields_complete:
        return
    known = set(app.field_names)
    reported = _reported_names(app)
    described = {name.lower() for form in app.forms for name in form.attributes} - known
    if not app.settings.at_least("4.0"):
        known |= {item.node.value for form in app.forms for item in form.items}
    for file in app.scripts:
        if not context.is_rendered(file):
            continue
        told: set[tuple[int, str]] = set()
        for name in context.names(file.program):
            if name.name in known or name.name in context.METHODS or name.name in reported:
                continue
            place = (file.position(name.start)[0], name.name)
            if place not in told:
                told.add(place)
                yield _report(file, name, known, described)


def _reported_names(app: App) -> frozenset[str]:
    """Names that form-upper-case-name speaks of: it says what becomes of them here too."""
    if not app.settings.at_least("4.0"):
        return frozenset()
    return frozenset(
        item.node.value
        for form in app.forms
        for item in form.items
        if item.node.value != item.id and not item.node.value.startswith(_OWN_CASE)
    )


def _report(file: SourceFile, name: Name, known: set[str], described: set[str]) -> Finding:
    close = difflib.get_close_matches(name.name, sorted(known), n=1, cutoff=0.75)
    lower = name.name.lower()
    fix = None
    if lower in known:
        hint = f"since Open OnDemand 4.0 its name is {quote(lower)}"
        fix = Edit(file.path, name.start, name.end, lower)
    elif name.name in described:
        hint = "attributes: describes it, but form: does not list it"
    elif close:
        hint = f"did you mean {quote(close[0])}?"
    else:
        hint = "list it under form: in form.yml, or take it out here"
    message = f"the form has no field {quote(name.name)}: the session fails before it is submitted"
    severity = Severity.WARNING if context.is_conditional(file.program, name) else SEVERITY
    return at(name, message, hint, file=file, fix=fix, severity=severity)
