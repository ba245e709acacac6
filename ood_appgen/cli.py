"""The command `appgen`: options, printing, exit codes. Nothing is decided here."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from ood_appgen import __version__
from ood_appgen.diagnostics import Diagnostic, has_errors
from ood_appgen.resources import SCHEMAS, schema_path

if TYPE_CHECKING:  # the pipeline is imported where it is used: `appgen --help` stays quick
    from ood_appgen.api import Result
    from ood_appgen.writer import AppChanges

OK, FINDINGS, BAD_INPUT = 0, 1, 2
# Work that is done within a moment needs no progress bar.
BAR_AFTER_SECONDS = 1.0

_HELP = """\
Describe your HPC site once; every Open OnDemand interactive app follows.

\b
site.yml      clusters, node types, mounts and limits of a site
app.yml       what an app is, with nothing of a site in it
appgen render turns the two into an app that Open OnDemand reads:
              form.yml, submit.yml.erb, template/, manifest.yml, view
appgen verify proves that every choice in an app's form gives what was planned
appgen lint   finds what is wrong in any app, without running it: appgen rules

\b
Start:        appgen render sample_apps/apps/jupyter
In CI:        appgen render --check; appgen lint
Editors:      # yaml-language-server: $schema=  (see: appgen schema --help)

Exit codes: 0 nothing to report, 1 findings or differences, 2 wrong usage or bad input.
"""


_site_option = click.option(
    "--site",
    "site_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The site profile. Default: the nearest site.yml upward from the app.",
)


class _Group(click.Group):
    """The commands, those of the linter imported when they are asked for."""

    _linter: ClassVar = ("lint", "rules")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, sorted."""
        return sorted((*super().list_commands(ctx), *self._linter))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A command by its name."""
        if name not in self._linter:
            return super().get_command(ctx, name)
        from ood_appgen import cli_lint

        return cli_lint.COMMANDS[name]


@click.group(
    cls=_Group,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="appgen")
def cli() -> None:
    """The command group."""


@cli.command("render", short_help="Render apps for a site.")
@click.argument("app_dirs", nargs=-1, metavar="[APP_DIR ...]", type=click.Path(path_type=Path))
@_site_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default=Path("build"),
    show_default=True,
    metavar="DIR",
    help="Where the apps go: DIR/<app id>/.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if anything differs.")
@click.option("--diff", is_flag=True, help="Write nothing; print the differences.")
@click.option("--dry-run", is_flag=True, help="Write nothing; print what would change.")
@click.option("--force", is_flag=True, help="Overwrite files that were edited, or made, by hand.")
def render_command(
    app_dirs: tuple[Path, ...],
    site_file: Path | None,
    output: Path,
    check: bool,
    diff: bool,
    dry_run: bool,
    force: bool,
) -> None:
    """Render apps for a site, check them, and write them.

    Without APP_DIR: all apps of the site (apps/*/app.yml beside site.yml). All or nothing: when one
    app has an error, none is written. A file that you made or edited is never overwritten without
    --force.
    """
    from ood_appgen import api, writer

    if check + diff + dry_run > 1:
        raise click.UsageError("--check, --diff and --dry-run exclude each other")
    site_file = site_file or _find_site(app_dirs)
    everything = not app_dirs
    if not app_dirs:
        app_dirs = tuple(api.find_apps(site_file))
        if not app_dirs:
            _fail(
                f"{site_file}: there are no apps (apps/*/app.yml) beside it; name their directories"
            )
    result = api.lint_rendered(api.render_apps(app_dirs, site_file, everything), output)
    _print_findings(result.findings, "nothing was written")
    try:
        changes = [writer.compare(output / a.id, a.files, __version__) for a in result.apps]
        blocked = [app for app in changes if app.blocked] if not force else []
        if diff:
            for app in changes:
                for line in writer.diff(app, str(app.target)):
                    click.echo(line)
            return
        writes = not (check or dry_run)
        if blocked and writes:
            _print_blocked(blocked)
            sys.exit(FINDINGS)
        if writes:
            writer.write(changes, output)
    except writer.WriteError as exc:
        _fail(f"{exc}")
    _print_changes(changes, result, written=writes)
    if check and not all(app.is_clean for app in changes):
        sys.exit(FINDINGS)


