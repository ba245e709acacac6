"""Jupyter does not check where requests come from (XSRF).

Why
    Without the check, and without one fixed origin, a web page elsewhere that the user has open can
    make Jupyter act: start kernels, write files. It needs the address of the session and a browser that
    sends the cookie along, so this is a note. An app that logs in by posting the password, as Open
    OnDemand's Jupyter example does, cannot do without `disable_check_xsrf`: Jupyter answers 403. It is
    safer once `allow_origin` is the portal's address: requests of pages elsewhere are then refused, those
    of other sessions, which have the portal's address too, are not. Where the same file says
    `allow_origin = '*'`, security-any-origin tells of both.
    (Tried on jupyter_server 2.21; OSC/ondemand ood-portal-generator/templates/ood-portal.conf.erb:
    /node and /rnode do not keep the Host header, so Jupyter needs to be told the portal's origin.)

Bad
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
    """Look for the switch, unless the app names the one origin that it answers, or any by `*`."""
    settings = jupyter.settings(app)
    told = {s.file for s in settings if jupyter.takes_any_origin(s)}
    if any(s.name.startswith("allow_origin") and s.value not in ("", "*") for s in settings):
        return
    for setting in settings:
        if jupyter.skips_xsrf_check(setting) and setting.file not in told:
            yield Finding(
                "Jupyter's XSRF check is off: pages elsewhere that the user has open can send it requests",
                "set allow_origin to the portal's address: then only its own pages get in, other sessions "
                "under /node and /rnode too",
                setting.file,
                setting.start,
                setting.end,
            )
