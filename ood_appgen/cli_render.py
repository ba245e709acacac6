"""The commands about rendered apps: render, status, diff, explain, deploy."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ood_appgen import __version__
from ood_appgen.cli_common import (
    FINDINGS,
    PATH,
    choose_apps,
    fail,
    output_option,
    print_findings,
    site_option,
)

if TYPE_CHECKING:  # the pipeline is imported where it is used: `appgen --help` stays quick
    from ood_appgen.api import Result
    from ood_appgen.deploy import Step
    from ood_appgen.writer import AppChanges

_app_dirs = click.argument("app_dirs", nargs=-1, metavar="[APP_DIR ...]", type=PATH)


@click.command("render", short_help="Render apps for a site.")
@_app_dirs
@site_option
@output_option
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if anything differs.")
@click.option("--diff", is_flag=True, help="Write nothing; print the differences.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would change.")
@click.option("--merge", is_flag=True, help="Put edits made by hand and what is new together.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited, or made, by hand.")
def render_command(
    app_dirs: tuple[Path, ...],
    site_file: Path | None,
    output: Path,
    check: bool,
    diff: bool,
    dry_run: bool,
    merge: bool,
    force: bool,
) -> None:
    """Render apps for a site, check them, and write them.

    Without APP_DIR: all apps of the site (apps/*/app.yml beside site.yml). All or nothing: when one
    app has an error, none is written. A file that you made or edited is never overwritten without
    --force; --merge keeps your lines and adds what is new, with conflict markers where both changed
    the same ones.
    """
    from ood_appgen import api, news, writer

    if check + diff + dry_run > 1:
        raise click.UsageError("--check, --diff and --dry-run exclude each other")
    if merge and force:
        raise click.UsageError("--merge and --force exclude each other")
    app_dirs, site_file, everything = choose_apps(app_dirs, site_file)
    result = api.lint_rendered(api.render_apps(app_dirs, site_file, everything), output)
    print_findings(result.findings, "nothing was written")
    try:
        changes = _compare(result, output)
        if diff:
            for line in _diff(changes):
                click.echo(line)
            return
        if force:
            changes = [writer.force(app) for app in changes]
        elif merge:
            changes = [writer.merge(app) for app in changes]
        for_users = news.find(changes)
        blocked = [app for app in changes if app.blocked] if not force else []
        writes = not (check or dry_run)
        if blocked and writes:
            _print_blocked(blocked)
            sys.exit(FINDINGS)
        if writes:
            writer.write(changes, output)
    except writer.WriteError as exc:
        fail(f"{exc}")
    _print_changes(changes, result, written=writes)
    _print_news(for_users)
    conflicts = sum(c.conflicts for app in changes for c in app.changes)
    if conflicts:
        where = f"{conflicts} conflict{'s' if conflicts > 1 else ''}"
        click.echo(f"{where} to decide: look for <<<<<<< in the merged files.", err=True)
    if conflicts or (check and not all(app.is_clean for app in changes)):
        sys.exit(FINDINGS)


@click.command("status", short_help="Say how rendered apps stand to their sources.")
@_app_dirs
@site_option
@output_option
def status_command(app_dirs: tuple[Path, ...], site_file: Path | None, output: Path) -> None:
    """Say for each app whether what is rendered is up to date, and if not, why not.

    Up to date; inputs changed; tool changed; edited by hand (which files and lines); orphaned. Exit
    code 1 where there is anything to do.
    """
    from ood_appgen import api, status, writer

    app_dirs, site_file, everything = choose_apps(app_dirs, site_file)
    result = api.render_apps(app_dirs, site_file, everything)
    print_findings(result.findings, "the apps could not be compared")
    made_by = f"ood-appgen {__version__}"
    try:
        found = [
            status.examine(changes, app.inputs, made_by)
            for app, changes in zip(result.apps, _compare(result, output), strict=True)
        ]
    except writer.WriteError as exc:
        fail(f"{exc}")
    if everything:
        found += status.find_orphans(output, [app.id for app in result.apps])
    for app in found:
        click.echo(f"{app.target}: {', '.join(state for state, _ in app.states)}")
        for _, lines in app.states:
            for line in lines:
                click.echo(f"  {line}")
    if not all(app.is_clean for app in found):
        sys.exit(FINDINGS)


@click.command("diff", short_help="Print what rendering would change.")
@_app_dirs
@site_option
@output_option
def diff_command(app_dirs: tuple[Path, ...], site_file: Path | None, output: Path) -> None:
    """Print the differences from what is there to what would be rendered, as `git diff` does.

    Exit code 1 where there are any.
    """
    from ood_appgen import api, writer

    app_dirs, site_file, everything = choose_apps(app_dirs, site_file)
    result = api.render_apps(app_dirs, site_file, everything)
    print_findings(result.findings, "the apps could not be compared")
    try:
        lines = list(_diff(_compare(result, output)))
    except writer.WriteError as exc:
        fail(f"{exc}")
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in lines:
        bold = line.startswith(("--- ", "+++ "))
        click.secho(line, fg=None if bold else colours.get(line[:1]), bold=bold)
    if lines:
        sys.exit(FINDINGS)


@click.command("explain", short_help="Say where a line of a rendered app comes from.")
@click.argument("place", metavar="[FILE[:LINE]]", required=False)
@site_option
@output_option
@click.option(
    "--value", metavar="NAME", help="The other way: what a value of site.yml or app.yml touches."
)
def explain_command(
    place: str | None, site_file: Path | None, output: Path, value: str | None
) -> None:
    """Say which lines of site.yml and app.yml a line of a rendered app depends on.

    \b
    appgen explain build/jupyter/form.yml:63
    appgen explain build/jupyter/form.yml         each line that depends on something
    appgen explain --value owens.node_types.any.cores.max

    The app is rendered again with one value changed at a time: what changes with it depends on it.
    """
    from ood_appgen import explaining

    if (place is None) == (value is None):
        raise click.UsageError("name either FILE[:LINE] or --value NAME")
    try:
        lines = (
            explaining.explain_place(place, site_file, output)
            if place is not None
            else explaining.explain_value(value or "", site_file)
        )
        for line in lines:
            click.echo(line)
    except explaining.ExplainError as exc:
        fail(f"{exc}")


@click.command("deploy", short_help="Put rendered apps where Open OnDemand reads them.")
@click.argument("names", nargs=-1, metavar="[APP ...]")
@click.option(
    "--to",
    "to",
    type=PATH,
    required=True,
    metavar="DIR",
    help="Where the portal has its apps, such as /var/www/ood/apps/sys.",
)
@output_option
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would change.")
@click.option("--rollback", is_flag=True, help="Bring the version before back.")
def deploy_command(
    names: tuple[str, ...], to: Path, output: Path, dry_run: bool, rollback: bool
) -> None:
    """Copy rendered apps to DIR/<app id>/, each in one step, all of them or none.

    Without APP: all of the rendered ones; with --rollback, those of which a version before is kept.
    A second --rollback undoes the first. A directory that appgen did not make is never touched.
    """
    from ood_appgen import deploy, writer

    try:
        if rollback:
            chosen = list(names) or deploy.find_previous(to)
            if not chosen:
                fail(f"{to}: no version before is kept of any app")
            steps = deploy.roll_back(chosen, to, dry_run)
        else:
            steps = deploy.deploy(_find_rendered(names, output), to, dry_run)
    except writer.WriteError as exc:
        fail(f"{exc}")
    for line in _describe_steps(steps, to, dry_run):
        click.echo(line)


def _compare(result: Result, output: Path) -> list[AppChanges]:
    from ood_appgen import writer

    return [
        writer.compare(output / app.id, app.files, __version__, app.id, app.inputs)
        for app in result.apps
    ]


def _diff(changes: Sequence[AppChanges]) -> Iterator[str]:
    from ood_appgen import writer

    for app in changes:
        yield from writer.diff(app, str(app.target))


def _print_news(news: dict[str, list[str]]) -> None:
    if news:
        click.echo("For users:")
    for text, apps in news.items():
        click.echo(f"  {text} [{', '.join(apps)}]")


def _print_blocked(blocked: Sequence[AppChanges]) -> None:
    for app in blocked:
        for change in app.blocked:
            click.echo(f"{app.target / change.path}: {change.by_hand}; not overwritten", err=True)
    click.echo(
        "Nothing was written. See the differences with --diff; put both together with --merge; "
        "overwrite with --force.",
        err=True,
    )


def _print_changes(changes: Sequence[AppChanges], result: Result, written: bool) -> None:
    words = {"create": "created", "update": "updated", "merge": "merged", "remove": "removed"}
    would = "" if written else "would be "
    for app in changes:
        if app.is_clean:
            click.echo(f"{app.target}: unchanged")
            continue
        for kind, word in words.items():
            for change in app.changes:
                if change.kind != kind:
                    continue
                by_hand = f" ({change.by_hand})" if change.by_hand else ""
                conflicts = f", {change.conflicts} in conflict" if change.conflicts else ""
                click.echo(f"{app.target / change.path}: {would}{word}{by_hand}{conflicts}")
        for change in app.changes:
            if change.kind == "keep":
                click.echo(f"{app.target / change.path}: {would}kept ({change.by_hand})")
    for app_id in result.skipped:
        click.echo(f"{app_id}: the site does not have it")


def _find_rendered(names: Sequence[str], output: Path) -> list[Path]:
    from ood_appgen.lock import LOCK_NAME

    if names:
        folders = [output / name for name in names]
    else:
        folders = sorted(output.iterdir()) if output.is_dir() else []
        folders = [f for f in folders if (f / LOCK_NAME).is_file() and not f.name.startswith(".")]
    for folder in folders:
        if not (folder / LOCK_NAME).is_file():
            fail(f"{folder}: is no rendered app; run appgen render first")
    if not folders:
        fail(f"{output}: there are no rendered apps; run appgen render first")
    return folders


def _describe_steps(steps: Sequence[Step], to: Path, dry_run: bool) -> Iterator[str]:
    would = "would be " if dry_run else ""
    words = {"create": "deployed", "update": "deployed", "roll back": "rolled back"}
    for step in steps:
        if step.kind == "unchanged":
            yield f"{to / step.name}: unchanged"
            continue
        new = " (new)" if step.kind == "create" else ""
        yield f"{to / step.name}: {would}{words[step.kind]}{new}"
        for path, word in step.files if step.kind == "update" else ():
            yield f"  {path}: {word}"
