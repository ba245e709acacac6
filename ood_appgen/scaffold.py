"""New apps, through cookiecutter, and new site repositories. Each is there as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ood_appgen.resources import scaffold_path, schema_path, site_template_path

_ROOT = "cookiecutter"  # what templates of cookiecutter call the answers


class ScaffoldError(Exception):
    """Why nothing was written."""


@dataclass(frozen=True)
class Question:
    """A question of the template. `default` is a Jinja text that may use the answers before it."""

    name: str
    prompt: str
    default: str
    choices: Mapping[str, str]


@cache
def questions() -> tuple[Question, ...]:
    """What the template asks, in order."""
    data = json.loads((scaffold_path() / "cookiecutter.json").read_text(encoding="utf-8"))
    found = []
    for name, default in data.items():
        if name.startswith("_"):
            continue
        prompt = data["__prompts__"][name]
        if isinstance(default, list):
            labels = {
                value: prompt[value] if isinstance(prompt, dict) else value for value in default
            }
            text = prompt["__prompt__"] if isinstance(prompt, dict) else prompt
            found.append(Question(name, text, default[0], labels))
        else:
            found.append(Question(name, prompt, default, {}))
    return tuple(found)


def is_needed(name: str, answers: Mapping[str, str]) -> bool:
    """Whether the answer to a question makes a difference, after those that are there already."""
    if name == "program":
        return answers["kind"] == "vnc"
    if name == "schedulers":
        return answers["kind"] != "vnc"
    if name == "image":
        return answers["software"] == "container"
    if name == "modules":
        return answers["software"] == "modules"
    return name != "kubernetes_image" or "kubernetes" in answers["schedulers"]


def default_answer(question: Question, answers: Mapping[str, str]) -> str:
    """What the template proposes. The answers are data to it, whatever is in them."""
    from jinja2 import Environment

    return Environment().from_string(question.default).render({_ROOT: answers})


def complete(answers: Mapping[str, str]) -> dict[str, str]:
    """All answers: those given, and what the template proposes for the others."""
    done: dict[str, str] = {}
    for question in questions():
        given = answers.get(question.name)
        done[question.name] = default_answer(question, done) if given is None else given
    return done


def find_problems(answers: Mapping[str, str]) -> list[str]:
    """What the template's own hook says of the answers, so that it is the only judge of them."""
    from cookiecutter.environment import StrictEnvironment

    hook = (scaffold_path() / "hooks" / "pre_gen_project.py").read_text(encoding="utf-8")
    program = StrictEnvironment(context={}).from_string(hook).render({_ROOT: complete(answers)})
    done = subprocess.run(
        [sys.executable, "-I", "-X", "utf8", "-"],
        input=program.encode("utf-8", "surrogatepass"),
        capture_output=True,
    )
    said = done.stderr.decode("utf-8", "replace").rstrip("\n").split("\n")
    if done.returncode and not all(line.startswith("error: ") for line in said):
        raise ScaffoldError("the template's hook failed: " + (said[-1] if said else "no message"))
    return [line.removeprefix("error: ") for line in said if line]


def make_app(answers: Mapping[str, str], output: Path) -> Path:
    """Write a new app into `output`/ID, which must not be there."""
    target = output / answers["app_id"]
    problems = find_problems(answers)
    if problems:
        raise ScaffoldError("\n".join(problems))
    if os.path.lexists(target):
        raise ScaffoldError(f"{target}: there is something of that name already")
    with _scratch(output) as scratch:
        made = _generate(answers, scratch)
        _add_modeline(made / "app.yml", output)
        try:
            output.mkdir(parents=True, exist_ok=True)
            made.rename(target)
        except OSError as exc:
            raise ScaffoldError(f"{target}: cannot be made: {exc.strerror}") from exc
    return target


