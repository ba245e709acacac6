"""The script that the job runs is not executable.

Why
    Open OnDemand gives a rendered file the mode of its template, and the job runs script.sh by
    its name. Without the run bit that ends in "Permission denied", and the session is over within
    seconds. before.sh, after.sh and clean.sh are sourced and need no run bit. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/session.rb, render_erb_files; OSC/ood_core
    lib/ood_core/batch_connect/template.rb, run_script.)

Bad
    -rw-r--r-- template/script.sh.erb

Good
    -rwxr-xr-x template/script.sh.erb

Fix
    chmod +x template/script.sh.erb
    In a git repository: git update-index --chmod=+x template/script.sh.erb
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Edit, Severity
from ood_appgen.lint import connection
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look at the mode of script.sh.erb, which replaces a script.sh beside it."""
    file = app.file("template/script.sh.erb", "template/script.sh")
    if file is None or file.executable or not connection.runs_script(app):
        return
    yield Finding(
        "is not executable: the job cannot run it",
        f"chmod +x {file.name}",
        file,
        fix=Edit(file.path, run_bit=True),
    )
