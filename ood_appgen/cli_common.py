"""What the commands share: exit codes, options, and how they say that something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from ood_appgen.diagnostics import Diagnostic, has_errors

OK, FINDINGS, BAD_INPUT = 0, 1, 2

PATH = click.Path(path_type=Path)

site_option = click.option(
    "--site",
    "site_file",
    type=PATH,
    metavar="FILE",
    help="The site profile. Default: the nearest site.yml upward from the app.",
)

output_option = click.option(
    "--output",
    type=PATH,
    default=Path("build"),
    show_default=True,
    metavar="DIR",
    help="Where the rendered apps are: DIR/<app id>/.",
)


def find_site(app_dirs: Sequence[Path]) -> Path:
    """The site profile of app directories, or of this directory; leaves where there is none."""
    from ood_appgen import api

    found = {api.find_site(d.resolve()) for d in app_dirs or (Path.cwd(),)}
    if None in found:
        where = (
            f"{app_dirs[0]} or in a directory above it"
            if app_dirs
            else "this directory or one above it"
        )
        fail(f"there is no site.yml in {where}; name one with --site")
    if len(found) > 1:
        fail(
            "the apps belong to different sites: "
            + ", ".join(sorted(map(str, found)))
            + "; name one with --site"
        )
    path = found.pop()
    assert path is not None
    return api.shown_path(path)


def choose_apps(
    app_dirs: tuple[Path, ...], site_file: Path | None
) -> tuple[tuple[Path, ...], Path, bool]:
    """The app directories that are meant, their site, and whether they are all that it has."""
    from ood_appgen import api

    site_file = site_file or find_site(app_dirs)
    if app_dirs:
        return app_dirs, site_file, False
    found = tuple(api.find_apps(site_file))
    if not found:
        fail(f"{site_file}: there are no apps (apps/*/app.yml) beside it; name their directories")
    return found, site_file, True


def print_findings(findings: Sequence[Diagnostic], outcome: str) -> None:
    """Print findings. Where there are errors among them, say what came of that, and leave."""
    for finding in findings:
        click.echo(finding.format(), err=True)
    if has_errors(findings):
        errors = sum(has_errors([finding]) for finding in findings)
        click.echo(f"{errors} error{'s' if errors != 1 else ''}; {outcome}.", err=True)
        sys.exit(BAD_INPUT)


def fail(message: str) -> NoReturn:
    """Leave with one message about wrong usage or unusable input."""
    click.echo(f"appgen: {message}", err=True)
    sys.exit(BAD_INPUT)
