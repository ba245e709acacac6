"""A pattern for one cluster also matches another one.

Why
    `/kubernetes/` matches "kubernetes-test" as well, wherever the word stands. The other cluster then
    gets the options of the first: a branch of its own further down is never reached, or, as
    the site profile can tell, they are for another scheduler.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, submit_opts: the file is plain ERB.)

Bad
    <%- if cluster =~ /pitzer/ -%>
    ...
    <%- elsif cluster == "pitzer-exp" -%>

Good
    <%- if cluster == "pitzer" -%>
    ...
    <%- elsif cluster == "pitzer-exp" -%>

Fix
    Compare with `==`, or anchor the pattern: /\\Apitzer\\z/.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node as RubyNode

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import ruby, submit
from ood_appgen.lint.app import App
from ood_appgen.lint.rule import Finding
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look at patterns over `cluster` that take more of the app's clusters than one."""
    known = submit.values(app, "cluster")
    if known is None or len(known.offered) < 2:
        return
    site = app.settings.site
    schedulers = {c.id: c.scheduler for c in site.clusters} if site is not None else {}
    for file, in_template in submit.programs(app):
        program = file.program
        for node in program.nodes:
            if not node.is_named or node.type not in ("case", "if"):
                continue
            parent = node.parent
            if parent is not None and parent.type == "elsif":
                continue
            yield from _check_chain(file, node, in_template, known.offered, schedulers)


def _check_chain(
    file: SourceFile,
    node: RubyNode,
    in_template: bool,
    clusters: tuple[str, ...],
    schedulers: dict[str, str],
) -> Iterator[Finding]:
    clauses = submit.clauses(file.program, node, in_template)
    tests = [test for _, test in clauses]
    for index, (clause, test) in enumerate(clauses):
        pattern = _find_pattern(clause)
        if test is None or pattern is None or test.fields != {"cluster"}:
            continue
        taken = [c for c in clusters if submit.choose(tests, {"cluster": c}) == (index, True)]
        kinds = {schedulers.get(c, "") for c in taken}
        start, end = pattern.start_byte, pattern.end_byte
        source = file.program.source(pattern)
        hint = "compare with `==`, or anchor the pattern with \\A and \\z"
        if len(kinds) > 1 and "" not in kinds:
            names = " and ".join(quote(c) for c in taken)
            message = f"`{source}` matches {names}, which have different schedulers"
            yield Finding(message, hint, file, start, end)
            continue
        for later, later_test in clauses[index + 1 :]:
            if later_test is None or later_test.fields != {"cluster"}:
                continue
            own = [c for c in clusters if later_test.answer({"cluster": c})]
            if own and all(c in taken for c in own):
                names = " and ".join(quote(c) for c in own)
                message = f"`{source}` also matches {names}, whose own branch is never reached"
                related = ((file, later.start_byte, "this branch is never reached"),)
                yield Finding(message, hint, file, start, end, related=related)
                break


def _find_pattern(clause: RubyNode) -> RubyNode | None:
    """The regular expression in what a clause tests."""
    if clause.type == "when":
        tested = [c for c in clause.named_children if c.type == "pattern"]
    else:
        condition = clause.child_by_field_name("condition")
        tested = [condition] if condition is not None else []
    return next((n for t in tested for n in ruby.walk(t) if n.type == "regex"), None)
