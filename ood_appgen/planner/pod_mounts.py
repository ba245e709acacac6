"""Which mounts a pod has, and where they are: in containers, and where there are none."""

from __future__ import annotations

from ood_appgen.model.mounts import SCRATCH, Mount
from ood_appgen.model.pods import Init
from ood_appgen.model.site import Cluster, SiteProfile
from ood_appgen.planner.settings import Settings


def mounts_of(cluster: Cluster, settings: Settings) -> tuple[Mount, ...]:
    """The mounts of the program's container on a cluster: the cluster's, then the app's."""
    names = dict.fromkeys([*(name for name, _ in cluster.mounts), *settings.mounts])
    return tuple(settings.known_mounts[n] for n in names if n in settings.known_mounts)


def init_mounts(settings: Settings) -> tuple[Mount, ...]:
    """The mounts that init containers name for themselves."""
    found = (mount for item in settings.init for mount in mounts_of_init(item, settings))
    return tuple({mount.name: mount for mount in found}.values())


def mounts_of_init(item: Init, settings: Settings) -> list[Mount]:
    """The mounts that one init container names for itself."""
    known = settings.known_mounts
    return [known[name] for name, _ in item.mounts if name in known]


def place_of(mount: Mount, site: SiteProfile, compute_cluster: str) -> str:
    """Where a mount is inside the containers of a node type; {user} and {home} stay as they are."""
    compute = site.compute_clusters.get(compute_cluster)
    own = dict(compute.paths).get(mount.name) if compute else None
    return own or mount.to.replace("{compute_cluster}", compute_cluster)


def mount_above(path: str, item: Init, settings: Settings) -> Mount | None:
    """The mount of an init container, or of the app, that holds a path of the container."""
    known = [settings.known_mounts[n] for n in settings.mounts if n in settings.known_mounts]
    mounts = {mount.name: mount for mount in (*mounts_of_init(item, settings), *known)}.values()
    above = (
        m for m in mounts if outside_place(m) and f"{path}/".startswith(f"{m.to.rstrip('/')}/")
    )
    return max(above, key=lambda mount: len(mount.to), default=None)


def outside_place(mount: Mount) -> str:
    """Where a mount's data is on clusters without containers; "" where that is not known.

    Directories that end with the job are made there: a word in angle brackets stands for them.
    """
    if mount.directory:
        return mount.directory
    if mount.kind in SCRATCH:
        return "<memory>" if mount.medium == "Memory" else "<scratch>"
    known = mount.kind == "host" and "{compute_cluster}" not in mount.path
    return mount.path if known else ""
