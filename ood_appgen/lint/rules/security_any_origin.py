"""A service answers requests from web pages of any origin.

Why
    `*` switches off the check of the Origin header. A page elsewhere that the user has open can then
    read from the session and write to it, if it knows the address and has the token, or the browser sends the
    login cookie along. Other sessions under /node and /rnode have the portal's origin, and are not refused.
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
_HINT = (
    "write the portal's address, such as https://ondemand.example.edu: then only its own pages get in, "
    "other sessions under /node and /rnode too"
)
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
    unchecked = [s for s in settings if jupyter.skips_xsrf_check(s)]
    for setting in settings:
        if not jupyter.takes_any_origin(setting):
            continue
        beside = [s for s in unchecked if s.file is setting.file]
        other = min(beside, key=lambda s: abs(s.start - setting.start), default=None)
        also = ", and no XSRF token is asked for" if other is not None else ""
        yield Finding(
            f"{quote(setting.name)} is {quote(setting.value)}: web pages elsewhere can use this Jupyter "
            f"if they have its token or login cookie{also}",
            _HINT,
            setting.file,
            setting.start,
            setting.end,
            Severity.WARNING if cookies else None,
            related=((other.file, other.start, "the XSRF check is off here"),) if other else (),
        )
    for part in shell.parts(app):
        for command in part.script.commands:
            for name, value, word in command.options():
                if name in _OPTIONS and value == "*":
                    yield Finding(
                        f'{quote(name)} is "*": web pages elsewhere can use this service if '
                        "they have its token or login cookie",
                        _HINT,
                        part.file,
                        word.start,
                        word.end,
                    )
