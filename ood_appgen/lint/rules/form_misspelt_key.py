"""A key of an attribute is misspelt, or another word for one that Open OnDemand reads.

Why
    A key that Open OnDemand does not know becomes an attribute of the HTML element, and nothing says so:
    `default:` sets no value, `lable:` no label. (OSC/ondemand
    apps/dashboard/app/lib/smart_attributes/attribute.rb, field_options and reserved_keys.)

Bad
    num_cores:
      widget: number_field
      lable: Cores
      default: 4

Good
    num_cores:
      widget: number_field
      label: Cores
      value: 4

Fix
    Write the key that is named; the value is an option's value, not its label. Keys for HTML such as
    `placeholder`, `pattern`, `rows` or `data-...` are fine, and this rule leaves them alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import on_page, quoted
from ood_appgen.lint.form import Attribute, Option
from ood_appgen.lint.psych import Node, Scalar
from ood_appgen.lint.rule import Finding, at, replace
from ood_appgen.lint.widgets import HTML_KEYS, KEYS, MEANT_KEYS, takes_options

SEVERITY = Severity.WARNING


def check(app: App) -> Iterator[Finding]:
    """Look for near misses of the keys that OOD reads, where the right one is not there too."""
    for form in app.forms:
        for attribute, settings, widget in on_page(form):
            for key, node in settings.entries:
                meant = _find_meant(key.text, attribute.name, widget)
                if meant is None or settings.get(meant) is not None:
                    continue
                if isinstance(node, Scalar) and not node.text and not node.opaque:
                    continue  # nothing is lost
                hint, severity = f"did you mean {meant}?", None
                fix: Edit | None = replace(key, meant)
                option = _find_option(attribute, node) if meant == "value" else None
                if option is not None and option.value is not None and isinstance(node, Scalar):
                    value = option.value.value
                    if option is attribute.options[0]:
                        severity = Severity.NOTE  # what the form starts with anyway
                    if node.value != value:
                        hint = f"did you mean value: {quote(value)}? that is the value of {quote(node.value)}"
                        fix = _rewrite(key, node, value)
                yield at(
                    key,
                    f"Open OnDemand knows no key {quote(key.text)}: it has no effect",
                    hint,
                    severity=severity,
                    fix=fix,
                )


def _find_option(attribute: Attribute, node: Node) -> Option | None:
    """The option whose value, or whose label, a default is."""
    if not isinstance(node, Scalar) or node.opaque or not attribute.options_complete:
        return None
    for option in attribute.options:
        if option.value is not None and option.value.value == node.value:
            return option
    for option in attribute.options:
        if option.label is not None and option.label.value == node.value:
            return option
    return None


def _rewrite(key: Scalar, node: Scalar, value: str) -> Edit | None:
    if node.file is not key.file or "\n" in key.file.text[key.start : node.end]:
        return None
    return Edit(key.file.path, key.start, node.end, f"value: {quoted(value)}")


def _find_meant(key: str, name: str, widget: str) -> str | None:
    if key in KEYS or key.startswith(("data", "aria", "on", "x-")):
        return None
    if key == "default" and name.startswith("auto_modules_"):
        return None  # a key of these: whether to offer the default version
    meant = MEANT_KEYS.get(key)
    if meant is None and key in ("values", "items"):
        meant = "options" if takes_options(widget) else "value"
    if meant is not None:
        return meant if meant != "options" or takes_options(widget) else None
    if key in HTML_KEYS or len(key) < 3:
        return None
    near = difflib.get_close_matches(key.lower().replace("-", "_"), KEYS, 1, 0.8)
    return near[0] if near else None
