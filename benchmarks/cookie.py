"""A cookiecutter template that makes, byte for byte, a tree that is already there."""

from __future__ import annotations

import json
from pathlib import Path

_RAW, _END = b"{% raw %}", b"{% endraw %}"


def make_template(tree: Path, template: Path) -> None:
    """Write to `template` a template whose output, with its defaults, is `tree`.

    The texts stand in raw blocks: cookiecutter has nothing to decide, which is its best case.
    """
    (template / "{{cookiecutter.app_id}}").mkdir(parents=True)
    (template / "cookiecutter.json").write_text(json.dumps({"app_id": tree.name}))
    for path, (content, executable) in read_tree(tree).items():
        if b"endraw" in content:
            raise ValueError(f"{path} holds the end of a raw block")
        place = template / "{{cookiecutter.app_id}}" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_RAW + content + _END)
        if executable:
            place.chmod(place.stat().st_mode | 0o111)


def read_tree(tree: Path) -> dict[str, tuple[bytes, bool]]:
    """Content and executable bit of every file, by path from `tree`."""
    return {
        path.relative_to(tree).as_posix(): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(tree.rglob("*"))
        if path.is_file()
    }
