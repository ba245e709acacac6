"""One whole session of an app: staged, submitted, run, logged in to, ended."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path

from browser import check_login, is_open
from slurm_node import SlurmNode, wait_for
from slurm_sessions import start
from staging import APPS, Staging

from ood_appgen.model.plan import choices


def test_jupyter(
    slurm: SlurmNode,
    staging: Staging,
    jupyter: None,
    written: dict[str, Path],
    record_property,
) -> None:
    began = time.monotonic()
    app, plan = written["jupyter"], APPS["jupyter"].plan
    home = Path(slurm.user.pw_dir)
    work = home / "my notebooks; $HOME"
    work.mkdir()
    choice = next(
        c for c in choices(plan) if (c["node_type"], c["num_cores"]) == ("48core", "1")
    ) | {"account": "PZS0001", "working_dir": str(work)}
    session = start(slurm, staging, app, [f.id for f in plan.form], choice)
    staged, job = session.staged, session.job
    assert (staged / "script.sh").stat().st_mode & 0o111
    connection = session.wait_until_ready()
    record_property("seconds until connection.yml", round(time.monotonic() - began, 1))
    assert session.state == "RUNNING"

    # connection.yml is the user's alone, and says what OOD's proxy and the view need.
    file = session.connection_file
    assert (file.stat().st_mode & 0o777, file.stat().st_uid) == (0o600, slurm.user.pw_uid)
    host, port, password = (connection[k] for k in ("host", "port", "password"))
    assert sorted(connection) == ["host", "jupyter_api", "password", "port"]
    assert host == socket.gethostname()
    assert re.fullmatch("[A-Za-z0-9]{32}", password)

    # The card's form, posted as the browser posts it.
    check_login(session.card(connection), f"/node/{host}/{port}", password, (host, port))

    # The password is in no command line, where others on the node could read it.
    running = "\n".join(slurm.processes())
    assert "jupyter" in running
    assert password not in running

    slurm.cancel(job)
    wait_for(lambda: not is_open(host, port), f"{host}:{port} to be closed", 30)
    wait_for(lambda: not slurm.processes(), "the session's processes to end", 30)
    assert session.state == "CANCELLED"
    record_property("seconds in all", round(time.monotonic() - began, 1))
