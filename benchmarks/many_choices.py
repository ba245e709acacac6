"""A site whose forms have 20,000 choices of cluster, node type, GPUs and cores."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from ood_appgen.source import load_generated
from ood_appgen.verify import choices
from ood_appgen.verify.form import read_form

SLURM = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda omicron".split()
KUBERNETES = "mercury venus saturn uranus".split()
NODE_TYPES = [
    f"{kind}-{size}"
    for kind in ("standard", "compute", "memory", "storage", "thin", "viz", "fast", "fat")
    for size in ("tiny", "small", "medium", "large", "huge")
]


def write_site(folder: Path) -> Path:
    """Write site.yml to `folder`; returns its path."""
    lines = [
        "site: Many choices",
        'ondemand: "4.1"',
        "account: {ask: text, label: Project}",
        "hours: {max: 48}",
        "node_types:",
        *[f"  {node}: {{label: {node}, gpus: {{max: 15}}}}" for node in NODE_TYPES],
        "clusters:",
    ]
    for number, name in enumerate((*SLURM, *KUBERNETES)):
        lines += [f"  {name}:", f"    title: {name.title()}"]
        memory = ""
        if name in SLURM:
            lines += ["    scheduler: slurm", "    whole_node: exclusive"]
        if name in KUBERNETES:
            lines += ["    scheduler: kubernetes", '    before: "source /bin/site-connection\\n"']
            memory = ", memory_mb_per_core: 2000"
        lines.append("    node_types:")
        lines += [
            f"      {node}: {{cores: {{min: 1, max: {24 + 4 * at + number}}}{memory}}}"
            for at, node in enumerate(NODE_TYPES)
        ]
    path = folder / "site.yml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_choices(app: Path, folder: Path, count: int) -> Path:
    """The first choices that verify evaluates, one JSON object a line; ValueError if too few."""
    form = read_form(load_generated((app / "form.yml").read_text(encoding="utf-8")))
    cases = choices.grid(form, choices.guess_roles(form))
    path = folder / f"choices-{count}.jsonl"
    lines = [json.dumps(dict(case.values)) + "\n" for case in islice(cases, count)]
    if len(lines) < count:
        raise ValueError(f"there are {len(lines)} choices, not {count}")
    path.write_text("".join(lines), encoding="utf-8")
    return path
