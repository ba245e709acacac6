"""The commands `appgen lint` and `appgen rules`: options, printing, exit codes."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ood_appgen import __version__
from ood_appgen.diagnostics import Diagnostic, Severity, sort
from ood_appgen.lint.releases import RELEASES

if TYPE_CHECKING:  # what is not needed for the help is imported where it is used
    from ood_appgen.lint.config import Config
    from ood_appgen.lint.run import Outcome

OK, FINDINGS, BAD_INPUT = 0, 1, 2
FORMATS = ("text", "json", "sarif", "github", "gitlab", "junit")
_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True)
class Options:
    """What the command line says about a report."""

    output_format: str
    output: Path | None
    write_baseline: bool
    exit_zero: bool


@click.command("lint", short_help="Check apps without running them.")
@click.argument("paths", nargs=-1, metavar="[PATH ...]", type=click.Path(path_type=Path))
@click.option(
    "--site", type=_FILE, metavar="FILE", help="A site profile, for rules about clusters."
)
@click.option(
    "--ondemand",
    type=click.Choice(RELEASES),
    help="The release that runs the apps. Default: that of the site profile, else the newest.",
)
@click.option(
    "--profile", metavar="NAME", help="Further rules: catalogue, for apps to be published."
)
@click.option("--select", multiple=True, metavar="RULES", help="These rules or groups alone.")
@click.option("--ignore", multiple=True, metavar="RULES", help="Not these rules or groups.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    help="How to print the report. Default: text; github where GITHUB_ACTIONS is set.",
)
@click.option(
    "--output", type=_FILE, metavar="FILE", help="Where the report goes, if not to stdout."
)
@click.option(
    "--config",
    "config_file",
    type=_FILE,
    metavar="FILE",
    help="Default: the nearest .appgen.toml, or pyproject.toml with [tool.appgen], upward of an app.",
)
@click.option(
    "--baseline", type=_FILE, metavar="FILE", help="Findings that are known: not reported."
)
@click.option("--write-baseline", is_flag=True, help="Make all that is found now the baseline.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, and report the rest.")
@click.option("--diff", is_flag=True, help="Print what --fix would change, and change nothing.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever is found.")
@click.option("--no-cache", is_flag=True, help="Check everything anew.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="At most N processes.")
def lint_command(
    paths: tuple[Path, ...],
    site: Path | None,
    ondemand: str | None,
    profile: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    output_format: str | None,
    output: Path | None,
    config_file: Path | None,
    baseline: Path | None,
    write_baseline: bool,
    fix: bool,
    diff: bool,
    exit_zero: bool,
    no_cache: bool,
    jobs: int | None,
) -> None:
    """Check Open OnDemand apps, generated or written by hand, without running anything of them.

    PATH is an app (it holds a form.yml or form.yml.erb), a directory with apps below it, or a file of
    an app. Default: this directory. Exits 1 when there is an error or a warning; notes do not count.

    \b
    # appgen: ignore[rule] reason     at the end of a line, or alone on the line above
    <%# appgen: ignore[rule] reason %>
    """
    from ood_appgen.lint import config as configs
    from ood_appgen.lint import fixes, run
    from ood_appgen.lint.baseline import BaselineError
    from ood_appgen.lint.cache import Cache, default_folder
    from ood_appgen.lint.catalog import PROFILES

    selected, ignored = _split(select), _split(ignore)
    problem = configs.check_words((*selected, *ignored))
    if problem:
        raise click.UsageError(problem)
    if profile is not None and profile not in PROFILES:
        raise click.UsageError(f"{profile!r} is no profile; there is: {', '.join(PROFILES)}")
    here = Path.cwd()
    others: dict[str, Any] = {
        "site": here / site if site else None,
        "baseline": here / baseline if baseline else None,
        "ondemand": ondemand,
        "profile": profile,
    }

    def adjust(config: Config) -> Config:
        return config.with_options(selected, ignored, **others)

    options = Options(
        output_format or ("github" if os.environ.get("GITHUB_ACTIONS") else "text"),
        output,
        write_baseline,
        exit_zero,
    )
    paths = paths or (Path("."),)
    try:
        targets = run.find_targets(paths, adjust, config_file)
        cache = Cache(None if no_cache else default_folder())
        outcomes = run.check_all(targets, cache, jobs or 0)
        if not (fix or diff):
            sys.exit(_print_report(outcomes, options))
        allowed = [path.resolve() for path in paths]
        mended = [fixes.mend(outcome, allowed) for outcome in outcomes]
        if diff:
            changes = [line for fixed in mended for line in fixes.diff(fixed)]
            _print("".join(changes), options.output)
            sys.exit(FINDINGS if changes and not exit_zero else OK)
        for fixed in mended:
            fixes.write(fixed)
        _tell_mended(mended)
        sys.exit(_print_report([fixed.after for fixed in mended], options))
    except configs.ConfigError as exc:
        click.echo(exc.diagnostic.format(), err=True)
    except run.LintError as exc:
        for finding in exc.findings:
            click.echo(finding.format(), err=True)
        _fail(f"{exc}")
    except (BaselineError, fixes.FixError) as exc:
        _fail(f"{exc}")
    sys.exit(BAD_INPUT)


@click.command("rules", short_help="List the linter's rules, or explain one.")
@click.argument("rule_id", required=False, metavar="[ID]")
@click.option("--markdown", is_flag=True, help="Print all pages as one markdown text.")
def rules_command(rule_id: str | None, markdown: bool) -> None:
    """List the linter's rules; with ID, print the page of one: why, bad, good, and how to mend it."""
    from ood_appgen.lint import catalog, pages

    rules = catalog.load_all()
    if markdown:
        _print(pages.write_markdown(rules.values()), None)
    elif rule_id is None:
        _print(pages.write_table(rules.values()), None)
    elif rule_id in rules:
        _print(pages.write_page(rules[rule_id]), None)
    else:
        hint = catalog.suggest(rule_id, rules) or "see: appgen rules"
        _fail(f'there is no rule "{rule_id}"; {hint}')


