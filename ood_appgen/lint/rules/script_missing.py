"""The app has no template/script.sh.

Why
    Without a directory template/ a session fails while it is staged. Without script.sh in it, the
    job starts and ends at once with "No such file or directory": it is what the job runs.
    Apps whose container is the server (Kubernetes), or that set `run_script` themselves, need none.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/session.rb, stage; OSC/ood_core
    lib/ood_core/batch_connect/template.rb, run_script.)

Bad
    my_app/form.yml
    my_app/submit.yml.erb

Good
    my_app/form.yml
    my_app/submit.yml.erb
    my_app/template/script.sh.erb

Fix
    Write template/script.sh.erb, and make it executable.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import connection
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR

_SCRIPTS = {"template/script.sh", "template/script.sh.erb"}


def check(app: App) -> Iterator[Finding]:
    """Look for template/ and the script in it."""
    if app.form_file is None or app.submit_file is None:
        return
    if not any(name.startswith("template/") for name in app.names):
        yield Finding(
            "the app has no directory template/: a session fails while it is staged",
            "make the directory, with script.sh.erb in it",
        )
    elif not app.names & _SCRIPTS and connection.runs_script(app):
        yield Finding(
            "the app has no template/script.sh: the job has nothing to run",
            "write template/script.sh.erb",
        )
