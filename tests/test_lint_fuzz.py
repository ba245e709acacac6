"""Apps that nobody would write: all rules read them, and none crashes or takes long.

The apps of the rules' cases and the sample apps are mutated by a seeded generator: the same number
gives the same app. APPGEN_FUZZ_LINT=N reads N of them; APPGEN_FUZZ_LINT_FROM says where to begin.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from ood_appgen.diagnostics import Diagnostic
from ood_appgen.lint import catalog, engine, fixes, suppress
from ood_appgen.lint.app import Settings, from_folder
from ood_appgen.lint.config import Config
from ood_appgen.lint.folder import AppFolder, Content, find_apps, read
from ood_appgen.lint.releases import RELEASES
from ood_appgen.lint.run import Outcome, Target
from ood_appgen.report import json_report, text

HERE = Path(__file__).resolve().parent
COUNT = int(os.environ.get("APPGEN_FUZZ_LINT", "1500"))
START = int(os.environ.get("APPGEN_FUZZ_LINT_FROM", "0"))
CHUNKS = 10
# Of CPU time, for one small app; what is quadratic takes far longer on what `nest` makes.
MOST_SECONDS = 20.0

Files = dict[str, Content]

SNIPPETS = (
    "<%", "%>", "<%=", "<%-", "-%>", "<%#", "<%%", "%%>", "<%= x %>", "<%= x -%>\n", "<% # a %>",
    "<% if x %>", "<% elsif y %>", "<% else %>", "<% end %>", "<% case x %>", "<% when 1 %>",
    "<% x.each do |y| %>", "<% unless x then %>", "<% while x %>", "<% begin %>", "<% rescue => e %>",
    "<% def x(y) %>", "<%= <<~E %>", "<% # appgen: ignore[form-listed-twice] a %>", "<% =begin %>",
    '"', "'", "`", "|", "|2\n", ">-\n", "&a ", "*a", "<<: *a\n", "!!binary ", "!ruby/object:A ", "? ",
    "- ", ": ", "{", "}", "[", "]", ",", "\t", "#", " #", "---\n", "...\n", "%YAML 1.2\n", "~",
    "yes", "on", "0o17", "010", "1:30", "1_000", ".inf", "-.nan", "2024-01-01", "2024-99-99", ":a",
    "9" * 400, "1e999", "\r", "\r\n", "\x0b", "\x85", "\u2028", "\ufeff", "\ue000", "\U0001f600", "é",
    "$(", "${", "${a[@]}", "<<EOF\n", "<<'E'\n", "$((", "))", ";;", "&&", "||", "\\", "\\\n", "#!/bin/sh\n",
    "data-min-a-for-b: 1\n", "data-hide-", "data-option-for-cluster-a: false\n", "data-set-", "widget: select\n",
    "options:\n", "form:\n", "attributes:\n", "cluster: [a, b]\n", "submit: local/a.yml\n", "context.",
    "# appgen: ignore[form-listed-twice] a", "# appgen: ignore", "<!-- appgen: ignore[a] -->", "// appgen: ignore[",
    "<script>", "</", "<!--", "eval ", "curl a | sh", "chmod 777 a", "--ip=0.0.0.0", "native:\n  - -n\n",
)  # fmt: skip
NESTS = ("[", "{a: ", "- ", "<% if a %>\n", "<%= [", "(", "$(", "a:\n ", "? ", "'", "{{", "<% a do %>",
         "\n- - ", "a: &a [*a, ", "if a; then\n", "<% # %>", "`", "((", "\n\n", "#")  # fmt: skip


def read_apps() -> list[Files]:
    """The apps to begin with: names inside the app, contents, run bits."""
    cases = [p for p in (HERE / "lint").glob("*/*") if p.is_dir()]
    apps = [dict(read(p).contents) for p in (*cases, *find_apps(HERE / "golden"))]
    return sorted((a for a in apps if a), key=lambda files: repr(sorted(files.items())))


APPS = read_apps()


def mutate(rng: random.Random, files: Files) -> Files:
    """Change some files of an app in some ways."""
    files = dict(files)
    for _ in range(rng.choice((1, 1, 2, 3))):
        name = rng.choice(sorted(files))
        content = files[name]
        data = content.data
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            data = rng.choice(MUTATIONS)(rng, data)
        files[name] = Content(data[:200_000], content.executable ^ (rng.random() < 0.05))
    if rng.random() < 0.1:  # another name: ERB or not, a sub-app, a script
        old, new = rng.choice(sorted(files)), rng.choice(NAMES)
        files[new] = files.pop(old)
    if rng.random() < 0.1:
        other = rng.choice(APPS)
        name = rng.choice(sorted(other))
        files[name] = other[name]
    return files


NAMES = ("form.yml", "form.yml.erb", "submit.yml", "submit.yml.erb", "local/a.yml", "local/b.yml.erb",
         "local/submit.yml.erb", "template/script.sh.erb", "template/before.sh", "view.html.erb", "form.js",
         "info.md.erb", "manifest.yml", "template/a.py", "template/a b.sh", "completed.html.erb", "README.md",
         "appverse.yml", ".yamllint")  # fmt: skip


def place(rng: random.Random, data: bytes) -> int:
    return rng.randint(0, len(data))


def insert(data: bytes, at: int, what: bytes) -> bytes:
    return data[:at] + what + data[at:]


def flip(rng: random.Random, data: bytes) -> bytes:
    if not data:
        return data
    at = rng.randrange(len(data))
    return (
        data[:at]
        + bytes([rng.choice((rng.randrange(256), rng.randrange(32, 127)))])
        + data[at + 1 :]
    )


def cut(rng: random.Random, data: bytes) -> bytes:
    start = place(rng, data)
    return data[:start] + data[start + rng.choice((1, 2, 5, 40, 10_000)) :]


def change_lines(rng: random.Random, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(6):
        case 0:
            del lines[at]
        case 1:
            lines.insert(at, lines[at])
        case 2:
            lines[at], lines[other] = lines[other], lines[at]
        case 3:
            lines[at] = b" " * rng.randrange(6) + lines[at].lstrip()
        case 4:
            lines[at] = lines[at].rpartition(b":")[0] + b": " + splinter(rng)
        case _:
            lines.insert(at, lines[other])
    return b"\n".join(lines)


def splinter(rng: random.Random) -> bytes:
    return rng.choice(SNIPPETS).encode()


def splice(rng: random.Random, data: bytes) -> bytes:
    return insert(data, place(rng, data), splinter(rng))


def splice_line(rng: random.Random, data: bytes) -> bytes:
    at = data.rfind(b"\n", 0, place(rng, data)) + 1
    return insert(data, at, b" " * rng.randrange(5) + splinter(rng) + b"\n")


def cross(rng: random.Random, data: bytes) -> bytes:
    other = rng.choice(sorted(rng.choice(APPS).items()))[1].data
    start = place(rng, other)
    return insert(data, place(rng, data), other[start : start + rng.choice((5, 30, 200, 2000))])


def nest(rng: random.Random, data: bytes) -> bytes:
    count = rng.choice((3, 30, 300, 1500))
    return insert(data, place(rng, data), rng.choice(NESTS).encode() * count)


def repeat(rng: random.Random, data: bytes) -> bytes:
    start = place(rng, data)
    end = start + rng.choice((1, 10, 60))
    return data[:end] + data[start:end] * rng.choice((2, 20, 200)) + data[end:]


MUTATIONS: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    flip, flip, cut, change_lines, change_lines, change_lines, splice, splice, splice_line, cross, nest, repeat,
)  # fmt: skip


class TooSlowError(BaseException):
    """No `except Exception` of a rule or of the engine may stop it."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    def stop(_: int, frame: FrameType | None) -> None:
        raise TooSlowError(f"{seconds} s are over, in {frame}")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def make(number: int) -> tuple[AppFolder, Settings]:
    rng = random.Random(f"lint {number}")
    files = mutate(rng, rng.choice(APPS))
    settings = Settings(ondemand=rng.choice(RELEASES), profile=rng.choice(("", "catalogue")))
    return AppFolder(Path("/nowhere"), frozenset(files), files, frozenset()), settings


