"""What users are told of a new form: in their words, and nothing that they do not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ood_appgen import news, writer
from ood_appgen.render import RenderedFile

OLD_FORM = """\
cluster: [a, b]
form: [cluster, kind, num_cores, note]
attributes:
  kind:
    widget: select
    label: Kind
    options:
      - [Small, s, data-max-num-cores-for-cluster-a: 4, data-max-num-cores-for-cluster-b: 8]
      - [Big, big, data-max-num-cores-for-cluster-a: 40, data-option-for-cluster-b: false]
  num_cores: {widget: number_field, min: 1, max: 40, value: 1}
  note: {widget: text_field, label: Note}
"""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s, []),
        (lambda s: s.replace("-a: 4,", "-a: 6,"), ["a: Small (s) now up to 6 cores (before: 4)"]),
        (lambda s: s.replace("[a, b]", "[a]"), ["b is gone"]),
        (lambda s: s.replace("[a, b]", "[a, b, c]"), ["c is new: Small (s), big"]),
        (
            lambda s: s.replace(", data-option-for-cluster-b: false", ""),
            ["b: big is new, up to 40 cores"],
        ),
        (lambda s: s.replace(", note]", "]"), ['the form no longer asks for "Note"']),
        (
            lambda s: s.replace("note]", "note, extra]"),
            ['the form now asks for "extra"'],
        ),
        (
            lambda s: s.replace("min: 1,", "min: 2,"),
            ["a: now from 2 cores (before: 1)", "b: Small (s) now from 2 cores (before: 1)"],
        ),
        (lambda s: "- not a form", []),
        (lambda s: s.replace("cluster: [a, b]", "cluster: []"), []),
        (lambda s: s.replace("form: [cluster, kind,", "form: [kind,"), []),
        (lambda s: "{", []),
    ],
)
def test_the_news_of_a_form(change: Callable[[str], str], said: list[str]) -> None:
    assert news.describe(OLD_FORM, change(OLD_FORM)) == said


TYPES = ("any", "fat", "big", "new", "old", "gpu")
MANY = """\
cluster: [a]
form: [cluster, node_type, num_cores, num_gpus, bc_num_hours, version, secret, path]
attributes:
  node_type:
    widget: select
    options:
TYPES  num_cores: {widget: number_field, label: Cores, min: 1, max: 64, value: 1}
  num_gpus: {widget: number_field, label: GPUs, min: 0, max: 2, value: 0}
  bc_num_hours: {min: 1, max: 8, value: 1}
  version:
    widget: select
    label: Version
    options: [["4.1", v4], ["4.0", v0]]
  secret: "3"
  path: {widget: text_field, label: Folder, value: /home}
