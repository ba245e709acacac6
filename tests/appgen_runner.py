"""`appgen` in the tests' own process; its fixture is in conftest.py."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ood_appgen import cli


@dataclass(frozen=True)
class Ran:
    """What a command left."""

    code: int
    out: str
    err: str


Appgen = Callable[..., Ran]


def make_runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Appgen:
    """A function that runs `appgen` by way of the console script's own function."""

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["appgen", *map(str, arguments)])
        # After `python -m pytest` click would call the command "python -m pytest.appgen".
        monkeypatch.setattr(sys.modules["__main__"], "__package__", None)
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            cli.main()
            sys.exit(0)
        return Ran(int(stopped.value.code or 0), *capsys.readouterr())

    return run
