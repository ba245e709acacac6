"""From profile and spec to plan, step by step; each step stops the next where it finds errors."""

from __future__ import annotations

from ood_appgen.diagnostics import Diagnostic, error, has_errors, quote
from ood_appgen.model.app import AppSpec
from ood_appgen.model.plan import AppPlan
from ood_appgen.model.site import AppOverride, SiteProfile
from ood_appgen.planner.containers import check_placeholders
from ood_appgen.planner.form import plan_form
from ood_appgen.planner.offers import choose_clusters, make_offers
from ood_appgen.planner.pod_checks import check_pods
from ood_appgen.planner.pods import plan_pods
from ood_appgen.planner.scripts import plan_scripts
from ood_appgen.planner.settings import settle
from ood_appgen.planner.submission import (
    make_branches,
    make_checks,
    make_compute_table,
    make_names,
    make_request,
    make_table,
)

# The newest release line; wayvnc is in none of them (OSC/ood_core PR 944 is newer).
_NEWEST_RELEASE = (4, 2)


def build(
    site: SiteProfile, app: AppSpec, made_from: tuple[str, str], command: str
) -> tuple[AppPlan | None, list[Diagnostic]]:
    """Plan an app for a site. No plan where there is an error; each names both sides.

    `made_from` and `command` are what the generated files say of their origin.
    """
    override = site.override(app.id)
    findings = _check_template(site, app) + _check_blocks(app, override)
    clusters, found = choose_clusters(site, app, override)
    findings += found
    if not clusters:
        return None, findings
    settings, found = settle(site, app, override, clusters)
    findings += found
    offers, found = make_offers(clusters, settings, override)
    findings += found
    if not offers:
        return None, findings
    findings += check_placeholders(site, settings, offers)
    findings += check_pods(site, settings, offers)
    form, found = plan_form(site, settings, clusters, offers)
    findings += found
    if form is None or has_errors(findings):
        return None, findings
    pods = plan_pods(site, settings, offers)
    offers = pods.offers
    request = make_request(site, settings, form, offers)
    plan = AppPlan(
        made_from=made_from,
        command=command,
        app=settings.app,
        site=site,
        title=settings.title,
        category=settings.category,
        subcategory=settings.subcategory,
        clusters=clusters,
        offers=offers,
        form=form.fields,
        node_type_field=form.node_type,
        cores_field=form.cores,
        gpus_field=form.gpus,
        hours_field=form.hours,
        defaults=form.defaults,
        table=make_table(offers, request, form),
        compute_table=make_compute_table(site, offers),
        names=make_names(settings, form, offers),
        branches=make_branches(offers, request),
        checks=make_checks(settings, form, offers),
        scripts=plan_scripts(site, settings, form, clusters, pods),
        admissions=pods.admissions,
        view=settings.app.view,
        blocks=dict(override.blocks) if override else {},
    )
    return plan, findings


def _check_blocks(app: AppSpec, override: AppOverride | None) -> list[Diagnostic]:
    has_view = app.view is not None and app.view.kind != "novnc"
    if override is None or has_view:
        return []
    return [
        error(
            override.span,
            "block-place",
            f"{quote(name)} stands in the app's view, and {app.id} has none of its own",
            "leave the block out",
            (app.span, "the app"),
        )
        for name, _ in override.blocks
        if name.startswith("view_")
    ]


def _check_template(site: SiteProfile, app: AppSpec) -> list[Diagnostic]:
    if app.template != "wayvnc" or site.ondemand > _NEWEST_RELEASE:
        return []
    release = ".".join(map(str, site.ondemand))
    return [
        error(
            app.template_span,
            "template-release",
            f"the template {quote(app.template)} is in no Open OnDemand release up to 4.2",
            "use vnc",
            (site.span, f"the site runs Open OnDemand {release}"),
        )
    ]
