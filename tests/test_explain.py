"""What a line depends on, told from renders with one value changed: by renderers of a few lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ood_appgen import explain, source
from ood_appgen.explain import Explainer, Touch


def make(
    render: Callable[[Any, Any], str | None], site: str, app: str = "{}", *keywords: str
) -> Explainer:
    """An explainer of one file; a renderer that finds no value for a key makes no app."""

    def render_files(site_data: Any, app_data: Any) -> dict[str, str] | None:
        try:
            text = render(site_data, app_data)
        except KeyError:
            return None
        return None if text is None else {"out": text}

    documents = []
    for name, text in (("site.yml", site), ("app.yml", app)):
        document, findings = source.read_text(text, name)
        assert document is not None and not findings
        documents.append(document)
    return Explainer(*documents, render_files, frozenset(keywords))


def explained(explainer: Explainer, line: int = 1) -> list[tuple[str, Any, str | None]]:
    """What a line depends on: the part, what was tried, what becomes of the line."""
    return [(c.name, c.changed_to, c.becomes) for c in explainer.explain("out", line)]


def test_each_of_several_lines_that_change_is_told_what_it_becomes() -> None:
    explainer = make(lambda site, _: f"once {site['n']}\ntwice {2 * site['n']}", "n: 3")
    assert explained(explainer, 1) == [("n", 4, "once 4")]
    assert explained(explainer, 2) == [("n", 4, "twice 8")]


@pytest.mark.parametrize(
    ("value", "allowed", "tried"),
    [
        ("8", lambda n: n <= 8, 7),
        ("2.5", lambda n: n in (2.5, 3.5), 3.5),
        ("2.5", lambda n: n in (2.5, 1.25), 1.25),
        ("true", lambda n: isinstance(n, bool), False),
        ("gpu", lambda n: isinstance(n, str), "gpuz"),
    ],
)
def test_a_value_is_changed_to_another_that_is_allowed(
    value: str, allowed: Callable[[Any], bool], tried: Any
) -> None:
    explainer = make(lambda s, _: f"n {s['n']}" if allowed(s["n"]) else None, f"n: {value}")
    assert explained(explainer) == [("n", tried, f"n {tried}")]


def test_a_text_that_letters_would_break_gets_a_line() -> None:
    explainer = make(
        lambda site, _: None if "z" in site["text"] else f"{site['text']}end",
        "text: |\n  one\n  two\n",
    )
    assert explainer.touches(0, ("text",)) == [Touch("out", ((3, "", ""),))]


def test_lines_that_are_added_belong_to_the_last_one() -> None:
    explainer = make(lambda site, _: "line\n" * site["n"], "n: 2")
    assert explainer.touches(0, ("n",)) == [Touch("out", ((2, "", "line"),))]


def test_a_name_is_changed_wherever_it_stands_and_is_one_cause() -> None:
    def render(site: Any, app: Any) -> str | None:
        return f"use {app['use']}" if site["kinds"][app["use"]] is not None else None

    explainer = make(render, "kinds: {gpu: {}}", "use: gpu")
    assert explained(explainer) == [("kinds.gpu", "gpuz", "use gpuz")]


@pytest.mark.parametrize(
    ("keywords", "found"), [((), [("pick", "maxz", "maxz 1")]), (("max",), [])]
)
def test_words_of_the_schema_are_nobodys_names(keywords: tuple[str, ...], found: Any) -> None:
    def render(site: Any, app: Any) -> str | None:
        return f"{site['pick']} {app['order'][site['pick']]}" if app["order"] else None

    explainer = make(render, "pick: max", "order: {max: 1}", *keywords)
    assert [c for c in explained(explainer) if c[0] == "pick"] == found


def test_an_answer_takes_so_many_trials_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def render(site: Any, _: Any) -> str:
        nonlocal calls
        calls += 1
        return "of a list" if site["list"] else "of none"

    monkeypatch.setattr(explain, "_MOST_TRIALS", 5)
    explainer = make(render, f"list: {list(range(20))}")
    assert explained(explainer) == []
    assert calls == 1 + 5


def test_a_value_that_touches_nothing_is_not_one_that_cannot_be_changed() -> None:
    explainer = make(lambda site, _: f"{site['a']['b']} {site['c']}"[:1], "a: {b: 1}\nc: 2")
    assert explainer.touches(0, ("c",)) == []
    assert explainer.touches(0, ("a",)) is None
