"""`appgen explain` in words: finds the app that a file belongs to, asks `explain`, says what it is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from ood_appgen import api, lock, overrides, planner, render, schema
from ood_appgen.diagnostics import has_errors, quote
from ood_appgen.explain import Cause, Explainer, find_paths, show_path
from ood_appgen.model import app_parser, site_parser
from ood_appgen.source import Document, read_file

_MOST_LINES = 6


class ExplainError(Exception):
    """Why there is nothing to explain; the message says what to do."""


def explain_place(place: str, site_file: Path | None, output: Path) -> Iterator[str]:
    """The lines that say where FILE or FILE:LINE of a rendered app comes from."""
    file, line = _split_place(place)
    target, inner = _find_target(file, output)
    explainer, app_dir = _load(lock.read(target).app_id or target.name, site_file)
    if (app_dir / overrides.FOLDER / inner).is_file():
        yield f"{file}: is {app_dir / overrides.FOLDER / inner}, as it is"
        return
    if inner == lock.LOCK_NAME:
        raise ExplainError(f"{file}: is appgen's own record of what it wrote")
    if inner not in explainer.baseline:
        raise ExplainError(f"{file}: appgen makes no such file; somebody put it there")
    planned = explainer.baseline[inner].splitlines()
    there = (
        file.read_text(encoding="utf-8", errors="replace").splitlines()
        if file.is_file()
        else planned
    )
    numbers = range(1, len(there) + 1) if line is None else [line]
    if line is not None and line not in range(1, len(there) + 1):
        raise ExplainError(f"{file}: has {len(there)} lines, and no line {line}")
    matching = _match_lines(there, planned)
    for number in numbers:
        text = there[number - 1]
        if line is None and not text.strip():
            continue
        yield f"{file}:{number}: {text.strip()}"
        if number not in matching:
            yield "  edited by hand: appgen does not make this line as it is"
            continue
        causes = explainer.explain(inner, matching[number])
        for cause in causes:
            yield from _describe(cause)
        if not causes:
            yield "  the same for every site and app: it comes from appgen's templates"


def explain_value(name: str, site_file: Path | None) -> Iterator[str]:
    """The lines that say what a value of site.yml or of an app.yml touches, over all apps."""
    site_file = site_file or api.find_site(Path.cwd())
    if site_file is None:
        raise ExplainError(
            "there is no site.yml in this directory or one above it; name it with --site"
        )
    site_file = api.shown_path(site_file)
    known = False
    for app_dir in api.find_apps(site_file):
        try:
            explainer, _ = _load_app(app_dir, site_file)
        except ExplainError as exc:
            yield f"{app_dir}: {exc}"
            continue
        for which, document in enumerate(explainer.documents):
            for path in find_paths(document, name):
                known = True
                span = document.key_span(path)
                yield f"{span}: {show_path(path)}, for {app_dir.name}"
                touched = explainer.touches(which, path)
                for touch in touched or ():
                    numbers = [str(n) for n, _, _ in touch.changes]
                    more = (
                        f" and {len(numbers) - _MOST_LINES} more"
                        if len(numbers) > _MOST_LINES
                        else ""
                    )
                    lines = "line" if len(numbers) == 1 else "lines"
                    yield f"  {touch.file}: {lines} {', '.join(numbers[:_MOST_LINES])}{more}"
                    _, before, after = touch.changes[0]
                    yield f"    {before.strip()}"
                    yield f"    -> {after.strip()}"
                if touched is None:
                    yield "  cannot be told: no other value that was tried makes an app"
                elif not touched:
                    yield "  changes nothing in this app"
    if not known:
        raise ExplainError(
            f"{quote(name)} is the name of no value in {site_file} or the apps' app.yml; "
            "write the end of its path, such as owens.node_types.any.cores.max"
        )


def _describe(cause: Cause) -> Iterator[str]:
    if isinstance(cause.value, (dict, list)):
        shown = ""
    else:
        text = str(cause.value).replace("\n", " ")
        shown = f": {text[:60]}{'...' if len(text) > 60 else ''}"
    yield f"  {cause.span}: {cause.name}{shown}"
    tried = "without it" if cause.changed_to is None else f"with {quote(cause.changed_to, 30)}"
    if cause.becomes is None:
        yield f"    {tried}, the line is not there"
    else:
        yield f"    {tried}, it is: {cause.becomes.strip()}"


def _split_place(place: str) -> tuple[Path, int | None]:
    """A file and the line of it that is meant, if one is; a column after the line is let go.

    A file's own name may end like these numbers.
    """
    numbers: list[int] = []
    try:
        while len(numbers) < 2 and not Path(place).exists():
            found = re.fullmatch(r"(.+):(\d{1,9})\d*", place)
            if found is None:
                break
            place = found[1]
            numbers.insert(0, int(found[2]))
    except OSError as exc:
        raise ExplainError(f"{place[:80]}: {exc.strerror}") from exc
    return Path(place), numbers[0] if numbers else None


def _find_target(file: Path, output: Path) -> tuple[Path, str]:
    """The rendered app that a file is in, and its name there."""
    path = Path(os.path.abspath(file))
    for folder in path.parents:
        if (folder / lock.LOCK_NAME).is_file():
            return folder, path.relative_to(folder).as_posix()
    raise ExplainError(
        f"{file}: is in no rendered app; name a file below {output}/<app id>/, and render first"
    )


def _load(app_id: str, site_file: Path | None) -> tuple[Explainer, Path]:
    """The explainer for an app that is rendered, by its id."""
    site_file = site_file or api.find_site(Path.cwd())
    if site_file is None:
        raise ExplainError(
            "there is no site.yml in this directory or one above it; name it with --site"
        )
    site_file = api.shown_path(site_file)
    for app_dir in api.find_apps(site_file):
        document, _ = read_file(app_dir / api.APP_FILE, str(app_dir / api.APP_FILE))
        data = document.data if document is not None else None
        if isinstance(data, dict) and data.get("id") == app_id:
            return _load_app(app_dir, site_file)
    raise ExplainError(
        f"{site_file}: there is no app {quote(app_id)} beside it; name its site with --site"
    )


def _load_app(app_dir: Path, site_file: Path) -> tuple[Explainer, Path]:
    result = api.render_apps([app_dir], site_file)
    if result.failed or not result.apps:
        errors = [f.format() for f in result.findings if has_errors([f])]
        raise ExplainError(errors[0] if errors else f"{app_dir}: the site does not have this app")
    site, app = (_read(path) for path in (site_file, app_dir / api.APP_FILE))
    plan = result.apps[0].plan

    def render_data(site_data: Any, app_data: Any) -> Mapping[str, str] | None:
        # Whatever no longer fits together is no app; the parsers trust the schemas, which are
        # too slow to be asked each time.
        try:
            profile, _ = site_parser.parse(replace(site, data=site_data), site_file.parent)
            spec, _ = app_parser.parse(replace(app, data=app_data), app_dir)
            if profile is None or spec is None:
                return None
            made, _ = planner.build(profile, spec, plan.made_from, plan.command)
            if made is None:
                return None
            return {f.path: f.content.decode("utf-8", "replace") for f in render.render(made)}
        except Exception:
            return None

    return Explainer(site, app, render_data, _keywords()), app_dir


def _read(path: Path) -> Document:
    document, _ = read_file(path, str(path))
    assert document is not None, "it was rendered from it"
    return document


@cache
def _keywords() -> frozenset[str]:
    """All keys that the schemas of site.yml and app.yml name."""
    return frozenset(schema.property_names("site")) | frozenset(schema.property_names("app"))


def _match_lines(there: list[str], planned: list[str]) -> dict[int, int]:
    """Numbers of lines that are as planned, by where they are; from 1."""
    if there == planned:
        return {n: n for n in range(1, len(there) + 1)}
    import difflib

    matcher = difflib.SequenceMatcher(None, there, planned, autojunk=False)
    return {
        block.a + i + 1: block.b + i + 1
        for block in matcher.get_matching_blocks()
        for i in range(block.size)
    }
