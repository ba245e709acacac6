"""A service answers requests from web pages of any origin.

Why
    `*` switches off the check of the Origin header. A page elsewhere that the user has open can then
    read from the session and write to it, if it knows the address and the browser sends the cookie along.
    The setting is there for a reason: Open OnDemand's /node and /rnode proxies do not keep the Host
    header, so the origin that the browser names is never the service's own. Naming the portal is enough.
    (OSC/ondemand ood-portal-generator/templates/ood-portal.conf.erb; tried on jupyter_server 2.21: with
    the portal's address kernels work, and other origins get 404 and 403.)

Bad
    c.ServerApp.allow_origin = '*'

Good
    c.ServerApp.allow_origin = 'https://ondemand.example.edu'

Fix
    Write the address of the portal, with https:// and without a slash at the end.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import jupyter, shell
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.NOTE
_HINT = "write the portal's address instead, such as https://ondemand.example.edu"
# Options of marimo, code-server, VS Code's relatives, Bokeh and Panel.
_OPTIONS = (
    "--allow-origin",
    "--allow-origins",
    "--allow-websocket-origin",
    "--trusted-origins",
    "--cors-allow-origin",
)


def check(app: App) -> Iterator[Finding]:
    """Look at Jupyter's settings and at the options of other servers."""
    settings = jupyter.settings(app)
    cookies = any(s.name == "allow_credentials" and s.value == "True" for s in settings)
    for setting in settings:
        anything = setting.value == "*" if setting.name == "allow_origin" else False
        if setting.name == "allow_origin_pat":
            anything = setting.value.strip("^$()") in (".*", ".+")
        if anything:
            yield Finding(
                f"{quote(setting.name)} lets web pages of any origin use this Jupyter",
                _HINT,
                setting.file,
                setting.start,
                setting.end,
                Severity.WARNING if cookies else None,
            )
    for part in shell.parts(app):
        for command in part.script.commands:
            for name, value, word in command.options():
                if name in _OPTIONS and value == "*":
                    yield Finding(
                        f"{quote(name)} lets web pages of any origin use this service",
                        _HINT,
                        part.file,
                        word.start,
                        word.end,
                    )
