"""What the end-to-end tests share: one Slurm, one Kubernetes, one Ruby, the sample apps for the tests' site.

A program that is missing is a failure where CI is set, and a skip elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
from pathlib import Path

import kubernetes_server
import pytest
import slurm_node
from programs import cache_folder, install_jupyter, write_module
from staging import APPS, Staging, write_app

from ood_appgen.verify.ruby import RubyOracle
from samples import ROOT
from tools import require_root, require_tool

TOOLS = (
    *("ruby", "munged", "slurmctld", "slurmd", "sbatch", "scontrol", "scancel", "sinfo", "squeue"),
    *("nc", "pkill", "pgrep", "useradd", "userdel", "setpriv", "modulecmd"),
)


@pytest.fixture(scope="session")
def tools() -> None:
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    for name in TOOLS:
        require_tool(name)
    require_root("Slurm starts jobs for another user here")


@pytest.fixture(scope="session")
def cache(tools: None):
    """The cache of programs; one run at a time, for there is one account for the jobs."""
    folder = cache_folder()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.fixture(scope="session")
def slurm(cache: Path):
    # What is asked to end tidies up first, as it does after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    keep = ROOT / "build" / "e2e"
    shutil.rmtree(keep, ignore_errors=True)
    # Not pytest's own directory: only its owner may enter that.
    with tempfile.TemporaryDirectory(prefix="ood-appgen-e2e-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with slurm_node.start(folder, keep) as node:
            yield node


@pytest.fixture(scope="session")
def jupyter(cache: Path, slurm: slurm_node.SlurmNode) -> None:
    write_module(Path(slurm.user.pw_dir), "jupyterlab/4.1", install_jupyter(cache))


@pytest.fixture(scope="session")
def staging(slurm: slurm_node.SlurmNode):
    with RubyOracle() as oracle:
        yield Staging(oracle, slurm.user)


@pytest.fixture(scope="session")
def written(slurm: slurm_node.SlurmNode) -> dict[str, Path]:
    """The directories of the apps, by id."""
    return {app.id: write_app(app, slurm.folder / "apps") for app in APPS.values()}


@pytest.fixture(scope="session")
def kubernetes():
    """One for all tests: what they make in it has names, or namespaces, of their own."""
    for name in ("openssl", "setpriv", "pgrep"):
        require_tool(name)
    programs = kubernetes_server.find_programs()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    keep = ROOT / "build" / "e2e" / "kubernetes"
    with (
        tempfile.TemporaryDirectory(prefix="ood-appgen-e2e-", dir="/tmp") as name,
        kubernetes_server.start(Path(name), keep, programs) as server,
    ):
        yield server
