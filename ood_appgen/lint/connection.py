"""What a submit file says of `batch_connect:`, over all its views."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence

# Names that each template puts into connection.yml by itself (OSC/ood_core lib/ood_core/batch_connect/
# template.rb and templates/*.rb, conn_params).
ALWAYS = ("host", "port", "password")
VNC = ("display", "websocket", "spassword")
TEMPLATES = {"basic": (), "vnc": VNC, "vnc_container": (*VNC, "instance_name")}

# What of a submit file, in its Ruby too, may be about another way to start the job.
_OTHERS = (
    "run_script",
    "script_wrapper",
    "content",
    "container",
    "to_yaml",
    "to_json",
    "File.",
    "render",
    "require",
    "load",
)


@dataclass(frozen=True)
class Connection:
    """The connection parameters that an app asks for; not `complete` where Ruby or a site may add some."""

    listed: tuple[Scalar, ...]
    names: frozenset[str]
    complete: bool


def batch_connects(app: App) -> Iterator[Mapping]:
    """The `batch_connect:` of each view of each submit file."""
    for root in _roots(app):
        node = root.get("batch_connect") if isinstance(root, Mapping) else None
        if isinstance(node, Mapping):
            yield node


def runs_script(app: App) -> bool:
    """Whether the job surely runs script.sh: nothing says how else it is started."""
    for root in _roots(app):
        if root is None:
            continue
        if not isinstance(root, Mapping) or not (root.complete or _says_no_other(root)):
            return False
        node = root.get("batch_connect")
        if node is not None and not (isinstance(node, Scalar) and node.kind == "null"):
            if not isinstance(node, Mapping):
                return False
            template = node.get("template")
            if template is not None and not (
                isinstance(template, Scalar) and template.value in TEMPLATES
            ):
                return False  # a template of the site's own may start something else
            # `script_file` is none of these: session.rb, script_content, puts its own in its place.
            if any(node.get(key) for key in ("run_script", "script_wrapper")):
                return False
        script = root.get("script")
        if isinstance(script, Mapping):
            native = script.get("native")
            if isinstance(native, Mapping):  # Kubernetes and others that run no script.sh
                return False
            if script.get("content") is not None:
                return False
    return app.submit_file is not None


def _says_no_other(root: Mapping) -> bool:
    """Whether lines that Ruby prints can hardly say that the job runs something else than script.sh."""
    text = root.file.text
    if root.get("script") is None and root.get("batch_connect") is None:
        return False
    return not any(word in text for word in _OTHERS) and text.count("template") <= 1


def read(app: App) -> Connection:
    """The names of connection.yml that the app's submit files bring about."""
    listed: list[Scalar] = []
    names = set(ALWAYS)
    complete = app.submit_file is not None
    for root in _roots(app):
        node = root.get("batch_connect") if isinstance(root, Mapping) else None
        if isinstance(root, Mapping) and not root.complete:
            complete = False
        if root is not None and not isinstance(root, Mapping):
            complete = False
        if not isinstance(node, Mapping):
            continue
        complete = complete and node.complete
        template = node.get("template")
        if isinstance(template, Scalar) and not template.opaque and template.value in TEMPLATES:
            names |= set(TEMPLATES[template.value])
        elif template is not None:
            complete = False
        params = node.get("conn_params")
        if isinstance(params, Sequence):
            complete = complete and params.complete
            items: tuple[Node, ...] = params.items
        else:
            items = (params,) if params is not None else ()
        for item in items:
            if isinstance(item, Scalar) and not item.opaque and item.value:
                listed.append(item)
                names.add(item.value)
            elif not (isinstance(item, Scalar) and item.kind == "null"):
                complete = False
    return Connection(tuple(listed), frozenset(names), complete)


def _roots(app: App) -> Iterator[Node | None]:
    for file in app.submit_files:
        for view in file.views:
            document = psych.read(file, view)
            if document.failure is not None:
                yield psych.Mapping(file, 0, 0, (), False)
            else:
                yield document.root
