"""Make a virtual environment, or say what is missing; run by the Makefile with the system's Python."""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Make the environment named on the command line unless it is there."""
    folder = Path(sys.argv[1])
    if sys.version_info < (3, 11):  # noqa: UP036 - this runs on whatever Python there is
        sys.exit(
            f"ood-appgen needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}"
        )
    if (folder / "bin" / "pip").exists():
        return
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(folder)], capture_output=True, text=True
    )
    if made.returncode == 0:
        return
    # Debian's Python comes without ensurepip; its package python3-venv brings it.
    installed = subprocess.run(["tools/install-programs", "python3-venv"], check=False)
    again = subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=False)
    if installed.returncode or again.returncode:
        sys.exit(f"cannot make {folder}: {made.stdout}{made.stderr}")


main()
