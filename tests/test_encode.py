"""Every encoder against the reader it writes for: Psych, ERB, Ruby, bash, an HTML parser.

Hypothesis makes the values; a test collects them all and asks the reader once.
"""

from __future__ import annotations

import html.parser
import json
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest
import yaml as pyyaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from ood_appgen import encode
from ood_appgen.expr import (
    LABEL_WORDS,
    All,
    ComputeFact,
    Concat,
    Either,
    Environment,
    Fact,
    FormNumber,
    FormText,
    If,
    IsGiven,
    IsLabel,
    IsPositive,
    IsZero,
    Join,
    ListPart,
    Literal,
    Local,
    Not,
    Person,
    Product,
    Quoted,
    StagedRoot,
    evaluate,
    holds,
)
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, SUPPORT, Rendered, Request, RubyOracle
from tools import require_tool

PIECES = """\
" ' \\ \\\\ \\n # #{ #{x} #$x #@x #@@x $( $(id) ` `id` ${HOME} {{ }} {{x}} {% %} {# <% %> -%> <%= <%- <%% %%> <%#
% %% %w %Q( : : :x #x ? ! & * | > @ [ ] { } , - --- ... ~ = << yes no on off y n true null 0 08 0o8 0x1 1_0 1:30
1.5e3 .inf 2024-01-01 <tag> &amp; &#39; </script> <!-- é ß 漢 😀 𝒳 \U0010ffff a b Z""".split() + [
    "\n", "\r\n", "\r", "\t", " ", "  ", "\n\n", "\x00", "\x01", "\x07", "\b", "\x1b", "\x7f", "\x80",
    "\x85", "\x9f", "\xa0", "\xad", "\u2028", "\u2029", "\ufeff", "\u200b", "\u202e", "\ufffd",
    "\ufffe", "\uffff", "\U0001ffff", "- ", ": ", " #", "\n ",
]  # fmt: skip
ANY = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=6).map("".join)

EXAMPLES = 250
FIXED = [
    *PIECES,
    "",
    "a\nb\n",
    "a\nb",
    " a\nb\n",
    "a\nb\n\n",
    "a\n\n b\n",
    "a\x85b\nc\n",
    "\ta\nb\n",
    "a\tb\nc\n",
]


def collect(strategy: st.SearchStrategy[Any], count: int = EXAMPLES) -> list[Any]:
    """The same examples each time."""
    found: list[Any] = []

    @settings(
        max_examples=count, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def add(value: Any) -> None:
        found.append(value)

    add()
    return found


@cache
def _texts() -> tuple[str, ...]:
    return (*FIXED, *collect(ANY))


def texts(with_nul: bool = True) -> list[str]:
    return [t for t in _texts() if with_nul or "\x00" not in t]


@pytest.fixture(scope="module")
def ruby() -> Iterator[RubyOracle]:
    with RubyOracle(require_tool("ruby")) as oracle:
        yield oracle


def read_each(ruby: RubyOracle, values: Sequence[Any], submit: Callable[[Any], str]) -> list[Any]:
    """What `a` is in the submit document of each value."""
    requests = [Request("submit", text=submit(value)) for value in values]
    read = []
    for value, answer in zip(values, ruby.evaluate_all(requests), strict=True):
        assert isinstance(answer, Rendered), (value, answer)
        assert answer.data is not None
        read.append(answer.data["a"])
    return read


# -- YAML ---------------------------------------------------------------------------------------


def test_scalars_read_back_in_psych(ruby: RubyOracle) -> None:
    values = texts()
    assert (
        read_each(ruby, values, lambda v: f"a: {encode.erb_text(encode.yaml_scalar(v))}\nb: 1")
        == values
    )


def test_scalars_are_one_line_of_printable_text() -> None:
    for value in texts():
        printed = encode.yaml_scalar(value)
        assert printed.splitlines() == [printed]
        assert re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]", printed) is None


@pytest.mark.parametrize(
    "value", [None, True, False, 0, -7, 10**15, [], ["a", 1, None], [["no", "08"], []]]
)
def test_other_scalars(ruby: RubyOracle, value: Any) -> None:
    assert read_each(ruby, [value], lambda v: f"a: {encode.yaml_scalar(v)}") == [value]


