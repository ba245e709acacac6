"""What appverse.yml says of an app: its own file, and the list of apps of a repository with several.

Source: Sweet-and-Fizzy/ood-appverse docs/appverse.yml (fields, precedence, what an app is rejected for).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ood_appgen.lint import manifest, psych
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.source_file import SourceFile

NAME = "appverse.yml"
# The reference has the plural of the last two, the catalogue's own list the singular: both pass.
APP_TYPES = (
    "batch-connect-basic",
    "batch-connect-VNC",
    "companion_app",
    "widgets",
    "dashboards",
    "widget",
    "dashboard",
)


@dataclass(frozen=True)
class Entry:
    """What is declared for an app, from the places that count, the first one first.

    `file` is where a missing field would be written; `listed` is false for an app that the
    repository's list of apps leaves out.
    """

    file: SourceFile
    places: tuple[Mapping, ...]
    root: Mapping
    listed: bool

    def get(self, name: str) -> Node | None:
        """A field: of the entry in the list, of the app's own file, of the manifest for two of them."""
        return next((v for p in self.places if (v := p.get(name)) is not None), None)

    def maintainer(self, name: str) -> Node | None:
        """A field of the maintainer, whom an app of several inherits from the repository."""
        for place in (*self.places, self.root):
            node = place.get("maintainer")
            if isinstance(node, Mapping):
                return node.get(name)
        return None


def read(app: App) -> Entry | None:
    """The declaration; None where there is no appverse.yml, or none with keys."""
    own = _root(app.files.get(NAME))
    for name, file in _above(app):
        root = _root(file)
        apps = root.get("apps") if root is not None else None
        if root is not None and isinstance(apps, Sequence):
            depth = name.count("../")
            inner = "/".join(app.inner.split("/")[-depth:])
            entry = _find(apps, inner)
            places = [p for p in (entry, own) if p is not None]
            return Entry(file, (*places, *_manifest(app)), root, entry is not None)
    alone = app.files.get(NAME) or next((f for _, f in _above(app)), None)
    root = _root(alone)
    if alone is None or root is None:
        return None
    if isinstance(root.get("apps"), Sequence):
        return None  # a list in an app's own directory is about others
    return Entry(alone, (root,), root, True)


def text(node: Node | None) -> str:
    """The text of a field, "" for what is none."""
    return node.value.strip() if isinstance(node, Scalar) and node.kind != "null" else ""


def _above(app: App) -> Iterator[tuple[str, SourceFile]]:
    yield from ((n, f) for n, f in sorted(app.above.items()) if n.endswith(f"/{NAME}"))


def _root(file: SourceFile | None) -> Mapping | None:
    if file is None or file.binary:
        return None
    root = psych.read(file, file.views[0]).root
    return root if isinstance(root, Mapping) else None


def _find(apps: Sequence, inner: str) -> Mapping | None:
    for item in apps.items:
        if isinstance(item, Mapping) and text(item.get("path")).strip("./") == inner.strip("./"):
            return item
    return None


def _manifest(app: App) -> Iterator[Mapping]:
    root = manifest.read_mapping(app)
    if root is not None:
        kept = tuple((k, v) for k, v in root.entries if k.text in ("name", "description"))
        yield Mapping(root.file, root.start, root.end, kept, root.complete)
