"""Apps that are about to be written: checked in memory, without other programs.

What has been found clean before is told by a hash, and nothing of the linter is imported for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ood_appgen.diagnostics import Diagnostic, Severity, Span
from ood_appgen.lint.cache import Cache, code_version, default_folder, make_key

_CONFIGS = (".appgen.toml", "pyproject.toml")


class Rendered(NamedTuple):
    """An app: where it is to be, the release that runs it, names, contents and run bits.

    `cause` is the place that it was rendered from; findings name it too.
    """

    folder: Path
    release: str
    files: tuple[tuple[str, bytes, bool], ...]
    cause: Span


def check(apps: Sequence[Rendered]) -> list[Diagnostic]:
    """The errors and warnings of apps; where the configuration is broken, that alone."""
    cache = Cache(default_folder())
    keys = [(make_key(_parts(app)), app) for app in apps]
    todo = [(key, app) for key, app in keys if cache.get(key) is None]
    if not todo:
        return []
    from ood_appgen.lint.config import ConfigError

    try:
        found = _check([app for _, app in todo])
    except ConfigError as exc:
        return [exc.diagnostic]
    for (key, _), findings in zip(todo, found, strict=True):
        if not findings:
            cache.put(key, [])
    cache.prune()
    return [finding for findings in found for finding in findings]


def _check(apps: Sequence[Rendered]) -> list[list[Diagnostic]]:
    from dataclasses import replace

    from ood_appgen.lint import config as configs
    from ood_appgen.lint import run
    from ood_appgen.lint.folder import AppFolder, Content

    configs.forget()
    work = []
    for folder, release, files, _ in apps:
        config = configs.find(folder)
        config = replace(config, site=None, ondemand=config.ondemand or release)
        contents = {name: Content(data, executable) for name, data, executable in files}
        target = run.Target(folder, str(folder), config, None, in_memory=True)
        work.append((target, AppFolder(folder, frozenset(contents), contents, frozenset())))
    found = run.check_many(work)
    outcomes = [run.make_outcome(*one, said) for one, said in zip(work, found, strict=True)]
    return [
        [
            replace(d, related=(*d.related, (app.cause, "the app that it was rendered from")))
            for d in outcome.findings
            if d.severity > Severity.NOTE
        ]
        for app, outcome in zip(apps, outcomes, strict=True)
    ]


def _parts(app: Rendered) -> Iterator[str | bytes]:
    """What the findings follow from. The place counts where a configuration may speak of it."""
    yield "rendered"
    yield code_version()
    yield app.release
    for name, data, executable in app.files:
        yield name
        yield data
        yield "x" if executable else "-"
    folder = app.folder.resolve()
    for above in (folder, *folder.parents):
        for name in _CONFIGS:
            try:
                data = (above / name).read_bytes()
            except OSError:
                continue
            yield str(above / name)
            yield str(app.folder)
            yield data
