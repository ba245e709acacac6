"""A form as Open OnDemand builds it from form.yml, with the place of each part.

Source: OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb (attributes, form_layout,
add_cluster_widget) and app/lib/smart_attributes/attribute.rb.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.source_file import SourceFile
from ood_appgen.lint.widgets import default_widget, fixed_widget


@dataclass(frozen=True)
class Item:
    """A name listed under `form:`; `id` is what it becomes (lower case)."""

    id: str
    node: Scalar


@dataclass(frozen=True)
class Directive:
    """A `data-...` key of an option (or of a check box): `name` is its key, `value` what it says."""

    name: Scalar
    value: Node


@dataclass(frozen=True)
class Option:
    """An option of a select: `value` is None where it has none of its own and is no plain scalar."""

    node: Node
    label: Scalar | None
    value: Scalar | None
    directives: tuple[Directive, ...]
    complete: bool


@dataclass(frozen=True, eq=False)
class Attribute:
    """What `attributes:` says of a field. `settings` is None for a plain value, which is fixed."""

    name: str
    key: Scalar
    node: Node
    settings: Mapping | None

    def get(self, key: str) -> Node | None:
        """The value of a setting."""
        return self.settings.get(key) if self.settings else None

    def text(self, key: str) -> str | None:
        """A setting as Ruby's to_s gives it; None when absent, no scalar, or dependent on Ruby."""
        node = self.get(key)
        return node.value if isinstance(node, Scalar) and not node.opaque else None

    @property
    def opaque(self) -> bool:
        """Whether what it is depends on Ruby: a printed scalar, or settings that may be added."""
        if self.settings is not None:
            return not self.settings.complete
        return isinstance(self.node, Scalar) and self.node.opaque

    @property
    def fixed(self) -> bool:
        """Whether the field is not on the page (`fixed:`, or a plain value, nothing included)."""
        if self.settings is None or self.name == "auto_primary_group":
            return True
        return self.text("fixed") not in (None, "", "false")

    @property
    def widget(self) -> str:
        """The widget's name; "" when it depends on Ruby."""
        own = fixed_widget(self.name)
        if own is not None:
            return own
        node = self.get("widget")
        if node is None:
            return default_widget(self.name)
        return node.value if isinstance(node, Scalar) and not node.opaque else ""

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The options of a select or of radio buttons, as far as they can be read."""
        node = self.get("options")
        return tuple(map(_read_option, node.items)) if isinstance(node, Sequence) else ()

    @property
    def options_complete(self) -> bool:
        """Whether `options` are all, and none depends on Ruby."""
        node = self.get("options")
        if not isinstance(node, Sequence) or not node.complete:
            return False
        return all(o.value is not None and not o.value.opaque for o in self.options)

    @cached_property
    def own_directives(self) -> tuple[Directive, ...]:
        """`data-...` keys of the attribute itself, which a check box uses."""
        if self.settings is None:
            return ()
        return tuple(
            Directive(k, v) for k, v in self.settings.entries if k.text.startswith("data-")
        )


@dataclass(frozen=True, eq=False)
class Form:
    """One way the form can be: of one view of its file, of one sub-app ("" for none)."""

    file: SourceFile
    root: Mapping | None
    sub_app: str
    items: tuple[Item, ...]
    items_complete: bool
    attributes: dict[str, Attribute]
    attributes_complete: bool
    clusters: tuple[Scalar, ...]
    clusters_complete: bool

    def attribute(self, field_id: str) -> Attribute | None:
        """The settings of a field. OOD looks them up as the name is written in `form:`."""
        return self.attributes.get(self._written.get(field_id, field_id))

    @cached_property
    def _written(self) -> dict[str, str]:
        """How the form writes each id, which has lower-case letters alone."""
        return {item.id: item.node.value for item in self.items}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Ids of all fields in the form's order, cluster first where OOD adds it; fixed ones too."""
        names = list(dict.fromkeys(item.id for item in self.items))
        if "cluster" not in names and (self.clusters or not self.clusters_complete):
            names.insert(0, "cluster")
        return tuple(names)

    @cached_property
    def rendered(self) -> tuple[str, ...]:
        """Ids of the fields that are elements of the page; those that may be, where Ruby decides."""
        return tuple(name for name in self.ids if not self._is_fixed(name))

    def widget(self, field_id: str) -> str:
        """The widget of a field; "" when it depends on Ruby."""
        attribute = self.attribute(field_id)
        own = attribute is not None and attribute.get("widget") is not None
        if attribute is not None and (own or field_id != "cluster"):
            return attribute.widget
        if field_id == "cluster":
            several = len(self.clusters) > 1 or not self.clusters_complete
            glob = any(c in cluster.value for cluster in self.clusters for c in "*?[{")
            return "select" if several or glob else "hidden_field"
        return default_widget(field_id)

    def _is_fixed(self, field_id: str) -> bool:
        attribute = self.attribute(field_id)
        if attribute is None:
            return field_id == "auto_primary_group"
        return not attribute.opaque and attribute.fixed


