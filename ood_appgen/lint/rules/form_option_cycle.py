"""Selects decide about each other's options in a circle: changing one freezes the page.

Why
    Whenever an option-for directive has been applied, its select reports a change, which applies those that
    depend on it. In a circle this goes on until the browser stops it; where one field of the circle
    decides about two others in it, the number of steps doubles each time round and the page hangs for
    good. (OSC/ondemand apps/dashboard/app/javascript/dynamic_forms.js, sharedToggleOptionsFor; seen in
    Chromium with v3.1.16 and v4.2.3.)

Bad
    queue: # its options depend on node_type and on site
      options: [[a, a, {data-option-for-node-type-x: false, data-option-for-site-y: false}]]
    node_type:
      options: [[x, x, {data-option-for-queue-a: false}]]
    site:
      options: [[y, y, {data-option-for-queue-a: false}]]

Good
    queue:
      options: [[a, a, {data-option-for-node-type-x: false, data-option-for-site-y: false}]]

Fix
    Let the fields depend on each other in one direction, such as from the top of the form to its end.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Page, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR
Edge = tuple[str, str, str]


def check(app: App) -> Iterator[Finding]:
    """Look for circles with more edges than fields."""
    for page in pages(app).each:
        edges = _find_edges(page)
        told: set[str] = set()
        for start in sorted({source for source, _, _ in edges}):
            circle = _reach(edges, start) & _reach_back(edges, start)
            inner = [edge for edge in edges if edge[0] in circle and edge[1] in circle]
            if start in told or len(inner) <= len(circle):
                continue
            told |= circle
            first = min((edges[e] for e in inner), key=lambda p: p.directive.name.start)
            names = ", ".join(quote(name) for name in page.elements if name in circle)
            yield at(
                first.directive.name,
                f"changing one of {names} freezes the page: they decide about each other's options",
                "let them depend on each other in one direction only",
            )


def _find_edges(page: Page) -> dict[Edge, Placed]:
    """From a deciding field to a select whose options it hides, with a directive for each."""
    found: dict[Edge, Placed] = {}
    for placed in page.placed:
        if placed.kind.endswith("option-for") and page.judge(placed).why is Why.WORKS:
            effect = page.read(placed)
            if effect is not None and effect.target in page.elements:
                found.setdefault((effect.target, placed.source, placed.kind), placed)
    return found


def _reach(edges: dict[Edge, Placed], start: str) -> set[str]:
    return _walk([(source, target) for source, target, _ in edges], start)


def _reach_back(edges: dict[Edge, Placed], start: str) -> set[str]:
    return _walk([(target, source) for source, target, _ in edges], start)


def _walk(steps: list[tuple[str, str]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        here = todo.pop()
        for source, target in steps:
            if source == here and target not in seen:
                seen.add(target)
                todo.append(target)
    return seen
