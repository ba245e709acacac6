"""What the rules say about themselves: a table of all, a page of one, and all pages as markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ood_appgen.lint.rule import Rule

_CODE = ("Bad", "Good")


def write_table(rules: Iterable[Rule]) -> str:
    """All rules, one a line: id, severity, on or off by default, title."""
    rules = list(rules)
    width = max(len(rule.id) for rule in rules)
    return "".join(
        f"{rule.id:{width}}  {rule.severity.word:7}  {_state(rule):9}  {rule.title}\n"
        for rule in rules
    )


def write_page(rule: Rule) -> str:
    """The page of a rule, for a terminal."""
    state = {"on": "on by default", "off": "only when selected"}.get(
        _state(rule), f"with --profile {rule.profile}"
    )
    return f"{rule.id} ({rule.severity.word}, {state})\n\n{rule.doc}\n"


def write_markdown(rules: Iterable[Rule]) -> str:
    """All pages, with a table of contents."""
    rules = list(rules)
    lines = [
        "# The rules of `appgen lint`",
        "",
        "Made by `make docs` from the files in `ood_appgen/lint/rules/`: do not edit.",
        "`appgen rules ID` prints one of these pages.",
        "",
        "| rule | severity | by default | |",
        "| --- | --- | --- | --- |",
    ]
    lines += [
        f"| [{r.id}](#{r.id}) | {r.severity.word} | {_state(r)} | {_escape(r.title)} |"
        for r in rules
    ]
    for rule in rules:
        lines += ["", f"## {rule.id}", "", f"**{_escape(rule.title)}**"]
        for heading, text in split_doc(rule.doc):
            body = textwrap.indent(text, "    ") if heading in _CODE else text
            lines += ["", f"### {heading}", "", body]
    return "\n".join(lines) + "\n"


def split_doc(doc: str) -> Iterator[tuple[str, str]]:
    """The parts of a rule's docstring: heading, and text moved to the left edge."""
    heading, lines = "", list[str]()
    for line in doc.splitlines()[1:]:
        if line and not line[0].isspace():
            if heading:
                yield heading, textwrap.dedent("\n".join(lines)).strip("\n")
            heading, lines = line.strip(), []
        else:
            lines.append(line)
    if heading:
        yield heading, textwrap.dedent("\n".join(lines)).strip("\n")


def _state(rule: Rule) -> str:
    if rule.profile:
        return rule.profile
    return "on" if rule.default else "off"


def _escape(text: str) -> str:
    """Text in which markdown sees no HTML and no end of a table's cell."""
    return text.replace("<", "&lt;").replace("|", "\\|")
