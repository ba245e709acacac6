"""What kinds of scheduler there are, as facts: everything that the rest must know of one.

A further scheduler is an entry here, a module in `backends`, and its name in the site schema.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scheduler:
    """A kind of scheduler.

    `other_cluster_keys`, `other_node_keys` and `other_gpu_keys` are keys of the profile that mean
    nothing there. `in_containers`: jobs run in the app's container, find their environment there,
    need memory to be named, and tell OOD where they listen by the site's own means.
    """

    name: str
    title: str
    in_containers: bool
    takes_queue: bool
    other_cluster_keys: tuple[str, ...]
    other_node_keys: tuple[str, ...]
    other_gpu_keys: tuple[str, ...]


SCHEDULERS = {
    "slurm": Scheduler(
        name="slurm",
        title="Slurm",
        in_containers=False,
        takes_queue=True,
        other_cluster_keys=(
            "registry", "image_pull_secret", "image_pull_policy", "node_selector", "labels",
            "requests", "mounts", "supplemental_groups", "publish", "pod", "namespaces", "policy",
            "wall_time", "connection", "priority_classes", "portal_cidrs", "forbid",
        ),
        other_node_keys=("compute_cluster", "node_selector", "pod"),
        other_gpu_keys=("resource",),
    ),
    "kubernetes": Scheduler(
        name="kubernetes",
        title="Kubernetes",
        in_containers=True,
        takes_queue=False,
        other_cluster_keys=("native", "whole_node"),
        other_node_keys=(
            "constraint", "partition", "qos", "reservation", "exclusive", "licenses", "native",
            "whole_node",
        ),
        other_gpu_keys=("type", "request"),
    ),
}  # fmt: skip
