"""A key under `native:` that the Kubernetes adapter drops.

Why
    The adapter fills a pod template with the keys it knows. Any other one (nodeSelector, volumes,
    tolerations, resources...) is dropped without a word, however right it is in a pod of one's own.
    (OSC/ood_core lib/ood_core/job/adapters/kubernetes/helper.rb, container_from_native;
    batch.rb, generate_id_yml; templates/pod.yml.erb.)

Bad
    native:
      container: {name: app, image: "example.org/app:1"}
      nodeSelector: {pool: interactive}

Good
    native:
      container: {name: app, image: "example.org/app:1"}
      node_selector: {pool: interactive}

Fix
    Write the adapter's key. What it has no key for can only be added by the cluster, with a policy.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Sequence
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.ERROR

# OSC/ood_core 0.31.1, lib/ood_core/job/adapters/kubernetes: batch.rb, helper.rb, resources.rb.
_NATIVE = ("container", "init_containers", "mounts", "configmap", "node_selector", "gpu_type")
_CONTAINER = (
    "name image command port env memory memory_limit memory_request cpu cpu_limit cpu_request "
    "working_dir restart_policy image_pull_policy image_pull_secret supplemental_groups "
    "startup_probe labels"
).split()
_INIT = ("name", "image", "command", "env", "image_pull_policy")
_MOUNT = ("type", "name", "host", "path", "host_type", "destination_path")
_CONFIGMAP = ("files",)
_FILE = ("filename", "data", "mount_path", "sub_path", "init_mount_path", "init_sub_path")
_PROBE = ("initial_delay_seconds", "failure_threshold", "period_seconds")
# Keys of a pod for which the adapter has another name.
_MEANT = {
    "volumes": "mounts",
    "volumeMounts": "mounts",
    "mountPath": "destination_path",
    "mount_path": "destination_path",
    "args": "command",
    "server": "host",
    "ports": "port",
    "resources": "memory",
    "config_map": "configmap",
    "secret": "image_pull_secret",
    "imagePullSecrets": "image_pull_secret",
}


def check(app: App) -> Iterator[Finding]:
    """Look at every level of a `native:` that has a container."""
    for native in submit.natives(app):
        if not isinstance(native, Mapping) or native.get("container") is None:
            continue
        yield from _check(native, _NATIVE, "native:")
        yield from _check(native.get("container"), _CONTAINER, "container:")
        for item in _items(native.get("init_containers")):
            yield from _check(item, _INIT, "init_containers:")
        for item in _items(native.get("mounts")):
            yield from _check(item, _MOUNT, "mounts:")
        configmap = native.get("configmap")
        yield from _check(configmap, _CONFIGMAP, "configmap:")
        if isinstance(configmap, Mapping):
            for item in _items(configmap.get("files")):
                yield from _check(item, _FILE, "files:")
        container = native.get("container")
        if isinstance(container, Mapping):
            yield from _check(container.get("startup_probe"), _PROBE, "startup_probe:")


def _items(node: Node | None) -> tuple[Node, ...]:
    return node.items if isinstance(node, Sequence) else ()


def _check(
    node: Node | None, allowed: tuple[str, ...] | list[str], level: str
) -> Iterator[Finding]:
    if not isinstance(node, Mapping):
        return
    for key, _ in node.entries:
        name = key.value
        if name in allowed:
            continue
        message = f"the Kubernetes adapter drops {quote(name)} under `{level}`"
        snake = re.sub(r"(?<=[a-z])[A-Z]", lambda m: "_" + m[0].lower(), name).lower()
        close = difflib.get_close_matches(snake, allowed, 1, 0.8)
        meant = _MEANT.get(name, "")
        if snake in allowed or close:
            word = snake if snake in allowed else close[0]
            fix = replace(key, word) if node.get(word) is None else None
            yield at(key, message, f"did you mean `{word}:`?", fix=fix)
        elif meant in allowed:
            yield at(key, message, f"its key for that is `{meant}:`")
        elif level != "native:" and name in _NATIVE:
            yield at(key, message, "it belongs one level up, under `native:`")
        elif level == "native:" and name in _CONTAINER:
            yield at(key, message, "it belongs under `container:`")
        elif level == "startup_probe:":
            hint = "it probes the container's port over TCP, whatever stands here"
            yield at(key, message, hint, severity=Severity.NOTE)
        else:
            yield at(key, message, "it has no key for that: delete it, or have the cluster add it")
