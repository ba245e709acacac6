"""The YAML files of an app that Open OnDemand reads, view by view."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Attribute, Form
from ood_appgen.lint.psych import Document, Mapping, Node, Scalar
from ood_appgen.lint.source_file import SourceFile, View
from ood_appgen.lint.widgets import HTML_KEYS, KEYS, MEANT_KEYS

MANIFEST = "manifest.yml"


def read_by_ood(app: App) -> tuple[SourceFile, ...]:
    """The form, the submit files, those of sub-apps, and the manifest."""
    found = [app.form_file, *app.sub_app_files.values(), *app.submit_files, app.file(MANIFEST)]
    kept = [file for file in found if file is not None and not file.binary]
    return tuple(dict.fromkeys(kept))


def readings(app: App) -> Iterator[tuple[SourceFile, View, Document]]:
    """Each view of each of those files."""
    for file in read_by_ood(app):
        for view in file.views:
            yield file, view, psych.read(file, view)


def roots(app: App) -> Iterator[tuple[SourceFile, Node]]:
    """The documents that could be read."""
    for file, _, document in readings(app):
        if document.root is not None:
            yield file, document.root


def touches_tag(file: SourceFile, start: int, end: int) -> bool:
    """Whether an ERB tag stands in, or at the edge of, a range of a file."""
    return any(tag.start <= end and start <= tag.end for tag in file.tags)


def quoted(text: str) -> str:
    """A text as a YAML scalar in quotes."""
    if "\\" not in text and '"' not in text and "\n" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def body_end(mapping: Mapping, key: Scalar) -> int:
    """Where what is below a key ends at the latest: at the next key of its mapping in that file."""
    later = [k.start for k, _ in mapping.items if k.file is key.file and k.start > key.start]
    return min(later, default=len(key.file.text))


def has_tag_below(mapping: Mapping, key: Scalar) -> bool:
    """Whether Ruby may put something below a key."""
    return touches_tag(key.file, key.end, body_end(mapping, key))


def listed_attributes(form: Form) -> Iterator[Attribute]:
    """The attributes of a form that are used, or may be; those that are not have no effect."""
    listed = {item.node.value for item in form.items} | {"cluster"}
    for name, attribute in form.attributes.items():
        if name in listed or not form.items_complete:
            yield attribute


def on_page(form: Form) -> Iterator[tuple[Attribute, Mapping, str]]:
    """Attributes that become a field on the page, with settings and widget ("" if that is unsure)."""
    for attribute in listed_attributes(form):
        if attribute.settings is not None and not attribute.fixed:
            yield attribute, attribute.settings, form.widget(attribute.name)


def named_in_form_scripts(app: App, name: str) -> bool:
    """Whether a form.js speaks of a field, and so may fill or change it."""
    words = (name, name.replace("_", "-"))
    return any(word in script.text for script in app.form_scripts for word in words)


def has_site_made_keys(form: Form) -> bool:
    """Whether attributes have keys that nothing of OOD reads: some sites have smart attributes of
    their own, and then a field without `widget:` may be anything.
    """
    for attribute in form.attributes.values():
        if attribute.settings is not None:
            for key, _ in attribute.settings.entries:
                word = key.text.lower()
                known = word in KEYS or word in HTML_KEYS or word in MEANT_KEYS
                if not known and not word.startswith(("data", "aria", "on")):
                    near = difflib.get_close_matches(word, KEYS, 1, 0.8)
                    if not near or "-" in word:
                        return True
    return False
