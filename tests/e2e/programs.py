"""The programs that sessions start: real ones, installed once into a cache outside the tree."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

JUPYTERLAB = "4.6.6"
# Read before the tests get a cache of their own, which only they may enter.
_CACHE = os.environ.get("XDG_CACHE_HOME") or "/var/cache"


def cache_folder() -> Path:
    """Where programs are kept; not below /root, which the user of the jobs cannot enter."""
    folder = Path(_CACHE) / "ood-appgen-e2e"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    return folder


def install_jupyter(cache: Path) -> Path:
    """JupyterLab in a virtual environment; returns the directory of its programs."""
    folder = cache / f"jupyterlab-{JUPYTERLAB}"
    done = folder / "installed"
    with (cache / "lock-of-programs").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run(["/usr/bin/python3", "-m", "venv", folder], check=True)
            pip = [folder / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, f"jupyterlab=={JUPYTERLAB}"], check=True, umask=0o022)
            done.touch()
    return folder / "bin"


def write_module(home: Path, name: str, programs: Path) -> None:
    """A module file that puts programs on PATH, for Debian's environment-modules."""
    file = home / "modulefiles" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#%Module\nprepend-path PATH {programs}\n")