def test_lists_read_back_in_psych(ruby: RubyOracle) -> None:
    values = collect(st.lists(ANY, max_size=4), 60)
    assert (
        read_each(ruby, values, lambda v: f"a: {encode.erb_text(encode.yaml_scalar(v))}") == values
    )


def test_keys_read_back_in_psych(ruby: RubyOracle) -> None:
    simple = st.from_regex(r"[A-Za-z_0-9.~<=-][A-Za-z0-9_./-]{0,6}", fullmatch=True)
    keys = [*LABEL_WORDS, *[w.upper() for w in LABEL_WORDS], *[w.title() for w in LABEL_WORDS],
            "~", "<<", "=", "", "osc.edu/role", "a-", "-a", "1:30", "2024-01-01", ".inf", ".nan", "_", "0x1f", "e3",
            *texts(), *collect(simple)]  # fmt: skip
    keys = [k for k in keys if len(k) < 100]  # libyaml wants a `?` before a long key
    read = read_each(ruby, keys, lambda k: f"a:\n  {encode.erb_text(encode.yaml_key(k))}: 1")
    assert read == [{key: 1} for key in keys]


@pytest.mark.parametrize("key", ["osc.edu/role", "data-max-x", "NB_UID", "_x"])
def test_plain_keys_stay_plain(key: str) -> None:
    assert encode.yaml_key(key) == key


def test_block_texts_read_back_in_psych(ruby: RubyOracle) -> None:
    line = st.lists(
        st.sampled_from([p for p in PIECES if p.isprintable()] + ["\t"]), max_size=4
    ).map("".join)
    many = st.lists(line, min_size=2, max_size=6).map(lambda lines: "\n".join(lines) + "\n")
    values = [v for v in [*texts(), *collect(many)] if encode.is_block_text(v)]
    assert len(values) > 60
    for indent in (2, 6):
        read = read_each(ruby, values, lambda v, n=indent: _block(v, n))
        assert read == values


def _block(value: str, indent: int) -> str:
    # In form.yml, as in a submit file once its ERB is gone.
    return "a: |\n" + encode.erb_text(encode.yaml_block(value, indent)) + "\nb: 1\n"


def test_ordinary_texts_are_block_texts() -> None:
    assert encode.is_block_text("one\n  two\n\n\tthree: [x\n")
    assert (
        encode.yaml_block("one\n  two\n\n\tthree: [x\n", 4)
        == "    one\n      two\n\n    \tthree: [x"
    )
    for text in (
        "one",
        "one\n",
        "\n\n",
        " one\ntwo\n",
        "\none\ntwo\n",
        "one\r\ntwo\n",
        "a\x85b\nc\n",
        "a\nb",
        "a\nb\n\n",
    ):
        assert not encode.is_block_text(text), text


# -- whole documents ------------------------------------------------------------------------------

_LISTS = st.lists(st.one_of(ANY, st.integers(), st.booleans(), st.none()), max_size=3)
_KEYS = st.one_of(
    st.sampled_from(
        [*LABEL_WORDS, "a", "a.b/c-d", "~", "<<", "=", "1:30", "- a", "? a", "a: b", "#"]
    ),
    ANY.map(lambda text: text[:40]),
)
DOCUMENTS = st.dictionaries(
    _KEYS,
    st.recursive(
        st.one_of(ANY, st.integers(), st.booleans(), st.none(), _LISTS),
        lambda inner: st.one_of(
            st.dictionaries(_KEYS, inner, max_size=3),
            st.lists(st.dictionaries(_KEYS, inner, max_size=3), max_size=3),
            st.lists(st.one_of(inner, st.dictionaries(_KEYS, inner, max_size=2)), max_size=3),
        ),
        max_leaves=10,
    ),
    min_size=1,
    max_size=4,
)
LINES = "one\ntwo\n"
FIXED_DOCUMENTS: list[dict[str, Any]] = [
    {"a": {}, "b": [], "c": [{}], "d": [[]], "e": [{"f": {}}]},
    {"a": LINES, "b": {"c": LINES}, "d": [{"e": LINES, "f": LINES}], "g": [LINES]},
    {"a": [{"b": [{"c": [{"d": 1}, {"e": 2}]}]}, {"f": [1, "x"]}]},
    {"a": 'say "yes"', "b": "it's", "c": "both ' and \"", "d": " \" ", "e": "#", "f": "a #b", "g": "a: b"},
    *({"a": word, word: "a", "b": [word]} for word in (*LABEL_WORDS, "Yes", "NULL", "0o7", "0x1", "1e3")),
]  # fmt: skip