def read(file: SourceFile, root: Node | None, sub_app: str) -> Form:
    """The form of one view's document."""
    if not isinstance(root, Mapping):
        broken = root is not None or bool(file.tags)
        return Form(file, None, sub_app, (), not broken, {}, not broken, (), not broken)
    items, items_complete = _read_items(root.get("form"))
    attributes, attributes_complete = _read_attributes(root.get("attributes"))
    clusters, clusters_complete = _read_clusters(root, items, attributes)
    return Form(
        file,
        root,
        sub_app,
        items,
        items_complete and (root.complete or root.get("form") is not None),
        attributes,
        attributes_complete and root.complete,
        clusters,
        clusters_complete and root.complete,
    )


def _read_items(node: Node | None) -> tuple[tuple[Item, ...], bool]:
    if node is None:
        return (), True
    if not isinstance(node, Sequence):
        return (), False
    found: list[Item] = []
    complete = node.complete
    for item in node.items:
        if isinstance(item, Sequence):
            inner, inner_complete = _read_items(item)
            found += inner
            complete = complete and inner_complete
        elif isinstance(item, Scalar) and not item.opaque:
            found.append(Item(item.value.lower(), item))
        else:
            complete = False
    return tuple(found), complete


def _read_attributes(node: Node | None) -> tuple[dict[str, Attribute], bool]:
    if node is None:
        return {}, True
    if not isinstance(node, Mapping):
        return {}, False
    found = {}
    complete = node.complete
    for key, value in node.items:
        if not isinstance(key, Scalar) or key.opaque:
            complete = False
            continue
        name = key.value
        found[name] = Attribute(name, key, value, value if isinstance(value, Mapping) else None)
    return found, complete


def _read_clusters(
    root: Mapping, items: tuple[Item, ...], attributes: dict[str, Attribute]
) -> tuple[tuple[Scalar, ...], bool]:
    node = root.get("cluster")
    if node is None:
        attribute = attributes.get("cluster")
        if attribute is None or not any(item.id == "cluster" for item in items):
            return (), True
        if attribute.settings is None:
            node = attribute.node
        else:
            values = tuple(o.value for o in attribute.options if o.value is not None)
            return values, attribute.options_complete
    if isinstance(node, Scalar):
        if node.opaque:
            return (), False
        return ((node,), True) if node.value.strip() else ((), True)
    if isinstance(node, Sequence):
        names = tuple(n for n in node.items if isinstance(n, Scalar) and not n.opaque)
        return names, node.complete and len(names) == len(node.items)
    return (), False


def _read_option(node: Node) -> Option:
    if isinstance(node, Scalar):
        return Option(node, node, node, (), True)
    if not isinstance(node, Sequence):
        return Option(node, None, None, (), False)
    plain = [item for item in node.items if isinstance(item, Scalar)]
    directives = tuple(
        Directive(key, value)
        for item in node.items
        if isinstance(item, Mapping)
        for key, value in item.entries
    )
    label = plain[0] if plain else None
    value = plain[-1] if plain else None  # Rails' options_for_select takes first and last
    complete = node.complete and all(
        item.complete for item in node.items if isinstance(item, Mapping)
    )
    return Option(node, label, value, directives, complete)
