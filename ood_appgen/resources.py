"""Where the packaged schemas and templates are: in the wheel, or in the source tree."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent

SCHEMAS = ("site", "app", "form", "manifest", "submit")


def schema_path(name: str) -> Path:
    """The file of a schema, `name` as in `SCHEMAS`.

    An editable install has no `ood_appgen/schemas`; there the top-level folder serves.
    """
    for folder in (_PACKAGE / "schemas", _PACKAGE.parent / "schemas"):
        path = folder / f"{name}.schema.json"
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name}.schema.json is not part of this installation of ood-appgen")


@cache
def load_schema(name: str) -> dict[str, Any]:
    """A schema as data. The caller must not change it."""
    data: dict[str, Any] = json.loads(schema_path(name).read_text(encoding="utf-8"))
    return data


def scaffold_path() -> Path:
    """The cookiecutter template of new apps; in an editable install, that of the source tree."""
    for folder in (_PACKAGE / "cookiecutter-template", _PACKAGE.parent / "cookiecutter-template"):
        if (folder / "cookiecutter.json").is_file():
            return folder
    raise FileNotFoundError(
        "the template of new apps is not part of this installation of ood-appgen"
    )


def site_template_path() -> Path:
    """The folder of what a new site repository begins with."""
    return _PACKAGE / "site-template"


def templates_path() -> Path:
    """The folder of the output templates."""
    return _PACKAGE / "templates"
