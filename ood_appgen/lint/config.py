"""What a project says of the linter: `.appgen.toml`, or `[tool.appgen]` in pyproject.toml.

    ondemand = "4.1"                      # the release that runs the apps; default: that of `site`, else the newest
    site = "site.yml"                     # the site profile, for rules that know clusters
    profile = "catalogue"                 # further rules for a purpose
    select = ["DEFAULT", "form"]          # ids, groups, ALL, DEFAULT; default: DEFAULT
    ignore = ["view-no-title"]
    severity = {form-listed-twice = "warning"}
    per-file-ignores = {"apps/old/**" = ["form"]}
    baseline = "lint-baseline.json"
    exclude = ["vendor"]

The nearest file upward from an app counts, and paths in it are seen from its directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from ood_appgen.diagnostics import Diagnostic, Severity, Span, quote
from ood_appgen.lint import catalog
from ood_appgen.lint.releases import RELEASES

FILE, PYPROJECT, TABLE = ".appgen.toml", "pyproject.toml", "tool.appgen"
RULE = "lint-config"
SEVERITIES = {severity.word: severity for severity in reversed(Severity)}
KEYS = (
    "select",
    "ignore",
    "severity",
    "per-file-ignores",
    "ondemand",
    "site",
    "profile",
    "baseline",
    "exclude",
)


class ConfigError(Exception):
    """The configuration cannot be used; `diagnostic` says where and why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


@dataclass(frozen=True)
class Config:
    """The linter's settings for some apps. Globs are seen from `folder`."""

    folder: Path = field(default_factory=Path.cwd)
    select: tuple[str, ...] = (catalog.DEFAULT,)
    ignore: tuple[str, ...] = ()
    severity: tuple[tuple[str, Severity], ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ondemand: str = ""
    site: Path | None = None
    profile: str = ""
    baseline: Path | None = None
    exclude: tuple[str, ...] = ()

    def with_options(self, select: Sequence[str], ignore: Sequence[str], **others: Any) -> Config:
        """With what the command line says. `--select` is the whole selection; `--ignore` adds."""
        given: dict[str, Any] = {key: value for key, value in others.items() if value}
        if select:
            given |= {"select": tuple(select), "ignore": ()}
        given["ignore"] = (*given.get("ignore", self.ignore), *ignore)
        return replace(self, **given)

    def is_excluded(self, path: Path) -> bool:
        """Whether a file or directory is left out, by itself or with one above it."""
        return any(matches(glob, self._inner(path)) for glob in self.exclude)

    def ignored_in(self, path: Path) -> frozenset[str]:
        """The words (ids, groups) whose findings in a file do not count."""
        inner = self._inner(path)
        found = (words for glob, words in self.per_file_ignores if matches(glob, inner))
        return frozenset(word for words in found for word in words)

    def severity_of(self, rule_id: str) -> Severity | None:
        """The severity that is wanted for a rule's findings; None: the rule's own."""
        wanted = dict(self.severity)
        group = rule_id.split("-", 1)[0]
        return wanted.get(
            rule_id, wanted.get(group, wanted.get(catalog.ALL, wanted.get(catalog.DEFAULT)))
        )

    def _inner(self, path: Path) -> str:
        return os.path.relpath(path, self.folder)


def find(folder: Path) -> Config:
    """The configuration for an app's directory: the nearest file upward. Raises ConfigError."""
    return _find(folder.resolve())


@cache
def _find(folder: Path) -> Config:
    for path in (folder / FILE, folder / PYPROJECT):
        if path.is_file():
            config = read(path)
            if config is not None:
                return config
    return Config() if folder == folder.parent else _find(folder.parent)


def forget() -> None:
    """Read configuration files anew from now on."""
    _find.cache_clear()


def read(path: Path) -> Config | None:
    """A configuration file; None for a pyproject.toml that says nothing of appgen.

    Raises ConfigError.
    """
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8")
        data = tomllib.loads(text)
    except OSError as exc:
        raise ConfigError(_diagnose(path, None, f"cannot be read: {exc.strerror}")) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError(_diagnose(path, None, "is not UTF-8 text")) from exc
    except (tomllib.TOMLDecodeError, RecursionError) as exc:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(exc))
        where = (int(place[1]), int(place[2])) if place else None
        what = (
            str(exc)[: place.start()] if place else str(exc).removesuffix(" (at end of document)")
        )
        raise ConfigError(_diagnose(path, where, f"this is not TOML: {what}")) from exc
    table: Any = data
    start = 0
    if path.name == PYPROJECT:
        tool = data.get("tool")
        if not isinstance(tool, dict) or "appgen" not in tool:
            return None
        table = tool["appgen"]
        header = re.search(r"^\s*\[\s*tool\s*\.\s*appgen\b", text, re.MULTILINE)
        start = header.start() if header else 0
    return _Reader(path, text, start).read(table)


def matches(glob: str, path: str) -> bool:
    """Whether a glob names a path or a directory above it.

    `*` stays within a name, `**` does not. Without a slash it is any name on the way.
    """
    glob = glob.removeprefix("./").rstrip("/")
    parts = path.split("/")
    if "/" not in glob:
        return any(_compile(glob).fullmatch(part) for part in parts)
    above = ("/".join(parts[:n]) for n in range(1, len(parts) + 1))
    return any(_compile(glob).fullmatch(part) for part in above)


@cache
def _compile(glob: str) -> re.Pattern[str]:
    words = re.split(r"(\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\])", glob)
    return re.compile("".join(_translate(w) for w in words), re.DOTALL)


