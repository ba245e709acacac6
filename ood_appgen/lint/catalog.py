"""The list of rules: what there is by name, and which of them a run uses.

The names alone come from the file names: no rule is imported for them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ood_appgen.diagnostics import quote

if TYPE_CHECKING:
    from ood_appgen.lint.rule import Rule

ALL, DEFAULT = "ALL", "DEFAULT"
INTERNAL_ERROR = "internal-error"
IGNORE_UNUSED = "ignore-unused"
PROFILES = ("catalogue",)
_HERE = Path(__file__).resolve().parent


@cache
def rule_ids() -> tuple[str, ...]:
    """All ids, sorted; those too of what the linter itself finds (`lint/meta/`)."""
    names = (n for part in ("rules", "meta") for n in os.listdir(_HERE / part))
    stems = (n.removesuffix(".py") for n in names if n.endswith(".py"))
    return tuple(sorted(s.replace("_", "-") for s in stems if not s.startswith("_")))


@cache
def selectors() -> tuple[str, ...]:
    """All words that select rules: ids, their first words, and the two that mean many."""
    return (*rule_ids(), *sorted({i.split("-", 1)[0] for i in rule_ids()}), ALL, DEFAULT)


@cache
def load_all() -> dict[str, Rule]:
    """All rules by id, sorted."""
    from ood_appgen.lint import rule
    from ood_appgen.lint.meta import ignore_unused, internal_error

    own = (rule.read_rule(module) for module in (ignore_unused, internal_error))
    return dict(sorted({**rule.load_rules(), **{r.id: r for r in own}}.items()))


def choose(select: Sequence[str], ignore: Sequence[str], profile: str) -> tuple[Rule, ...]:
    """The rules of a run. The closest word decides: an id before a group, a group before ALL.

    Equally close, `ignore` wins. A crash is told whatever is selected, unless ignored by its id.
    """
    return tuple(
        rule
        for rule in load_all().values()
        if _closeness(rule, select, profile) > _closeness(rule, ignore, profile)
        or (rule.id == INTERNAL_ERROR and INTERNAL_ERROR not in ignore)
    )


def suggest(word: str, known: Iterable[str]) -> str:
    """`did you mean "x"?` for the nearest known word, or nothing."""
    import difflib

    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {quote(nearest[0])}?" if nearest else ""


def _closeness(rule: Rule, words: Iterable[str], profile: str) -> int:
    return max((_match(rule, word, profile) for word in words), default=0)


def _match(rule: Rule, word: str, profile: str) -> int:
    if word == rule.id:
        return 3
    if word == rule.group:
        return 2
    asked_for = bool(rule.profile) and rule.profile == profile
    return int(word == ALL or (word == DEFAULT and (rule.default or asked_for)))
