"""Posts that no form would send: one field of a valid choice changed into something not offered.

Open OnDemand checks nothing on its server, so the submit file has to refuse each of these:

    for post in tampered_posts(plan, 2000, seed=7):
        answer = oracle.evaluate(Request("submit", path=path, context=post.values))
        assert isinstance(answer, Failure) and post.label in answer.message

What is acceptable is decided here from the plan, in Python, and not by what the submit file does.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ood_appgen.model.plan import STAND_IN, AppPlan, Check, choices, fill_required

# Pieces of the languages that a value passes through, and values that readers take for others.
_FRAGMENTS = (
    "'", '"', "\\", "$(id)", "`id`", "; id", "&& id", "| id", "> x", "#", "# x", "a: b", "- a",
    "&a", "*a", "!!ruby/object:X {}", "{}", "[]", "---", "...", "%s", "#{1}", "<%= 1 %>", "<% %>",
    "%>", "null", "~", "yes", "true", "0x1F", "1:30", "../..", "\u2028", "\u00a0", "\ufeff",
    "\U0001f600", "\u202eabc", "\0", "\n", "\t", " ", "${HOME}", "*", "?", "x" * 5000,
)  # fmt: skip
_ARABIC = str.maketrans("0123456789", "".join(chr(0x660 + d) for d in range(10)))
_WIDE = str.maketrans("0123456789", "".join(chr(0xFF10 + d) for d in range(10)))
_LABEL = re.compile(r"[a-zA-Z0-9]([-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_CONTROLS = tuple(chr(c) for c in (*range(32), *range(127, 160)))
# As Ruby's String#strip has it; all of these are ASCII.
_BLANKS = " \t\n\v\f\r\0"

# A value, or None for a post without the field, and what is wrong with it.
_Candidate = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Tampered:
    """A post with one field that the form would not have sent so.

    `label` is what the refusal has to name: the field's label, or "cluster" or "node type".
    """

    values: Mapping[str, str]
    field: str
    label: str
    why: str


def tampered_posts(plan: AppPlan, count: int, seed: int) -> Iterator[Tampered]:
    """Yield `count` posts that must be refused, the same ones for the same seed."""
    rng = random.Random(seed)
    bases = [fill_required(plan, choice) for choice in choices(plan)]
    while count > 0:
        base = rng.choice(bases)
        checks = [c for c in plan.checks if is_shown(plan, c, base)]
        target = rng.choice(("cluster", "node type", *checks))
        if target == "cluster":
            found = _tampered_cluster(plan, base, rng)
        elif target == "node type":
            found = _tampered_node_type(plan, base, rng)
        else:
            assert isinstance(target, Check)
            found = _tampered_field(plan, target, base, rng)
        if found is not None:
            count -= 1
            yield found


def is_shown(plan: AppPlan, check: Check, values: Mapping[str, str]) -> bool:
    """Whether the form shows a field for the cluster and node type of a choice."""
    row = plan.rows[values["cluster"]][values[plan.node_type_field]]
    return not check.only_with or row.get(check.only_with) is not None


def is_acceptable(plan: AppPlan, check: Check, values: Mapping[str, str]) -> bool:
    """Whether the form could have sent what a field holds, for a cluster and node type offered."""
    if not is_shown(plan, check, values):
        return True
    value = values.get(check.field, "")
    if check.kind == "number":
        return _NUMBER.fullmatch(value) is not None and int(value) in _range(plan, check, values)
    if check.kind == "choice":
        return value in _options(check, values["cluster"])
    stripped = value.strip(_BLANKS)
    controls = set(_CONTROLS) - set("\t\r\n") if check.lines else set(_CONTROLS)
    if check.required and not stripped:
        return False
    if len(value) > check.length or controls & set(value):
        return False
    if check.pattern and not re.fullmatch(check.pattern, value):
        return False
    if values["cluster"] in check.label_on and (check.required or stripped):
        return _LABEL.fullmatch(stripped) is not None
    return True


def _range(plan: AppPlan, check: Check, values: Mapping[str, str]) -> range:
    if isinstance(check.limits, str):
        limits = plan.rows[values["cluster"]][values[plan.node_type_field]][check.limits]
        # A column of one number is a fixed number.
        return limits if isinstance(limits, range) else range(limits, limits + 1)
    assert isinstance(check.limits, range)
    return check.limits


def _options(check: Check, cluster: str) -> Sequence[str]:
    if check.by_cluster:
        return dict(check.by_cluster)[cluster]
    assert isinstance(check.limits, tuple)
    return check.limits


def _change(base: Mapping[str, str], field: str, value: str | None) -> dict[str, str]:
    changed = {name: held for name, held in base.items() if name != field}
    return changed if value is None else {**changed, field: value}


def _tampered_cluster(
    plan: AppPlan, base: Mapping[str, str], rng: random.Random
) -> Tampered | None:
    clusters = list(plan.rows)
    others = [c for c in clusters if base[plan.node_type_field] not in plan.rows[c]]
    if others and rng.random() < 0.3:
        values = _change(base, "cluster", rng.choice(others))
        return Tampered(values, "cluster", "node type", "a cluster without this node type")
    near = _near(rng.choice(clusters))
    unknown = (("kubernetes2", "off the list"), (plan.offers[0].node.id, "a node type"))
    value, why = rng.choice((*near, *unknown, *_fragments(), (None, "missing")))
    if value in clusters:
        return None
    return Tampered(_change(base, "cluster", value), "cluster", "cluster", why)


def _tampered_node_type(
    plan: AppPlan, base: Mapping[str, str], rng: random.Random
) -> Tampered | None:
    rows = plan.rows[base["cluster"]]
    elsewhere = {node for nodes in plan.rows.values() for node in nodes} - set(rows)
    not_here = {n.id for cluster in plan.clusters for n in cluster.node_types} - set(rows)
    value, why = rng.choice(
        (
            *[(node, "a node type of another cluster") for node in sorted(elsewhere)],
            *[(node, "a node type not offered here") for node in sorted(not_here - elsewhere)],
            *_near(rng.choice(list(rows))),
            *_fragments(),
            ("off-the-list", "off the list"),
            (base["cluster"], "a cluster"),
            (None, "missing"),
        )
    )
    if value in rows:
        return None
    field = plan.node_type_field
    return Tampered(_change(base, field, value), field, "node type", why)


def _tampered_field(
    plan: AppPlan, check: Check, base: Mapping[str, str], rng: random.Random
) -> Tampered | None:
    if check.kind == "number":
        candidates = _numbers(_range(plan, check, base), base[check.field])
    elif check.kind == "choice":
        candidates = _choices(check, base["cluster"], rng)
    else:
        candidates = _texts(plan, check, base, rng)
    wrong = [
        (values, why)
        for values, why in ((_change(base, check.field, v), why) for v, why in candidates)
        if not is_acceptable(plan, check, values)
    ]
    if not wrong:
        return None
    values, why = rng.choice(wrong)
    return Tampered(values, check.field, check.label, why)


def _fragments() -> tuple[_Candidate, ...]:
    return tuple((text, "a piece of another language") for text in ("", *_FRAGMENTS))


def _near(value: str) -> list[_Candidate]:
    """What a careless comparison would take for the value itself."""
    return [
        (value.upper(), "another case"),
        (value.capitalize(), "another case"),
        (value.swapcase(), "another case"),
        (value + " ", "a trailing space"),
        (" " + value, "a leading space"),
        (value + "\n", "a trailing newline"),
        (value + "\r\n", "a trailing newline"),
        ("\n" + value, "a leading newline"),
        (f"x\n{value}\ny", "a line among others"),
        (value + "\0", "a trailing NUL"),
        (value + "x", "a longer text"),
        (value[:-1], "a shorter text"),
        (value[1:], "a shorter text"),
        (f"{value},{value}", "a list"),
        (f'["{value}"]', "a list"),
        (f'"{value}"', "quotes"),
        (f"{value}\u200b", "an invisible character"),
        (f"{value}; id", "a command"),
        (f"{value}$(id)", "a command"),
        (f"{value}<%= 1 %>", "an ERB tag"),
        (f"{value}: 1", "a YAML key"),
    ]


def _numbers(limits: range, held: str) -> list[_Candidate]:
    low, high = limits[0], limits[-1]
    fine = _NUMBER.fullmatch(held) and held or str(low)
    return [
        (str(low - 1), "too small by one"),
        (str(high + 1), "too large by one"),
        (str(low + 1), "between two steps"),
        (str(-high - 1), "negative"),
        (f"-{fine}", "negative"),
        ("-1", "negative"),
        ("-2147483648", "negative"),
        (str(10**9), "too large"),
        (str(2**31), "too large"),
        (str(2**32 + low), "too large"),
        (str(2**64 + low), "too large"),
        (str(10**30), "too large"),
        (f"0000000000{fine}", "ten digits"),
        (f"{fine}.5", "a fraction"),
        (f"{fine}.0", "a fraction"),
        ("1.5", "a fraction"),
        ("1/2", "a fraction"),
        ("1e3", "an exponent"),
        (f"{fine}e0", "an exponent"),
        ("0x10", "hexadecimal"),
        ("0b1", "binary"),
        ("1_0", "an underscore"),
        (f" {fine}", "a leading space"),
        (f"{fine} ", "a trailing space"),
        (f"{fine}\n", "a trailing newline"),
        (f"\n{fine}", "a leading newline"),
        (f"x\n{fine}", "a line among others"),
        (f"{fine}\nx", "a line among others"),
        (f"{fine}\0", "a trailing NUL"),
        (f"+{fine}", "a sign"),
        (f"--{fine}", "two signs"),
        (fine.translate(_ARABIC), "not ASCII digits"),
        (fine.translate(_WIDE), "not ASCII digits"),
        (f"{fine}x", "not a number"),
        (f"x{fine}", "not a number"),
        (f"{fine},{fine}", "a list"),
        (f"[{fine}]", "a list"),
        (f"{fine} --uid=0", "an option"),
        (f"{fine}; id", "a command"),
        ("NaN", "not a number"),
        ("Infinity", "not a number"),
        ("four", "not a number"),
        ("", "empty"),
        (None, "missing"),
        *_fragments(),
    ]


def _choices(check: Check, cluster: str, rng: random.Random) -> list[_Candidate]:
    elsewhere = [v for _, values in check.by_cluster for v in values]
    return [
        *[(value, "an option of another cluster") for value in elsewhere],
        *_near(rng.choice(_options(check, cluster))),
        *_fragments(),
        ("off-the-list", "off the list"),
        ("", "empty"),
        (None, "missing"),
    ]


def _texts(
    plan: AppPlan, check: Check, base: Mapping[str, str], rng: random.Random
) -> list[_Candidate]:
    fine = base.get(check.field) or STAND_IN
    found: list[_Candidate] = [
        (f"{fine}{rng.choice(_CONTROLS)}{fine}", "a control character"),
        (f"{fine}{rng.choice(_CONTROLS)}", "a trailing control character"),
        (f"{rng.choice(_CONTROLS)}{fine}", "a leading control character"),
        ("x" * (check.length + 1), "too long"),
        ("\u00e9" * (check.length + 1), "too long"),
        (f"{fine}\n", "a trailing newline"),
        (f"{fine}\r\nscript: x", "a YAML line"),
    ]
    if check.required:
        blanks = (rng.choice(" \t\n\r\v\f\0") * rng.randint(1, 5), "blank")
        found += [blanks, ("", "empty"), (None, "missing")]
    if check.pattern:
        found += [*_near("1024x768"), *_fragments(), ("2", "not of the form"), ("1x1", "too short")]
        found += [("-1", "not of the form"), ("1024X768", "another case"), ("01", "two digits")]
    if base["cluster"] in check.label_on:
        bad = (
            "a b", "-abc", "abc-", ".abc", "abc_", "a/b", 'a"b', "a\\b", "a:b", "a,b", "\u00e9",
            "\u212aelvin", "long\u017f", "a\u200bb", "a" * 64, *_FRAGMENTS,
        )  # fmt: skip
        found += [(text, "not a label") for text in bad]
    return found