def make_site(target: Path, name: str, answers: Mapping[str, str]) -> tuple[str, ...]:
    """Make a site repository with one app in a directory; returns its files.

    What is in the directory stays, and nothing is written where a file of the same name is there.
    """
    if not name.strip() or not name.isprintable():
        raise ScaffoldError("the site's name must be one line of text")
    problems = find_problems(answers)
    if problems:
        raise ScaffoldError("\n".join(problems))
    if os.path.lexists(target) and not target.is_dir():
        raise ScaffoldError(f"{target}: is no directory")
    with _scratch(target.parent) as scratch:
        made = scratch / "site"
        _write_site(made, name, answers["app_id"])
        (made / "apps").mkdir()
        app = _generate(answers, made / "apps")
        _add_modeline(app / "app.yml", app.parent)
        files = tuple(sorted(str(p.relative_to(made)) for p in made.rglob("*") if p.is_file()))
        there = [file for file in files if _is_taken(target, file)]
        # An app's files make sense together: none goes among those of another.
        if os.path.lexists(target / "apps" / app.name):
            there.append(f"apps/{app.name}")
        if there:
            lines = [f"{target / file}: is there already" for file in sorted(set(there))]
            raise ScaffoldError("\n".join(lines))
        try:
            _move(made, target)
        except OSError as exc:
            raise ScaffoldError(f"{exc.filename or target}: {exc.strerror}") from exc
    return files


def _is_taken(target: Path, file: str) -> bool:
    """Whether a file is there, or something else than a directory is in its way."""
    path = target / file
    if os.path.lexists(path):
        return True
    between = [p for p in path.parents if p.is_relative_to(target) and p != target]
    return any(os.path.lexists(p) and not p.is_dir() for p in between)


def _write_site(folder: Path, name: str, app_id: str) -> None:
    source = site_template_path()
    words = {
        "@NAME@": name,
        "@SITE@": json.dumps(name, ensure_ascii=False),
        "@TITLE@": "".join(f"\\{c}" if c in "\\`*_[]<>#&" else c for c in name),
        "@APP@": app_id,
    }
    for path in sorted(source.rglob("*")):
        if path.is_dir():
            continue
        inner = str(path.relative_to(source))
        file = folder / ("." + inner.removeprefix("dot.") if inner.startswith("dot.") else inner)
        file.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        for word, value in words.items():
            text = text.replace(word, value)
        file.write_text(text, encoding="utf-8")
    (folder / "schemas").mkdir()
    for schema in ("site", "app"):
        shutil.copyfile(schema_path(schema), folder / "schemas" / f"{schema}.schema.json")


def _generate(answers: Mapping[str, str], folder: Path) -> Path:
    from cookiecutter.exceptions import CookiecutterException
    from cookiecutter.generate import generate_files

    data: dict[str, Any] = json.loads(
        (scaffold_path() / "cookiecutter.json").read_text(encoding="utf-8")
    )
    # Not through its `main`, which would take braces in answers for templates of its own, read the
    # user's settings for other templates and keep a copy of the answers in the home directory.
    own = {key: value for key, value in data.items() if key.startswith("_")}
    try:
        made = generate_files(scaffold_path(), {_ROOT: {**own, **complete(answers)}}, folder)
    except (CookiecutterException, OSError) as exc:
        raise ScaffoldError(f"cookiecutter: {exc}") from exc
    return Path(made)


def _add_modeline(file: Path, apps: Path) -> None:
    """Name the schema for editors, where the site's repository has it."""
    schema = apps.resolve().parent / "schemas" / "app.schema.json"
    scratch_schema = file.parent.parent.parent / "schemas" / "app.schema.json"
    if schema.is_file() or scratch_schema.is_file():
        line = "# yaml-language-server: $schema=../../schemas/app.schema.json\n"
        file.write_text(line + file.read_text(encoding="utf-8"), encoding="utf-8")


@contextmanager
def _scratch(near: Path) -> Iterator[Path]:
    """A directory that is on the same file system as what will be made below `near`."""
    near = near.absolute()
    above = next(p for p in (near, *near.parents) if p.is_dir())
    try:
        folder = tempfile.TemporaryDirectory(prefix=".appgen-new-", dir=above)
    except OSError as exc:
        raise ScaffoldError(f"{above}: cannot be written to: {exc.strerror}") from exc
    with folder as name:
        yield Path(name)


def _move(made: Path, target: Path) -> None:
    """Move a tree to its place; where that fails, what was moved goes away again."""
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        made.rename(target)
        return
    moved: list[Path] = []
    try:
        _merge(made, target, moved)
    except OSError:
        for path in moved:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        raise


def _merge(source: Path, target: Path, moved: list[Path]) -> None:
    for path in sorted(source.iterdir()):
        place = target / path.name
        if place.is_dir():
            _merge(path, place, moved)
        else:
            path.rename(place)
            moved.append(place)
