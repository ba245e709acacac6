"""lint/psych.py against the real Psych: what plain scalars become, and how documents are built."""

import json
import random
import re
import subprocess
from typing import Any

from ood_appgen.lint import psych
from ood_appgen.lint.psych import Mapping, Node, Scalar, Sequence
from ood_appgen.lint.source_file import SourceFile, View
from tools import require_tool

SEED = 4
COUNT = 8000

# Reads a JSON list of texts; for each prints [kind, to_s] as the YAML `- TEXT` gives it. What
# Open OnDemand's safe_load refuses is "refused" with the class; "error" is any other exception.
SCALARS_RB = """
require "yaml"; require "json"; require "date"
answers = JSON.parse($stdin.read).map do |text|
  begin
    list = YAML.safe_load("- " + text)
    next ["other", ""] unless list.is_a?(Array) && list.size == 1
    value = list[0]
    kind = { NilClass => "null", TrueClass => "bool", FalseClass => "bool", Integer => "int",
             Float => "float", String => "str" }[value.class] || "other"
    [kind, value.to_s]
  rescue Psych::DisallowedClass => e
    ["refused", e.message[/[A-Z]\\w+$/]]
  rescue Exception => e
    ["error", e.class.name]
  end
end
puts JSON.generate(answers)
"""

DOCUMENTS_RB = """
require "yaml"; require "json"
def plain(value)
  case value
  when Hash then { "map" => value.map { |k, v| [plain(k), plain(v)] } }
  when Array then { "seq" => value.map { |v| plain(v) } }
  else value.to_s
  end
end
puts JSON.generate(JSON.parse($stdin.read).map { |text|
  begin
    plain(YAML.safe_load(text, permitted_classes: [Symbol, Date, Time]))
  rescue Psych::SyntaxError
    { "failure" => "syntax" }
  rescue StandardError => e
    { "failure" => e.class.name }
  end
})
"""

FIXED = (
    "",
    "~",
    "null Null NULL nULL nul yes Yes YES yEs no NO No on On ON oN off OFF true TRUE tRuE false",
    "y Y n N t f = << nil none None NaN .nan .NaN .NAN nan inf .inf -.inf +.inf .Inf -.INF +.nan",
    "0 -0 +0 00 000 01 08 09 010 -010 +010 0o10 0O10 0x10 0X10 0xfF -0x1f 0b101 0B1 0b2 -0b11 0b 0x",
    "1_000 1__000 1_ _1 1,000 1,,000 1, ,1 0_1 0,1 0_ 0, 0b_1 0x_f 0x_ 0b, 1_0,0",
    "1. .1 . -. +. -.5 +.5 1.5 3.10 1.0 00.5 1.5e3 1.5e+3 1.5E-3 1e3 1e+3 1.e+3 .e+3 1_0.5 1,0.5",
    "1.5_0 1.5,0 1,.5 1_.5 _1.5 1.0e+20 1.0e+15 1.5e+15 1234567890123456.7 1.0e+16 0.0001 0.00001 1.0e-7 1.0e+400",
    "1.2.3 -1.5",
    "1:30 1:30:00 01:30:00 -1:30 +1:30 1:60 1:5 1:5:9 1:30:00:00 0:0 00:10 1:30.5 1:30:00.25 1:30.",
    "1_0:30 1__0:30 190:20:30 190:20:30.15 1:30._5 1:30.5_5 1:30.5__5 :30 1: 1:3a 12:00pm 08:00",
    "2024-01-01 2024-1-1 2024-02-30 2024-13-01 2024-00-10 2024-10-00 2024-1-32 24-01-01 2024-01",
    "1582-10-10 1500-02-29 2023-02-29 0000-01-01 20240101 2024-01-01T10:00:00Z 2024-01-01t1:00:00",
    "2024-01-01T10:00:00.5+01:00 2024-01-01T10:00:00-5 2024-01-01T10:00 2024-99-99T10:00:00Z",
    ":a :a:b :: ::std :1 :\"a\" :'a' : :yes a:b a: 1:a - -a --- -1a +a .a ..5 1..5 1-2 1-2-3 3.10.1",
    "!a @a %a &a *a `a |a >a ?a a#b a/b a\\b é ｙｅｓ ١ 1e 0xg 12345678901234567890 -9999999999999",
)