def _yaml_1_1(text: str) -> Any:
    loader = YAML(typ="safe", pure=True)
    loader.version = (1, 1)
    return loader.load(text)


@pytest.mark.parametrize(
    "load",
    [YAML(typ="safe", pure=True).load, _yaml_1_1, pyyaml.safe_load],
    ids=["1.2", "1.1", "PyYAML"],
)
def test_documents_read_back(load: Callable[[str], Any]) -> None:
    values = [*FIXED_DOCUMENTS, *collect(DOCUMENTS)]
    assert sum(len(str(v)) for v in values) > 10_000
    for value in values:
        lines = encode.yaml_lines(value)
        assert load("\n".join(lines) + "\n") == value, value
        below = "\n".join(["a:", *encode.yaml_lines(value, 2), "b: 1"]) + "\n"
        assert load(below) == {"a": value, "b": 1}, value


def test_documents_are_written_as_people_write_them() -> None:
    data = {
        "apiVersion": "v1",
        "metadata": {"name": "a", "labels": {"app.kubernetes.io/name": "a", "on": "off"}},
        "spec": {
            "text": LINES,
            "expression": 'a == "b"',
            "values": ["a", "no", 1, True],
            "rules": [{"verbs": ["get"], "empty": {}}, {"text": LINES}],
            "none": [],
        },
    }
    assert "\n".join(encode.yaml_lines(data)).split("\n") == [
        "apiVersion: v1",
        "metadata:",
        "  name: a",
        "  labels:",
        "    app.kubernetes.io/name: a",
        '    "on": "off"',
        "spec:",
        "  text: |",
        "    one",
        "    two",
        "  expression: 'a == \"b\"'",
        '  values: [a, "no", 1, true]',
        "  rules:",
        "    - verbs: [get]",
        "      empty: {}",
        "    - text: |",
        "        one",
        "        two",
        "  none: []",
    ]


def test_pod_scalars_reach_kubernetes(ruby: RubyOracle) -> None:
    """ood_core puts quotes around what we give, and nothing else (templates/pod.yml.erb)."""
    values = texts()
    read = read_each(
        ruby,
        values,
        lambda v: "<%- value = " + encode.ruby_literal(encode.pod_scalar(v)) + " -%>\n"
        "a:\n  - name: X\n    value: \"<%= value %>\"\n    command:\n    - \"<%= value %>\"\n",
    )  # fmt: skip
    assert read == [[{"name": "X", "value": value, "command": [value]}] for value in values]


# -- ERB, shell, comments, HTML -----------------------------------------------------------------


def test_text_outside_of_tags_comes_out_as_it_is(ruby: RubyOracle) -> None:
    values = texts()
    for kind in ("template", "view"):
        for before, after in (("", ""), ("<% x = 1 -%>\n", "<%= x %>")):
            requests = [Request(kind, text=f"{before}{encode.erb_text(v)}{after}") for v in values]
            wrong = [
                (value, answer)
                for value, answer in zip(values, ruby.evaluate_all(requests), strict=True)
                if not isinstance(answer, Rendered)
                or answer.text != value + ("1" if before else "")
            ]
            assert wrong == []


def test_a_text_that_ends_like_a_tag_begins_before_a_tag(ruby: RubyOracle) -> None:
    """`<` at the end of a text and `%` at the start of the next are the templates' own business."""
    answer = ruby.evaluate(
        Request("template", text=encode.erb_text("a < b %> c <%= 1 %>") + "<%= 2 %>")
    )
    assert isinstance(answer, Rendered)
    assert answer.text == "a < b %> c <%= 1 %>2"


