"""What a kubelet does for a container, as far as its program can tell: environment, files, account, user.

No kubelet runs in the tests' Kubernetes. An image is this machine's own files here, but for what a test hides;
mounts and processes are the container's own, and end with it.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from kubernetes_server import KubernetesServer, Object

# Where environment and volumes come from.
_KINDS = {
    "secretRef": "secret",
    "secretKeyRef": "secret",
    "secret": "secret",
    "configMapRef": "configmap",
    "configMapKeyRef": "configmap",
    "configMap": "configmap",
}
# As images have it.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Arguments: the new root, the user, the group, the programs that are not there; pairs of a source and where
# it is mounted; `--` and the command.
_START = r"""
set -eu
root=$1 user=$2 group=$3 lacks=$4
shift 4
mount -t tmpfs -o mode=755 container "$root"
for name in bin sbin lib lib64 usr etc dev var; do
  if [ -L "/$name" ]; then
    cp -P "/$name" "$root/"
  elif [ -d "/$name" ]; then
    mkdir "$root/$name"
    mount --rbind "/$name" "$root/$name"
  fi
done
mkdir "$root/proc" "$root/run" "$root/tmp"
chmod 1777 "$root/tmp"
mount -t proc proc "$root/proc"
# A directory of links lacks what this machine has.
mkdir "$root/programs"
mount --bind /usr/bin "$root/programs"
mount -t tmpfs -o mode=755 programs "$root/usr/bin"
find "$root/programs" -mindepth 1 -maxdepth 1 -printf '/programs/%P\0' | xargs -0 ln -s -t "$root/usr/bin"
for name in $lacks; do
  rm -f "$root/usr/bin/$name"
done
while [ "$1" != -- ]; do
  target=$root$2
  if [ -d "$1" ]; then
    mkdir -p "$target"
  elif [ ! -e "$target" ]; then
    mkdir -p "${target%/*}"
    touch "$target"
  fi
  mount --bind "$1" "$target"
  shift 2
done
shift
exec chroot "$root" setpriv --pdeathsig=KILL --reuid="$user" --regid="$group" --clear-groups --no-new-privs \
  --bounding-set=-all -- "$@"
"""


@dataclass(frozen=True)
class Image:
    """This machine's own files, without some programs, and with other files and directories."""

    lacks: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Container:
    """A container that was started; its output is in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, timeout_s: float = 60) -> int:
        """Wait until it ends; returns its exit code."""
        return self.process.wait(timeout_s)

    def ask_to_end(self) -> None:
        """Tell the first process, as a kubelet does where a pod is deleted."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        (first,) = children.read_text().split()
        os.kill(int(first), signal.SIGTERM)

    @property
    def said(self) -> str:
        """What it wrote so far."""
        return self.log.read_text(errors="replace")


