"""CEL that is written: read back by the grammar of the language, it is what was meant.

The grammar is github.com/google/cel-spec doc/langdef.md; tests/e2e lets Kubernetes read it too.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import strategies as st

from ood_appgen.cel import cel_text, cel_value, pointer
from test_encode import ANY, collect, texts

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\\x00-\x1f]|\\["\\bfnrt]|\\u[0-9a-fA-F]{4})*")"""
    r"""|(?P<number>-?[0-9]+)|(?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)"""
    r"""|(?P<sign>[{}\[\]:,]))"""
)
# What no field can be called (k8s.io/apiserver pkg/cel/escaping.go).
_RESERVED = (
    "true false null in as break const continue else for function if import let loop package namespace "
    "return var void while"
).split()


class Reader:
    """Literals of texts, numbers, truths, lists, mappings and objects; `types` are those of objects."""

    def __init__(self, code: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(code):
            found = _TOKEN.match(code, at)
            assert found is not None, code[at:]
            kind = found.lastgroup
            assert kind is not None
            self.tokens.append((kind, found[kind]))
            at = found.end()
        self.types: list[str] = []

    def take(self, sign: str = "") -> tuple[str, str]:
        kind, text = self.tokens.pop(0)
        assert not sign or text == sign
        return kind, text

    def value(self) -> Any:
        kind, text = self.take()
        if kind == "text":
            return json.loads(text)
        if kind == "number":
            return int(text)
        if text in ("true", "false"):
            return text == "true"
        if text == "[":
            return self.items("]", self.value)
        if text == "{":
            return dict(self.items("}", lambda: self.pair(self.value)))
        assert kind == "word", text
        self.types.append(text)
        self.take("{")
        return dict(self.items("}", lambda: self.pair(self.field)))

    def items(self, end: str, read: Any) -> list[Any]:
        found = []
        while self.tokens[0][1] != end:
            found.append(read())
            if self.tokens[0][1] != end:
                self.take(",")
        self.take(end)
        return found

    def pair(self, read_key: Any) -> tuple[str, Any]:
        key = read_key()
        self.take(":")
        return key, self.value()

    def field(self) -> str:
        kind, name = self.take()
        assert kind == "word" and name not in _RESERVED and "." not in name
        reserved = re.fullmatch("__(.*)__", name)
        return reserved[1] if reserved and reserved[1] in _RESERVED else name


def read(code: str) -> tuple[Any, list[str]]:
    reader = Reader(code)
    value = reader.value()
    assert reader.tokens == []
    return value, reader.types


def test_texts_read_back() -> None:
    for value in texts():
        assert read(cel_text(value)) == (value, []), value


def test_texts_are_one_line_of_printable_characters() -> None:
    for value in texts():
        code = cel_text(value)
        assert code.splitlines() == [code]
        assert re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]", code) is None, value


FIELDS = st.sampled_from(
    ["name", "emptyDir", "sizeLimit", "items", "key", "namespace", "in", "var"]
)
OF_TEXT = ("annotations", "labels", "limits", "matchLabels", "requests")
DATA = st.recursive(
    st.one_of(ANY, st.booleans(), st.integers(-(10**9), 10**9)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(FIELDS, inner, max_size=4),
        st.dictionaries(
            st.sampled_from(OF_TEXT), st.dictionaries(ANY, ANY, max_size=3), max_size=2
        ),
    ),
    max_leaves=8,
)


def types_of(data: Any, kind: str) -> list[str]:
    """The type of each object, in the order in which they are written."""
    if isinstance(data, list):
        return [t for item in data for t in types_of(item, kind)]
    if not isinstance(data, dict) or kind.split(".")[-1] in OF_TEXT:
        return []
    inner = (types_of(v, f"{kind}.{f'__{k}__' if k in _RESERVED else k}") for k, v in data.items())
    return [kind, *(t for types in inner for t in types)]


def test_data_reads_back_with_the_type_of_each_object() -> None:
    values = [v for v in collect(DATA) if isinstance(v, dict)]
    assert len(values) > 50
    for value in values:
        found, types = read(cel_value(value, "Object.spec.volumes"))
        assert found == value
        assert types == types_of(value, "Object.spec.volumes")


@pytest.mark.parametrize("word", _RESERVED)
def test_a_reserved_word_is_no_field(word: str) -> None:
    assert cel_value({word: {word: 1}}, "Object.a") == (
        f"Object.a{{__{word}__: Object.a.__{word}__{{__{word}__: 1}}}}"
    )


def test_what_kubernetes_reads() -> None:
    """A volume, as tests/e2e has them stored."""
    volume = {
        "name": "data",
        "ephemeral": {
            "volumeClaimTemplate": {
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Mi"}},
                }
            }
        },
    }
    claim = "Object.spec.volumes.ephemeral.volumeClaimTemplate"
    assert cel_value(volume, "Object.spec.volumes") == (
        'Object.spec.volumes{name: "data", ephemeral: Object.spec.volumes.ephemeral{volumeClaimTemplate: '
        f'{claim}{{spec: {claim}.spec{{accessModes: ["ReadWriteOnce"], resources: {claim}.spec.resources'
        '{requests: {"storage": "1Mi"}}}}}}'
    )


@pytest.mark.parametrize(
    ("key", "step"),
    [
        ("a", "a"),
        ("nvidia.com/gpu", "nvidia.com~1gpu"),
        ("a~b", "a~0b"),
        ("~1", "~01"),
        ("/~", "~1~0"),
    ],
)
def test_a_key_is_one_step_of_a_pointer(key: str, step: str) -> None:
    assert pointer(key) == step
    assert step.replace("~1", "/").replace("~0", "~") == key
