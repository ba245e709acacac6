"""The linter's cache, and work in several processes: nothing of either may be seen in the findings."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lint_apps import KNOWN, make_app
from ood_appgen.diagnostics import Diagnostic, Edit, Severity, Span
from ood_appgen.lint import cache as caches
from ood_appgen.lint import run
from ood_appgen.lint.cache import Cache
from ood_appgen.lint.config import Config

CASES = Path(__file__).resolve().parent / "lint"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    make_app(folder / "one")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache" / "lint")


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The apps that are really checked, as they are."""
    names: list[str] = []
    check = run.check_one

    def note(target: run.Target, *others: Any) -> list[Diagnostic]:
        names.append(target.shown_as)
        return check(target, *others)

    monkeypatch.setattr(run, "check_one", note)
    yield names


def lint(
    cache: Cache, paths: Sequence[str] = (".",), jobs: int = 1, **settings: object
) -> list[Diagnostic]:
    def adjust(config: Config) -> Config:
        return config.with_options(tuple(KNOWN.split(",")), (), **settings)

    targets = run.find_targets([Path(p) for p in paths], adjust)
    return [d for outcome in run.check_all(targets, cache, jobs) for d in outcome.findings]


def test_what_has_not_changed_is_not_checked_again(
    repo: Path, cache: Cache, checked: list[str]
) -> None:
    first = lint(cache)
    assert {d.rule for d in first} == {"form-listed-twice", "script-not-executable"}
    assert lint(cache) == first
    make_app(repo / "two")
    assert len(lint(cache)) == 2 * len(first)
    assert checked == ["one", "two"]


def change_text(repo: Path) -> None:
    (repo / "one/form.yml").write_text("form: []\n")


def change_mode(repo: Path) -> None:
    (repo / "one/template/script.sh").chmod(0o755)


def add_file(repo: Path) -> None:
    (repo / "one/picture.png").write_bytes(b"")


def add_outer_file(repo: Path) -> None:
    (repo / "LICENSE").write_text("")


def swap_files(repo: Path) -> None:
    form, submit = repo / "one/form.yml", repo / "one/submit.yml.erb"
    texts = form.read_text(), submit.read_text()
    submit.write_text(texts[0])
    form.write_text(texts[1])


def write_config(repo: Path) -> None:
    (repo / ".appgen.toml").write_text('severity = {form = "note"}\n')


def ignore_in_a_file(repo: Path) -> None:
    (repo / ".appgen.toml").write_text('per-file-ignores = {"one/*.yml" = ["form"]}\n')


def change_release(repo: Path) -> None:
    (repo / ".appgen.toml").write_text('ondemand = "3.1"\n')


@pytest.mark.parametrize(
    "change",
    [change_text, change_mode, add_file, add_outer_file, swap_files, write_config, ignore_in_a_file,
     change_release],
)  # fmt: skip
def test_what_has_changed_is_checked_again(
    repo: Path, cache: Cache, checked: list[str], change: object
) -> None:
    assert callable(change)
    lint(cache)
    change(repo)
    again = lint(cache)
    assert checked == ["one", "one"]
    assert again == lint(cache) == lint(Cache(None))


def test_a_site_profile_counts(repo: Path, cache: Cache, checked: list[str]) -> None:
    from samples import ROOT

    site = repo.parent / "site.yml"
    shutil.copy(ROOT / "sample_apps/site.yml", site)
    lint(cache, site=site)
    lint(cache, site=site)
    site.write_text(site.read_text() + "\n# changed\n")
    lint(cache, site=site)
    assert checked == ["one", "one"]


