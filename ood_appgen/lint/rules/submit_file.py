"""There is no submit file that Open OnDemand reads, or one that it ignores.

Why
    Open OnDemand takes submit.yml.erb and, only if there is none, submit.yml. The other one is dead.
    In submit.yml tags of ERB are plain text. With no submit file at all the job is submitted with what
    the form's smart attributes set, and with the template `basic`.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, submit_file and read_yaml_erb.)

Bad
    submit.yml
    submit.yml.erb

Good
    submit.yml.erb

Fix
    Keep one of the two; give a file with tags the name submit.yml.erb.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import erb
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look at which of the files are there."""
    template, plain = app.files.get("submit.yml.erb"), app.files.get("submit.yml")
    if template is not None and plain is not None:
        yield Finding(
            "Open OnDemand ignores submit.yml, because there is submit.yml.erb",
            "delete one of the two",
            plain,
        )
    elif plain is not None:
        for tag in erb.split(plain.text)[:1]:
            yield Finding(
                "in submit.yml tags are plain text: Open OnDemand runs submit.yml.erb alone",
                "rename the file to submit.yml.erb",
                plain,
                tag.start,
                tag.end,
                Severity.ERROR,
            )
    elif template is None and not _names_submit(app) and not _is_preset_parent(app):
        wrong = next((n for n in ("submit.yaml", "submit.yaml.erb") if n in app.names), None)
        if wrong is not None:
            message = f"Open OnDemand does not read {wrong}: the name ends in .yml or .yml.erb"
            yield Finding(message, "rename the file", app.files.get(wrong), path=app.shown_as)


def _names_submit(app: App) -> bool:
    """Whether a sub-app brings its own."""
    return any(form.root is not None and form.root.get("submit") for form in app.forms)


def _is_preset_parent(app: App) -> bool:
    return not app.forms
