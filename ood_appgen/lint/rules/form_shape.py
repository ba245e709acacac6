"""The form is not built as Open OnDemand expects: a list of names, and a mapping of attributes.

Why
    With a `form:` that is no list, or `attributes:` that is no mapping (also when nothing is below
    them), the app is invalid and nobody can open it. A name in the list that YAML takes for a
    number, a boolean, nothing or a mapping is an error page. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, valid? and attributes.)

Bad
    form:
      - bc_num_hours:
    attributes:

Good
    form:
      - bc_num_hours
    attributes:
      bc_num_hours:
        max: 24

Fix
    Write names as a list of words under `form:`, and settings as mappings under `attributes:`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import has_tag_below, quoted, touches_tag
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.ERROR
_KINDS = {"int": "a number", "float": "a number", "bool": "a boolean"}


def check(app: App) -> Iterator[Finding]:
    """Look at the two keys of each form, and at the list."""
    for form in app.forms:
        if form.root is None:
            continue
        yield from _check_key(form.root, "form", Sequence, "a list of names")
        yield from _check_key(form.root, "attributes", Mapping, "a mapping")
        names = form.root.get("form")
        if isinstance(names, Sequence):
            for item in names.items:
                yield from _check_item(item)


def _check_key(root: Mapping, name: str, wanted: type[Node], words: str) -> Iterator[Finding]:
    key, node = root.key(name), root.get(name)
    if key is None or node is None or isinstance(node, wanted):
        return
    if isinstance(node, Scalar) and node.opaque or has_tag_below(root, key):
        return
    empty = isinstance(node, Scalar) and not node.text
    found = "nothing is below it" if empty else "it is something else"
    yield at(
        key,
        f"{quote(name)} must be {words}, and {found}: the app is invalid",
        "delete the key, or write something below it" if empty else f"write {words}",
    )


def _check_item(item: Node) -> Iterator[Finding]:
    line = item.file.position(item.start)[0]
    start = item.file.line_offset(line)
    if touches_tag(item.file, start, start + len(item.file.line(line))):
        return
    if isinstance(item, Mapping):
        key = next((k for k, _ in item.entries), None)
        name = quote(key.text) if key is not None else "this"
        yield at(
            key or item,
            f"{name} is a mapping here, not a name: the form is an error page",
            "list the name alone, without a colon; its settings belong under attributes:",
        )
    elif isinstance(item, Scalar) and not item.opaque:
        if item.kind == "null":
            message = "an item of the list is empty: the form is an error page"
            yield at(item, message, "delete the line, or write a name")
        elif item.kind in _KINDS:
            yield at(
                item,
                f"{quote(item.text)} is {_KINDS[item.kind]} in YAML, not a name: "
                "the form is an error page",
                "put it in quotes",
                fix=replace(item, quoted(item.text)),
            )
