"""What rules stand on: ERB taken apart as Ruby does, and views that Ruby could really make."""

from __future__ import annotations

import itertools
import json
import random
import subprocess

import pytest

from ood_appgen.lint import erb, form, psych
from ood_appgen.lint.source_file import SourceFile
from tools import require_tool

RUBY_TAGS = """
require "erb"; require "json"
class Recorder < ERB::Compiler
  attr_accessor :seen
  def compile_content(stag, out)
    seen << [stag, content.dup]
  end
end
puts JSON.generate(JSON.parse($stdin.read).map { |text|
  compiler = Recorder.new("-"); compiler.seen = []
  compiler.compile(text)
  compiler.seen
})
"""

RUBY_RENDER = """
require "erb"; require "json"
puts JSON.generate(JSON.parse($stdin.read).map { |text, names|
  erb = ERB.new(text, trim_mode: "-")
  [true, false, nil].repeated_permutation(names.size).map { |values|
    place = binding
    names.zip(values) { |name, value| place.local_variable_set(name, value) }
    erb.result(place).scan(/m\\d+/)
  }.uniq
})
"""

PIECES = [
    "<%",
    "<%-",
    "<%=",
    "<%#",
    "<%%",
    "%>",
    "-%>",
    "%%>",
    " x",
    "-",
    "%",
    "\n",
    "é",
    "a b",
    "#",
]


