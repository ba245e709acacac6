"""`appgen.lock` in each rendered app: what was written, from what, and by which version.

It holds no time and no host: the same inputs give the same lock. `base` keeps what was written,
so that edits made by hand can be told from ours, and merged.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ood_appgen.render import RenderedFile

LOCK_NAME = "appgen.lock"


@dataclass(frozen=True)
class Lock:
    """What a lock says. `files` and `inputs` are digests by path, `base` texts by path.

    Paths of `files` are inside the app's directory; those of `inputs` as seen from site.yml.
    """

    made_by: str = ""
    app_id: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    base: Mapping[str, str] = field(default_factory=dict)


def make(
    files: Sequence[RenderedFile], version: str, app_id: str, inputs: Mapping[str, str]
) -> RenderedFile:
    """The lock for an app's files."""
    data = {
        "app": app_id,
        "base": {f.path: f.content.decode() for f in files if _is_text(f.content)},
        "files": {f.path: digest(f.content, f.executable) for f in files},
        "inputs": dict(inputs),
        "made_by": f"ood-appgen {version}",
    }
    text = json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False)
    return RenderedFile(LOCK_NAME, f"{text}\n".encode())


def read(target: Path) -> Lock:
    """The lock of a rendered app; an empty one where there is none that can be read."""
    try:
        data = json.loads((target / LOCK_NAME).read_bytes())
        return Lock(
            _text(data.get("made_by")),
            _text(data.get("app")),
            _texts(data.get("inputs", {})),
            {p: d for p, d in _texts(data["files"]).items() if _is_inside(p)},
            {p: t for p, t in _texts(data.get("base", {})).items() if _is_inside(p)},
        )
    except (FileNotFoundError, NotADirectoryError):
        return Lock()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Lock()


def digest(content: bytes, executable: bool = False) -> str:
    """What a lock keeps of a file: its contents' hash, and whether it may be run."""
    return ("x:" if executable else "-:") + hashlib.sha256(content).hexdigest()


def _is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def _is_inside(path: str) -> bool:
    return bool(path) and path[:1] != "/" and not {"..", "."} & set(path.split("/"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(data: Mapping[str, object]) -> dict[str, str]:
    return {str(key): str(value) for key, value in data.items()}