def _split(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.strip() for word in words for part in word.split(",") if part.strip())


# -- the report -----------------------------------------------------------------------------------


class _Lines:
    """The lines of files as they were checked."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._contents = {
            path: content.data
            for outcome in outcomes
            for names in (outcome.files.above, outcome.files.contents)
            for name, content in names.items()
            for path in (os.path.normpath(outcome.target.prefix + name),)
        }
        self._lines: dict[str, list[str]] = {}

    def read(self, path: str, number: int) -> str:
        """The text of a line, by number from 1; "" where there is none."""
        if path not in self._lines:
            data = self._contents.get(path, b"")
            self._lines[path] = data.decode("utf-8-sig", "replace").split("\n")
        lines = self._lines[path]
        return lines[number - 1].rstrip("\r") if 0 < number <= len(lines) else ""


def _print_report(outcomes: Sequence[Outcome], options: Options) -> int:
    """Print the report and the summary; the exit code."""
    lines = _Lines(outcomes)
    if options.write_baseline:
        _write_baselines(outcomes, lines.read)
        return OK
    found = sort(_without_known(outcomes, lines.read))
    _print(_format(found, outcomes, lines.read, options), options.output)
    click.echo(_summarize(found, len(outcomes)), err=True)
    if options.exit_zero or all(d.severity <= Severity.NOTE for d in found):
        return OK
    return FINDINGS


def _without_known(
    outcomes: Sequence[Outcome], read_line: Callable[[str, int], str]
) -> list[Diagnostic]:
    """All findings but those of the baselines; tells on stderr what those hold in vain."""
    from ood_appgen.lint import baseline

    found: list[Diagnostic] = []
    for path, members in _by_baseline(outcomes).items():
        mine = sort(d for outcome in members for d in outcome.findings)
        if path is None:
            found += mine
            continue
        folders = [outcome.target.shown_as for outcome in members]
        known = baseline.beneath(path, baseline.read(path), folders)
        new, gone = baseline.subtract(path, known, mine, read_line)
        found += new
        for entry, count in sorted(gone.items()):
            times = f" ({count} times)" if count > 1 else ""
            click.echo(
                f"{entry.path}: note: no longer found{times}: {entry.message} [{entry.rule}]",
                err=True,
            )
        if gone:
            click.echo(f"{_show(path)}: take them out with --write-baseline", err=True)
    return found


def _write_baselines(outcomes: Sequence[Outcome], read_line: Callable[[str, int], str]) -> None:
    from ood_appgen.lint import baseline

    for path, members in _by_baseline(outcomes).items():
        if path is None:
            raise click.UsageError("--write-baseline needs --baseline FILE, or one configured")
        entries = baseline.count(path, (d for o in members for d in o.findings), read_line)
        if path.exists():  # what it says of apps that are not part of this run stays
            old = baseline.read(path)
            mine = baseline.beneath(path, old, (o.target.shown_as for o in members))
            entries += Counter(
                {e: n for e, n in (old - mine).items() if (path.parent / e.path).exists()}
            )
        baseline.write(path, entries)
        total = sum(entries.values())
        click.echo(f"{_show(path)}: {_count(total, 'finding')}", err=True)


def _by_baseline(outcomes: Sequence[Outcome]) -> dict[Path | None, list[Outcome]]:
    groups: dict[Path | None, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.target.config.baseline, []).append(outcome)
    return groups


def _format(
    found: Sequence[Diagnostic],
    outcomes: Sequence[Outcome],
    read_line: Callable[[str, int], str],
    options: Options,
) -> str:
    """The report in the form that was asked for."""
    kind = options.output_format
    if kind == "text":
        from ood_appgen.report import text

        on_terminal = options.output is None and sys.stdout.isatty()
        return text.report(found, read_line, on_terminal and not os.environ.get("NO_COLOR"))
    if kind == "json":
        from ood_appgen.report import json_report

        return json_report.report(found)
    root = _find_root()
    if kind == "github":
        from ood_appgen.report import github

        return github.report(found, root)
    if kind == "gitlab":
        from ood_appgen.report import gitlab

        return gitlab.report(found, read_line, root)
    if kind == "junit":
        from ood_appgen.report import junit

        files = [o.target.prefix + name for o in outcomes for name in sorted(o.files.contents)]
        return junit.report(found, files, root)
    from ood_appgen.lint import catalog
    from ood_appgen.report import sarif
    from ood_appgen.report.common import RuleFacts

    configs = {o.target.config for o in outcomes}
    rules = {
        rule.id: RuleFacts(rule.id, rule.title, rule.doc, rule.severity)
        for config in configs
        for rule in catalog.choose(config.select, config.ignore, config.profile)
    }
    return sarif.report(found, rules.values(), read_line, __version__, root=root)


def _find_root() -> str:
    """The top of the repository: CI services know files by their path from there."""
    from ood_appgen.lint import folder

    return str(folder.find_root(Path.cwd()) or Path.cwd())


def _summarize(found: Sequence[Diagnostic], apps: int) -> str:
    where = f"in {_count(apps, 'app')}"
    if not found:
        return f"no findings {where}"
    counts = Counter(d.severity for d in found)
    kinds = ", ".join(_count(counts[s], s.word) for s in reversed(Severity) if counts[s])
    return f"{_count(len(found), 'finding')} ({kinds}) {where}"


def _tell_mended(mended: Sequence[Any]) -> None:
    count = sum(fixed.count for fixed in mended)
    files = sum(len(fixed.changed) for fixed in mended)
    if files:
        click.echo(f"mended {_count(count, 'finding')} in {_count(files, 'file')}", err=True)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _show(path: Path) -> str:
    from ood_appgen.lint.config import shown

    return shown(path)


def _print(text: str, output: Path | None) -> None:
    """Bytes, whatever the locale; what no UTF-8 can hold comes out escaped."""
    data = text.encode("utf-8", "backslashreplace")
    if output is None:
        click.echo(data, nl=False)
        return
    try:
        output.write_bytes(data)
    except OSError as exc:
        _fail(f"{output}: cannot be written: {exc.strerror}")


def _fail(message: str) -> NoReturn:
    click.echo(f"appgen: {message}", err=True)
    sys.exit(BAD_INPUT)
