"""A small app with faults that the tests of the linter's command line know, and the command itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ood_appgen import cli

FORM = """\
cluster: hpc
form:
  - num_cores
  - num_cores
"""
SCRIPT = "#!/bin/bash\nexec sleep 60\n"
# Rules of which the faults of `make_app` are; others must not disturb whole reports.
KNOWN = "form-listed-twice,script-not-executable,ignore-no-reason,ignore-unknown-rule,ignore-unused"


def make_app(folder: Path, form: str = FORM) -> Path:
    """Write an app that lists a field twice, and whose script cannot be run."""
    (folder / "template").mkdir(parents=True)
    (folder / "form.yml").write_text(form)
    (folder / "submit.yml.erb").write_text("batch_connect:\n  template: basic\n")
    (folder / "template" / "script.sh").write_text(SCRIPT)
    return folder


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str


Appgen = Callable[..., Ran]


@pytest.fixture
def appgen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Appgen:
    """`appgen` in this process, by way of the console script's own function."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["appgen", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
            sys.exit(0)
        return Ran(int(stopped.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the app `one`; the working directory is there."""
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    make_app(folder / "one")
    monkeypatch.chdir(folder)
    return folder
