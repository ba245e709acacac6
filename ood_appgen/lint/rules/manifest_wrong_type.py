"""A value in the manifest is a number, a boolean or a list where Open OnDemand needs a text.

Why
    The dashboard asks these values whether they are empty, and sorts by them. A number cannot answer,
    and the page ends in an error: the menu is built on every page, so one such manifest among the
    system's apps takes the whole portal down. `metadata` and `tile` must have keys.
    (OSC/ondemand apps/dashboard/app/apps/ood_app.rb, title, url and should_appear_in_nav?;
    apps/dashboard/app/apps/ood_app_group.rb, groups_for; app/models/batch_connect/app.rb, tile.)

Bad
    name: 2024

Good
    name: "2024"

Fix
    Put the value in quotes.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import manifest
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.ERROR
_TEXTS = ("name", "category", "subcategory", "url")
_MAPPINGS = ("metadata", "tile")
_WORDS = {"int": "a number", "float": "a number", "bool": "a boolean"}


def check(app: App) -> Iterator[Finding]:
    """Look at the kinds of the values that the dashboard works with."""
    root = manifest.read_mapping(app)
    for key, node in root.entries if root is not None else ():
        if key.text in _TEXTS:
            if isinstance(node, Mapping | Sequence):
                yield at(
                    node, f"{quote(key.text)} is no text: the dashboard fails on it", "write a text"
                )
            elif isinstance(node, Scalar) and _is_refused(node):
                yield at(
                    node,
                    f"{quote(node.text)} is {_WORDS[node.kind]} in YAML: the dashboard fails on it",
                    "put it in quotes",
                    fix=replace(node, f'"{node.text}"'),
                )
        elif key.text in _MAPPINGS and (isinstance(node, Sequence) or _is_given(node)):
            yield at(
                node,
                f"{quote(key.text)} has no keys: the dashboard fails on it",
                "write keys and values below it, or delete it",
            )


def _is_given(node: Node) -> bool:
    """Whether a scalar is something to Ruby: null and false are as if left out."""
    if not isinstance(node, Scalar):
        return False
    return node.kind != "null" and not (node.kind == "bool" and node.value == "false")


def _is_refused(node: Scalar) -> bool:
    return node.kind in _WORDS and _is_given(node)