def check(number: int, files: AppFolder, settings: Settings) -> list[Diagnostic]:
    rules = [r for r in catalog.load_all().values() if not r.program or number % 50 == 0]
    app = from_folder(files, "app", settings)
    found = suppress.apply(app, engine.check(app, rules), lambda rule, path: True)
    lines = {file.path: file for file in app.files.values()}

    def read_line(path: str, line: int) -> str:
        file = lines.get(path)
        return file.line(line) if file is not None and line <= file.line_count else ""

    for finding in found:  # each place is one in its file
        for span in (finding.span, *(span for span, _ in finding.related)):
            file = lines.get(span.path) if span else None
            if span and file:
                assert 1 <= span.line <= file.line_count, (finding.rule, span)
                assert 1 <= span.column <= len(file.line(span.line)) + 2, (finding.rule, span)
                assert (span.line, span.column) <= (
                    span.end_line,
                    span.end_column,
                ) or not span.end_line
    text.report(found, read_line)
    json_report.report(found)
    return found


def run(number: int) -> None:
    files, settings = make(number)
    started = time.process_time()
    with time_limit(MOST_SECONDS):
        found = check(number, files, settings)
        if number % 10 == 0:
            outcome = Outcome(Target(files.path, "app", Config(), None), files, tuple(found))
            fixes.mend(outcome, [files.path], lambda _, now: check(number, now, settings))
    crashes = [d.message for d in found if d.rule == catalog.INTERNAL_ERROR]
    assert not crashes, "\n".join(crashes)
    assert time.process_time() - started < MOST_SECONDS


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_app_makes_a_rule_crash(chunk: int) -> None:
    for number in range(START + chunk, START + COUNT, CHUNKS):
        try:
            run(number)
        except (Exception, TooSlowError) as exc:
            keep = os.environ.get("APPGEN_FUZZ_LINT_KEEP")
            if keep:
                write(number, Path(keep))
            pytest.fail(f"app {number}: {type(exc).__name__}: {exc}")


def write(number: int, folder: Path) -> None:
    """Write an app, to look at."""
    for name, content in make(number)[0].contents.items():
        path = folder / str(number) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.data)
