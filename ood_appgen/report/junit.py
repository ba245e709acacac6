"""Findings as the test views of GitLab and Jenkins show them: JUnit XML.

A suite for each file; in it a failed case for each error and warning. A note stops nothing: its case
passes, and says it in its output. A file in which nothing was found is a case that passes, so that
what was mended shows up as mended.

GitLab docs, "Unit test reports": a case is known by classname and name, and of those of the same
name only the first counts; so the name holds what tells findings apart, and no line number that
makes a new case of a finding that only moved. Jenkins takes a file without cases as an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain, count
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from ood_appgen.diagnostics import Diagnostic, Severity
from ood_appgen.report.common import add_hint, from_root

_TOOL = "appgen lint"
# XML 1.0, production [2] Char: nothing else can stand in a document, escaped or not.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def report(diagnostics: Iterable[Diagnostic], files: Iterable[str] = (), root: str = ".") -> str:
    """The whole report; `files` are all that were read, `root` is the top of the repository."""
    by_file: dict[str, list[Diagnostic]] = {_clean(from_root(path, root)): [] for path in files}
    for diagnostic in diagnostics:
        by_file.setdefault(_clean(from_root(diagnostic.path, root)), []).append(diagnostic)
    top = Element("testsuites", name=_TOOL)
    for path in sorted(by_file):
        _add_suite(top, path, by_file[path])
    if not by_file:
        _add_suite(top, _TOOL, [])
    _count(top)
    ElementTree.indent(top)
    text = ElementTree.tostring(top, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_suite(top: Element, path: str, diagnostics: list[Diagnostic]) -> None:
    suite = SubElement(top, "testsuite", name=path)
    if not diagnostics:
        SubElement(suite, "testcase", name="no findings", classname=path, file=path)
    names: set[str] = set()
    for diagnostic in diagnostics:
        name = _name_apart(_clean(f"{diagnostic.rule}: {diagnostic.message}"), names)
        names.add(name)
        case = SubElement(suite, "testcase", name=name, classname=path, file=path)
        span = diagnostic.span
        if span:
            case.set("line", str(span.line))
        place = f"{path}:{span.line}:{span.column}" if span else path
        text = f"{place}: {diagnostic.severity.word}: {add_hint(diagnostic)}"
        if diagnostic.severity is Severity.NOTE:
            SubElement(case, "system-out").text = _clean(text)
        else:
            failure = SubElement(case, "failure", type=diagnostic.severity.word)
            failure.set("message", _clean(diagnostic.message))
            failure.text = _clean(text)
    _count(suite)


def _name_apart(name: str, taken: set[str]) -> str:
    numbered = (f"{name} ({number})" for number in count(2))
    return next(n for n in chain((name,), numbered) if n not in taken)


def _count(element: Element) -> None:
    element.set("tests", str(len(element.findall(".//testcase"))))
    element.set("failures", str(len(element.findall(".//failure"))))
    element.set("errors", "0")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
