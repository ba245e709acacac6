"""The wheel and the sdist, made and used as somebody who has nothing of the source tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ood_appgen import __version__
from samples import APPS, ROOT, SAMPLES
from tools import require_package, require_tool

# What a build needs; what else lies in a work tree (build/, .venv, caches) must not get in.
_SOURCES = (
    *("ood_appgen", "schemas", "cookiecutter-template", "docs"),
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"),
)


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program that knows nothing of this source tree."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**clean, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def succeed(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = run(*command, cwd=cwd, **environment)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel, built from the sdist, and the sdist."""
    require_package("build")
    source = tmp_path_factory.mktemp("source")
    for name in _SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, source / name)
    shutil.copy2(ROOT / ".gitignore", source / ".gitignore")
    output = tmp_path_factory.mktemp("dist")
    succeed(sys.executable, "-m", "build", "--outdir", output, source, cwd=output)
    (wheel,) = output.glob("*.whl")
    (sdist,) = output.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def installed(
    distributions: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The `bin` of an environment with the wheel, and with what it depends on lent from here."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    succeed(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    site = next(folder.glob("lib/python*/site-packages"))
    succeed(
        *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"),
        *("--python", folder / "bin" / "python", "install", "--no-deps", distributions[0]),
        cwd=folder.parent,
    )
    # Behind its own: an editable install here stays unseen, for its .pth is not read from there.
    (site / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = succeed(
        *(folder / "bin" / "python", "-c", "import ood_appgen; print(ood_appgen.__file__)"),
        cwd=folder.parent,
    )
    assert Path(where.strip()).is_relative_to(folder), where
    yield folder / "bin"


def _expected() -> set[str]:
    """What belongs to the package, by its names in the wheel."""
    tracked = subprocess.run(
        ["git", "ls-files", "ood_appgen", "schemas", "cookiecutter-template"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return {
        name if name.startswith("ood_appgen/") else f"ood_appgen/{name}"
        for name in tracked
        if (ROOT / name).exists()
    }


def test_the_wheel_holds_the_package_and_nothing_else(distributions: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(distributions[0]) as wheel:
        everything = wheel.namelist()
        names = {n for n in everything if ".dist-info/" not in n and ".data/" not in n}
        metadata = next(n for n in everything if n.endswith("/METADATA"))
        text = wheel.read(metadata).decode()
    missing = _expected() - names
    assert not missing, sorted(missing)
    for name in (
        *("py.typed", "verify/evaluate.rb", "schemas/site.schema.json"),
        *("cookiecutter-template/cookiecutter.json", "site-template/site.yml"),
    ):
        assert f"ood_appgen/{name}" in names
    assert any(n.startswith("ood_appgen/templates/") for n in names)
    assert f"ood_appgen-{__version__}.data/data/share/man/man1/appgen.1" in everything
    strays = [n for n in names if not n.startswith("ood_appgen/") or n.endswith(".pyc")]
    assert not strays
    assert f"Version: {__version__}" in text
    assert "License-Expression: MIT" in text
    assert "Requires-Python: >=3.11" in text


def test_the_sdist_can_be_built_from(distributions: tuple[Path, Path]) -> None:
    """`build` made the wheel from it; here is what packagers look for."""
    with tarfile.open(distributions[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "docs/appgen.1"} <= names
    assert "schemas/site.schema.json" in names
    assert not [n for n in names if n.startswith(("build/", ".venv", ".git/"))]


def test_it_works_away_from_its_source(installed: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(SAMPLES, site)
    appgen = installed / "appgen"
    assert succeed(appgen, "--version", cwd=tmp_path).strip() == f"appgen, version {__version__}"
    assert '"$id"' in succeed(appgen, "schema", "site", cwd=tmp_path)
    rendered = succeed(appgen, "render", cwd=site)
    assert "build/jupyter/submit.yml.erb: created" in rendered
    assert succeed(appgen, "render", "--check", cwd=site).count("unchanged") == len(APPS)
    assert "form-listed-twice" in succeed(appgen, "rules", cwd=tmp_path)
    assert "Why" in succeed(appgen, "rules", "form-listed-twice", cwd=tmp_path)
    module = succeed(installed / "python", "-m", "ood_appgen", "--version", cwd=tmp_path)
    assert module.strip() == f"appgen, version {__version__}"
    assert "no findings" in run(appgen, "lint", "build", cwd=site).stderr
    assert "complete" in succeed(appgen, "completion", "bash", cwd=tmp_path)


def test_it_makes_a_site_and_an_app_away_from_its_source(installed: Path, tmp_path: Path) -> None:
    appgen = installed / "appgen"
    succeed(appgen, "init", "site", "--no-input", cwd=tmp_path)
    succeed(appgen, "new", "lab", "--kind", "jupyter", "--no-input", cwd=tmp_path / "site")
    assert "build/lab/form.yml: created" in succeed(appgen, "render", cwd=tmp_path / "site")


def test_verify_finds_its_ruby_program(installed: Path, tmp_path: Path) -> None:
    require_tool("ruby")
    shutil.copytree(SAMPLES, tmp_path / "site")
    said = succeed(
        *(installed / "appgen", "verify", "apps/jupyter", "--limit", "20"), cwd=tmp_path / "site"
    )
    assert "jupyter" in said


def test_pipx_runs_it(distributions: tuple[Path, Path], tmp_path: Path) -> None:
    """A real installation with all that it depends on: this one asks PyPI."""
    require_package("pipx")
    said = succeed(
        *(sys.executable, "-m", "pipx", "run", "--no-cache", "--spec", distributions[0]),
        *("appgen", "--version"),
        cwd=tmp_path,
        PIPX_HOME=str(tmp_path / "pipx"),
        PIPX_DEFAULT_PYTHON=sys.executable,
    )
    assert said.strip() == f"appgen, version {__version__}"
