"""Rules against apps: each rule's findings become diagnostics with lines, ids and severities."""

from __future__ import annotations

from collections.abc import Iterable

from ood_appgen.diagnostics import Diagnostic, Severity, Span, sort
from ood_appgen.lint.app import App
from ood_appgen.lint.catalog import INTERNAL_ERROR
from ood_appgen.lint.rule import Finding, Rule


def check(app: App, rules: Iterable[Rule]) -> list[Diagnostic]:
    """All findings of the rules on an app, sorted; a rule that crashes is a finding itself."""
    found: list[Diagnostic] = []
    for rule in rules:
        try:
            found += [_diagnose(app, rule, finding) for finding in rule.check(app)]
        except Exception as exc:
            found.append(_report_crash(app, rule, exc))
    return sort(found)


def crashed(found: Iterable[Diagnostic]) -> set[str]:
    """The ids of the rules that a report says have crashed."""
    return {d.message.split()[2] for d in found if d.rule == INTERNAL_ERROR}


def _diagnose(app: App, rule: Rule, finding: Finding) -> Diagnostic:
    file = finding.file
    span: Span | None = None
    if file is not None and finding.start is not None:
        end = finding.end if finding.end is not None else finding.start
        span = file.span(finding.start, max(end, finding.start))
    related = tuple((f.span(start, start), text) for f, start, text in finding.related)
    return Diagnostic(
        file.path if file is not None else finding.path or app.shown_as,
        span,
        rule.id,
        rule.severity if finding.severity is None else finding.severity,
        finding.message,
        finding.hint,
        related,
        finding.fix,
    )


def _report_crash(app: App, rule: Rule, exc: Exception) -> Diagnostic:
    return Diagnostic(
        app.shown_as,
        None,
        INTERNAL_ERROR,
        Severity.ERROR,
        f"the rule {rule.id} failed: {type(exc).__name__}: {exc}",
        "the other rules went on; please report it with the app",
    )
