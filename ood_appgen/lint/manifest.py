"""manifest.yml as the dashboard takes it, and what says that a directory is an app at all."""

from __future__ import annotations

import difflib

from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Scalar
from ood_appgen.lint.source_file import SourceFile

NAME = "manifest.yml"
# What the dashboard reads of it; other keys are dropped (OSC/ondemand
# apps/dashboard/app/apps/manifest.rb, initialize and the methods below it).
KEYS = (
    "name",
    "description",
    "icon",
    "url",
    "category",
    "subcategory",
    "role",
    "metadata",
    "new_window",
    "caption",
    "tile",
)
PICTURES = ("icon.svg", "icon.png")


def is_app(app: App) -> bool:
    """Whether the directory has what runs, and not a form alone, as copies and shared parts do."""
    return app.submit_file is not None or any(
        name.startswith(("template/script.sh", "template/before.sh")) for name in app.names
    )


def read(app: App) -> tuple[SourceFile, Node | None] | None:
    """The manifest and its document; None where there is none or it is no YAML."""
    file = app.file(NAME)
    if file is None or file.binary:
        return None
    document = psych.read(file, file.views[0])
    return None if document.failure is not None else (file, document.root)


def read_mapping(app: App) -> Mapping | None:
    """The manifest's keys and values, where it has any."""
    found = read(app)
    return found[1] if found is not None and isinstance(found[1], Mapping) else None


def text(root: Mapping, key: str) -> str:
    """The text of a key; "" where it is left out or empty."""
    node = root.get(key)
    return node.value if isinstance(node, Scalar) and node.kind != "null" else ""


def find_misspelt(root: Mapping) -> dict[str, Scalar]:
    """Keys that are nearly one that the manifest has not got, by what they are to be."""
    found = {}
    for key, _ in root.entries:
        if key.text not in KEYS and key.kind == "str":
            plain = key.text.strip().lower().replace("-", "_")
            near = difflib.get_close_matches(plain, KEYS, 1, 0.8)
            if near and root.get(near[0]) is None:
                found[near[0]] = key
    return found


def lacks(root: Mapping, key: str) -> bool:
    """Whether a key is not there, and is no misspelt one either."""
    return root.get(key) is None and key not in find_misspelt(root)


def form_says(app: App, key: str) -> bool:
    """Whether a form has a key that stands before the manifest's, or may have it."""
    if any(form.root is None for form in app.forms):
        return True
    return any(
        form.root is not None and (form.root.get(key) is not None or not form.root.complete)
        for form in app.forms
    )
