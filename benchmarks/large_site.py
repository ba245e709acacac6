"""A site of 20 clusters with 40 node types each, and as many apps as wanted for it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

# Ids that the form's JavaScript can tell apart, and reads as they are written.
SLURM = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda omicron sigma upsilon"
).split()
KUBERNETES = ("mercury venus saturn uranus neptune pluto").split()
KINDS = ("standard", "compute", "memory", "storage", "viz", "gpu", "thin", "fat", "fast", "teach")
SIZES = ("small", "medium", "large", "huge")
NODE_TYPES = [f"{kind}-{size}" for kind in KINDS for size in SIZES]
# A quarter of the node types: 10 of 40.
WITH_GPUS = [n for n in NODE_TYPES if n.startswith(("gpu", "viz"))] + ["fast-huge", "fast-large"]
MOUNTS = {
    "home": '{path: "{home}"}',
    "project": "{path: /fs/project}",
    "scratch": "{path: /fs/scratch, server: nfs.example.edu}",
    "munge": "{path: /var/run/munge/munge.socket.2, type: Socket}",
    "slurm-conf": "{path: /etc/slurm}",
    "lmod": '{path: "/apps/{compute_cluster}/lmod.sh", to: /etc/profile.d/lmod.sh, type: File}',
    "apps": '{path: "/apps/{compute_cluster}"}',
}


def write_site(folder: Path) -> Path:
    """Write site.yml to `folder`; returns its path."""
    lines = [
        "site: A large site",
        'ondemand: "4.1"',
        "account: {ask: text, label: Project}",
        "hours: {max: 48, default: 2}",
        "modules: {init: /etc/profile.d/lmod.sh, purge: true}",
        "mounts:",
        *[f"  {name}: {mount}" for name, mount in MOUNTS.items()],
        "compute_clusters:",
        *[f"  {name}: {{paths: {{apps: /apps/{name}}}}}" for name in SLURM],
        "node_types:",
    ]
    for number, node in enumerate(NODE_TYPES):
        gpus = f", gpus: {{max: {1 + number % 4}}}" if node in WITH_GPUS else ""
        lines.append(f"  {node}: {{label: {node.replace('-', ' ').title()}{gpus}}}")
    lines.append("clusters:")
    for number, name in enumerate(SLURM):
        lines += _slurm(number, name)
    for number, name in enumerate(KUBERNETES):
        lines += _kubernetes(number, name)
    path = folder / "site.yml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _slurm(number: int, name: str) -> list[str]:
    whole_node = ("exclusive", "none")[number % 2]
    lines = [
        f"  {name}:",
        f"    title: {name.title()}",
        "    scheduler: slurm",
        f"    whole_node: {whole_node}",
        "    node_types:",
    ]
    for index, node in enumerate(NODE_TYPES):
        facts = [f"cores: {{max: {_cores(number, index)}}}"]
        if index % 2:
            facts.append(f"memory_mb_per_core: {1900 + 100 * (index + number)}")
        if index % 4 == 1:
            facts.append(f"partition: {node.split('-')[0]}")
        if index % 5 == 2:
            facts.append(f"constraint: {node.split('-')[1]}")
        lines.append(f"      {node}: {{{', '.join(facts)}}}")
    return lines


def _kubernetes(number: int, name: str) -> list[str]:
    lines = [
        f"  {name}:",
        f"    title: {name.title()}",
        "    scheduler: kubernetes",
        f"    registry: registry-{number}.example.edu",
        '    before: "source /bin/site-connection\\n"',
        '    publish: "publish ${OOD_PARAMS}\\n"',
        "    node_selector: {example.edu/role: ondemand}",
        '    environment: {NB_USER: "{user}", NB_UID: "{uid}", CLUSTER: "{compute_cluster}"}',
        f"    mounts: [{', '.join(MOUNTS)}]",
        f"    defaults: {{compute_cluster: {SLURM[number]}}}",
        "    node_types:",
    ]
    for index, node in enumerate(NODE_TYPES):
        facts = (
            f"cores: {{max: {_cores(number + len(SLURM), index)}}}, "
            f"memory_mb_per_core: {1900 + 100 * (index + number)}"
        )
        lines.append(f"      {node}: {{{facts}}}")
    return lines


def _cores(cluster: int, node_type: int) -> int:
    """A limit of its own for every node type of a cluster."""
    return 16 + 4 * ((cluster * 7 + node_type * 3) % 29)


def write_apps(folder: Path, shapes: Path, count: int) -> list[Path]:
    """Write `count` apps to `folder`/apps; the apps in `shapes` take turns as their models."""
    models = sorted(path.parent for path in shapes.glob("*/app.yml"))
    made = []
    for number in range(count):
        model = models[number % len(models)]
        place = folder / "apps" / f"{model.name}-{number:03}"
        shutil.copytree(model, place)
        text = (place / "app.yml").read_text(encoding="utf-8")
        text = re.sub(r"(?m)^id: .*$", f"id: {place.name}", text, count=1)
        (place / "app.yml").write_text(text, encoding="utf-8")
        made.append(place)
    return made
