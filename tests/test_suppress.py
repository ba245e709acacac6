"""Comments that silence a rule: in each language of an app, and what is none."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ood_appgen.diagnostics import Diagnostic, Severity
from ood_appgen.lint import suppress
from ood_appgen.lint.app import App, Settings, from_files
from ood_appgen.lint.source_file import SourceFile

IGNORE = "appgen: ignore[form-a] why not"


def read(name: str, text: str) -> tuple[suppress.Comment, ...]:
    return suppress.read(SourceFile(name, name, text))


def lines(name: str, text: str) -> list[int]:
    return [comment.line for comment in read(name, text)]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("form.yml", f"a: 1  # {IGNORE}\n", 1),
        ("form.yml", f"a: 1\t#{IGNORE}", 1),
        ("form.yml", f"# {IGNORE}\na: 1\n", 2),
        ("form.yml", f"a:\r\n  # {IGNORE}\r\n  b: 1\r\n", 3),
        ("form.yml", f"a: |  # {IGNORE}\n  text\n", 1),
        ("form.yml", f"a: |\n  text\n# {IGNORE}\nb: 1\n", 4),
        ("form.yml", f"a: 'x' # {IGNORE}\n", 1),
        ("form.yml", f"a: [1, # {IGNORE}\n  2]\n", 1),
        ("form.yml", f"a: &x *y: {{ # {IGNORE}\n", 1),  # no YAML at all: read by its looks
        ("form.yml.erb", f"<%# {IGNORE} %>\na: 1\n", 2),
        ("form.yml.erb", f"a: 1 <%# {IGNORE} -%>\n", 1),
        ("form.yml.erb", f"a: 1 <% # {IGNORE} -%>\n", 1),
        ("form.yml.erb", f"a: <%= 1 %>  # {IGNORE}\n", 1),
        ("form.yml.erb", f"<% if x %>\na: 1  # {IGNORE}\n<% else %>\na: 2\n<% end %>\n", 2),
        ("form.yml.erb", f"a: <%= x\n # {IGNORE}\n%>\n", 3),
        ("submit.yml.erb", f"<%\n  a = 1  # {IGNORE}\n%>\n", 2),
        ("submit.yml.erb", f"<%\n  # {IGNORE}\n  a = 1\n%>\n", 3),
        ("template/script.sh", f"# {IGNORE}\n# {IGNORE}\necho a\n", 3),
        ("template/script.sh", f"echo '#' # {IGNORE}\n", 1),
        ("template/script.sh.erb", f"echo <%= a %> # {IGNORE}\n", 1),
        ("template/run", f"#!/bin/sh\necho a # {IGNORE}\n", 2),
        ("template/config.py", f"a = 1  # {IGNORE}\n", 1),
        ("form.js", f"'use strict'; // {IGNORE}\n", 1),
        ("form.js", f"a; /* {IGNORE} */\n", 1),
        ("view.html.erb", f"<p> <!-- {IGNORE} -->\n", 1),
        ("view.html.erb", f"<%# {IGNORE} %>\n<p>\n", 2),
        ("view.html.erb", f"<script>\n  a; // {IGNORE}\n</script>\n", 2),
        ("info.md", f"<!-- {IGNORE} -->\n\n# Title\n", 2),
    ],
)
def test_a_comment(name: str, text: str, line: int) -> None:
    found = read(name, text)
    assert {comment.line for comment in found} == {line}
    for comment in found:
        assert [word.id for word in comment.words] == ["form-a"]
        assert comment.reason == "why not"
        for word in comment.words:
            assert text[word.start : word.end] == "form-a"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("form.yml", f'a: "# {IGNORE}"\n'),
        ("form.yml", f"a: 'x\n  # {IGNORE}\n  '\n"),
        ("form.yml", f"a: |\n  # {IGNORE}\n"),
        ("form.yml", f"a: >-\n  text\n  # {IGNORE}\n\n"),
        ("form.yml", "a: b#appgen:ignore[form-a]\n"),
        ("form.yml", "appgen:ignore[form-a]: 1\n"),
        ("form.yml", "# not appgen: ignore[form-a] this\n"),
        ("form.yml", "# appgen: ignores[form-a] this\n"),
        ("form.yml.erb", f"a: <%= '# {IGNORE}' %>\n"),
        ("form.yml.erb", f"<%# see: {IGNORE} %>\n"),
        ("form.yml.erb", f"<% if x %>\na: |\n  # {IGNORE}\n<% end %>\n"),
        ("submit.yml.erb", f"<%\n a = '\n # {IGNORE}\n'\n%>\n"),
        ("template/script.sh", f"cat <<E\n# {IGNORE}\nE\n"),
        ("template/script.sh", f"echo '\n# {IGNORE}'\n"),
        ("form.js", f"# {IGNORE}\n"),
        ("view.html", f"# {IGNORE}\n"),
        ("view.html", f"<!-- {IGNORE}\n-->\n"),
        ("data.json", f"# {IGNORE}\n"),
    ],
)
def test_no_comment(name: str, text: str) -> None:
    assert read(name, text) == ()


def test_several_rules_and_no_rule() -> None:
    def words(text: str) -> list[str]:
        return [word.id for comment in read("a.yml", text) for word in comment.words]

    assert words("# appgen: ignore[a, b,c]  why\n") == ["a", "b", "c"]
    assert words("# appgen: ignore[] why\n") == words("# appgen: ignore why\n") == []
    assert len(read("a.yml", "# appgen: ignore why\n")) == 1
    assert [c.line for c in read("a.yml", "# appgen: ignore-file[a] why\n")] == [0]


@pytest.mark.parametrize("text", ["why", "- why", ": why", "— why", "why  "])
def test_a_reason_may_begin_with_a_dash(text: str) -> None:
    assert read("a.yml", f"# appgen: ignore[a] {text}\n")[0].reason == "why"


# -- what is silenced -----------------------------------------------------------------------------


def make(**files: str) -> App:
    names = {name.replace("_", "."): text.encode() for name, text in files.items()}
    return from_files("app", ((n, text, False) for n, text in names.items()), Settings())


def finding(app: App, name: str, line: int, rule: str = "form-a") -> Diagnostic:
    file = app.files[name]
    start = file.line_offset(line) if line else 0
    span = file.span(start, start + 1) if line else None
    return Diagnostic(file.path, span, rule, Severity.ERROR, "wrong")


def apply(app: App, found: Iterable[Diagnostic], *ran: str) -> list[tuple[str, int, str]]:
    on = {"form-a", "form-b", "ignore-unused", *ran}
    left = suppress.apply(app, found, lambda rule, path: rule in on)
    return [(d.rule, d.span.line if d.span else 0, d.message) for d in left]


def test_a_line_and_a_file() -> None:
    app = make(form_yml="a: 1  # appgen: ignore[form-a] why\nb: 1\n")
    assert apply(app, [finding(app, "form.yml", 1)]) == []
    assert apply(app, [finding(app, "form.yml", 1), finding(app, "form.yml", 2)]) == [
        ("form-a", 2, "wrong")
    ]
    whole = make(form_yml="a: 1  # appgen: ignore-file[form-a] why\nb: 1\n")
    everywhere = [finding(whole, "form.yml", line) for line in (0, 1, 2)]
    assert apply(whole, everywhere) == []


def test_another_rule_and_another_file_are_not_silenced() -> None:
    app = make(form_yml="a: 1  # appgen: ignore[form-a] why\n", submit_yml="a: 1\n")
    others = [finding(app, "form.yml", 1, "form-b"), finding(app, "submit.yml", 1)]
    unused = ("ignore-unused", 1, '"form-a" finds nothing on this line')
    assert apply(app, others) == [
        ("form-b", 1, "wrong"),
        unused,
        ("form-a", 1, "wrong"),
    ]


def test_unused_is_only_told_of_rules_that_ran() -> None:
    app = make(form_yml="a: 1  # appgen: ignore[form-a, form-c, nothing] why\n")
    assert apply(app, []) == [("ignore-unused", 1, '"form-a" finds nothing on this line')]
    assert suppress.apply(app, [], lambda rule, path: rule != "ignore-unused") == []
    assert suppress.apply(app, [], lambda rule, path: rule == "ignore-unused") == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1  # appgen: ignore[form-a] why\nb: 1\n", "a: 1\nb: 1\n"),
        ("a: 1\n  # appgen: ignore[form-a] why\nb: 1\n", "a: 1\nb: 1\n"),
        ("a: 1\r\n# appgen: ignore[form-a] why\r\nb: 1\r\n", "a: 1\r\nb: 1\r\n"),
        ("a: 1\n# appgen: ignore[form-a] why", "a: 1\n"),
        ("a: 1\n# appgen: ignore[form-a, form-b] why\n", "a: 1\n"),
    ],
)
def test_the_mend_takes_the_comment_out(before: str, after: str) -> None:
    app = make(form_yml=before)
    edits = {d.fix for d in suppress.apply(app, [], lambda rule, path: True)}
    assert len(edits) == 1
    edit = edits.pop()
    assert edit is not None
    assert before[: edit.start] + edit.text + before[edit.end :] == after


def test_the_mend_leaves_a_comment_that_is_used_in_part() -> None:
    app = make(form_yml="a: 1  # appgen: ignore[form-a, form-b] why\n")
    left = suppress.apply(app, [finding(app, "form.yml", 1)], lambda rule, path: True)
    assert [(d.message, d.fix) for d in left] == [('"form-b" finds nothing on this line', None)]
