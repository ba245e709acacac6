"""A value in the pod's environment breaks the quotes that the adapter puts around it.

Why
    The pod template writes each value between double quotes as it is. A `"` or a backslash in it makes
    the pod's YAML invalid, or something else; a line break becomes a blank. The same is true of the
    words of `command:`, of labels and of the node selector.
    (OSC/ood_core lib/ood_core/job/adapters/kubernetes/templates/pod.yml.erb.)

Bad
    env:
      SETTINGS: '{"theme": "dark"}'

Good
    env:
      SETTINGS_FILE: /etc/app/settings.json

Fix
    Put such a value into a file of `configmap:`, or escape it as YAML wants: \\" for a quote.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR

# What a double-quoted scalar of YAML allows: no bare quote, and only escapes that YAML has.
_SOUND = re.compile(
    r'(?:[^"\\]|\\[0abtnvfre "/\\N_LP\t]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8})*'
)


def check(app: App) -> Iterator[Finding]:
    """Look at the literal parts of all values that the template quotes."""
    for native in submit.natives(app):
        if not isinstance(native, Mapping):
            continue
        container = native.get("container")
        if not isinstance(container, Mapping):
            continue
        yield from _check_values(container.get("env"), "env")
        yield from _check_values(container.get("labels"), "labels")
        yield from _check_values(native.get("node_selector"), "node_selector")
        command = container.get("command")
        if isinstance(command, Sequence):
            for item in command.items:
                yield from _check(item, "command")
        more = native.get("init_containers")
        for item in more.items if isinstance(more, Sequence) else ():
            if isinstance(item, Mapping):
                yield from _check_values(item.get("env"), "env")
                words = item.get("command")
                for word in words.items if isinstance(words, Sequence) else ():
                    yield from _check(word, "command")


def _check_values(node: Node | None, what: str) -> Iterator[Finding]:
    if isinstance(node, Mapping):
        for _, value in node.entries:
            yield from _check(value, what)


def _check(node: Node, what: str) -> Iterator[Finding]:
    if not isinstance(node, Scalar):
        return
    text = node.text
    if _SOUND.fullmatch(text):
        if "\n" in text.rstrip("\n") and what == "env":
            message = "the line breaks of this value become blanks in the pod"
            hint = "write \\n for each, or put the value into a file of `configmap:`"
            yield at(node, message, hint, severity=Severity.WARNING)
        return
    bare = re.search(r'(?<!\\)"', text) is not None
    word, escaped = ("double quote", '\\"') if bare else ("backslash", "\\\\")
    yield at(
        node,
        f"the {word} in this value of `{what}:` breaks the quotes of the pod's YAML",
        f"the pod's YAML must read {escaped} there; or use a file of `configmap:`",
    )
