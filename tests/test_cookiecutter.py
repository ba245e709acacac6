"""The cookiecutter template, through the cookiecutter program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ood_appgen import api
from samples import ROOT, SITES

TEMPLATE = ROOT / "cookiecutter-template"


def make_app(folder: Path, **answers: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-m", "cookiecutter", "--no-input", "-o", str(folder), str(TEMPLATE)]
    return subprocess.run(
        [*program, *[f"{key}={value}" for key, value in answers.items()]],
        capture_output=True,
        text=True,
    )


# cookiecutter itself takes braces in an answer for a template of its own.
HOSTILE = 'Tom\'s "best" <%= app %>: {x} \\n #'


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize(
    "answers",
    [{}, {"app_id": "viewer-2", "title": HOSTILE, "description": HOSTILE, "modules": ""}],
    ids=["as it is", "hostile"],
)
def test_a_new_app_renders_for_both_sites(
    site: str, answers: dict[str, str], tmp_path: Path
) -> None:
    made = make_app(tmp_path, **answers)
    assert made.returncode == 0, made.stderr
    folder = tmp_path / answers.get("app_id", "my_app")
    assert sorted(p.name for p in folder.iterdir()) == ["app.yml", "before.sh", "script.sh"]
    result = api.render_apps([folder], SITES[site])
    assert [f.format() for f in result.findings] == []
    assert result.apps[0].plan.title == answers.get("title", "My App")


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ({"app_id": "My App"}, 'error: the id "My App" must start with a lower-case letter'),
        ({"app_id": "../x"}, 'error: the id "../x" must start with a lower-case letter'),
        ({"modules": "a;b"}, 'error: "a;b" is not a module name'),
    ],
)
def test_a_bad_answer_is_refused_before_anything_is_written(
    answers: dict[str, str], message: str, tmp_path: Path
) -> None:
    made = make_app(tmp_path, **answers)
    assert made.returncode != 0
    assert message in made.stderr
    assert list(tmp_path.iterdir()) == []
