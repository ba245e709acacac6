"""The four sample apps on both sample sites, whole trees compared.

APPGEN_UPDATE_GOLDEN=1 rewrites tests/golden; read the difference before you commit it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ood_appgen import __version__, api, writer
from ood_appgen.lock import LOCK_NAME
from samples import APPS, ROOT, SAMPLES, SITES

GOLDEN = Path(__file__).parent / "golden"


def read_tree(folder: Path) -> dict[str, tuple[bytes, bool]]:
    """Content and run bit of every file below a folder."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), os.access(path, os.X_OK))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def drop_base(lock: Path, app: Path) -> None:
    """Take out of a lock the texts of the files beside it, which the golden tree has once already."""
    data = json.loads(lock.read_text())
    for path, text in data.pop("base").items():
        assert (app / path).read_text() == text
    lock.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n")


@pytest.mark.parametrize("site", SITES)
def test_sample_apps_render_as_they_should(site: str, tmp_path: Path) -> None:
    result = api.render_apps([SAMPLES / "apps" / app for app in APPS], SITES[site])
    assert [finding.format() for finding in result.findings] == []
    apps = [
        writer.compare(tmp_path / app.id, app.files, "golden", app.id, app.inputs)
        for app in result.apps
    ]
    writer.write(apps, tmp_path)
    for app in result.apps:
        drop_base(tmp_path / app.id / LOCK_NAME, tmp_path / app.id)
    if os.environ.get("APPGEN_UPDATE_GOLDEN"):
        shutil.rmtree(GOLDEN / site, ignore_errors=True)
        shutil.copytree(tmp_path, GOLDEN / site)
    rendered, wanted = read_tree(tmp_path), read_tree(GOLDEN / site)
    assert sorted(rendered) == sorted(wanted)
    for path, content in wanted.items():
        assert rendered[path] == content, path


def test_generated_files_name_no_person_machine_or_day() -> None:
    for path, (content, _) in read_tree(GOLDEN).items():
        text = content.decode()
        assert str(ROOT) not in text, path
        assert os.uname().nodename not in text or len(os.uname().nodename) < 4, path


def test_each_file_says_what_made_it_and_how_to_make_it_again() -> None:
    for path, (content, _) in read_tree(GOLDEN).items():
        if path.endswith((".svg", "appgen.lock")):
            continue
        top = content.decode().split("\n")[:20]
        assert any("made by `appgen`" in line or "made by appgen" in line for line in top), path
        assert any("appgen render" in line for line in top), path


def test_the_version_is_in_the_lock_alone() -> None:
    assert all(
        __version__ not in c.decode()
        for p, (c, _) in read_tree(GOLDEN).items()
        if p.endswith((".yml", ".erb"))
    )


def test_generated_yaml_passes_yamllint() -> None:
    files = sorted(str(p) for p in GOLDEN.rglob("*.y*ml"))
    assert len(files) == 66
    rules = "{extends: default, rules: {line-length: disable}}"
    found = subprocess.run(
        [sys.executable, "-m", "yamllint", "--strict", "-d", rules, *files],
        capture_output=True,
        text=True,
    )
    assert (found.stdout, found.returncode) == ("", 0)
