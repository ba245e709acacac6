"""Each row of the page on the Kubernetes tutorial: our files say it, and it is where the page says."""

from __future__ import annotations

import copy
import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tutorial_data
from ood_appgen import api
from ood_appgen.verify.pod import check_objects
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, Rendered, Request, RubyOracle
from samples import ROOT
from tools import require_package, require_tool
from tutorial_data import CLUSTER, Data, Landing, Row

ROWS = tutorial_data.rows()
OURS = [row for row in ROWS if row.has_snippet and not row.refused]
REFUSED = [row for row in ROWS if row.refused]
# What a file that names where it was made holds besides.
WITHOUT_HASHES = re.compile(r'value: "[0-9a-f]{12}"')


def render(row: Row, folder: Path) -> api.RenderedApp:
    result = tutorial_data.render(row.files(), folder)
    assert [f.format() for f in result.findings] == []
    return result.apps[0]


def problems(row: Row, app: api.RenderedApp) -> list[str]:
    """Where the rendered app is not what the row says."""
    return [problem for landing in row.lands for problem in _problems(landing, app)]


def _problems(landing: Landing, app: api.RenderedApp) -> Iterator[str]:
    texts = tutorial_data.texts(app)
    text = texts.get(landing.file)
    if text is None:
        yield f"there is no file {landing.file}"
        return
    for line in landing.lines:
        if line not in text:
            yield f"{landing.file} has no {line!r}"
    if not landing.has:
        return
    objects = tutorial_data.adapter_objects(app.plan)
    by_adapter = [objects.pod, objects.configmap, objects.service]
    by_policy = [tutorial_data.added_by_policy(app.plan)]
    if landing.file == "submit.yml.erb":
        there, elsewhere = by_adapter, by_policy
    elif landing.file == "policy.yaml":
        there, elsewhere = by_policy, by_adapter
    else:
        there, elsewhere = tutorial_data.documents(text), []
    if not tutorial_data.is_in(landing.has, there):
        wrong = list(tutorial_data.missing(landing.has, there[0]))
        yield f"{landing.file} does not give {landing.has}: {wrong}"
    if tutorial_data.is_in(landing.has, elsewhere):
        yield f"{landing.has} comes without {landing.file} too"
    if landing.file == "policy.yaml":
        for leaf in _texts_in(landing.has):
            if leaf not in text:
                yield f"policy.yaml has no {leaf!r}"