@cli.command("verify", short_help="Prove every choice of apps.")
@click.argument(
    "folders", nargs=-1, metavar="[APP_DIR|RENDERED_DIR ...]", type=click.Path(path_type=Path)
)
@_site_option
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    help="How to print the report.",
)
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Evaluate at most N choices per app."
)
@click.option(
    "--seed", type=int, default=1, show_default=True, metavar="N", help="Which pairs and posts."
)
def verify_command(
    folders: tuple[Path, ...],
    site_file: Path | None,
    output_format: str,
    limit: int | None,
    seed: int,
) -> None:
    """Prove that every choice of an app's form gives what was planned.

    APP_DIR holds an app.yml; RENDERED_DIR holds a form.yml, made by appgen or by hand. Without
    either: all apps of the site. This runs the app's own Ruby (submit.yml.erb, template/*.erb,
    view.html.erb), as you, in one `ruby` process. Do not run it on apps that you do not trust.
    """
    import json
    import shutil
    import tempfile

    from ood_appgen import api
    from ood_appgen.verify import report
    from ood_appgen.verify.ruby import RubyOracle, RubyOracleError
    from ood_appgen.verify.run import verify

    if not folders:
        folders = tuple(api.find_apps(site_file or _find_site(())))
        if not folders:
            _fail("there are no apps (apps/*/app.yml) here; name their directories")
    if site_file is not None and not site_file.is_file():
        _fail(f"{site_file}: there is no such file")
    for folder in folders:
        if not folder.is_dir():
            _fail(f"{folder}: there is no such directory")
        if site_file is None and (folder / api.APP_FILE).is_file():
            _find_site((folder,))
    reports = []
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 140)
    with tempfile.TemporaryDirectory(prefix="appgen-verify-") as scratch:
        targets, findings = api.find_targets(folders, site_file, Path(scratch))
        _print_findings(findings, "nothing was evaluated")
        try:
            with RubyOracle() as oracle:
                for target in targets:
                    with _progress(target.name) as progress:
                        done = verify(target, oracle, seed, limit, progress)
                    reports.append(done)
                    if output_format == "text":
                        for line in report.describe(done, width):
                            click.echo(line)
        except RubyOracleError as exc:
            _fail(f"{exc}")
    if output_format == "json":
        click.echo(json.dumps([report.to_json(r) for r in reports], indent=2, ensure_ascii=False))
    else:
        click.echo(report.summarize(reports))
    if any(r.failed for r in reports):
        sys.exit(FINDINGS)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[int, int], None]]:
    """Something to tell how much is done of how much; a terminal shows it as a bar."""
    if not sys.stderr.isatty():  # click would print the label there
        yield lambda done, total: None
        return
    due = time.monotonic() + BAR_AFTER_SECONDS
    bar = click.progressbar(length=0, label=name, file=sys.stderr)
    with ExitStack() as stack:

        def show(done: int, total: int) -> None:
            bar.length = total
            if not bar.entered and time.monotonic() >= due:
                stack.enter_context(bar)
            if bar.entered:
                bar.update(done - bar.pos)
                if done >= total:  # the total was a guess until here
                    bar.finish()
                    bar.render_progress()

        yield show


@cli.command("schema", short_help="Print a JSON Schema.")
@click.argument("name", type=click.Choice(SCHEMAS))
def schema_command(name: str) -> None:
    """Print the JSON Schema called NAME.

    \b
    For completion and checks in an editor, save it and begin your file with
    # yaml-language-server: $schema=site.schema.json
    """
    click.echo(schema_path(name).read_text(encoding="utf-8"), nl=False)


def _find_site(app_dirs: tuple[Path, ...]) -> Path:
    from ood_appgen import api

    found = {api.find_site(d.resolve()) for d in app_dirs or (Path.cwd(),)}
    if None in found:
        where = (
            f"{app_dirs[0]} or in a directory above it"
            if app_dirs
            else "this directory or one above it"
        )
        _fail(f"there is no site.yml in {where}; name one with --site")
    if len(found) > 1:
        _fail(
            "the apps belong to different sites: "
            + ", ".join(sorted(map(str, found)))
            + "; name one with --site"
        )
    path = found.pop()
    assert path is not None
    return api.shown_path(path)


def _print_findings(findings: Sequence[Diagnostic], outcome: str) -> None:
    """Print findings. Where there are errors among them, say what came of that, and leave."""
    for finding in findings:
        click.echo(finding.format(), err=True)
    if has_errors(findings):
        errors = sum(has_errors([finding]) for finding in findings)
        click.echo(f"{errors} error{'s' if errors != 1 else ''}; {outcome}.", err=True)
        sys.exit(BAD_INPUT)


def _print_blocked(blocked: list[AppChanges]) -> None:
    for app in blocked:
        for change in app.blocked:
            click.echo(f"{app.target / change.path}: {change.by_hand}; not overwritten", err=True)
    click.echo(
        "Nothing was written. See the differences with --diff; overwrite with --force.", err=True
    )


def _print_changes(changes: list[AppChanges], result: Result, written: bool) -> None:
    words = {"create": "created", "update": "updated", "remove": "removed"}
    would = "" if written else "would be "
    for app in changes:
        counts = {
            k: [c for c in app.changes if c.kind == k]
            for k in ("create", "update", "remove", "unchanged")
        }
        if app.is_clean:
            click.echo(f"{app.target}: unchanged")
            continue
        for kind, word in words.items():
            for change in counts[kind]:
                by_hand = f" ({change.by_hand})" if change.by_hand else ""
                click.echo(f"{app.target / change.path}: {would}{word}{by_hand}")
    for app_id in result.skipped:
        click.echo(f"{app_id}: the site does not have it")


def _fail(message: str) -> Any:
    click.echo(f"appgen: {message}", err=True)
    sys.exit(BAD_INPUT)


def main() -> None:
    """Run `appgen`; whatever goes wrong inside, the user sees one message and exit code 2."""
    # A short-lived program makes few cycles: collect rarely, but do (a site may have hundreds of apps).
    gc.set_threshold(100_000, 50, 50)
    try:
        cli()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(OK)
    except Exception as exc:
        if os.environ.get("APPGEN_DEBUG"):
            raise
        click.echo(
            f"appgen: internal error: {type(exc).__name__}: {exc}\n"
            "Nothing was written. Please report it, with the files; APPGEN_DEBUG=1 shows where.",
            err=True,
        )
        sys.exit(BAD_INPUT)
