"""The pipeline: read, check, model, plan, render, check. Writing is a step of its own (`writer`)."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

from ood_appgen import check, lock, overrides, planner, render, schema, source
from ood_appgen.diagnostics import (
    Diagnostic,
    error,
    file_error,
    has_errors,
    quote,
    sort,
    warning,
)
from ood_appgen.model import app_parser, site_parser
from ood_appgen.model.app import AppSpec
from ood_appgen.model.plan import AppPlan
from ood_appgen.model.site import AppOverride, SiteProfile
from ood_appgen.render import RenderedFile
from ood_appgen.source import Document
from ood_appgen.verify.target import Target

SITE_FILE = "site.yml"
APP_FILE = "app.yml"

T = TypeVar("T")


@dataclass(frozen=True)
class RenderedApp:
    """An app, ready to be written. `inputs` are digests of what it is made from, for its lock."""

    id: str
    plan: AppPlan
    files: tuple[RenderedFile, ...]
    inputs: Mapping[str, str]


@dataclass(frozen=True)
class Result:
    """What came of rendering. No app is to be written where there is an error among the findings.

    `skipped` are the ids of apps that the site forbids.
    """

    apps: tuple[RenderedApp, ...]
    skipped: tuple[str, ...]
    findings: tuple[Diagnostic, ...]

    @property
    def failed(self) -> bool:
        """Whether anything must not be written."""
        return has_errors(self.findings)


def find_site(start: Path) -> Path | None:
    """The site.yml of the nearest directory upward from `start`."""
    for folder in (start, *start.parents):
        if (folder / SITE_FILE).is_file():
            return folder / SITE_FILE
    return None


def shown_path(path: Path) -> Path:
    """A path as seen from here, unless that is far away."""
    relative = os.path.relpath(path)
    return path if relative.startswith("../../..") else Path(relative)


def find_apps(site_file: Path) -> list[Path]:
    """The app directories of a site: `apps/*` beside site.yml, and directories beside it."""
    folder = site_file.parent
    return sorted(
        p.parent for p in (*folder.glob(f"apps/*/{APP_FILE}"), *folder.glob(f"*/{APP_FILE}"))
    )


def render_apps(app_dirs: Sequence[Path], site_file: Path, everything: bool = False) -> Result:
    """Render apps for a site, in memory, with the findings of all of them.

    `everything` says that these are all apps there are: a word on another one is then a mistake.
    """
    site, findings = _load(site_file, "site", site_parser.parse)
    apps: list[RenderedApp] = []
    skipped: list[str] = []
    seen: dict[str, AppSpec] = {}
    digest = cache(_digest)  # site.yml is read once for all apps
    for folder in {d.resolve(): d for d in app_dirs}.values():
        app, found = _load(folder / APP_FILE, "app", app_parser.parse)
        findings += found
        if app is None or site is None:
            continue
        if app.id in seen:
            findings.append(
                error(
                    app.span,
                    "app-twice",
                    f"two apps are called {quote(app.id)}",
                    "",
                    (seen[app.id].span, "the other"),
                )
            )
            continue
        seen[app.id] = app
        override = site.override(app.id)
        if override is not None and override.forbid:
            skipped.append(app.id)
            continue
        rendered, found = _render_one(site, app, site_file, folder, digest)
        findings += found
        if rendered is not None:
            apps.append(rendered)
    findings += planner.check_together([(a.plan.app, a.plan.admissions) for a in apps])
    if site is not None and everything and not has_errors(findings):
        findings += [_unknown_app(app, seen) for name, app in site.apps.items() if name not in seen]
    return Result(tuple(apps), tuple(skipped), tuple(sort(findings)))


def lint_rendered(result: Result, output: Path) -> Result:
    """The same apps with what the linter says of them as they would be in `output`, but for notes."""
    from ood_appgen.lint import rendered

    if result.failed:
        return result
    apps = [
        rendered.Rendered(
            output / app.id,
            ".".join(map(str, app.plan.site.ondemand)),
            tuple((f.path, f.content, f.executable) for f in app.files),
            app.plan.app.span,
        )
        for app in result.apps
    ]
    findings = (*result.findings, *rendered.check(apps))
    return replace(result, findings=tuple(sort(findings)))


def find_targets(
    folders: Sequence[Path], site_file: Path | None, scratch: Path
) -> tuple[list[Target], list[Diagnostic]]:
    """What `verify` proves: app directories rendered into `scratch`, and rendered ones in place.

    A rendered directory is held against its plan where the files it says it is made from are
    found: beside `site_file`, or beside the nearest site.yml upward. App directories need one of
    the two.
    """
    targets: list[Target] = []
    findings: list[Diagnostic] = []
    for folder in folders:
        nearest = None if site_file else find_site(folder.resolve())
        site = site_file or (shown_path(nearest) if nearest else None)
        if (folder / APP_FILE).is_file():
            assert site is not None, "the caller has looked for one"
            result = render_apps([folder], site)
            findings += result.findings
            for app in result.apps:
                targets.append(_rendered_target(app, folder, scratch))
            continue
        target, found = _target_in_place(folder, site, named=site_file is not None)
        targets.append(target)
        findings += found
    return targets, sort(findings)


def _target_in_place(
    folder: Path, site: Path | None, named: bool
) -> tuple[Target, list[Diagnostic]]:
    """A rendered app, or one made by hand. `named` says that the user named the site for it."""
    findings: list[Diagnostic] = []
    name, shown_as = folder.resolve().name, str(folder)
    source_file = _made_from(folder, site)
    if site is not None and source_file is not None:
        result = render_apps([source_file.parent], site)
        findings += result.findings
        for app in result.apps:
            planned = {f.path: f.content.decode("utf-8", "replace") for f in app.files}
            schedulers = _schedulers(app.plan.site)
            note = f"held against {site} and {source_file}"
            return Target(name, folder, shown_as, app.plan, planned, schedulers, note), findings
    profile: SiteProfile | None = None
    if site is not None:
        profile, found = _load(site, "site", site_parser.parse)
        findings += found if named else []  # else it is only a site.yml that is there by chance
    note = "no plan for it is at hand; its choices are read from its form"
    schedulers = _schedulers(profile) if profile is not None else {}
    return Target(name, folder, shown_as, schedulers=schedulers, note=note), findings


def _schedulers(site: SiteProfile) -> dict[str, str]:
    return {c.id: c.scheduler for c in site.clusters}


_MADE_FROM = re.compile(r"made by appgen from \S+ and (\S.*/app\.yml)\.$", re.MULTILINE)


def _made_from(folder: Path, site: Path | None) -> Path | None:
    """The app.yml that a rendered app names in its form.yml, if it is there."""
    try:
        head = (folder / "form.yml").read_text(encoding="utf-8")[:2000]
    except (OSError, UnicodeDecodeError):
        return None
    found = _MADE_FROM.search(head)
    if found is None or site is None:
        return None
    path = site.parent / found[1]
    return path if path.is_file() else None


def _rendered_target(app: RenderedApp, folder: Path, scratch: Path) -> Target:
    target = scratch / app.id
    for file in app.files:
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return Target(app.id, target, str(folder), app.plan, note=f"rendered for {app.plan.site.path}")


def _unknown_app(override: AppOverride, known: Iterable[str]) -> Diagnostic:
    return warning(
        override.span,
        "app-unknown",
        f"the site has no app {quote(override.id)}",
        schema.did_you_mean(override.id, known) or f"its apps: {', '.join(known)}",
    )


def _render_one(
    site: SiteProfile,
    app: AppSpec,
    site_file: Path,
    folder: Path,
    digest: Callable[[Path], str],
) -> tuple[RenderedApp | None, list[Diagnostic]]:
    made_from, command = _origin(site_file, folder)
    plan, findings = planner.build(site, app, made_from, command)
    if plan is None:
        return None, findings
    files = render.render(plan)
    findings += check.check(plan, files)
    replaced, found = overrides.read(folder)
    findings += found
    files = overrides.apply(files, replaced)
    inputs = _find_inputs(plan, site_file, folder, replaced, digest)
    return RenderedApp(app.id, plan, files, inputs), findings


def _find_inputs(
    plan: AppPlan,
    site_file: Path,
    folder: Path,
    replaced: Sequence[RenderedFile],
    digest: Callable[[Path], str],
) -> dict[str, str]:
    """Digests of the files that an app is made from, by path as seen from the site's directory."""
    site_name, app_file = plan.made_from
    app_dir = os.path.dirname(app_file)
    override = plan.site.override(plan.app.id)
    of_site = {*plan.site.read_files, *(override.read_files if override else ())}
    paths = {site_name: site_file, app_file: folder / APP_FILE}
    paths |= {name: site_file.parent / name for name in of_site}
    paths |= {os.path.join(app_dir, name): folder / name for name in plan.app.read_files}
    digests = {name: digest(path) for name, path in paths.items()}
    for file in replaced:
        name = os.path.join(app_dir, overrides.FOLDER, file.path)
        digests[name] = lock.digest(file.content, file.executable)
    return dict(sorted(digests.items()))


