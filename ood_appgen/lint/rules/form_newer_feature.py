"""The form uses what the configured release does not have yet.

Why
    An older Open OnDemand does not know newer fields and keys, and says nothing: `auto_cores` is a plain text
    field before 4.0, `hide_by_default` and `header` do nothing before 4.1. The configuration's `ondemand`
    is the oldest release that must run the app. (OSC/ondemand CHANGELOG.md, and
    apps/dashboard/app/lib/smart_attributes at the tags v3.0.3, v3.1.16, v4.0.11, v4.1.6.)

Bad
    # ondemand = "3.1"
    form:
      - auto_cores

Good
    form:
      - num_cores

Fix
    Do without it, or raise `ondemand` in the configuration when all portals have been upgraded.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import listed_attributes
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.WARNING
# When the file app/lib/smart_attributes/attributes/NAME.rb came.
_FIELDS = {
    "auto_batch_clusters": "3.1",
    "auto_cores": "4.0",
    "auto_job_name": "4.0",
    "auto_log_location": "4.0",
    "bc_num_nodes": "4.1",
}
_PREFIXES = {"auto_environment_variable_": "4.0", "global_bc_": "4.1", "global_": "4.0"}
_KEYS = {"hide_by_default": "4.1", "header": "4.1"}
_TOP = {"form_header": "4.0"}


def check(app: App) -> Iterator[Finding]:
    """Look up names, keys of attributes and keys of the form."""
    for form in app.forms:
        for item in form.items:
            since = _FIELDS.get(item.id) or next(
                (release for prefix, release in _PREFIXES.items() if item.id.startswith(prefix)), ""
            )
            if since and not app.settings.at_least(since):
                yield at(
                    item.node,
                    f"{quote(item.id)} came with release {since}: before, it is a plain text field",
                    "use a field of your own, or raise `ondemand`",
                )
        for attribute in listed_attributes(form):
            for key, value in attribute.settings.entries if attribute.settings else ():
                since = _KEYS.get(key.text, "")
                off = isinstance(value, Scalar) and value.value in ("", "false")
                if since and not off and not app.settings.at_least(since):
                    yield at(key, *_say(key.text, since))
        for key, _ in form.root.entries if form.root else ():
            since = _TOP.get(key.text, "")
            if since and not app.settings.at_least(since):
                yield at(key, *_say(key.text, since))


def _say(name: str, since: str) -> tuple[str, str]:
    return f"{quote(name)} came with release {since}: before, it does nothing", "raise `ondemand`"
