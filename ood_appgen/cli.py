"""The command `appgen`: options, printing, exit codes. Nothing is decided here."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import click

from ood_appgen import __version__
from ood_appgen.cli_common import (
    BAD_INPUT,
    FINDINGS,
    OK,
    PATH,
    fail,
    find_site,
    print_findings,
    site_option,
)
from ood_appgen.resources import SCHEMAS, schema_path

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
Start:        appgen init my-site
In CI:        appgen render --check; appgen lint
Editors:      # yaml-language-server: $schema=  (see: appgen schema --help)

Exit codes: 0 nothing to report, 1 findings or differences, 2 wrong usage or bad input.
"""


class _Group(click.Group):
    """The commands; a module of commands is imported when one of them is asked for."""

    _modules: ClassVar = {
        "ood_appgen.cli_render": ("render", "status", "diff", "explain", "deploy"),
        "ood_appgen.cli_new": ("init", "new"),
        "ood_appgen.cli_lint": ("lint", "rules"),
        "ood_appgen.cli_help": ("completion",),
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, sorted."""
        others = (name for names in self._modules.values() for name in names)
        return sorted((*super().list_commands(ctx), *others))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """A command by its name."""
        for module, names in self._modules.items():
            if name in names:
                command: click.Command = getattr(import_module(module), f"{name}_command")
                return command
        return super().get_command(ctx, name)


@click.group(
    cls=_Group,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="appgen")
def cli() -> None:
    """The command group."""


@cli.command("verify", short_help="Prove every choice of apps.")
@click.argument("folders", nargs=-1, metavar="[APP_DIR|RENDERED_DIR ...]", type=PATH)
@site_option
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
        folders = tuple(api.find_apps(site_file or find_site(())))
        if not folders:
            fail("there are no apps (apps/*/app.yml) here; name their directories")
    if site_file is not None and not site_file.is_file():
        fail(f"{site_file}: there is no such file")
    for folder in folders:
        if not folder.is_dir():
            fail(f"{folder}: there is no such directory")
        if site_file is None and (folder / api.APP_FILE).is_file():
            find_site((folder,))
    reports = []
    width = min(max(shutil.get_terminal_size((100, 24)).columns, 60), 140)
    with tempfile.TemporaryDirectory(prefix="appgen-verify-") as scratch:
        targets, findings = api.find_targets(folders, site_file, Path(scratch))
        print_findings(findings, "nothing was evaluated")
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
            fail(f"{exc}")
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