def scalars() -> list[str]:
    found = [text for line in FIXED for text in (line.split(" ") if line else [""])]
    found += ["2024-01-01 10:00:00", "2024-01-01  1:00:00 Z", "2024-01-01 10:00:00 +01:00", "1 2"]
    found += ["16 GB", "yes no", "1 :30", "a b", "0 0"]
    rng = random.Random(SEED)
    alphabets = (
        "0123456789",
        "0123456789_,.",
        "01:.5_",
        "-+0123456789.eE",
        "0b1x_fF,",
        "12-0:T. Z",
    )
    words = [word for text in found if text for word in (text, text.upper())]
    while len(found) < COUNT:
        roll = rng.random()
        if roll < 0.7:
            alphabet = rng.choice(alphabets)
            text = "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 8)))
        elif roll < 0.8:
            year, month, day = rng.randint(0, 9999), rng.randint(0, 13), rng.randint(0, 32)
            text = f"{year:0{rng.choice((4, 4, 4, 2))}}-{month:0{rng.randint(1, 2)}}-{day}"
        elif roll < 0.9:
            text = rng.choice("+-:.0_1") + rng.choice(words)
        else:
            text = (
                rng.choice(words)
                + rng.choice(("", ".", "_", ":", "0", "e+1", " "))
                + rng.choice(words)
            )
        text = text.strip()
        if text and is_plain(text):
            found.append(text)
    return list(dict.fromkeys(text for text in found if is_plain(text)))


def is_plain(text: str) -> bool:
    """Whether a text stands as one plain scalar in a list."""
    return not re.search(
        r"^[-?:](?:\s|$)|^[!@%&*`|>?\[\]{},#\"'-]\s*$|^[!@%&*`|>\[\]{},#\"']|:(?:\s|$)|\s#", text
    )


def ask(script: str, question: Any) -> Any:
    done = subprocess.run(
        [require_tool("ruby"), "-ryaml", "-rdate", "-e", script],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def read(text: str) -> psych.Document:
    return psych.read(SourceFile("a.yml", "a.yml", text), View(text, ()))


def test_plain_scalars_are_what_psych_makes_of_them() -> None:
    texts = scalars()
    assert len(texts) > 5000
    wrong = []
    for text, (kind, value) in zip(texts, ask(SCALARS_RB, texts), strict=True):
        mine = psych.resolve(text)
        if kind == "error":
            # 0x_ and .e+3 pass Psych's own patterns, and then its conversion fails.
            assert value == "ArgumentError", text
            same = mine == "str"
        elif re.fullmatch(r"[-+]?0[_,]+", text):
            same = mine == "str"  # since psych 5, which Open OnDemand bundles; 0 before
        elif kind == "refused":
            same = mine == {"Date": "date", "Time": "date", "Symbol": "symbol"}[value]
        else:
            node = Scalar(SourceFile("", "", ""), 0, 0, text, mine, "", False)
            same = (mine, node.value) == (kind, value)
            value = f"{value} != {node.value}"
        if not same:
            wrong.append((text, mine, kind, value))
    assert not wrong, (len(wrong), wrong[:40])


DOCUMENTS = (
    "a: 1\nb:\n  - x\n  - [1, on, {c: 010}]\n",
    "a: &x {b: 1}\nc: 2\n",
    "a: !!str 010\nb: !foo 010\nc: !!int '3'\nd: &x !str on\ne: !!bool yes\nf: &y on\n",
    "a: 1\na: 2\n",
    "a: |\n  one\n   two\n\nb: >-\n  one\n  two\n",
    "a: one\n  two\n\n  three\n",
    "? [1, 2]\n: x\n? b\n",
    "- - 1\n  - 2\n-\n- a: b\n  c:\n",
    "--- a\n--- b\n",
    "%YAML 1.2\n---\na: on\n",
    "# nothing\n",
    "",
    "a:\n\t- b\n",
    "a: [1, 2\n",
    "a: b: c\n",
    "a: 'it''s'\nb: \"x\\ty\"\n",
    "a: {b: 1, c}\n",
    "a: 1:30\n1: x\non: y\n~: z\n",
    "- a\nb: c\n",
    "a: @x\n",
    "a: %x\n",
    "a: 100%\n",
    'a: "\\q"\n',
    "a: x #no\nb: x#yes\n",
    "\ufeffa: 1\n",
    "a: !!seq [1]\nb: !env {x: 1}\n",
)


def plain(node: Node | None) -> Any:
    if isinstance(node, Mapping):
        pairs = {json.dumps(plain(k)): [plain(k), plain(v)] for k, v in node.items}
        return {"map": list(pairs.values())}
    if isinstance(node, Sequence):
        return {"seq": [plain(item) for item in node.items]}
    return node.value if isinstance(node, Scalar) else ""


def structure(text: str) -> Any:
    document = read(text)
    return {"failure": "syntax"} if document.failure else plain(document.root)


def test_documents_have_the_structure_that_psych_sees() -> None:
    wrong = []
    for text, theirs in zip(DOCUMENTS, ask(DOCUMENTS_RB, list(DOCUMENTS)), strict=True):
        mine = structure(text)
        if mine != theirs:
            wrong.append((text, mine, theirs))
    assert not wrong, wrong
