"""One value into one language: YAML 1.1, Ruby, a shell word, ERB text, a pod's quoted scalar.

Every value that reaches a generated file goes through a function of this module, which is the only
place that knows how each language escapes.
"""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from ood_appgen.expr import (
    LABEL_WORDS,
    All,
    ComputeFact,
    Concat,
    Condition,
    Either,
    Expr,
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
)

_PLAIN_TEXT = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")
_NO_TEXTS = (*LABEL_WORDS, "~")
# Worth single quotes: what would need backslashes in double ones.
_SINGLE_QUOTABLE = re.compile(r"(?=.*\")[ !-&(-~]*\Z")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


# -- YAML ---------------------------------------------------------------------------------------


def yaml_scalar(value: Any) -> str:
    """A value as YAML 1.1 on one line; text always in double quotes.

    JSON is YAML apart from characters that YAML calls unprintable; those are escaped.
    """
    if isinstance(value, list | tuple):
        return "[" + ", ".join(yaml_scalar(item) for item in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{yaml_scalar(str(k))}: {yaml_scalar(v)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    return _escape_unprintable(json.dumps(str(value), ensure_ascii=False))


def yaml_key(key: str) -> str:
    """A mapping's key, quoted where YAML 1.1 would read something else."""
    if _PLAIN_TEXT.match(key) and key.lower() not in _NO_TEXTS:
        return key
    return yaml_scalar(key)


def yaml_block(text: str, indent: int) -> str:
    """The lines of a literal block (`|`), indented; the text must be printable."""
    return "\n".join(" " * indent + line if line else "" for line in text.rstrip("\n").split("\n"))


def is_block_text(text: str) -> bool:
    """Whether a text reads back the same from a literal block."""
    lines = text.split("\n")
    return (
        "\n" in text.rstrip("\n")
        and not any(_UNPRINTABLE.search(line.replace("\t", "")) for line in lines)
        and not lines[0].startswith((" ", "\t"))
        and bool(lines[0])
        and text.endswith("\n")
        and not text.endswith("\n\n")
    )


def yaml_lines(data: Mapping[str, Any], indent: int = 0) -> list[str]:
    """A mapping in block style, as people write it: quotes only where something else would be read."""
    lines = []
    for key, value in data.items():
        first, *rest = _yaml_value(value, indent)
        lines += [f"{' ' * indent}{yaml_key(key)}:{first}", *rest]
    return lines


def _yaml_value(value: Any, indent: int) -> list[str]:
    """What stands behind a colon, and the lines below it."""
    if isinstance(value, Mapping):
        return ["", *yaml_lines(value, indent + 2)] if value else [" {}"]
    if isinstance(value, list | tuple) and not any(
        isinstance(v, Mapping | list | tuple) for v in value
    ):
        return [f" [{', '.join(_plain_scalar(item) for item in value)}]"]
    if isinstance(value, list | tuple):
        lines = [""]
        for item in value:
            if isinstance(item, Mapping) and item:
                first, *rest = yaml_lines(item, indent + 4)
                lines += [f"{' ' * indent}  - {first.lstrip()}", *rest]
            else:
                lines.append(f"{' ' * indent}  - {_plain_scalar(item)}")
        return lines
    if isinstance(value, str) and is_block_text(value):
        return [" |", yaml_block(value, indent + 2)]
    return [f" {_plain_scalar(value)}"]


def _plain_scalar(value: Any) -> str:
    """A scalar without quotes where every reader of YAML takes it for that text."""
    if isinstance(value, str) and _PLAIN_TEXT.match(value) and value.lower() not in _NO_TEXTS:
        return value
    if isinstance(value, str) and _SINGLE_QUOTABLE.match(value):
        return f"'{value}'"
    return yaml_scalar(value)


def pod_scalar(text: str) -> str:
    """The inside of a double-quoted YAML scalar: ood_core's pod template adds the quotes alone.

    Source: OSC/ood_core lib/ood_core/job/adapters/kubernetes/templates/pod.yml.erb (env, command).
    """
    return _escape_unprintable(json.dumps(text, ensure_ascii=False))[1:-1]


# -- ERB and shell --------------------------------------------------------------------------------


def erb_text(text: str) -> str:
    """Text that stands outside ERB tags and must come out as it is."""
    return text.replace("<%", "<%%")


def shell_word(text: str) -> str:
    """One word of a shell line."""
    return shlex.quote(text)


def comment(text: str) -> str:
    """Text on one comment line of YAML, Ruby or shell, inside or outside of ERB tags."""
    line = " ".join(text.split())
    return (
        "".join(c if c.isprintable() else "?" for c in line)
        .replace("%>", "% >")
        .replace("<%", "< %")
    )


def html_text(text: str) -> str:
    """Text of an HTML element or attribute."""
    return html.escape(text, quote=True)


def markdown_text(text: str) -> str:
    """Text on one line of Markdown, in a table's cell too."""
    line = " ".join(text.split())
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", line)


# -- Ruby -----------------------------------------------------------------------------------------


def ruby_literal(value: Any) -> str:
    """A Ruby literal that may stand inside an ERB tag."""
    if value is None:
        return "nil"
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(ruby_literal(item) for item in value) + "]"
    if isinstance(value, range):
        plain = f"{value.start}..{value.stop - 1}"
        return plain if value.step == 1 else f"({plain}).step({value.step}).to_a"
    if isinstance(value, dict):
        items = [f"{ruby_literal(k)} => {ruby_literal(v)}" for k, v in value.items()]
        return "{ " + ", ".join(items) + " }" if items else "{}"
    return f'"{ruby_inside(str(value))}"'


def ruby_inside(text: str) -> str:
    """The inside of a Ruby string in double quotes that may stand inside an ERB tag."""
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    text = re.sub(r"#(?=[{$@])", r"\\#", text)
    # ERB ends a tag at %> wherever it stands, also inside a Ruby string.
    text = text.replace("%>", "%\\u003e").replace("<%", "\\u003c%")
    return _escape_unprintable(text)


_NUMBERS = (Local("cores"), Local("gpus"), Local("hours"), Local("memory_mb"))

# Names that a generated submit file gives values itself.
LOCAL_NAMES = frozenset(
    "account_label allowed compute compute_clusters cores gpus hours label memory_mb native node "
    "node_types refused shown there user value wanted".split()
)


def ruby_field(field: str) -> str:
    """A form field in a submit file, where a local name of ours may hide it."""
    return f"self.{field}" if field in LOCAL_NAMES else field


def ruby(expr: Expr) -> str:
    """Ruby that computes an expression (`Concat` apart, which takes several lines)."""
    match expr:
        case Literal(value):
            return ruby_literal(value)
        case FormText(field):
            return f"{ruby_field(field)}.to_s.strip"
        case FormNumber(field):
            return f"{ruby_field(field)}.to_i"
        case Local(name):
            return name
        case Fact(name):
            return f"node[:{name}]"
        case ComputeFact(name):
            return f"compute[:{name}]"
        case Person(fact, user):
            person = f"Etc.getpwnam({ruby_literal(user)})" if user else "user"
            return f"{person}.{'dir' if fact == 'home' else fact}"
        case StagedRoot():
            return "staged_root"
        case Product(left, right, divisor):
            text = f"{_number(left)} * {_number(right)}"
            return f"{text} / {divisor}" if divisor != 1 else text
        case Join(parts):
            return '"' + "".join(_interpolate(part) for part in parts) + '"'
        case Either(first, second):
            return f"({ruby(first)} || {ruby(second)})"
        case Quoted(value):
            return '"\\"' + _interpolate(value) + '\\""'
        case If(condition, then, otherwise):
            return f"({ruby_condition(condition)} ? {ruby(then)} : {ruby(otherwise)})"
        case Concat(parts):
            printed = [_list_part(part) for part in parts]
            several = len(parts) > 1
            return " + ".join(f"({p})" if several and " ? " in p else p for p in printed)


def ruby_condition(condition: Condition) -> str:
    """Ruby that decides a condition."""
    match condition:
        case IsZero(number):
            return f"{ruby(number)}.zero?"
        case IsPositive(number):
            return f"{ruby(number)}.positive?"
        case IsGiven(Fact() | ComputeFact() as fact):
            return ruby(fact)
        case IsGiven(value):
            return f"!{ruby(value)}.empty?"
        case IsLabel(value):
            words = "|".join(LABEL_WORDS)
            return f"{ruby(value)}.match?(/\\A(?!(?:{words})\\z)[a-z]/i)"
        case Not(inner):
            code = ruby_condition(inner)
            return f"!({code})" if isinstance(inner, All) else f"!{code}"
        case All(conditions):
            return " && ".join(ruby_condition(inner) for inner in conditions)


def ruby_lines(name: str, expr: Expr) -> list[str]:
    """Ruby statements that give `name` the value of an expression."""
    if not isinstance(expr, Concat):
        code = ruby(expr)
        outer = isinstance(expr, Either | If)  # parentheses that only nesting needs
        return [f"{name} = {code[1:-1] if outer else code}"]
    lines = []
    for index, part in enumerate(expr.parts):
        if index == 0 and part.when is not None and part.otherwise is None:
            lines.append(f"{name} = []")
        sign = "=" if not lines else "+="
        if part.when is not None and part.otherwise is None:
            lines.append(f"{name} {sign} {_items(part.items)} if {ruby_condition(part.when)}")
        else:
            lines.append(f"{name} {sign} {_list_part(part)}")
    return lines


def yaml_erb(expr: Expr) -> str:
    """A YAML scalar in an ERB file that holds the value of an expression."""
    if isinstance(expr, Literal):
        return erb_text(yaml_scalar(expr.value))
    code = ruby(expr)
    if isinstance(expr, Concat) and (len(expr.parts) > 1 or expr.parts[0].when is not None):
        code = f"({code})"
    return f"<%= {code} %>" if _is_number(expr) else f"<%= {code}.to_json %>"


def _is_number(expr: Expr) -> bool:
    return isinstance(expr, Product | FormNumber) or expr in _NUMBERS


def _list_part(part: ListPart) -> str:
    if part.when is None:
        return _items(part.items)
    return f"{ruby_condition(part.when)} ? {_items(part.items)} : {_items(part.otherwise or ())}"


def _items(items: Expr | tuple[Expr, ...]) -> str:
    if isinstance(items, tuple):
        return "[" + ", ".join(ruby(item) for item in items) + "]"
    return f"{ruby(items)}.to_a"


def _number(expr: Expr) -> str:
    return f"{ruby(expr)}.to_i" if isinstance(expr, Fact) else ruby(expr)


def _interpolate(expr: Expr) -> str:
    if isinstance(expr, Literal):
        return ruby_inside(str(expr.value))
    return f"#{{{ruby(expr)}}}"


def _escape_unprintable(text: str) -> str:
    return _UNPRINTABLE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)
