"""A mount that the Kubernetes adapter cannot make a volume of.

Why
    The pod template knows the types `nfs` and `host`. For any other it writes a volumeMount and no
    volume, and the API server refuses the pod. A mount without name, path or destination_path is
    refused as well, and so is one of `nfs` without its host.
    (OSC/ood_core lib/ood_core/job/adapters/kubernetes/templates/pod.yml.erb.)

Bad
    mounts:
      - type: pvc
        name: data
        destination_path: /data

Good
    mounts:
      - type: nfs
        name: data
        host: nfs.example.org
        path: /export/data
        destination_path: /data

Fix
    Use `nfs` (with host) or `host`; a claim cannot be mounted from here.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR

# OSC/ood_core 0.31.1, kubernetes/templates/pod.yml.erb.
_NEEDED = {
    "nfs": ("name", "host", "path", "destination_path"),
    "host": ("name", "path", "destination_path"),
}


def check(app: App) -> Iterator[Finding]:
    """Look at each mount of a `native:` that has a container."""
    for native in submit.natives(app):
        if not isinstance(native, Mapping) or native.get("container") is None:
            continue
        mounts = native.get("mounts")
        for mount in mounts.items if isinstance(mounts, Sequence) else ():
            if isinstance(mount, Mapping):
                yield from _check(mount)


def _check(mount: Mapping) -> Iterator[Finding]:
    node = mount.get("type")
    start = mount.items[0][0] if mount.items else mount
    if node is None:
        if mount.complete:
            yield at(start, "this mount has no `type:`, and gets no volume", "write nfs or host")
        return
    if not isinstance(node, Scalar) or node.opaque:
        return
    kind = node.value
    if kind not in _NEEDED:
        message = f"the Kubernetes adapter has no mounts of the type {quote(kind)}"
        yield at(node, message, "it makes volumes of nfs and host alone")
        return
    missing = [key for key in _NEEDED[kind] if mount.get(key) is None]
    if missing and mount.complete:
        names = " and ".join(f"`{key}:`" for key in missing)
        yield at(start, f"this {kind} mount lacks {names}", "the API server refuses such a pod")