def _translate(word: str) -> str:
    known = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if word in known:
        return known[word]
    if word.startswith("[") and word.endswith("]") and len(word) > 2:
        negated = word.startswith("[!")
        inner = word[2 if negated else 1 : -1].replace("\\", "\\\\").replace("[", "\\[")
        pattern = f"[{'^' if negated else ''}{inner.replace('^', chr(92) + '^')}]"
        try:
            re.compile(pattern)
        except re.error:
            return re.escape(word)
        return pattern
    return re.escape(word)


def check_words(words: Sequence[str]) -> str:
    """What is wrong with rule ids and groups from a command line; "" for nothing."""
    for word in words:
        if word not in catalog.selectors():
            return f"{quote(word)} is no rule and no group of rules{_suggest(word)}"
    return ""


def _suggest(word: str) -> str:
    suggestion = catalog.suggest(word, catalog.selectors())
    return f"; {suggestion}" if suggestion else "; see: appgen rules"


class _Reader:
    """A table made into a `Config`; whatever is wrong first ends it."""

    def __init__(self, path: Path, text: str, start: int) -> None:
        self.path = path
        self.text = text
        self.start = start

    def read(self, table: Any) -> Config:
        if not isinstance(table, dict):
            self.fail((), f"{TABLE} must be a table")
        for key in table:
            if key not in KEYS:
                hint = catalog.suggest(key, KEYS) or f"the keys: {', '.join(KEYS)}"
                self.fail((key,), f"{quote(key)} is not a key of the linter's configuration", hint)
        folder = self.path.resolve().parent
        severity = tuple(self.read_severities(table))
        ignores = tuple(self.read_per_file(table))
        return Config(
            folder,
            self.read_words(table, ("select",), (catalog.DEFAULT,)),
            self.read_words(table, ("ignore",)),
            severity,
            ignores,
            self.read_choice(table, "ondemand", RELEASES),
            self.read_path(table, "site", folder),
            self.read_choice(table, "profile", catalog.PROFILES),
            self.read_path(table, "baseline", folder),
            self.read_list(table.get("exclude", []), ("exclude",)),
        )

    def read_words(
        self, table: Mapping[str, Any], keys: tuple[str, ...], default: tuple[str, ...] = ()
    ) -> tuple[str, ...]:
        if keys[-1] not in table:
            return default
        words = self.read_list(table[keys[-1]], keys)
        for word in words:
            self.check_word(word, (*keys, word))
        return words

    def read_list(self, value: Any, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fail(keys, f"{quote(keys[-1])} must be a list of texts", 'such as ["form"]')
        return tuple(value)

    def read_severities(self, table: Mapping[str, Any]) -> Iterator[tuple[str, Severity]]:
        for word, name in self.read_table(table, "severity").items():
            self.check_word(word, ("severity", word))
            if not isinstance(name, str) or name not in SEVERITIES:
                hint = f"one of: {', '.join(SEVERITIES)}"
                if name in ("off", "none", "ignore", False):
                    hint += "; to switch the rule off, list it under ignore"
                self.fail(("severity", word), f"{quote(name)} is no severity", hint)
            yield word, SEVERITIES[name]

    def read_per_file(self, table: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
        value = self.read_table(table, "per-file-ignores")
        for glob in value:
            yield glob, self.read_words(value, ("per-file-ignores", glob))

    def read_table(self, table: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.fail((key,), f"{quote(key)} must be a table", f"{key} = {{...}}, or [{key}]")
        return dict(value)

    def read_choice(self, table: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str:
        value = table.get(key, "")
        if key in table and value not in known:
            quoted = f'"{value}"' in (f'"{k}"' for k in known)
            hint = (
                f'put it in quotes: {key} = "{value}"' if quoted else f"one of: {', '.join(known)}"
            )
            self.fail((key,), f"{quote(value)} is not a value of {quote(key)}", hint)
        return str(value)

    def read_path(self, table: Mapping[str, Any], key: str, folder: Path) -> Path | None:
        value = table.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value:
            self.fail((key,), f"{quote(key)} must be the path of a file")
        return Path(folder, value)

    def check_word(self, word: str, keys: tuple[str, ...]) -> None:
        if word not in catalog.selectors():
            hint = catalog.suggest(word, catalog.selectors()) or "see: appgen rules"
            self.fail(keys, f"{quote(word)} is no rule and no group of rules", hint)

    def fail(self, words: tuple[str, ...], message: str, hint: str = "") -> None:
        raise ConfigError(_diagnose(self.path, self.locate(words), message, hint))

    def locate(self, words: tuple[str, ...]) -> tuple[int, int] | None:
        """Line and column of the last of these words, each looked for after the one before."""
        text = re.sub(
            r"""("[^"\n]*"|'[^'\n]*')|#[^\n]*""", lambda m: m[1] or " " * len(m[0]), self.text
        )
        offset = found = self.start
        for word in words:
            place = re.search(rf"""(?<![\w-])(["']?){re.escape(word)}\1(?![\w-])""", text[offset:])
            if place is None:
                break
            found, offset = offset + place.start(), offset + place.end()
        line = text.count("\n", 0, found) + 1
        return line, found - (text.rfind("\n", 0, found) + 1) + 1


def _diagnose(
    path: Path, where: tuple[int, int] | None, message: str, hint: str = ""
) -> Diagnostic:
    shown_as = shown(path)
    span = Span(shown_as, *where) if where else None
    return Diagnostic(shown_as, span, RULE, Severity.ERROR, message, hint)


def shown(path: Path) -> str:
    """A path as seen from here, unless that is far away."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("../../..") else relative
