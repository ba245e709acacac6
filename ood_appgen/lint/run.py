"""A run of the linter: paths to apps, apps to findings, from the cache or from the rules.

What imports much (rules, parsers, schemas) is imported once something must be checked.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache as memoize
from pathlib import Path
from typing import TYPE_CHECKING

from ood_appgen.diagnostics import Diagnostic, has_errors, sort
from ood_appgen.lint import config as configs
from ood_appgen.lint import folder as folders
from ood_appgen.lint.cache import Cache, code_version, make_key, programs_version
from ood_appgen.lint.catalog import INTERNAL_ERROR
from ood_appgen.lint.config import Config
from ood_appgen.lint.folder import AppFolder
from ood_appgen.lint.releases import NEWEST

if TYPE_CHECKING:
    from ood_appgen.lint.app import App, Settings
    from ood_appgen.lint.rule import Rule

# Starting processes takes as long as checking some apps.
_BYTES_WORTH_A_PROCESS = 150_000
_TOGETHER = 16


class LintError(Exception):
    """The run cannot be made; the message says why. `findings` are those of a file it needs."""

    def __init__(self, message: str, findings: Sequence[Diagnostic] = ()) -> None:
        super().__init__(message)
        self.findings = findings


@dataclass(frozen=True, eq=False, repr=False)
class Target:
    """An app to check: its directory, as the user knows it, and the settings for it.

    One that is `in_memory` is about to be written there. It is checked without other programs, and
    not for what its repository must have.
    """

    folder: Path
    shown_as: str
    config: Config
    root: Path | None
    in_memory: bool = False

    @property
    def prefix(self) -> str:
        """What stands before the names of its files."""
        return "" if self.shown_as in ("", ".") else f"{self.shown_as}/"


def find_targets(
    paths: Sequence[Path], adjust: Callable[[Config], Config], config_file: Path | None = None
) -> list[Target]:
    """The apps at and below some paths, each once, with the configuration nearest to it.

    `adjust` adds what the command line says. Raises LintError and ConfigError.
    """
    for memory in (_settings, _choose, _config_parts, _run_parts):
        memory.cache_clear()
    configs.forget()
    found: dict[Path, Target] = {}
    fixed = _read_config(config_file) if config_file else None
    for path in paths:
        if not path.exists():
            raise LintError(f"{path}: there is no such file or directory")
        apps = folders.find_apps(path)
        if not apps:
            where = "in the directories above it" if path.is_file() else "here or below"
            names = " or ".join(reversed(folders.FORM_NAMES))
            raise LintError(f"{path}: there is no app: no {names} {where}")
        for app in apps:
            place = app.resolve()
            if place in found:
                continue
            target_config = adjust(fixed or configs.find(place))
            if not target_config.is_excluded(place):
                root = folders.find_root(place) or _root_without_git(place)
                found[place] = Target(app, configs.shown(app), target_config, root)
    return sorted(found.values(), key=lambda t: t.shown_as)


def _read_config(path: Path) -> Config:
    config = configs.read(path)
    if config is None:
        raise LintError(f"{path}: there is no [{configs.TABLE}] in it")
    return config


def _root_without_git(place: Path) -> Path:
    """Where files that speak for an app end, outside of a repository: here, or beside the app."""
    here = Path.cwd()
    return here if here in place.parents else place.parent


@dataclass(frozen=True, eq=False, repr=False)
class Outcome:
    """What was found in an app, and the files as they were."""

    target: Target
    files: AppFolder
    findings: tuple[Diagnostic, ...]


def check_all(targets: Sequence[Target], cache: Cache, jobs: int = 0) -> list[Outcome]:
    """Check apps. The order is that of the targets, whoever did the work.

    `jobs` is how many processes may be used; 0: as many as pay. Raises LintError.
    """
    read = [_read_folder(target) for target in targets]
    keys = [_key(t, f) if cache.folder else "" for t, f in zip(targets, read, strict=True)]
    known = [cache.get(key) for key in keys]
    todo = [i for i, findings in enumerate(known) if findings is None]
    work = [(targets[i], read[i]) for i in todo]
    for index, findings in zip(todo, check_many(work, jobs), strict=True):
        known[index] = findings
        if not any(d.rule == INTERNAL_ERROR for d in findings):
            cache.put(keys[index], findings)
    if todo:
        cache.prune()
    return [make_outcome(t, f, ds or ()) for t, f, ds in zip(targets, read, known, strict=True)]


def _read_folder(target: Target) -> AppFolder:
    files = folders.read(target.folder, target.root)
    for name in folders.FORM_NAMES:
        if name in files.names and name not in files.contents:
            raise LintError(f"{target.prefix}{name}: cannot be read, or is larger than 1 MB")
    return files


def make_outcome(target: Target, files: AppFolder, findings: Iterable[Diagnostic]) -> Outcome:
    """What was found in an app, without what the configuration leaves out."""
    excluded = target.config.is_excluded
    if target.config.exclude:
        findings = (d for d in findings if not excluded(Path(d.path)))
    return Outcome(target, files, tuple(findings))


def check_one(target: Target, files: AppFolder, app: App | None = None) -> list[Diagnostic]:
    """Check an app: the findings that configuration and comments leave, with their severities.

    `app` is what the files have been read as, where they have been.
    """
    from ood_appgen.lint import engine, suppress

    config = target.config
    rules = _choose(config, target.in_memory)
    app = app or _read_app(target, files)
    found = engine.check(app, rules)
    crashed = engine.crashed(found)

    def is_on(rule_id: str, path: str) -> bool:
        words = config.ignored_in(Path(path))
        return not words or not words & {rule_id, rule_id.split("-", 1)[0], "ALL"}

    ran = {rule.id for rule in rules} - crashed
    found = [d for d in found if is_on(d.rule, d.path)]
    found = suppress.apply(app, found, lambda rule, path: rule in ran and is_on(rule, path))
    return sort(_grade(found, config))


def _read_app(target: Target, files: AppFolder) -> App:
    from ood_appgen.lint.app import from_folder

    return from_folder(files, target.shown_as, _settings(target.config))


def _grade(found: Iterable[Diagnostic], config: Config) -> Iterator[Diagnostic]:
    from dataclasses import replace

    for finding in found:
        wanted = config.severity_of(finding.rule) if config.severity else None
        yield finding if wanted is None else replace(finding, severity=wanted)


@memoize
def _choose(config: Config, in_memory: bool) -> tuple[Rule, ...]:
    """The rules that are on, and can be followed here."""
    import shutil

    from ood_appgen.lint import catalog

    chosen = catalog.choose(config.select, config.ignore, config.profile)
    if in_memory:
        return tuple(r for r in chosen if not r.program and r.group != "repo")
    return tuple(r for r in chosen if not r.program or shutil.which(r.program))


@memoize
def _settings(config: Config) -> Settings:
    """What rules may ask. A site profile says which release there is, unless the user does."""
    from ood_appgen.lint.app import Settings

    if config.site is None:
        return Settings(config.ondemand or NEWEST, None, config.profile)
    from ood_appgen import schema, source
    from ood_appgen.model import site_parser

    shown_as = configs.shown(config.site)
    if not config.site.is_file():
        raise LintError(f"{shown_as}: there is no such file")
    site = None
    document, findings = source.read_file(config.site, shown_as)
    if document is not None:
        misread = {f.span for f in findings}
        findings += [f for f in schema.validate(document, "site") if f.span not in misread]
        if not has_errors(findings):
            site, more = site_parser.parse(document, config.site.parent)
            findings += more
    if site is None or has_errors(findings):
        raise LintError(f"{shown_as} is no site profile", sort(findings))
    release = ".".join(map(str, site.ondemand))
    return Settings(config.ondemand or release, site, config.profile)


def _key(target: Target, files: AppFolder) -> str:
    """The name of what follows from these files and settings."""
    config = target.config
    return make_key((*_run_parts(), *_config_parts(config), *_app_parts(target, files)))


@memoize
def _run_parts() -> tuple[str, ...]:
    return (code_version(), programs_version())


@memoize
def _config_parts(config: Config) -> tuple[str | bytes, ...]:
    said = (config.select, config.ignore, config.severity, config.ondemand, config.profile)
    try:
        site = config.site.read_bytes() if config.site else b""
    except OSError:
        site = b""
    return repr(said), site, str(config.site)


def _app_parts(target: Target, files: AppFolder) -> Iterator[str | bytes]:
    yield target.shown_as
    yield "\0".join(sorted(files.names))
    yield "\0".join(sorted(files.outer))
    yield files.inner
    for name, content in sorted(files.above.items()):
        yield name
        yield content.data
    for name, content in sorted(files.contents.items()):
        yield name
        yield content.data
        yield "x" if content.executable else "-"
    if target.config.per_file_ignores:
        names = [target.shown_as, *(target.prefix + name for name in sorted(files.names))]
        yield repr([sorted(target.config.ignored_in(Path(name))) for name in names])


# -- work in several processes ----------------------------------------------------------------------

_Work = tuple[Target, AppFolder]
_parts: list[Sequence[_Work]] = []  # what forked processes find; they are sent numbers alone


def check_many(work: Sequence[_Work], jobs: int = 0) -> list[list[Diagnostic]]:
    """What `check_one` finds in each app; see `check_all` for `jobs`."""
    if not work:
        return []
    for target, _ in work:  # what is common to all: read once, and told before anything else
        _settings(target.config)
        _choose(target.config, target.in_memory)
    size = sum(len(c.data) for _, files in work for c in files.contents.values())
    worth = 1 + size // _BYTES_WORTH_A_PROCESS
    count = min(jobs or os.cpu_count() or 1, len(work), jobs or worth)
    if count < 2 or not hasattr(os, "fork"):
        return [found for part in _split(work, _TOGETHER) for found in _check_together(part)]
    return _check_in_processes(work, count)


def _split(work: Sequence[_Work], size: int) -> list[Sequence[_Work]]:
    """Parts of work that are done together; neighbours are, since they have files in common."""
    return [work[i : i + size] for i in range(0, len(work), size)]


def _check_together(work: Sequence[_Work]) -> list[list[Diagnostic]]:
    apps = [_read_app(target, files) for target, files in work]
    rules = {r.id: r for t, _ in work for r in _choose(t.config, t.in_memory)}
    for rule in rules.values():
        if rule.prepare is not None:
            with contextlib.suppress(Exception):  # what is wrong comes out when the app is checked
                rule.prepare(apps)
    return [check_one(*one, app) for one, app in zip(work, apps, strict=True)]


def _check_in_processes(work: Sequence[_Work], count: int) -> list[list[Diagnostic]]:
    import gc
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    global _parts
    _parts = _split(work, min(_TOGETHER, -(-len(work) // (count * 4))))
    gc.freeze()
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            return [found for part in pool.map(_check_part, range(len(_parts))) for found in part]
    finally:
        _parts = []
        gc.unfreeze()


def _check_part(number: int) -> list[list[Diagnostic]]:
    return _check_together(_parts[number])