def run_ruby(script: str, data: object) -> object:
    require_tool("ruby")
    done = subprocess.run(
        ["ruby", "-e", script], input=json.dumps(data), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_tags_are_those_of_ruby() -> None:
    picker = random.Random(4)
    texts = ["".join(picker.choices(PIECES, k=picker.randint(1, 14))) for _ in range(3000)]
    ruby = run_ruby(RUBY_TAGS, texts)
    assert isinstance(ruby, list)
    marks = {"<%": "code", "<%-": "code", "<%=": "output", "<%#": "comment"}
    for text, expected in zip(texts, ruby, strict=True):
        ours = [
            (tag.kind, text[tag.code_start : tag.code_end].replace("%%>", "%>"))
            for tag in erb.split(text)
            if tag.closed
        ]
        assert ours == [(marks[mark], content) for mark, content in expected], text


def make_template(picker: random.Random, names: list[str], markers: list[str], depth: int) -> str:
    """A random template: each marker stands once, each condition is a variable of its own."""

    def mark() -> str:
        markers.append(f"m{len(markers)}")
        return f"{markers[-1]}\n"

    def name() -> str:
        names.append(f"c{len(names)}")
        return names[-1]

    parts = []
    for _ in range(picker.randint(1, 2)):
        parts.append(mark())
        if depth == 0 or len(names) > 3:
            continue
        inner = [make_template(picker, names, markers, depth - 1) for _ in range(2)]
        kind = picker.choice(["if", "unless", "if-else", "elsif", "case", "case-else"])
        condition = name()
        if kind in ("if", "unless"):
            parts.append(f"<% {kind} {condition} %>\n{inner[0]}<%- end -%>\n")
        elif kind == "if-else":
            parts.append(f"<%- if {condition} -%>\n{inner[0]}<% else %>{inner[1]}<% end %>\n")
        elif kind == "elsif":
            parts.append(
                f"<% if {condition} # first\n%>{inner[0]}<% elsif {name()} %>\n{inner[1]}<% end %>\n"
            )
        else:
            other = f"<% else %>\n{mark()}" if kind == "case-else" else ""
            parts.append(
                f"<%- case {condition} -%>\n<%- when true -%>\n{inner[0]}<% when 1, false %>\n{other}<% end %>"
            )
    return "".join(parts)


def test_each_view_is_one_that_ruby_makes_and_each_arm_shows_in_one() -> None:
    picker = random.Random(11)
    made = []
    for _ in range(120):
        names: list[str] = []
        markers: list[str] = []
        made.append((make_template(picker, names, markers, 2), names, markers))
    rendered = run_ruby(RUBY_RENDER, [(text, names) for text, names, _ in made])
    assert isinstance(rendered, list)
    most = 0
    for (text, _names, markers), possible in zip(made, rendered, strict=True):
        file = SourceFile("f.erb", "f.erb", text)
        assert not file.program.has_errors
        shown = [[m for m in markers if m in view.text.split()] for view in file.views]
        most = max(most, len(shown))
        reachable = set(itertools.chain.from_iterable(possible))
        assert set(itertools.chain.from_iterable(shown)) >= reachable, text
        for way in shown:
            if set(way) <= reachable:
                assert way in possible, text
        for view in file.views:
            assert len(view.text) == len(text)
            assert view.text.count("\n") == text.count("\n")
    assert most > 3


@pytest.mark.parametrize(
    ("text", "masked", "opaque"),
    [
        ("a: <%= x %>b\n", f"a: {erb.MASK * 8}b\n", ()),
        ("a: <% x %>b\n", "a:        b\n", ()),
        ("a:\n  <%= x %>\n", "a:\n          \n", (5,)),
        ("a: <%= x\n  + y %>\n", f"a: {erb.MASK * 5}\n        \n", ()),
        ("a: <%# <%= x %>\n", "a:             \n", ()),
        ("<%= a %><%= b %>\n", " " * 16 + "\n", (0, 8)),
        ("<%% x\n", "<%% x\n", ()),
    ],
)
def test_masked_text(text: str, masked: str, opaque: tuple[int, ...]) -> None:
    assert erb.mask(text, erb.split(text)) == (masked, opaque)


def test_names_are_fields_and_not_what_ruby_binds() -> None:
    text = (
        '<%- parts = account.split(":") -%>\n<% [1].each do |i| %><%= i %><% end %>\n'
        '<%= "#{queue} x" %><%= parts[0] %><%= cluster.downcase if gpus %><%# hidden %>\n'
        "<%= context.num_cores.to_i %><% x # comment %><%= y %>\n"
    )
    program = SourceFile("s.erb", "s.erb", text).program
    assert [n.name for n in program.names] == [
        "account", "queue", "cluster", "gpus", "context", "x", "y",
    ]  # fmt: skip
    assert [text[n.start : n.end] for n in program.names] == [n.name for n in program.names]
    assert [n.name for n in program.context_names] == ["num_cores"]


FORM = """\
cluster:
  - owens
  - <%= other %>
form:
  - [node_type, Num_Cores]
  - account
<% if gpus? %>
  - gpus
<% end %>
<%= more %>
attributes:
  account: "p1"
  gpus: {widget: select, options: [["none", "0", data-hide-x: true], "1"]}
  num_cores:
    widget: "<%= w %>"
    max: 010
"""


def test_a_form_knows_what_depends_on_ruby() -> None:
    file = SourceFile("form.yml.erb", "form.yml.erb", FORM)
    with_gpus, without = (form.read(file, psych.read(file, v).root, "") for v in file.views)
    assert [item.id for item in with_gpus.items] == ["node_type", "num_cores", "account", "gpus"]
    assert [item.id for item in without.items] == ["node_type", "num_cores", "account"]
    assert not with_gpus.items_complete
    assert [c.value for c in with_gpus.clusters] == ["owens"] and not with_gpus.clusters_complete
    assert with_gpus.ids == ("cluster", "node_type", "num_cores", "account", "gpus")
    assert with_gpus.rendered == ("cluster", "node_type", "num_cores", "gpus")
    assert with_gpus.widget("cluster") == "select"
    gpus = with_gpus.attributes["gpus"]
    assert [(o.label.value, o.value.value) for o in gpus.options if o.label and o.value] == [
        ("none", "0"), ("1", "1"),
    ]  # fmt: skip
    directive = gpus.options[0].directives[0]
    assert FORM[directive.name.start : directive.name.end] == "data-hide-x"
    cores = with_gpus.attributes["num_cores"]
    assert (cores.widget, cores.text("max")) == ("", "8")
