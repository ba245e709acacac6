"""The app does not say what the Appverse catalogue requires.

Why
    The catalogue rejects an app whose appverse.yml leaves out a required field, or has an app type that it
    does not know. Required are description, software, app_type, maintainer.name and maintainer.support_url,
    and for an app in a list of several a name too; name and description may come from the manifest there,
    the maintainer from the repository. This rule is on with `--profile catalogue` alone.
    (Sweet-and-Fizzy/ood-appverse docs/appverse.yml.)

Bad
    title: RStudio Server
    app_type: batch_connect

Good
    title: RStudio Server
    description: RStudio Server on one node.
    software: RStudio
    app_type: batch-connect-basic
    maintainer:
      name: HPC Support
      support_url: https://example.edu/support

Fix
    Write the field into appverse.yml at the repository's top, or into the app's entry below `apps:`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import appverse, manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.appverse import APP_TYPES, Entry
from ood_appgen.lint.psych import Mapping, Node, Scalar
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR
PROFILE = "catalogue"
_REQUIRED = ("description", "software", "app_type")
_URL = re.compile(r"https?://[^\s/]+", re.IGNORECASE)


def check(app: App) -> Iterator[Finding]:
    """Look for the declaration, its required fields, its type and its addresses."""
    if not manifest.is_app(app):
        return
    entry = appverse.read(app)
    if entry is None:
        yield Finding(
            "there is no appverse.yml with this app in it: the catalogue cannot tell its software",
            "write one with description, software, app_type and maintainer",
            path=app.shown_as,
        )
        return
    if not entry.listed:
        yield Finding(
            f"the list of apps does not name {quote(app.inner)}",
            f"add an item with path: {app.inner}",
            path=entry.file.path,
        )
        return
    yield from _check_required(app, entry)
    yield from _check_type(app, entry)
    for node in (entry.maintainer("support_url"), entry.get("website"), entry.get("docs")):
        if appverse.text(node) and not _URL.match(appverse.text(node)):
            yield _place(
                app, node, f"{quote(appverse.text(node))} is no address", "begin with https://"
            )


def _check_required(app: App, entry: Entry) -> Iterator[Finding]:
    several = entry.root.get("apps") is not None
    named = f" of {quote(app.inner)}" if several else ""
    wanted = ("name", *_REQUIRED) if several else _REQUIRED
    missing = [name for name in wanted if not _says(entry.get(name))]
    missing += [
        f"maintainer.{name}"
        for name in ("name", "support_url")
        if not _says(entry.maintainer(name))
    ]
    for name in missing:
        yield Finding(
            f"{name}{named} is missing: the catalogue rejects the app",
            f"write {name} into {entry.file.path}",
            path=entry.file.path,
        )
    if several and not _says(entry.root.get("description")):
        yield Finding(
            "the repository's description is missing: the catalogue rejects it",
            "write description: above apps:",
            path=entry.file.path,
        )


def _check_type(app: App, entry: Entry) -> Iterator[Finding]:
    node = entry.get("app_type")
    said = appverse.text(node)
    if not said or said.lower() in (known.lower() for known in APP_TYPES):
        return
    plain = said.lower().replace("_", "-").replace(" ", "-")
    near = difflib.get_close_matches(plain, [t.lower() for t in APP_TYPES], 1, 0.6)
    meant = next((t for t in APP_TYPES if near and t.lower() == near[0]), "")
    yield _place(
        app,
        node,
        f"the catalogue knows no app type {quote(said)}",
        f"did you mean {quote(meant)}?" if meant else f"it is one of {', '.join(APP_TYPES[:5])}",
    )


def _says(node: Node | None) -> bool:
    return bool(appverse.text(node)) or isinstance(node, Mapping)


def _place(app: App, node: Node | None, message: str, hint: str) -> Finding:
    """At the node where its file is the app's own; of a file above, the whole is named."""
    if isinstance(node, Scalar) and node.file in app.files.values():
        return at(node, message, hint)
    return Finding(message, hint, path=node.file.path if node is not None else app.shown_as)