def _digest(path: Path) -> str:
    return lock.digest(path.read_bytes())


def _origin(site_file: Path, folder: Path) -> tuple[tuple[str, str], str]:
    """How the output names its sources: as seen from the directory of site.yml."""
    base = site_file.parent.resolve()
    app_dir = os.path.relpath(folder.resolve(), base)
    command = f"appgen render {shlex.quote(app_dir)}"
    if find_site(folder.resolve()) != site_file.resolve():
        command += f" --site {shlex.quote(site_file.name)}"
    return (site_file.name, os.path.join(app_dir, APP_FILE)), command


def _load(
    path: Path, kind: str, parse: Callable[[Document, Path], tuple[T | None, list[Diagnostic]]]
) -> tuple[T | None, list[Diagnostic]]:
    shown_as = str(path)
    if not path.is_file():
        hint = f"{kind} directories hold a file {path.name}" if kind == "app" else ""
        return None, [file_error(shown_as, "unreadable", "there is no such file", hint)]
    document, findings = source.read_file(path, shown_as)
    if document is None:
        return None, findings
    misread = {f.span for f in findings}  # said once: what was not read as written fits no schema
    findings += [f for f in schema.validate(document, kind) if f.span not in misread]
    if has_errors(findings):
        return None, findings
    model, found = parse(document, path.parent)
    return model, findings + found
