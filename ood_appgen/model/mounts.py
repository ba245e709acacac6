"""Mounts: what a container sees as a directory, file or socket, in one vocabulary for site and app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ood_appgen.diagnostics import Span

Pairs = tuple[tuple[str, str], ...]

# The kinds, in the profile's words; `host` and `nfs` are both written with `path`.
KINDS = ("host", "nfs", "pvc", "configmap", "secret", "empty_dir", "ephemeral")
# Those that are written with `path`. OOD's adapter knows these two, without any setting of their own
# (OSC/ood_core lib/ood_core/job/adapters/kubernetes/templates/pod.yml.erb).
PATHS = ("host", "nfs")
# Those that end with the job, and those whose content nobody writes.
SCRATCH = ("empty_dir", "ephemeral")
READ_ONLY = ("configmap", "secret")


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount; paths may hold {compute_cluster}, {user} and {home}.

    `source` is the name of the claim, ConfigMap or secret; a ConfigMap without is the session's own.
    `items` are keys and the paths that they become, `files` the content that appgen is to write,
    `directory` is where the same data is on clusters without containers. Sizes are in MiB; None
    where the profile says nothing. `places` are those of its keys.
    """

    name: str
    kind: str
    to: str
    span: Span
    path: str = ""
    type: str = "Directory"
    user: str = ""
    server: str = ""
    source: str = ""
    items: Pairs = ()
    files: Pairs = ()
    mode: int | None = None
    optional: bool = False
    medium: str = "Disk"
    size_mb: int | None = None
    storage_class: str = ""
    access_mode: str = "ReadWriteOnce"
    sub_path: str = ""
    read_only: bool = False
    propagation: str = "None"
    directory: str = ""
    places: Mapping[str, Span] = field(default_factory=dict, compare=False, repr=False)

    @property
    def of_session(self) -> bool:
        """Whether it is a ConfigMap that OOD makes with each session."""
        return self.kind == "configmap" and not self.source

    @property
    def needs_policy(self) -> bool:
        """Whether OOD's adapter cannot say it."""
        if self.of_session:
            return False
        plain = not (self.sub_path or self.read_only or self.propagation != "None")
        return self.kind not in PATHS or not plain
