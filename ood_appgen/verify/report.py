"""What verify found, as a person reads it and as a program does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ood_appgen.diagnostics import quote
from ood_appgen.verify.target import Cell, Finding, Report

_PLACES_SHOWN = 6


def describe(report: Report, width: int = 100) -> Iterator[str]:
    """The lines of a report: the table, the counts, then each finding."""
    target = report.target
    yield f"{target.shown_as}: {target.note}" if target.note else f"{target.shown_as}:"
    if report.stopped:
        yield f"  error: {report.stopped}"
        return
    yield ""
    yield from _table(report.cells, width)
    yield ""
    yield from _counts(report)
    for finding in report.findings:
        yield ""
        yield from _finding(report, finding)
    yield ""


def summarize(reports: list[Report]) -> str:
    """The last line: how many apps, choices and findings."""
    evaluated = sum(sum(r.evaluated.values()) for r in reports)
    findings = sum(len(r.findings) + bool(r.stopped) for r in reports)
    bad = sum(r.failed for r in reports)
    verdict = (
        "no findings" if not findings else f"{_many(findings, 'finding')} in {_many(bad, 'app')}"
    )
    return f"{_many(len(reports), 'app')}, {_many(evaluated, 'choice')} evaluated: {verdict}."


def to_json(report: Report) -> dict[str, Any]:
    """The report as data for programs."""
    count = report.count
    return {
        "app": report.target.name,
        "path": report.target.shown_as,
        "with_plan": report.target.plan is not None,
        "stopped": report.stopped or None,
        "seed": report.seed,
        "choices": count
        and {
            "combinations": count.combinations,
            "evaluated": dict(report.evaluated),
            "not_evaluated_for_limit": report.skipped,
            "pairs_that_cannot_meet": count.pairs_missed,
        },
        "cells": [
            {
                "cluster": c.cluster,
                "node_type": c.node_type,
                "cores": c.cores,
                "gpus": c.gpus,
                "hours": c.hours,
                "evaluated": c.evaluated,
                "failed": c.failed,
                "sample": c.sample,
            }
            for c in report.cells
        ],
        "findings": [
            {
                "rule": f.problem.rule,
                "file": f"{report.target.shown_as}/{f.problem.file}",
                "line": f.problem.line or None,
                "message": f.problem.message,
                "planned": f.problem.planned or None,
                "found": f.problem.found or None,
                "choice": dict(f.values),
                "count": f.count,
                "places": [{"cluster": c, "node_type": n} for c, n in f.places],
                "related": [{"place": place, "text": text} for place, text in f.related],
            }
            for f in report.findings
        ],
    }


def _table(cells: tuple[Cell, ...], width: int) -> Iterator[str]:
    """Clusters down, node types across; in blocks where the terminal is too narrow."""
    clusters = list(dict.fromkeys(c.cluster for c in cells))
    nodes = list(dict.fromkeys(c.node_type for c in cells))
    by_place = {(c.cluster, c.node_type): _cell(c) for c in cells}
    first = max(map(len, clusters), default=0)
    block: list[str] = []
    blocks: list[list[str]] = []
    used = first
    for node in nodes:
        wide = _column(node, clusters, by_place)
        if block and used + 2 + wide > width - 2:
            blocks.append(block)
            block, used = [], first
        block.append(node)
        used += 2 + wide
    if block:
        blocks.append(block)
    for number, names in enumerate(blocks):
        rows = [c for c in clusters if any((c, n) in by_place for n in names)]
        widths = {n: _column(n, rows, by_place) for n in names}
        if number:
            yield ""
        yield _joined(" " * first, [(n or "all", widths[n]) for n in names])
        for cluster in rows:
            height = max(len(by_place.get((cluster, n), ("-",))) for n in names)
            for line in range(height):
                row = []
                for n in names:
                    lines = by_place.get((cluster, n), ("-",))
                    row.append((lines[line] if line < len(lines) else "", widths[n]))
                yield _joined(f"{cluster if line == 0 else '':{first}}", row)


def _joined(first: str, columns: list[tuple[str, int]]) -> str:
    return ("  " + first + "".join(f"  {text:{wide}}" for text, wide in columns)).rstrip()


def _column(
    node: str, clusters: list[str], by_place: Mapping[tuple[str, str], tuple[str, ...]]
) -> int:
    texts = [node or "all"]
    for cluster in clusters:
        texts += by_place.get((cluster, node), ())
    return max(map(len, texts))


def _cell(cell: Cell) -> tuple[str, ...]:
    lines = []
    if cell.cores:
        lines.append(f"{cell.cores} cores")
    if cell.gpus:
        lines.append(f"{cell.gpus} GPUs")
    if cell.hours:
        lines.append(f"{cell.hours} h")
    if cell.failed:
        lines.append(f"{cell.failed} of {cell.evaluated} BAD")
    else:
        lines.append(f"ok ({cell.evaluated})")
    return tuple(lines)


def _counts(report: Report) -> Iterator[str]:
    count = report.count
    assert count is not None
    done = report.evaluated
    resources = done["grid"] + done["pairs"]
    yield (
        f"  The form allows {_many(count.combinations, 'combination')}. Evaluated: {resources:,} "
        f"({done['grid']:,} for every cluster, node type, GPUs and cores; {done['pairs']:,} more for"
    )
    yield f"  every pair of the other values, seed {report.seed})."
    if done["text"]:
        yield f"  Hostile texts in text fields: {done['text']:,} choices."
    if done["tampered"]:
        yield f"  Posts that the form does not offer: {done['tampered']:,}."
    if count.pairs_missed:
        yield f"  {count.pairs_missed:,} pairs of values cannot meet: the form's directives keep them apart."
    if report.skipped:
        yield f"  Not evaluated because of --limit: {report.skipped:,}."


def _finding(report: Report, finding: Finding) -> Iterator[str]:
    problem = finding.problem
    place = f"{report.target.shown_as}/{problem.file}" + (
        f":{problem.line}" if problem.line else ""
    )
    yield f"{place}: error: {problem.message} [{problem.rule}]"
    if problem.planned:
        yield f"  planned: {problem.planned}"
    if problem.found:
        yield f"  found:   {problem.found}"
    if finding.values:
        chosen = ", ".join(f"{k}={quote(v)}" for k, v in finding.values.items())
        yield f"  choice:  {chosen}; all else as the form starts"
    if finding.count > 1:
        places = [f"{c} {n}".strip() for c, n in finding.places[:_PLACES_SHOWN]]
        more = len(finding.places) - len(places)
        rest = f" and {more} more" if more > 0 else ""
        yield f"  {finding.count} choices show it: {', '.join(places)}{rest}"
    for where, text in finding.related:
        yield f"  {where}: {text}"


def _many(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