def test_rules_and_programs_count(
    repo: Path, cache: Cache, checked: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lint(cache)
    monkeypatch.setattr(run, "code_version", lambda: "another")
    lint(cache)
    program = tmp_path / "bin/shellcheck"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    lint(cache)
    lint(cache)
    assert checked == ["one"] * 3


def test_the_version_is_that_of_the_sources() -> None:
    caches.code_version.cache_clear()
    first = caches.code_version()
    caches.code_version.cache_clear()
    assert caches.code_version() == first
    rule = Path(caches.__file__).parent / "rules/form_listed_twice.py"
    status = rule.stat()
    try:
        os.utime(rule, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        caches.code_version.cache_clear()
        assert caches.code_version() != first
    finally:
        os.utime(rule, ns=(status.st_atime_ns, status.st_mtime_ns))
        caches.code_version.cache_clear()


# -- entries ------------------------------------------------------------------------------------

FOUND = [
    Diagnostic("a", None, "r", Severity.NOTE, "m"),
    Diagnostic("caf\udce9", Span("a", 1, 2, 3, 4), "r", Severity.ERROR, "é\n", "h",
               ((Span("b", 1, 1), "there"),), Edit("a", 1, 2, "t")),
    Diagnostic("a", Span("a", 1, 2), "r", Severity.WARNING, "m", fix=Edit("a", run_bit=True)),
]  # fmt: skip


def test_findings_come_back_as_they_were(cache: Cache) -> None:
    cache.put("k", FOUND)
    assert cache.get("k") == FOUND
    assert cache.get("other") is None
    cache.put("k", [])
    assert cache.get("k") == []
    assert os.listdir(cache.folder or "") == ["k"]


def test_broken_entries_are_no_entries(cache: Cache) -> None:
    cache.put("k", FOUND)
    assert cache.folder is not None
    entry = cache.folder / "k"
    whole = entry.read_bytes()
    for length in range(0, len(whole), 7):
        entry.write_bytes(whole[:length])
        assert cache.get("k") is None
    entry.write_bytes(whole.replace(b'"r"', b'"s"'))
    assert cache.get("k") is None
    for body in (b"{}", b"[1]", b'["a"]', b"[[]]", b"nul", b"[[1,[],2,9,4,5,6,7]]"):
        entry.write_bytes(caches.make_key((body,)).encode() + b"\n" + body)
        assert not cache.get("k")
    entry.unlink()
    entry.mkdir()
    assert cache.get("k") is None
    cache.put("other", FOUND)
    cache.put("k", FOUND)


def test_a_cache_that_cannot_be_written_is_not_used(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    blocked = Cache(tmp_path / "file" / "lint")
    assert lint(blocked) == lint(Cache(None))
    assert blocked.folder is None


def test_old_entries_and_too_many_are_deleted(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "_MOST_ENTRIES", 3)
    assert cache.folder is not None
    now = time.time()
    for number in range(6):
        cache.put(f"k{number}", [])
        os.utime(cache.folder / f"k{number}", (now - number, now - number))
    os.utime(cache.folder / "k1", (0, 0))
    cache.prune()
    assert sorted(p.name for p in cache.folder.glob("k*")) == ["k0", "k2", "k3"]
    cache.put("k9", [])
    cache.prune()  # not twice a day
    assert len(list(cache.folder.glob("k*"))) == 4


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert caches.default_folder() == tmp_path / "ood-appgen/lint"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ada")
    assert caches.default_folder() == Path("/home/ada/.cache/ood-appgen/lint")


def test_where_one_text_ends_counts() -> None:
    assert caches.make_key(("ab", "c")) != caches.make_key(("a", "bc"))
    assert caches.make_key(("ab", b"c")) == caches.make_key((b"ab", "c"))


# -- the same findings, however they come about ---------------------------------------------------


def test_one_process_or_two_cached_or_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for case in sorted(CASES.glob("*/*")):
        shutil.copytree(case, tmp_path / "apps" / case.parent.name / case.name)
    monkeypatch.chdir(tmp_path)
    targets = run.find_targets([Path("apps")], lambda config: config)

    def found(cache: Cache, jobs: int) -> list[tuple[str, tuple[Diagnostic, ...]]]:
        return [(o.target.shown_as, o.findings) for o in run.check_all(targets, cache, jobs)]

    wanted = found(Cache(None), 1)
    assert len([d for _, ds in wanted for d in ds]) > 20
    assert found(Cache(None), 2) == wanted
    kept = Cache(tmp_path / "cache")
    for jobs in (2, 1, 0):
        assert found(kept, jobs) == wanted
    shutil.rmtree(tmp_path / "cache")
    assert found(kept, 1) == found(kept, 2) == wanted
