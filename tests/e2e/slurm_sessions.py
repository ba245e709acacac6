"""Sessions on Slurm: staged, submitted and ended as Open OnDemand does."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from slurm_node import SlurmError, SlurmNode, wait_for
from staging import Staging
from wrapper import job_script

ENDED = ("CANCELLED", "COMPLETED", "FAILED", "TIMEOUT")


@dataclass(frozen=True)
class Session:
    """A session that was submitted."""

    slurm: SlurmNode
    staging: Staging
    app: Path
    staged: Path
    job: str

    @property
    def said(self) -> str:
        """What the user reads in the session's directory."""
        log = self.staged / "output.log"
        return log.read_text(errors="replace") if log.exists() else "(no output.log)"

    @property
    def connection_file(self) -> Path:
        return self.staged / "connection.yml"

    @property
    def state(self) -> str:
        return self.slurm.show(self.job)["JobState"]

    def wait_until_ready(self, seconds: float = 120) -> dict[str, Any]:
        """Wait for the card's button; returns the connection."""
        file = self.connection_file
        try:
            wait_for(lambda: file.exists() or self.state in ENDED, "connection.yml", seconds)
            wait_for(lambda: "password" in file.read_text(), "the end of connection.yml", 5)
        except (SlurmError, FileNotFoundError) as exc:
            pytest.fail(f"{exc}\n{self.said}")
        finally:
            log = self.slurm.folder / "log" / f"{self.app.name}-{self.job}-output.log"
            log.write_text(self.said)
        return dict(YAML(typ="safe").load(file))

    def wait_until_ended(self, seconds: float = 120) -> str:
        """Wait until nothing of the job is left; returns its state."""
        wait_for(lambda: self.state in ENDED, f"job {self.job} to end", seconds)
        return self.state

    def card(self, connection: Mapping[str, Any]) -> str:
        """The HTML of the session's card."""
        return self.staging.view(self.app, connection, self.staged)


def start(
    slurm: SlurmNode,
    staging: Staging,
    app: Path,
    form: Sequence[str],
    choice: Mapping[str, str],
) -> Session:
    """Stage a session of the user's and submit it."""
    staged = Path(slurm.user.pw_dir) / "ondemand/data/sys/dashboard/batch_connect/sys" / app.name
    staged = staged / "output" / str(uuid.uuid4())
    staging.stage(app, choice, staged)
    submission = staging.submission(app, form, choice, staged)
    script = job_script(staged, submission.batch_connect["conn_params"])
    return Session(slurm, staging, app, staged, slurm.submit(submission.arguments, script))