def _texts_in(part: Any) -> Iterator[str]:
    """The texts that must stand in the policy's expression. The deadline is worked out there."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key != "activeDeadlineSeconds":
                yield from _texts_in(value)
    elif isinstance(part, list):
        for item in part:
            yield from _texts_in(item)
    elif isinstance(part, str):
        yield f'"{part}"'
    else:
        yield f": {'true' if part is True else part}"


def test_ids_name_rows() -> None:
    ids = [row.id for row in ROWS]
    assert len(ids) == len(set(ids)) > 40
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", name) for name in ids)


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.id)
def test_a_row_lands_where_it_says(row: Row, tmp_path: Path) -> None:
    app = render(row, tmp_path)
    assert row.lands
    assert problems(row, app) == []


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.id)
def test_kubernetes_takes_the_pod(row: Row, tmp_path: Path) -> None:
    """By Kubernetes' own schemas, with what the policy adds and without."""
    app = render(row, tmp_path)
    assert check_objects(tutorial_data.adapter_objects(app.plan)) == []
    assert check_objects(tutorial_data.stored_objects(app.plan)) == []


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.id)
def test_a_policy_is_needed_where_the_row_says(row: Row, tmp_path: Path) -> None:
    """The page's column of releases rests on this."""
    files = row.files()
    files["site.yml"]["clusters"][CLUSTER]["policy"] = "none"
    found = {f.rule for f in tutorial_data.render(files, tmp_path).findings}
    assert found == ({"pod-policy"} if row.needs_policy else set())


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.id)
def test_a_row_is_refused_by_its_rule(row: Row, tmp_path: Path) -> None:
    result = tutorial_data.render(row.files(), tmp_path)
    assert result.failed
    assert [f.rule for f in result.findings] == [row.refused]
    assert not row.lands


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all keys and items in a snippet."""
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def without(data: Data, path: tuple[str | int, ...]) -> Data:
    changed = copy.deepcopy(data)
    part: Any = changed
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    return changed


@pytest.mark.parametrize("row", OURS, ids=lambda row: row.id)
def test_nothing_of_a_snippet_is_dropped(row: Row, tmp_path: Path) -> None:
    """Each key and each item makes a difference: without it something else is rendered, or refused."""
    files = row.files()
    # A hash that changes with everything else of the policy would hide what nothing else says.
    whole = {
        n: WITHOUT_HASHES.sub("", t) for n, t in tutorial_data.texts(render(row, tmp_path)).items()
    }
    for name, snippet in (("site.yml", row.site), ("app.yml", row.app)):
        for path in places(tutorial_data.load(snippet)):
            changed = {**files, name: without(files[name], path)}
            result = tutorial_data.render(changed, tmp_path)
            if result.failed:
                continue
            found = tutorial_data.texts(result.apps[0])
            texts = {n: WITHOUT_HASHES.sub("", t) for n, t in found.items()}
            assert texts != whole, f"{name}: {path} makes no difference"


def test_a_row_that_is_wrong_is_noticed(tmp_path: Path) -> None:
    """Each kind of claim, broken: another value, another place, a place in another file, a line."""
    by_id = {row.id: row for row in ROWS}
    broken = [
        (
            "shm",
            Landing("policy.yaml", {"spec": {"volumes": [{"emptyDir": {"medium": "Disk"}}]}}, ()),
        ),
        ("shm", Landing("submit.yml.erb", {"spec": {"volumes": [{"emptyDir": {}}]}}, ())),
        ("env-value", Landing("policy.yaml", {"spec": {"restartPolicy": "Never"}}, ())),
        (
            "env-value",
            Landing("submit.yml.erb", {"spec": {"containers": [{"command": ["x"]}]}}, ()),
        ),
        ("pvc-create", Landing("each-namespace.yaml", {"metadata": {"name": "other"}}, ())),
        ("pvc-create", Landing("objects.yaml", {"kind": "PersistentVolumeClaim"}, ())),
        ("clone-in-script", Landing("template/script.sh.erb", {}, ("git pull",))),
    ]
    for number, (name, landing) in enumerate(broken):
        app = render(by_id[name], tmp_path / str(number))
        assert list(_problems(landing, app)), landing


def test_ruby_gives_the_documents_that_the_rows_speak_of(tmp_path: Path) -> None:
    require_tool("ruby")
    with RubyOracle() as oracle:
        for row in OURS:
            app = render(row, tmp_path / row.id)
            answer = oracle.evaluate(
                Request(
                    "submit",
                    path="submit.yml.erb",
                    text=tutorial_data.texts(app)["submit.yml.erb"],
                    context=tutorial_data.choice(app.plan),
                    staged_root=STAGED_ROOT,
                    user=ADA,
                )
            )
            assert isinstance(answer, Rendered), (row.id, answer)
            assert answer.data == tutorial_data.submission(app.plan), row.id


def test_snippets_can_be_copied_from_the_page() -> None:
    require_package("markdown")
    import markdown

    page = (ROOT / "docs" / "kubernetes-tutorial.md").read_text(encoding="utf-8")
    text = markdown.markdown(page, extensions=["tables"])
    shown = [
        html.unescape(t.replace("<br>", "\n")) for t in re.findall(r"<pre\b[^>]*>(.*?)</pre>", text)
    ]
    written = [snippet for row in ROWS for snippet in (row.site, row.app) if snippet]
    assert [t + "\n" for t in shown] == written
    cells = re.findall(r"<td>(.*?)</td>", text, re.S)
    assert len(cells) == 6 * len(ROWS)
    assert cells[::6] == [f"<code>{row.id}</code>" for row in ROWS]


def test_the_end_to_end_tests_that_the_page_names_exist() -> None:
    path = ROOT / "tests" / "e2e" / "test_kubernetes.py"
    page = (ROOT / "docs" / "kubernetes-tutorial.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)", page))
    assert "test_tutorial_constructs" in named
    text = path.read_text(encoding="utf-8")
    named.discard("test_tutorial_data")
    for name in named:
        assert f"def {name}(" in text, name
