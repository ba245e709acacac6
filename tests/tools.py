"""Programs that tests need."""

import importlib.metadata
import os
import shutil

import pytest


def require_tool(name: str) -> str:
    """Return the path of a program; without it, fail in CI and skip elsewhere.

    CI is where the environment variable ``CI`` is set to anything but an empty string.
    """
    path = shutil.which(name)
    if path is not None:
        return path
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not on PATH, and CI must have what the tests need", pytrace=False)
    pytest.skip(f"{name} is not on PATH, and this test needs it")


def require_package(name: str) -> None:
    """Skip without a distribution, but not in CI. (To import `build` would find the folder here.)"""
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        if not os.environ.get("CI"):
            pytest.skip(f"{name} is not installed: pip install '.[test]'")


def require_root(why: str) -> None:
    """Without root's rights, fail in CI and skip elsewhere."""
    if os.geteuid() == 0:
        return
    if os.environ.get("CI"):
        pytest.fail(f"{why}, which only root may do", pytrace=False)
    pytest.skip(f"{why}, which only root may do")
