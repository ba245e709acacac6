"""What all tests need."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from appgen_runner import Appgen, make_runner


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The linter's cache of a test run is its own, in child processes too; CI's settings are not ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        for name in ("GITHUB_ACTIONS", "NO_COLOR"):
            if name in os.environ:
                patch.delenv(name)
        yield


@pytest.fixture
def appgen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Appgen:
    """`appgen` in this process."""
    return make_runner(monkeypatch, capsys)