"""
LINE = (
    "      - [{0}, {0}, data-max-num-cores: 10, data-hide-num-gpus: {1}, data-hide-version: {2}]\n"
)
MANY = MANY.replace(
    "TYPES",
    "".join(
        LINE.format(t, str(t != "gpu").lower(), str(t == "old").lower()) for t in TYPES
    ).replace("[gpu, gpu", "[GPU, gpu"),
)


def most_cores(most: int, *types: str) -> Callable[[str], str]:
    """A change of the most cores of some node types."""

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(
            x.replace("-cores: 10", f"-cores: {most}")
            if any(f" {t}, data-m" in x for t in types)
            else x
            for x in lines
        )

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (most_cores(20, *TYPES), ["a: now up to 20 cores (before: 10)"]),
        (most_cores(20, *TYPES[1:]), ["a: all but any now up to 20 cores (before: 10)"]),
        (most_cores(20, *TYPES[2:]), ["a: all but any, fat now up to 20 cores (before: 10)"]),
        (most_cores(1, "fat", "gpu"), ["a: fat, gpu now up to 1 core (before: 10)"]),
        (
            lambda s: s.replace("max: 2,", "max: 4,"),  # hidden where there are none
            ["a: gpu now up to 4 GPUs (before: 2)"],
        ),
        (
            lambda s: s.replace("data-hide-num-gpus: true", "data-hide-num-gpus: false", 1),
            ["a: any now with up to 2 GPUs"],
        ),
        (
            lambda s: s.replace("data-hide-num-gpus: false", "data-hide-num-gpus: true"),
            ["a: gpu no longer asks for GPUs"],
        ),
        (
            lambda s: s.replace('[["4.1", v4]', '[["4.2", v2], ["4.1", v4]'),
            ['a: all but old "Version" has "v2" now'],
        ),
        (
            lambda s: s.replace(', ["4.0", v0]]', "]"),
            ['a: all but old "Version" has "v0" no more'],
        ),
        (
            lambda s: s.replace("      - [fat, fat", "      - [Fat one, bold"),
            ["a: Fat one (bold) is new, up to 10 cores", "a: fat is gone"],
        ),
        (lambda s: s.replace("max: 8,", "max: 1,"), ["a: now up to 1 hour (before: 8)"]),
        (lambda s: s.replace("/home}", "/scratch}"), ['"Folder" starts with "/scratch" now']),
        (lambda s: s.replace(" secret, path]", " path]"), []),
        (lambda s: s.replace("path]", "path, other]") + "  other: 7\n", []),
        (lambda s: s.replace("label: Cores", "label: CPUs"), []),
    ],
)
def test_the_news_of_many_node_types(change: Callable[[str], str], said: list[str]) -> None:
    assert change(MANY) != MANY
    assert news.describe(MANY, change(MANY)) == said


# -- of which apps ----------------------------------------------------------------------------------


def compare(root: Path, app: str, form: str | bytes) -> writer.AppChanges:
    content = form.encode() if isinstance(form, str) else form
    return writer.compare(root / app, (RenderedFile("form.yml", content),), "1", app)


def test_what_is_new_in_several_apps_is_told_once(tmp_path: Path) -> None:
    changed = OLD_FORM.replace("min: 1,", "min: 2,").replace("[a, b]", "[a]")
    old = {"one": OLD_FORM, "two": OLD_FORM.replace("[a, b]", "[a]"), "same": changed}
    writer.write([compare(tmp_path, app, form) for app, form in old.items()], tmp_path)
    changes = [compare(tmp_path, app, changed) for app in (*old, "new")]
    assert news.find(changes) == {
        "b is gone": ["one"],
        "a: now from 2 cores (before: 1)": ["one", "two"],
    }
    writer.write(changes, tmp_path)
    assert news.find([compare(tmp_path, app, changed) for app in (*old, "new")]) == {}


def test_the_news_of_a_merged_form_are_told_unless_it_is_in_conflict(tmp_path: Path) -> None:
    form = tmp_path / "one/form.yml"
    new = OLD_FORM.replace("min: 1,", "min: 2,")
    writer.write([compare(tmp_path, "one", OLD_FORM)], tmp_path)
    form.write_text(OLD_FORM.replace("label: Kind", "label: Sort"))
    changes = [writer.merge(compare(tmp_path, "one", new))]
    assert [c.kind for c in changes[0].changes if c.path == "form.yml"] == ["merge"]
    assert len(news.find(changes)) == 2
    form.write_text(OLD_FORM.replace("min: 1,", "min: 3,"))
    assert news.find([writer.merge(compare(tmp_path, "one", new))]) == {}
    assert news.find([compare(tmp_path, "one", new)]) != {}


def test_a_form_that_is_no_text_has_no_news(tmp_path: Path) -> None:
    writer.write([compare(tmp_path, "one", OLD_FORM)], tmp_path)
    assert news.find([compare(tmp_path, "one", b"cluster: \xff")]) == {}
    writer.write([compare(tmp_path, "one", b"cluster: \xff")], tmp_path)
    assert news.find([compare(tmp_path, "one", OLD_FORM)]) == {}
