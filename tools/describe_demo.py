"""Say what `make demo` made, where it is, and what to look at; the numbers are counted, not known."""

import sys
from pathlib import Path


def describe(folder: Path) -> str:
    """One line about a rendered site."""
    apps = sorted(p.name for p in folder.iterdir() if (p / "form.yml").is_file())
    files = sum(p.is_file() for app in apps for p in (folder / app).rglob("*"))
    return f"{folder}: {', '.join(apps)} ({files} files)"


def main() -> None:
    """Describe the folders named on the command line."""
    folders = [Path(arg) for arg in sys.argv[1:]]
    print(f"{len(folders)} sites, rendered from the same app.yml files and checked:")
    for folder in folders:
        print(f"  {describe(folder)}")
    first = folders[0] / "jupyter"
    print("Look at:")
    print("  sample_apps/site.yml, sample_apps/apps/jupyter/app.yml   what was written by hand")
    print(
        f"  {first}/submit.yml.erb   the table of node types, a branch for Slurm and one for Kubernetes"
    )
    print(f"  {first}/form.yml         limits and options that follow cluster and node type")
    cluster = next(
        folder
        for folder in reversed(folders)
        if any(folder.glob("pytorch/kubernetes/*/policy.yaml"))
    )
    print(
        f"  {cluster}/pytorch/kubernetes   what a cluster's administrator applies, as the app's README says"
    )
    print("Try: change a number in sample_apps/site.yml, then")
    print(f"  .venv/bin/appgen render --site sample_apps/site.yml --output {folders[0]} --diff")


main()