def test_words_reach_a_program_through_bash(ruby: RubyOracle) -> None:
    values = texts(with_nul=False)
    script = "export LC_ALL=C\nprintf '%s\\0' " + " ".join(map(encode.shell_word, values))
    ran = subprocess.run(
        [require_tool("bash")], input=script.encode(), capture_output=True, check=True
    )
    assert ran.stderr == b""
    assert ran.stdout.decode().split("\0")[:-1] == values


def test_a_word_in_a_script_template_survives_erb_and_bash(ruby: RubyOracle) -> None:
    values = texts(with_nul=False)
    requests = [
        Request("template", text=f"printf '%s\\0' {encode.erb_text(encode.shell_word(v))}\n")
        for v in values
    ]
    answers = ruby.evaluate_all(requests)
    script = "".join(answer.text for answer in answers if isinstance(answer, Rendered))
    ran = subprocess.run(
        [require_tool("bash")], input=script.encode(), capture_output=True, check=True
    )
    assert ran.stdout.decode().split("\0")[:-1] == values


def test_a_comment_stays_on_its_line_and_in_its_tag(ruby: RubyOracle) -> None:
    values = texts()
    comments = [encode.comment(value) for value in values]
    for value, text in zip(values, comments, strict=True):
        assert text.splitlines() in ([text], []), value
        assert text.isprintable() and "<%" not in text and "%>" not in text, value
    requests = [
        Request("submit", text=f"<%-\n# x {c}\na = 1\n-%>\n# y: {c}\na: <%= a %> # {c}\n")
        for c in comments
    ]
    assert [a.data for a in ruby.evaluate_all(requests) if isinstance(a, Rendered)] == [
        {"a": 1}
    ] * len(values)
    script = "".join(f"# {c}\n" for c in comments) + "echo end"
    ran = subprocess.run(
        [require_tool("bash")], input=script.encode(), capture_output=True, check=True
    )
    assert (ran.stdout, ran.stderr) == (b"end\n", b"")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb", "a b"),
        ("  a \t b ", "a b"),
        ("x %> y <% z", "x % > y < % z"),
        ("<%%>", "< %% >"),
        ("a\x00\x1bb", "a??b"),
    ],
)
def test_comments_read_well(text: str, line: str) -> None:
    assert encode.comment(text) == line


