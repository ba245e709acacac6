"""The app's icon is not one that Open OnDemand can show.

Why
    Open OnDemand shows icon.svg or icon.png of the app's directory. Where there is neither it takes
    `icon:` of the manifest, if that names a Font Awesome icon: fa://, fas://, far://, fab:// or fal://
    and the name without "fa-". Anything else is a cogwheel. An address that is none, such as one with a
    blank, raises an error on the pages with menus.
    (OSC/ondemand apps/dashboard/app/apps/ood_app.rb, icon_uri; ood_app_link.rb, initialize;
    apps/dashboard/app/helpers/application_helper.rb, icon_tag.)

Bad
    icon: logo.png

Good
    icon: fas://chart-line

Fix
    Name the picture icon.png or icon.svg, or write `icon: fas://NAME` with a name from the Font Awesome
    that the portal has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Scalar
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.WARNING
_FONT_AWESOME = re.compile(r"(fa[bsrl]?)://(.*)\Z", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*\Z")
_NO_ADDRESS = re.compile(r"[^A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]")
_PICTURE = re.compile(r"(?:.*/)?([^/]+\.(?:png|svg|jpe?g|gif|ico))\Z", re.IGNORECASE)


def check(app: App) -> Iterator[Finding]:
    """Look at the pictures and the manifest; a form's own `icon:` is left alone."""
    root = manifest.read_mapping(app)
    if root is None or not manifest.is_app(app):
        return
    if any(picture in app.names for picture in manifest.PICTURES):
        return
    if manifest.form_says(app, "icon"):
        return
    node = root.get("icon")
    if not isinstance(node, Scalar) or not node.value:
        other = next((n for n in sorted(app.names) if re.fullmatch(r"(?i)icon\.\w+", n)), None)
        yield Finding(
            "the app has no icon: Open OnDemand shows a cogwheel",
            f"{quote(other)} is not looked for; make it icon.png or icon.svg"
            if other
            else "add an icon.png or icon.svg, or write icon: fas://NAME",
            root.file,
            severity=Severity.NOTE,
        )
        return
    yield from _check_name(app, node)


def _check_name(app: App, node: Scalar) -> Iterator[Finding]:
    found = _FONT_AWESOME.match(node.value)
    if found is None:
        picture = _PICTURE.match(node.value)
        there = picture is not None and node.value in app.names
        yield at(
            node,
            f"{quote(node.value)} is no icon that Open OnDemand knows: it shows a cogwheel",
            f"name the picture icon{node.value[node.value.rfind('.') :].lower()}"
            if there and node.value.lower().endswith((".png", ".svg"))
            else "add an icon.png or icon.svg, or write icon: fas://NAME",
        )
    elif _NO_ADDRESS.search(node.value):
        yield at(
            node,
            f"{quote(node.value)} is no address: the pages that show the app fail",
            "write fas:// and the icon's name, in letters, digits and hyphens",
            severity=Severity.ERROR,
        )
    elif found[2].startswith("fa-"):
        yield at(
            node,
            f"{quote(node.value)} becomes the class fa-{found[2]}: no icon is shown",
            'write the name without "fa-"',
            fix=replace(node, node.text.replace("://fa-", "://", 1)) if not node.style else None,
        )
    elif not _NAME.match(found[2]):
        yield at(
            node,
            f"{quote(node.value)} names no Font Awesome icon: nothing is shown",
            "write fas:// and the icon's name, in letters, digits and hyphens",
        )
