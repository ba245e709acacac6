"""Shell texts that a profile or a spec names or holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ood_appgen.diagnostics import Diagnostic, Span, error, quote


def read_script(
    text: str, directory: Path, span: Span, neighbours: bool = False
) -> tuple[str, Diagnostic | None]:
    """The text of a script as `site.yml` or `app.yml` gives it.

    One line is the name of a file in `directory` (with `neighbours`, or in a directory beside it, as
    `../jupyter/before.sh`); several lines are the script itself.
    """
    if "\n" in text or not text:
        return text.replace("\r\n", "\n"), None
    path = directory / text
    parts = Path(text).parts
    below = parts[1:] if neighbours and parts[0] == ".." and len(parts) > 2 else parts
    inside = not text.startswith("/") and ".." not in below
    hint = "a script of several lines can stand here itself, after `|`"
    if not inside:
        return "", error(span, "script-file", f"{quote(text)} is not a file beside this one", hint)
    try:
        # bash takes a carriage return for a part of the command.
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n"), None
    except UnicodeDecodeError:
        return "", error(span, "script-file", f"the script {quote(text)} is not UTF-8 text")
    except OSError as exc:
        reason = exc.strerror or str(exc)
        return "", error(
            span, "script-file", f"the script {quote(text)} cannot be read: {reason}", hint
        )


def script_files(texts: Iterable[str]) -> tuple[str, ...]:
    """The names of files among the values that `read_script` takes."""
    return tuple(text for text in texts if text and "\n" not in text)