class _Parser(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[Any] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(tag)

    def handle_data(self, data: str) -> None:
        if self.seen and isinstance(self.seen[-1], list):
            self.seen[-1][0] += data
        else:
            self.seen.append([data])


def test_html_texts_are_text() -> None:
    for value in texts():
        shown = encode.html_text(value)
        parser = _Parser()
        parser.feed(f"<b title=\"{shown}\" lang='{shown}'>{shown}</b>")
        parser.close()
        text = [[value]] if value else []
        assert parser.seen == [("b", [("title", value), ("lang", value)]), *text, "b"], value


def test_markdown_texts_are_one_line_without_markup() -> None:
    for value in texts():
        shown = encode.markdown_text(value)
        assert "\n" not in shown and "\r" not in shown
        assert re.search(r"(?<!\\)(\\\\)*[`*_\[\]<>|#]", shown) is None, value


# -- Ruby ---------------------------------------------------------------------------------------


def ask_ruby(ruby: RubyOracle, codes: Sequence[str]) -> list[Any]:
    """What Ruby code gives in a tag that prints and in one that does not; in hex, as YAML has no C1 controls."""
    show = '.to_json.unpack1("H*")'
    requests = [
        Request(
            "submit",
            text=f"<%-\na = {code}\n-%>\na: <%= a{show}.to_json %>\nb: <%= ({code}){show}.to_json %>\n",
        )
        for code in codes
    ]
    values = []
    for code, answer in zip(codes, ruby.evaluate_all(requests), strict=True):
        assert isinstance(answer, Rendered), (code, answer)
        assert answer.data is not None
        assert answer.data["a"] == answer.data["b"], code
        values.append(json.loads(bytes.fromhex(answer.data["a"])))
    return values


def test_ruby_literals_are_what_they_say(ruby: RubyOracle) -> None:
    scalar = st.one_of(ANY, st.integers(-(10**12), 10**12), st.booleans(), st.none())
    deep = st.recursive(
        scalar,
        lambda s: st.one_of(st.lists(s, max_size=3), st.dictionaries(ANY, s, max_size=3)),
        max_leaves=6,
    )
    values = [*texts(), *collect(deep)]
    assert ask_ruby(ruby, [encode.ruby_literal(v) for v in values]) == values


def test_ruby_literals_have_no_line_ends_and_no_tags() -> None:
    for value in texts():
        printed = encode.ruby_literal(value)
        assert printed.splitlines() == [printed]
        assert "%>" not in printed and "<%" not in printed


@pytest.mark.parametrize("numbers", [range(1, 5), range(1), range(7, 8)])
def test_ranges_include_what_python_includes(ruby: RubyOracle, numbers: range) -> None:
    assert ask_ruby(ruby, [f"({encode.ruby_literal(numbers)}).to_a"]) == [list(numbers)]


def test_the_inside_of_a_ruby_string(ruby: RubyOracle) -> None:
    values = texts()
    assert ask_ruby(ruby, [f'"a{encode.ruby_inside(v)}b"' for v in values]) == [
        f"a{v}b" for v in values
    ]
    assert ask_ruby(ruby, [f'"{encode.ruby_inside(v)}#{{1}}"' for v in values]) == [
        f"{v}1" for v in values
    ]


# -- expressions --------------------------------------------------------------------------------

TEXTS = ("alpha", "beta", "node", "native", "shown")  # the last three are also names of ours
NUMBERS = ("n_small", "n_big")
ROW = {
    "gpus": 2,
    "memory_mb": 4096,
    "partition": "big",
    "native": ["--exclusive", "-C", "a b"],
    "empty": "",
    "label": "yes",
}
COMPUTE = {"path_apps": '/apps "x"', "title": "Owens"}
PEOPLE: dict[str, dict[str, Any]] = {
    "": {"name": ADA.name, "home": ADA.home, "uid": ADA.uid, "gid": ADA.gid},
    "support": {"name": SUPPORT.name, "home": SUPPORT.home, "uid": SUPPORT.uid, "gid": SUPPORT.gid},
}
NAMES = {"cores": 6, "gpus": 0, "hours": 3, "memory_mb": 24_000}

# What a submit file's checks refuse in a form: JSON leaves it as it is, and YAML will not have it.
REFUSED = re.compile("[\x7f-\x9f\ufffe\uffff]")

PLAIN = ANY.map(lambda text: REFUSED.sub("", text))
literal_text = st.builds(Literal, PLAIN)
number = st.one_of(
    st.builds(FormNumber, st.sampled_from(NUMBERS)),
    st.builds(Local, st.sampled_from(list(NAMES))),
    st.builds(Literal, st.integers(0, 10**6)),
)
product = st.builds(
    Product,
    st.one_of(number, st.builds(Fact, st.sampled_from(["gpus", "memory_mb", "absent"]))),
    st.one_of(number, st.builds(Fact, st.sampled_from(["gpus", "memory_mb", "absent"]))),
    st.sampled_from([1, 2, 100]),
)
fact = st.builds(Fact, st.sampled_from([*ROW, "absent"]))
scalar_fact = st.builds(
    Fact, st.sampled_from(["gpus", "memory_mb", "partition", "empty", "label", "absent"])
)
compute = st.builds(ComputeFact, st.sampled_from([*COMPUTE, "absent"]))
person = st.builds(
    Person, st.sampled_from(["name", "home", "uid", "gid"]), st.sampled_from(["", "support"])
)
form_text = st.builds(FormText, st.sampled_from(TEXTS))
text_leaf = st.one_of(literal_text, form_text, person, compute, scalar_fact, st.just(StagedRoot()))
joined = st.builds(
    Join, st.lists(st.one_of(text_leaf, number, product), min_size=1, max_size=4).map(tuple)
)
simple = st.one_of(text_leaf, number, product, joined)
either = st.builds(Either, st.one_of(fact, compute), simple)
quoted = st.builds(Quoted, st.one_of(form_text, person, joined))
given_value = st.one_of(
    form_text,
    st.builds(Fact, st.sampled_from(["partition", "gpus", "absent"])),
    st.builds(ComputeFact, st.sampled_from(["title", "absent"])),
)
one_condition = st.one_of(
    st.builds(IsZero, number),
    st.builds(IsPositive, number),
    st.builds(IsGiven, given_value),
    st.builds(IsLabel, form_text),
)
negated = st.recursive(one_condition, lambda inner: st.builds(Not, inner), max_leaves=2)
condition = st.one_of(negated, st.builds(All, st.lists(negated, min_size=1, max_size=3).map(tuple)))
chosen = st.builds(
    If, condition, st.one_of(simple, either, quoted), st.one_of(simple, either, quoted)
)
items = st.one_of(
    st.lists(st.one_of(simple, either, quoted, chosen), max_size=3).map(tuple),
    st.builds(Fact, st.sampled_from(["native", "absent"])),
)
fallback = st.lists(simple, max_size=2).map(tuple)
first = st.one_of(st.builds(ListPart, items), st.builds(ListPart, items, condition, fallback))
part = st.one_of(first, st.builds(ListPart, items, condition))
concat = st.tuples(first, st.lists(part, max_size=3).map(tuple)).map(
    lambda p: Concat((p[0], *p[1]))
)
expression = st.one_of(simple, either, quoted, chosen)
form = st.fixed_dictionaries(
    {
        **{name: PLAIN for name in TEXTS},
        **{name: st.sampled_from(["", "0", "1", "7", "48", " 5"]) for name in NUMBERS},
    }
)
PREAMBLE = "\n".join(
    [
        f"node = {encode.ruby_literal(ROW)}.transform_keys(&:to_sym)",
        f"compute = {encode.ruby_literal(COMPUTE)}.transform_keys(&:to_sym)",
        *(f"{name} = {value}" for name, value in NAMES.items()),
        "user = Etc.getpwuid",
    ]
)


def environment(choice: dict[str, str]) -> Environment:
    return Environment(choice, ROW, COMPUTE, PEOPLE, STAGED_ROOT, NAMES)


def in_a_submit_file(body: Callable[[Any], str], value: Any, choice: dict[str, str]) -> Request:
    return Request("submit", text=f"<%-\n{PREAMBLE}\n-%>\n{body(value)}\n", context=choice)


def compare(
    ruby: RubyOracle,
    cases: Sequence[tuple[Any, dict[str, str]]],
    body: Callable[[Any], str],
    wanted: Callable[..., Any],
) -> None:
    answers = ruby.evaluate_all([in_a_submit_file(body, value, choice) for value, choice in cases])
    wrong = []
    for (value, choice), answer in zip(cases, answers, strict=True):
        python = wanted(value, environment(choice))
        if not isinstance(answer, Rendered) or answer.data != {"a": python}:
            wrong.append((value, choice, python, answer))
    assert wrong == [], f"{len(wrong)} of {len(cases)}, first: {wrong[0]}"


def with_blanks_that_both_strip(choice: dict[str, str]) -> bool:
    """Ruby's strip takes ASCII blanks and NUL, Python's takes every Unicode blank; see below."""
    return all(value.strip() == value.strip("\t\n\v\f\r \0") for value in choice.values())


CHOICES = form.filter(with_blanks_that_both_strip)


def yaml_in_one_line(expr: Any) -> str:
    return f"a: {encode.yaml_erb(expr)}"


def yaml_after_statements(expr: Any) -> str:
    return "<%-\n" + "\n".join(encode.ruby_lines("x", expr)) + "\n-%>\na: <%= x.to_json %>"


def test_expressions_give_in_ruby_what_they_give_in_python(ruby: RubyOracle) -> None:
    cases = collect(st.tuples(expression, CHOICES), 300)
    assert {type(value) for value, _ in cases} >= {
        Literal, FormText, FormNumber, Local, Fact, ComputeFact, Person, StagedRoot, Product, Join, Either, Quoted, If,
    }  # fmt: skip
    compare(ruby, cases, yaml_in_one_line, _as_json)


def _as_json(expr: Any, env: Environment) -> Any:
    return json.loads(json.dumps(evaluate(expr, env)))


def test_lists_give_in_ruby_what_they_give_in_python(ruby: RubyOracle) -> None:
    cases = collect(st.tuples(concat, CHOICES), 120)
    compare(
        ruby,
        cases,
        yaml_after_statements,
        _as_json,
    )


def test_statements_give_in_ruby_what_they_give_in_python(ruby: RubyOracle) -> None:
    cases = collect(st.tuples(expression, CHOICES), 60)
    compare(
        ruby,
        cases,
        yaml_after_statements,
        _as_json,
    )


def test_conditions_hold_in_ruby_where_they_hold_in_python(ruby: RubyOracle) -> None:
    words = st.one_of(
        st.sampled_from(
            [*LABEL_WORDS, "Yes", "NO", "nope", "a", "0a", "é", "", " no ", "no\n", "x\nno"]
        ),
        ANY,
    )
    choice = st.fixed_dictionaries(
        {**{n: words for n in TEXTS}, **{n: st.sampled_from(["", "0", "3"]) for n in NUMBERS}}
    )
    cases = collect(st.tuples(condition, choice.filter(with_blanks_that_both_strip)), 250)
    body = "<%- if {} -%>\na: true\n<%- else -%>\na: false\n<%- end -%>"
    compare(ruby, cases, lambda c: body.format(encode.ruby_condition(c)), holds)


@pytest.mark.parametrize(
    "case",
    [Not(All((IsGiven(Fact("gpus")), IsGiven(Fact("absent"))))), IsGiven(Fact("empty"))],
    ids=["not of all", "an empty fact"],
)
def test_conditions_that_ruby_reads_otherwise(ruby: RubyOracle, case: Any) -> None:
    code = f"a: <%= {encode.ruby_condition(case)} ? true : false %>"
    compare(ruby, [(case, {})], lambda c: code, lambda c, env: holds(c, env))


@pytest.mark.parametrize(
    "condition", [IsZero(Local("cores")), IsZero(Local("gpus"))], ids=["false", "true"]
)
def test_a_list_that_begins_with_a_condition(ruby: RubyOracle, condition: Any) -> None:
    # In one line, the second part belongs to the last arm of the condition.
    value = Concat((ListPart((Literal("x"),), condition), ListPart((Literal("y"),))))
    body = yaml_in_one_line if condition.number.name == "gpus" else yaml_after_statements
    compare(ruby, [(value, {})], body, _as_json)


def test_what_the_checks_let_through_is_yaml(ruby: RubyOracle) -> None:
    """Every character that passes a submit file's own check survives `to_json` and Psych."""
    code = r"""<%-
good = [*0..0xd7ff, *0xe000..0x10ffff].map { |c| [c].pack("U") }.reject { |c| c.match?(/[^[:print:]\t\r\n]/) }
broken = good.each_slice(1000).reject do |slice|
  YAML.safe_load("a: #{slice.join.to_json}")["a"] == slice.join
rescue Psych::SyntaxError
  false
end
-%>
count: <%= good.size %>
broken: <%= broken.to_json %>
"""
    answer = ruby.evaluate(Request("submit", text=code))
    assert isinstance(answer, Rendered), answer
    assert answer.data is not None
    assert answer.data["broken"] == []
    assert answer.data["count"] > 100_000


@pytest.mark.parametrize("blank", ["\xa0", "\u3000", "\x1c", "\x00"])
def test_ruby_and_python_strip_the_same(ruby: RubyOracle, blank: str) -> None:
    choice = {**dict.fromkeys([*TEXTS, *NUMBERS], ""), "alpha": f"{blank}x{blank}"}
    compare(ruby, [(FormText("alpha"), choice)], yaml_in_one_line, _as_json)


@pytest.mark.parametrize("field", sorted(encode.LOCAL_NAMES))
def test_a_field_with_the_name_of_a_local_is_still_the_field(ruby: RubyOracle, field: str) -> None:
    request = Request("submit", text=f"<%-\n{field} = 0\n-%>\na: <%= {encode.ruby(FormText(field))}.to_json %>",
                      context={field: "posted"})  # fmt: skip
    answer = ruby.evaluate(request)
    assert isinstance(answer, Rendered)
    assert answer.data == {"a": "posted"}


def test_a_field_that_was_not_posted_is_empty(ruby: RubyOracle) -> None:
    for expr in (
        FormText("absent"),
        FormNumber("absent"),
        Join((FormText("absent"), Literal("x"))),
    ):
        compare(ruby, [(expr, {})], yaml_in_one_line, _as_json)
