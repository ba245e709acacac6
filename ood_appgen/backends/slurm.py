"""Slurm: what OOD has a key for goes there, the rest into `native`, a flat list of sbatch arguments.

Source: OSC/ood_core lib/ood_core/job/adapters/slurm.rb (submit) and lib/ood_core/job/script.rb:
`gpus_per_node` is cut to a number there, so a GPU type must go through `native`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ood_appgen.backends.request import Columns, Request, batch_connect, common_columns, wall_time
from ood_appgen.expr import (
    All,
    Concat,
    Condition,
    Either,
    Expr,
    Fact,
    IsGiven,
    IsPositive,
    IsZero,
    Join,
    ListPart,
    Literal,
    Local,
    Not,
    Product,
)
from ood_appgen.model.plan import CORES, GPUS, Assignment, Branch, Entry, Offer


def row(offer: Offer, request: Request) -> Columns:
    """The columns of a Slurm node type."""
    node = offer.node
    columns: list[tuple[str, Any]] = list(common_columns(offer, request))
    if offer.cores.start == 0:
        columns.append(("whole_node", _whole_node(offer)))
    if offer.memory_mb_per_core is not None:
        columns.append(("memory_mb_per_core", offer.memory_mb_per_core))
    if node.gpus is not None and node.gpus.request == "gres":
        columns.append(("gres", ":".join(filter(None, ("gpu", node.gpus.type)))))
    elif node.gpus is not None and node.gpus.type:
        columns.append(("gpu_type", node.gpus.type))
    columns += [
        (key, value)
        for key, value in (
            ("queue_name", node.partition),
            ("qos", node.qos),
            ("reservation_id", node.reservation),
        )
        if value
    ]
    native: list[str] = []
    if offer.memory_mb is not None:
        native += ["--mem", f"{offer.memory_mb}M"]
    if node.constraint:
        native += ["--constraint", node.constraint]
    if node.exclusive:
        native.append("--exclusive")
    if node.licenses:
        native += ["--licenses", ",".join(node.licenses)]
    native += [*offer.cluster.native, *node.native]
    if native:
        columns.append(("native", native))
    return tuple(columns)


def branches(offers: Sequence[Offer], request: Request) -> tuple[Branch, ...]:
    """One branch for all Slurm clusters: what differs between them is in the table."""
    clusters = tuple(dict.fromkeys(offer.cluster.id for offer in offers))
    rows = [dict(row(offer, request)) for offer in offers]
    script: list[Entry] = []
    if request.account is not None:
        blank = IsGiven(request.account) if request.account_may_be_blank else None
        script.append(Entry("accounting_id", request.account, blank))
    script += wall_time(request)
    script += _asked_or_fixed("queue_name", "queue_name", request.queue, rows)
    script += _asked_or_fixed("qos", "qos", request.qos, rows)
    script += _asked_or_fixed("reservation_id", "reservation_id", None, rows)
    script += _gpus_per_node(rows)
    script.append(Entry("native", Local("native")))
    names = (
        Assignment(
            "native", _native(rows), "arguments of sbatch, for what Open OnDemand has no key for"
        ),
    )
    entries = (batch_connect(request.app, with_params=True), Entry("script", tuple(script)))
    return (Branch("slurm", clusters, names, entries),)


def _whole_node(offer: Offer) -> list[str]:
    whole = offer.node.whole_node
    arguments = ["--ntasks-per-node", whole]
    if whole == "exclusive":
        arguments = [] if offer.node.exclusive else ["--exclusive"]
    if offer.memory_mb_per_core is not None:
        arguments += ["--mem", "0"]  # all memory of the node
    return arguments


def _asked_or_fixed(
    key: str, column: str, asked: Expr | None, rows: list[dict[str, Any]]
) -> list[Entry]:
    """An entry that a node type fixes, the user is asked for, or both (the node type wins)."""
    fixed = [column in r for r in rows]
    if asked is None:
        when = None if all(fixed) else IsGiven(Fact(column))
        return [Entry(key, Fact(column), when)] if any(fixed) else []
    value = Either(Fact(column), asked) if any(fixed) else asked
    return [Entry(key, value, None if all(fixed) else IsGiven(value))]


def _gpus_per_node(rows: list[dict[str, Any]]) -> list[Entry]:
    plain = [r for r in rows if "gpus" in r and not {"gres", "gpu_type"} & r.keys()]
    if not plain:
        return []
    conditions: list[Condition] = [IsPositive(GPUS)]
    for column in ("gres", "gpu_type"):
        if any(column in r for r in rows):
            conditions.append(Not(IsGiven(Fact(column))))
    return [Entry("gpus_per_node", GPUS, _all(conditions))]


def _native(rows: list[dict[str, Any]]) -> Concat:
    tasks = (Literal("--ntasks-per-node"), Join((CORES,)))
    parts = [ListPart((Literal("--nodes"), Literal("1")))]
    whole = any("whole_node" in r for r in rows)
    if whole:
        parts.append(ListPart(Fact("whole_node"), IsZero(CORES), tasks))
    else:
        parts.append(ListPart(tasks))
    ratio = ["memory_mb_per_core" in r for r in rows]
    if any(ratio):
        conditions: list[Condition] = [] if all(ratio) else [IsGiven(Fact("memory_mb_per_core"))]
        if whole:
            conditions.append(Not(IsZero(CORES)))
        memory = Join((Product(CORES, Fact("memory_mb_per_core")), Literal("M")))
        parts.append(ListPart((Literal("--mem"), memory), _all(conditions)))
    for column, option in (("gres", "--gres"), ("gpu_type", "--gpus-per-node")):
        if any(column in r for r in rows):
            value = Join((Fact(column), Literal(":"), GPUS))
            when = All((IsGiven(Fact(column)), IsPositive(GPUS)))
            parts.append(ListPart((Literal(option), value), when))
    if any("native" in r for r in rows):
        parts.append(ListPart(Fact("native")))
    return Concat(tuple(parts))


def _all(conditions: list[Condition]) -> Condition | None:
    if not conditions:
        return None
    return conditions[0] if len(conditions) == 1 else All(tuple(conditions))
