"""What an app tells Jupyter: lines `c.ServerApp.token = ...` of its configuration, and its options.

Jupyter's settings have a class and a name (traitlets), in a Python file or as `--Class.name=value`;
apps write the file in a here-document, or have it below template/.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from ood_appgen.lint import shell
from ood_appgen.lint.app import App
from ood_appgen.lint.erb import MASK
from ood_appgen.lint.source_file import SourceFile

_LINE = re.compile(
    rf"^[ \t]*c\.([\w{MASK}]+)\.(\w+)[ \t]*=(?!=)[ \t]*(.*?)[ \t]*$",
    re.MULTILINE,
)
_OPTION = re.compile(r"--(\w+)\.(\w+)\Z")
_STRING = re.compile(r"""[uUbBrR]*(?P<quote>'''|\"\"\"|'|")(?P<text>.*?)(?P=quote)""")


@dataclass(frozen=True, slots=True)
class Setting:
    """`section.name` set to `value` (a string without its quotes), at `start`:`end` of a file."""

    section: str
    name: str
    value: str
    file: SourceFile
    start: int
    end: int


_SETTINGS: WeakKeyDictionary[App, tuple[Setting, ...]] = WeakKeyDictionary()


def settings(app: App) -> tuple[Setting, ...]:
    """All settings for Jupyter that are in the scripts and files of an app."""
    found = _SETTINGS.get(app)
    if found is None:
        found = _SETTINGS[app] = tuple(_find_settings(app))
    return found


def takes_any_origin(setting: Setting) -> bool:
    """Whether a setting lets pages of any origin send requests."""
    if setting.name == "allow_origin":
        return setting.value == "*"
    return setting.name == "allow_origin_pat" and setting.value.strip("^$()") in (".*", ".+")


def skips_xsrf_check(setting: Setting) -> bool:
    """Whether a setting switches off the check for the XSRF token."""
    return setting.name == "disable_check_xsrf" and setting.value.lower() in ("true", "1")


def _find_settings(app: App) -> Iterator[Setting]:
    shells = set()
    for part in shell.parts(app):
        shells.add(part.file)
        yield from _read_lines(part)
        yield from _read_options(part)
    for file in app.scripts:
        if file not in shells and "c." in file.text and not shell.is_copy(file.name):
            yield from _read_lines(shell.Part(file, file.masked))


def _read_lines(part: shell.Part) -> Iterator[Setting]:
    if "c." not in part.text:
        return
    for match in _LINE.finditer(part.text):
        value, end = _value(match[3])
        start = part.offset(match.start(3))
        yield Setting(match[1], match[2], value, part.file, start, start + end)


def _value(text: str) -> tuple[str, int]:
    """A Python value without quotes and comment, and how long it is as written."""
    found = _STRING.match(text)
    if found:
        return found["text"], found.end()
    bare = text.partition("#")[0].rstrip()
    return bare, len(bare)


def _read_options(part: shell.Part) -> Iterator[Setting]:
    for command in part.script.commands:
        for name, value, word in command.options():
            found = _OPTION.match(name)
            if found:
                yield Setting(
                    found[1], found[2], _value(value or "")[0], part.file, word.start, word.end
                )
