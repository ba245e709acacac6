"""A connection parameter is listed that no script sets.

Why
    For each name under `conn_params` the job writes the value of the shell variable of that name
    into connection.yml, before view.html.erb reads it. A variable that before.sh and after.sh never set
    is empty there, so the button leads to a wrong address or the login fails. script.sh is
    another process: what it exports does not arrive. (OSC/ood_core lib/ood_core/batch_connect/
    template.rb, create_yml in base_script.)

Bad
    submit.yml.erb:  conn_params: [csrf_token]
    before.sh.erb:   token=$(openssl rand -hex 32)

Good
    submit.yml.erb:  conn_params: [csrf_token]
    before.sh.erb:   csrf_token=$(openssl rand -hex 32)

Fix
    Set the variable in template/before.sh, or take the name out of conn_params.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import connection
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING

_SOURCES_ANOTHER = re.compile(r"(?:^|[;&|]|\s)(?:source|\.|eval)\s+\S", re.MULTILINE)
_FROM_ELSEWHERE = re.compile(r"[A-Z_0-9]+\Z")  # the environment of the job, such as SLURM_JOB_ID
_IN_SHELL = (
    "header",
    "script_wrapper",
    "set_host",
    "before_script",
    "after_script",
    "bash_helpers",
)


def check(app: App) -> Iterator[Finding]:
    """Look for the names in the scripts that run in the shell which writes connection.yml."""
    params = connection.read(app)
    # What no view shows does no harm, and is left alone.
    wanted = [p for p in params.listed if not _FROM_ELSEWHERE.match(p.value)]
    if not wanted or any(_says_more(node) for node in connection.batch_connects(app)):
        return
    text = ""
    for name in ("before.sh", "after.sh"):
        file = app.file(f"template/{name}.erb", f"template/{name}")
        if file is not None:
            text += "\n" + re.sub(r"^\s*#.*$", "", file.text, flags=re.MULTILINE)
    if _SOURCES_ANOTHER.search(text):
        return
    shown = {name.name for view in app.views for name in view.program.names}
    words = set(re.findall(r"\w+", text))
    always = {n for names in connection.TEMPLATES.values() for n in names} | set(connection.ALWAYS)
    for param in wanted:
        name = param.value
        if name in always or name in words or name not in shown:
            continue
        close = difflib.get_close_matches(name, sorted(words), n=1, cutoff=0.8)
        hint = f"set {name}=... in template/before.sh"
        if close:
            hint += f"; it sets {quote(close[0])}"
        yield at(
            param,
            f"no script sets {quote(name)}: it is empty in connection.yml",
            hint,
        )


def _says_more(node: Mapping) -> bool:
    """Whether shell code of the submit file, or of Ruby, may set variables too."""
    return not node.complete or any(node.get(key) is not None for key in _IN_SHELL)
