"""Apps to lint: those below a directory, or a few hundred made from the sample apps."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

FORMS = ("form.yml", "form.yml.erb")
COPIES = 40


def find_apps(folder: Path) -> list[Path]:
    """The directories with a form, none inside another's template or local."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f not in (".git", "node_modules"))
        if any(name in names for name in FORMS):
            found.append(Path(where))
            folders[:] = [f for f in folders if f not in ("template", "local")]
    return found


def find_plain_yaml(apps: list[Path]) -> Iterator[Path]:
    """The YAML files of apps that are no ERB: all that a linter of YAML can read."""
    seen = set()
    for app in apps:
        for path in sorted((*app.rglob("*.yml"), *app.rglob("*.yaml"))):
            if path.is_file() and path.resolve() not in seen and ".git" not in path.parts:
                seen.add(path.resolve())
                yield path


def make_apps(rendered: Path, target: Path) -> None:
    """Copy rendered apps many times; no two files are alike."""
    for app in sorted(p for p in rendered.iterdir() if p.is_dir()):
        for number in range(COPIES):
            copy = target / f"{app.name}-{number}"
            shutil.copytree(app, copy)
            for path in copy.rglob("*"):
                if path.suffix in (".yml", ".erb"):
                    path.write_text(
                        f"{path.read_text()}\n# {'' if number else 'no '}copy {number}\n"
                    )
