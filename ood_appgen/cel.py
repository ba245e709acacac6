"""Kubernetes data as CEL, the language of admission policies.

CEL of Kubernetes refuses mappings whose values have several types (k8s.io/apiserver
pkg/cel/environment/base.go, HomogeneousAggregateLiterals), so objects are written with their type:
the path of fields that leads to them, as in `Object.spec.volumes{name: "data"}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Fields whose values are mappings of text to text, and no objects.
_TEXT_MAPPINGS = frozenset({"annotations", "labels", "limits", "matchLabels", "requests"})
# CEL's reserved words, which a field's name must not be as it is.
_RESERVED = frozenset(
    "as break const continue else false for function if import in let loop namespace null package "
    "return true var void while".split()
)
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def cel_text(text: str) -> str:
    """A string literal."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", quoted)


def cel_value(value: Any, kind: str) -> str:
    """Data as a literal; `kind` is the type that an object has there, `Object.spec.volumes`."""
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, str):
        return cel_text(value)
    if isinstance(value, Mapping):
        if kind.rpartition(".")[2] in _TEXT_MAPPINGS:
            return "{" + ", ".join(f"{cel_text(k)}: {cel_text(v)}" for k, v in value.items()) + "}"
        inside = ", ".join(
            f"{_field(key)}: {cel_value(part, f'{kind}.{_field(key)}')}"
            for key, part in value.items()
        )
        return f"{kind}{{{inside}}}"
    return "[" + ", ".join(cel_value(item, kind) for item in value) + "]"


def pointer(key: str) -> str:
    """A key as a step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _field(name: str) -> str:
    return f"__{name}__" if name in _RESERVED else name
