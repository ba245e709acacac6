"""What a rule is: a module in `ood_appgen/lint/rules/`, found by its file name.

`form_dead_directive.py` is the rule `form-dead-directive`. The module has

- a docstring: a sentence as title, then the parts Why, Bad, Good and Fix (its page of documentation);
- `SEVERITY`: of its findings, unless one says otherwise;
- `VERSION`: a number to raise when its findings change, so that cached ones are not used;
- `check(app)`: yields a `Finding` for each thing that is wrong;
- `DEFAULT = False` where it is only on when selected, or with `PROFILE` when that profile is asked for;
- `prepare(apps)` where something is cheaper to find out for many apps at once, before they are checked;
- `PROGRAM = "shellcheck"` where it starts that program, and finds nothing without it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from ood_appgen.diagnostics import Edit, Severity
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Node
from ood_appgen.lint.ruby import Name
from ood_appgen.lint.source_file import SourceFile


@dataclass(frozen=True)
class Finding:
    """A thing that is wrong, at characters `start` to `end` of a file; with no start, in all of it.

    `path` is for what concerns no file that was read: the app's directory, or one that is missing.
    """

    message: str
    hint: str = ""
    file: SourceFile | None = None
    start: int | None = None
    end: int | None = None
    severity: Severity | None = None
    fix: Edit | None = None
    related: tuple[tuple[SourceFile, int, str], ...] = ()
    path: str = ""


@dataclass(frozen=True)
class Rule:
    """A rule's module, taken apart."""

    id: str
    title: str
    doc: str
    severity: Severity
    version: int
    default: bool
    profile: str
    program: str
    check: Callable[[App], Iterator[Finding]]
    prepare: Callable[[Iterable[App]], None] | None = None

    @property
    def group(self) -> str:
        """The first word of its id: form, submit, script, view, security, manifest..."""
        return self.id.split("-", 1)[0]


def at(
    node: Node | Name,
    message: str,
    hint: str = "",
    *,
    file: SourceFile | None = None,
    severity: Severity | None = None,
    fix: Edit | None = None,
    related: tuple[tuple[SourceFile, int, str], ...] = (),
) -> Finding:
    """A finding at a YAML node, or at a name in Ruby of `file`."""
    if isinstance(node, Node):
        file = node.file
    return Finding(message, hint, file, node.start, node.end, severity, fix, related)


def replace(node: Node, text: str) -> Edit:
    """The mend that writes `text` in place of a node."""
    return Edit(node.file.path, node.start, node.end, text)


@cache
def load_rules() -> dict[str, Rule]:
    """All rules by id, sorted."""
    from ood_appgen.lint import rules

    names = sorted(module.name for module in pkgutil.iter_modules(rules.__path__))
    found = (read_rule(importlib.import_module(f"{rules.__name__}.{name}")) for name in names)
    return {rule.id: rule for rule in found}


def read_rule(module: ModuleType) -> Rule:
    """A module as a rule."""
    doc = (module.__doc__ or "").strip()
    profile = getattr(module, "PROFILE", "")
    return Rule(
        id=module.__name__.rpartition(".")[2].replace("_", "-"),
        title=doc.partition("\n")[0],
        doc=doc,
        severity=module.SEVERITY,
        version=getattr(module, "VERSION", 1),
        default=getattr(module, "DEFAULT", not profile),
        profile=profile,
        program=getattr(module, "PROGRAM", ""),
        check=module.check,
        prepare=getattr(module, "prepare", None),
    )
