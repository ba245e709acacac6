"""The rendered files against their schemas, before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

from ood_appgen.diagnostics import Diagnostic, error
from ood_appgen.model.plan import (
    AppPlan,
    Submitter,
    choices,
    evaluate_submission,
    fill_required,
    made_up_accounts,
)
from ood_appgen.render import RenderedFile
from ood_appgen.schema import check_data
from ood_appgen.source import load_generated

_PERSON = {"name": "ada", "home": "/home/ada", "uid": 1000, "gid": 1000}
_STAGED_ROOT = "/home/ada/ondemand/data/sys/dashboard/batch_connect/sys/app/output/id"


def check(plan: AppPlan, files: Sequence[RenderedFile]) -> list[Diagnostic]:
    """What the schemas of form, manifest and submit document find.

    The submit document is checked for every reachable choice of cluster, node type, cores and GPUs
    (`plan.choices`), in the shape that its scheduler's adapter reads.
    """
    findings: list[Diagnostic] = []
    texts = {f.path: f.content.decode() for f in files if f.path.endswith(".yml")}
    for path, schema in (("form.yml", "form"), ("manifest.yml", "manifest")):
        try:
            problems = check_data(load_generated(texts[path]), schema)
        except ValueError as exc:
            problems = [str(exc)]
        findings += [_finding(plan, path, problem) for problem in problems]
    return findings + _check_submissions(plan)


def _check_submissions(plan: AppPlan) -> list[Diagnostic]:
    submitter = Submitter(_PERSON, made_up_accounts(plan.mounted_users), _STAGED_ROOT)
    schedulers = {c.id: c.scheduler for c in plan.clusters}
    found: dict[str, Diagnostic] = {}
    for choice in choices(plan):
        document = evaluate_submission(plan, fill_required(plan, choice), submitter)
        for problem in check_data(document, "submit", schedulers[choice["cluster"]]):
            where = f"submit.yml.erb on {choice['cluster']}, {choice[plan.node_type_field]}"
            found.setdefault(problem, _finding(plan, where, problem))
    return list(found.values())


def _finding(plan: AppPlan, where: str, problem: str) -> Diagnostic:
    return error(
        plan.app.span,
        "output-schema",
        f"the rendered {where} would not be valid: {problem}",
        "nothing was written; a value above has a form that Open OnDemand cannot use",
        (plan.site.span, "the site profile"),
    )
