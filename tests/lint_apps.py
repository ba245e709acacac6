"""A small app with faults that the tests of the linter's command line know."""

from __future__ import annotations

from pathlib import Path

import pytest

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


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the app `one`; the working directory is there."""
    folder = tmp_path / "repo"
    (folder / ".git").mkdir(parents=True)
    make_app(folder / "one")
    monkeypatch.chdir(folder)
    return folder
