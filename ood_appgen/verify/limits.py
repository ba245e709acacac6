"""What reaches the scheduler against the site's limits, read from the request itself.

Independent of how the request came about: the profile is the authority, whatever a file says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ood_appgen.model.plan import Offer

_HOURS = re.compile(r"(\d+):(\d\d):(\d\d)")
_CORE_OPTIONS = ("--ntasks-per-node", "-n", "--ntasks", "-c", "--cpus-per-task")
_MI = {"Ki": 1 / 1024, "Mi": 1, "Gi": 1024, "Ti": 1024 * 1024, "": 1 / (1024 * 1024)}


def check_sbatch(
    arguments: Sequence[str], offer: Offer, most_hours: int
) -> list[tuple[str, str, str]]:
    """What sbatch is asked beyond the site's limits: (what, the limit, what is asked)."""
    asked = _options(arguments)
    found = []
    for option in _CORE_OPTIONS:
        cores = asked.get(option, "0")
        if cores.isdigit() and int(cores) > offer.cores.stop - 1:
            found.append((f"cores ({option})", f"at most {offer.cores.stop - 1}", cores))
    wall = _HOURS.fullmatch(asked.get("-t", ""))
    if wall and int(wall[1]) * 3600 + int(wall[2]) * 60 + int(wall[3]) > most_hours * 3600:
        found.append(("wall time (-t)", f"at most {most_hours} hours", asked["-t"]))
    partition = asked.get("-p") or asked.get("--partition") or ""
    if offer.node.partition and partition != offer.node.partition:
        found.append(("partition (-p)", offer.node.partition, partition or "none"))
    constraint = asked.get("--constraint") or asked.get("-C") or ""
    if offer.node.constraint and constraint != offer.node.constraint:
        found.append(("constraint (--constraint)", offer.node.constraint, constraint or "none"))
    gpus = _gpus(asked)
    allowed = offer.gpus.stop - 1 if offer.gpus else 0
    if gpus > allowed:
        found.append(("GPUs", f"at most {allowed}", str(gpus)))
    return found


def check_pod(pod: Mapping[str, Any], offer: Offer) -> list[tuple[str, str, str]]:
    """What a pod may use beyond the site's limits: (what, the limit, what is asked)."""
    found = []
    limits = pod["spec"]["containers"][0]["resources"]["limits"]
    most = offer.cores.stop - 1
    cpu = str(limits.get("cpu", ""))
    if cpu.isdigit() and int(cpu) > most:
        found.append(("cpu limit", f"at most {most}", cpu))
    memory = re.fullmatch(r"(\d+)(Ki|Mi|Gi|Ti|)", str(limits.get("memory", "")))
    per_core = (offer.memory_mb_per_core or 0) * most
    most_memory_mb = max(per_core, offer.memory_mb or 0)
    if memory and most_memory_mb and int(memory[1]) * _MI[memory[2]] > most_memory_mb:
        found.append(("memory limit", f"at most {most_memory_mb}Mi", memory[0]))
    allowed = offer.gpus.stop - 1 if offer.gpus else 0
    for key, value in limits.items():
        if "/" in key and str(value).isdigit() and int(value) > allowed:
            found.append((key, f"at most {allowed}", str(value)))
    return found


def _options(arguments: Sequence[str]) -> dict[str, str]:
    asked: dict[str, str] = {}
    for at, argument in enumerate(arguments):
        if argument.startswith("--") and "=" in argument:
            name, value = argument.split("=", 1)
            asked[name] = value
        elif argument.startswith("-") and at + 1 < len(arguments):
            asked[argument] = arguments[at + 1]
    return asked


def _gpus(asked: Mapping[str, str]) -> int:
    counts = [0]
    for option in ("--gpus-per-node", "--gpus", "--gres"):
        counts += [int(n) for n in re.findall(r"(?:^|[:=])(\d+)$", asked.get(option, ""))]
    return max(counts)