@dataclass(frozen=True)
class Kubelet:
    """Runs containers of stored pods. `claims` has a directory for each claim, by its name."""

    server: KubernetesServer
    folder: Path
    claims: Path

    def tell_address(self, pod: Object, address: str) -> None:
        """Write down on which node a pod is, as every kubelet does."""
        status = {"status": {"hostIP": address, "hostIPs": [{"ip": address}]}}
        self.server.kubectl(
            *("patch", "pod", pod["metadata"]["name"], "--subresource=status", "--type=merge"),
            *("--patch", json.dumps(status)),
            namespace=pod["metadata"]["namespace"],
        )

    @contextmanager
    def start(
        self, pod: Object, name: str, image: Image, command: Sequence[str] = ()
    ) -> Iterator[Container]:
        """Start a container of a stored pod, with its own command unless another is named."""
        spec, user = pod["spec"], pod["spec"]["securityContext"]
        containers = (*spec["containers"], *spec.get("initContainers", ()))
        container = next(one for one in containers if one["name"] == name)
        own = self.folder / pod["metadata"]["name"]
        root = own / "root"
        root.mkdir(parents=True, exist_ok=True)
        mounts = [*self._of_image(own, image), *self._of_pod(own, pod, container)]
        arguments = [
            *(root, user["runAsUser"], user["runAsGroup"], " ".join(image.lacks)),
            *(part for mount in mounts for part in mount),
            *("--", *(command or container["command"])),
        ]
        isolated = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
        log = own / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*isolated, "sh", "-c", _START, "sh", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=self._environment(pod, container),
                start_new_session=True,
            )
        try:
            yield Container(process, log)
        finally:
            # The first process of the namespace ends with unshare, and all others with the first.
            process.kill()
            process.wait()

    def run(
        self, pod: Object, name: str, image: Image, command: Sequence[str] = ()
    ) -> tuple[int, str]:
        """Run a container to its end: its exit code, and what it wrote."""
        with self.start(pod, name, image, command) as container:
            code = container.wait()
        return code, container.said

    def _environment(self, pod: Object, container: Object) -> dict[str, str]:
        address = urlsplit(self.server.address)
        found = {
            "PATH": PATH,
            "HOSTNAME": pod["metadata"]["name"],
            "KUBERNETES_SERVICE_HOST": str(address.hostname),
            "KUBERNETES_SERVICE_PORT": str(address.port),
        }
        namespace = pod["metadata"]["namespace"]
        for source in container.get("envFrom", ()):
            data = self._data(namespace, source)
            found |= {source.get("prefix", "") + key: value for key, value in data.items()}
        for item in container["env"]:
            value: str | None = item.get("value", "")
            if "valueFrom" in item:
                value = self._value(pod, item["valueFrom"])
            if value is not None:
                found[item["name"]] = value
        return found

    def _value(self, pod: Object, source: Object) -> str | None:
        if "fieldRef" in source:
            first, second = source["fieldRef"]["fieldPath"].split(".")
            return str(pod[first][second])
        reference = source.get("secretKeyRef") or source["configMapKeyRef"]
        return self._data(pod["metadata"]["namespace"], source).get(reference["key"])

    def _data(self, namespace: str, source: Object) -> dict[str, str]:
        """What a secret or a ConfigMap holds; nothing where it is optional and not there."""
        key = next(key for key in _KINDS if key in source)
        name = source[key].get("name") or source[key]["secretName"]
        kind = _KINDS[key]
        if source[key].get("optional") and not self.server.is_there(kind, name, namespace):
            return {}
        data: dict[str, str] = self.server.get(kind, name, namespace).get("data") or {}
        if kind == "secret":
            return {key: base64.b64decode(value).decode() for key, value in data.items()}
        return data

    def _of_image(self, own: Path, image: Image) -> Iterator[tuple[Path, str]]:
        for target, folder in image.folders.items():
            yield folder, target
        for number, (target, text) in enumerate(image.files.items()):
            source = own / f"file{number}"
            source.write_text(text)
            source.chmod(0o644)
            yield source, target

    def _of_pod(self, own: Path, pod: Object, container: Object) -> Iterator[tuple[Path, str]]:
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for mount in container["volumeMounts"]:
            source = self._volume(own / "volumes" / mount["name"], pod, volumes[mount["name"]])
            # /var/run is a link to /run.
            target = mount["mountPath"].replace("/var/run/", "/run/")
            yield source / mount.get("subPath", ""), target

    def _volume(self, folder: Path, pod: Object, volume: Object) -> Path:
        if "persistentVolumeClaim" in volume:
            return self.claims / volume["persistentVolumeClaim"]["claimName"]
        folder.mkdir(parents=True, exist_ok=True)
        if "emptyDir" in volume:
            os.chown(folder, pod["spec"]["securityContext"]["runAsUser"], -1)
            return folder
        own = "projected" in volume
        files = self._account(pod) if own else self._data(pod["metadata"]["namespace"], volume)
        for name, text in files.items():
            (folder / name).write_text(text)
        return folder

    def _account(self, pod: Object) -> dict[str, str]:
        """What stands in the directory of the pod's service account."""
        namespace = pod["metadata"]["namespace"]
        authority = self.server.get("configmap", "kube-root-ca.crt", namespace)
        return {
            "token": self.server.token(pod["spec"]["serviceAccountName"], namespace),
            "ca.crt": authority["data"]["ca.crt"],
            "namespace": namespace,
        }
