"""Two options of a select are one to the form's JavaScript, so their directives do not work.

Why
    Directives are kept in tables by the option's value. Of options with equal values only the first one's
    directives are read; a `data-hide-` that is entered twice hides nothing once the page has been loaded;
    and values that differ in `-` and `_` alone, such as gpu-40core and gpu_40core, share one entry. (OSC/ondemand
    apps/dashboard/app/javascript/dynamic_forms.js, makeChangeHandlers, Table, snakeCaseWords; seen in
    Chromium.)

Bad
    options:
      - [GPU on Pitzer, gpu, data-max-gpus: 2]
      - [GPU on Ascend, gpu, data-max-gpus: 4]

Good
    options:
      - [GPU on Pitzer, gpu, data-max-gpus: 2]
      - [GPU on Ascend, gpu-ascend, data-max-gpus: 4]

Fix
    Give each option a value of its own. With one value, `data-max-gpus-for-cluster-ascend: 4` on the first
    option may do it as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen import directives
from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.page import Page, Placed, Why, pages
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR
_TABLES = ("hide", "set", "min", "max")


def check(app: App) -> Iterator[Finding]:
    """Look for directives on options whose value, or entry, another option has."""
    found = pages(app)
    for placed in found.placed:
        if found.judge(placed).why is Why.REPEATED:
            does = "works at most once, as the page is loaded"
            does = does if placed.kind == "hide" else "does nothing"
            yield at(
                placed.directive.name,
                f"{quote(placed.name)} {does}: another option has the value "
                f"{quote(placed.option_value or '')}",
                "give each option a value of its own",
            )
    for page in found.each:
        for source, element in page.elements.items():
            if element.is_only("select") and not element.fixed:
                yield from _check_entries(page, source)


def _check_entries(page: Page, source: str) -> Iterator[Finding]:
    """Look for different values that share an entry, where a directive is on only one of them."""
    options = [(o, own) for o, own in page.options(source) if o.value and not o.value.opaque]
    seen: dict[str, tuple[str, list[Placed]]] = {}
    for option, own in options:
        assert option.value is not None
        value = option.value.value
        entry = directives.entry(value)
        other, others = seen.setdefault(entry, (value, own))
        tables = [p for p in (*own, *others) if p.kind in _TABLES and page.judge(p).works]
        if other != value and tables and value and other:
            yield at(
                option.value,
                f"{quote(value)} and {quote(other)} are one value to directives: "
                f"{quote(tables[0].name)} holds for both, and the last one written counts",
                "change one of the two values",
            )
