"""Jupyter does not check where requests come from (XSRF).

Why
    Without the check, and without one fixed origin, a web page elsewhere that the user has open can
    make Jupyter act: start kernels, write files. It needs the address of the session and a browser that
    sends the cookie along, so this is a note. An app that logs in by posting the password, as Open
    OnDemand's Jupyter example does, cannot do without `disable_check_xsrf`: Jupyter answers 403. It is
    safe once `allow_origin` is the portal's address: requests from other pages are then refused.
    (Tried on jupyter_server 2.21; OSC/ondemand ood-portal-generator/templates/ood-portal.conf.erb:
    /node and /rnode do not keep the Host header, so Jupyter needs to be told the portal's origin.)

Bad
    c.ServerApp.allow_origin = '*'
    c.ServerApp.disable_check_xsrf = True

Good
    c.ServerApp.allow_origin = 'https://ondemand.example.edu'
    c.ServerApp.disable_check_xsrf = True

Fix
    Set `allow_origin` to the address of the portal. Where no password is posted (a token in the link),
    delete `disable_check_xsrf`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import jupyter
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding

SEVERITY = Severity.NOTE


def check(app: App) -> Iterator[Finding]:
    """Look for the switch, unless the app names the one origin that it answers."""
    settings = jupyter.settings(app)
    if any(s.name.startswith("allow_origin") and s.value not in ("", "*") for s in settings):
        return
    for setting in settings:
        if setting.name == "disable_check_xsrf" and setting.value.lower() in ("true", "1"):
            yield Finding(
                "Jupyter's XSRF check is off: pages elsewhere that the user has open can send it requests",
                "set allow_origin to the portal's address; requests from other pages are then refused",
                setting.file,
                setting.start,
                setting.end,
            )
