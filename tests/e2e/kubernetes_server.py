"""A real Kubernetes without nodes of its own: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.

All is in a directory of its own, on this machine alone. Nothing of it outlives ``start``. No kubelet runs:
nodes are objects that tests add, and pods stay where the scheduler put them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from samples import ROOT

BUILD = ROOT / "tools" / "kubernetes" / "build"
PROGRAMS = ("kube-apiserver", "etcd", "kubectl")
# Not among envtest's programs: what needs them fails by itself where they are missing.
FURTHER_PROGRAMS = ("kube-controller-manager", "kube-scheduler")
# What OOD's user may do in a namespace of their own.
USER_ROLE = "edit"

# Read before the tests get a cache of their own: the programs are in the caller's.
_ENVIRONMENT = dict(os.environ)

Object = dict[str, Any]


class KubernetesError(Exception):
    """Kubernetes did not do what was asked."""


class Refused(KubernetesError):  # noqa: N818 - the outcome that tests ask about
    """kubectl failed; the message is what it wrote to standard error."""


class NotScheduledError(KubernetesError):
    """No node was found for a pod; the message is the scheduler's."""


@dataclass(frozen=True)
class Daemon:
    """A process of the server."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def check(self) -> None:
        """Raise when it has ended."""
        if self.process.poll() is not None:
            raise KubernetesError(
                f"{self.name} ended with {self.process.returncode}\n{_tail(self.log)}"
            )


@dataclass(frozen=True)
class KubernetesServer:
    """A running Kubernetes. Commands run as its administrator unless a user is named."""

    folder: Path
    programs: Mapping[str, Path]
    address: str
    daemons: dict[str, Daemon] = field(default_factory=dict)
    users: dict[str, Path] = field(default_factory=dict)

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.folder / "clients" / "admin.kubeconfig"

    @property
    def version(self) -> str:
        """Such as ``v1.36.3``."""
        answer = json.loads(self.kubectl("version", "--output=json"))
        return str(answer["serverVersion"]["gitVersion"])

    def kubectl(
        self, *args: str, stdin: str = "", as_user: str | None = None, namespace: str | None = None
    ) -> str:
        """Run kubectl and return what it prints."""
        kubeconfig = self.kubeconfig if as_user is None else self.users[as_user]
        where = [] if namespace is None else [f"--namespace={namespace}"]
        done = subprocess.run(
            [self.programs["kubectl"], f"--kubeconfig={kubeconfig}", *where, *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            # kubectl keeps what it learns of the server below HOME.
            env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder)},
        )
        if done.returncode:
            for daemon in self.daemons.values():
                daemon.check()
            raise Refused(done.stderr.strip())
        return done.stdout

    def apply(self, kustomization: Path, namespace: str | None = None) -> None:
        """Apply a directory that has a kustomization.yaml."""
        self.kubectl("apply", f"--kustomize={kustomization}", namespace=namespace)

    def create(
        self, objects: Sequence[Object], namespace: str | None = None, as_user: str | None = None
    ) -> None:
        """Create objects."""
        self.kubectl(
            "create", "--filename=-", stdin=_as_list(objects), namespace=namespace, as_user=as_user
        )

    def dry_run(
        self, objects: Sequence[Object], namespace: str | None = None, as_user: str | None = None
    ) -> list[Object]:
        """What the server would store, had the objects been created."""
        text = self.kubectl(
            *("create", "--filename=-", "--dry-run=server", "--output=json"),
            stdin=_as_list(objects),
            namespace=namespace,
            as_user=as_user,
        )
        return list(_documents(text))

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """An object as it is stored."""
        return dict(json.loads(self.kubectl("get", kind, name, "-o=json", namespace=namespace)))

    def wait_until_in_force(
        self,
        probe: Object,
        namespace: str,
        changed: Callable[[Object], bool],
        *,
        as_user: str | None = None,
        timeout_s: float = 30,
    ) -> Object:
        """Wait until admission changes a probe as it should, and return it; nothing is stored.

        The server compiles policies in the background: they are in force a moment after they are created.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            outcome: object
            try:
                (stored,) = self.dry_run([probe], namespace, as_user)
                if changed(stored):
                    return stored
                outcome = json.dumps(stored, indent=1)
            except Refused as exc:
                outcome = exc
            if time.monotonic() > deadline:
                raise KubernetesError(f"not in force after {timeout_s:g} s: {outcome}")
            time.sleep(0.1)

    def wait_until_refused(
        self, probe: Object, namespace: str, *, as_user: str | None = None, timeout_s: float = 30
    ) -> str:
        """Wait until admission refuses a probe, and return what it says."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.dry_run([probe], namespace, as_user)
            except Refused as exc:
                return str(exc)
            if time.monotonic() > deadline:
                raise KubernetesError(f"not refused after {timeout_s:g} s")
            time.sleep(0.1)

    def namespace(
        self, name: str, *, security: str = "restricted", labels: Mapping[str, str] | None = None
    ) -> None:
        """Create a namespace that enforces one of the Pod Security Standards."""
        enforced = {"pod-security.kubernetes.io/enforce": security}
        metadata = {"name": name, "labels": enforced | dict(labels or {})}
        self.create([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
        if "kube-controller-manager" not in self.daemons:
            self.kubectl("create", "serviceaccount", "default", namespace=name)
        # Pods are refused until it is there.
        wait_for(
            lambda: self.is_there("serviceaccount", "default", name),
            f"the service account of namespace {name}",
            30,
            self.folder / "log",
        )

    def user(self, name: str, namespace: str) -> Path:
        """The kubeconfig of a user who may edit a namespace and see no other."""
        if name not in self.users:
            self.users[name] = _make_client(self.folder, self.address, name, namespace=namespace)
        # A controller puts the rights of this role together.
        self.need("kube-controller-manager")
        wait_for(
            lambda: bool(self.get("clusterrole", USER_ROLE).get("rules")),
            f"the rights of role {USER_ROLE}",
            30,
            self.folder / "log",
        )
        self.kubectl(
            *("create", "rolebinding", f"{USER_ROLE}-{name}"),
            *(f"--clusterrole={USER_ROLE}", f"--user={name}"),
            namespace=namespace,
        )
        return self.users[name]

    def token(self, service_account: str, namespace: str) -> str:
        """A token of a service account, valid for an hour."""
        return self.kubectl("create", "token", service_account, namespace=namespace).strip()

    def add_node(
        self,
        name: str,
        *,
        cpu: int,
        memory_mb: int,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[Mapping[str, str]] = (),
        resources: Mapping[str, int] | None = None,
    ) -> None:
        """Add a node that is ready and does nothing."""
        metadata = {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}}
        self.create([{"apiVersion": "v1", "kind": "Node", "metadata": metadata}])
        # A new node is tainted as not ready; the controller that ends that, and looks for a kubelet's
        # heartbeat, does not run here.
        spec = {"taints": [dict(taint) for taint in taints]}
        self.kubectl("patch", "node", name, "--patch", json.dumps({"spec": spec}), "--type=merge")
        amounts = {
            "cpu": str(cpu),
            "memory": f"{memory_mb}Mi",
            "pods": "110",
            "ephemeral-storage": "100Gi",
            **{key: str(value) for key, value in (resources or {}).items()},
        }
        ready = {"type": "Ready", "status": "True", "reason": "KubeletReady", "message": "a test's"}
        status = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
        self.kubectl(
            *("patch", "node", name, "--subresource=status", "--type=merge"),
            *("--patch", json.dumps({"status": status})),
        )

    def wait_scheduled(self, pod: str, namespace: str, timeout_s: float = 30) -> str:
        """Wait until the scheduler chose a node for a pod, and return its name."""
        deadline = time.monotonic() + timeout_s
        while True:
            node, said = self._scheduling(pod, namespace)
            if node:
                return node
            if time.monotonic() > deadline:
                raise NotScheduledError(said or f"the scheduler says nothing after {timeout_s:g} s")
            time.sleep(0.1)

    def wait_bound(self, pod: str, namespace: str) -> Object:
        """Wait until a pod is on a node, and return it as it is stored."""
        self.wait_scheduled(pod, namespace)
        return self.get("pod", pod, namespace)

    def wait_unschedulable(self, pod: str, namespace: str, timeout_s: float = 30) -> str:
        """Wait until the scheduler finds no node for a pod, and return what it says."""
        deadline = time.monotonic() + timeout_s
        while True:
            node, said = self._scheduling(pod, namespace)
            if said and not node:
                return said
            if node or time.monotonic() > deadline:
                raise KubernetesError(f"{pod} is on node {node!r} after {timeout_s:g} s")
            time.sleep(0.1)

    def _scheduling(self, pod: str, namespace: str) -> tuple[str, str]:
        """The node of a pod, if it has one, and what the scheduler says if not."""
        self.need("kube-scheduler")
        found = self.get("pod", pod, namespace)
        said = [
            condition.get("message", "")
            for condition in found["status"].get("conditions", ())
            if condition["type"] == "PodScheduled"
        ]
        return found["spec"].get("nodeName", ""), "\n".join(said)

    def need(self, program: str) -> None:
        """Fail in CI, and skip elsewhere, where a program that is not among envtest's is missing."""
        if program not in self.daemons:
            miss(program)
        self.daemons[program].check()

    def is_there(self, kind: str, name: str, namespace: str) -> bool:
        """Whether an object is there."""
        return bool(
            self.kubectl("get", kind, name, "--ignore-not-found", "-o=name", namespace=namespace)
        )


def miss(*programs: str) -> None:
    """Fail in CI, and skip elsewhere, for programs that are missing."""
    message = (
        f"no {', '.join(programs)}: run tools/kubernetes/build, or set KUBEBUILDER_ASSETS to a folder"
        f" that has {', '.join((*PROGRAMS, *FURTHER_PROGRAMS))}"
    )
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


def find_programs() -> dict[str, Path]:
    """The programs that are there, by name; those of envtest must be."""
    text = subprocess.run(
        [BUILD, "--find"], check=True, stdout=subprocess.PIPE, text=True, env=_ENVIRONMENT
    ).stdout
    paths = (Path(line) for line in text.splitlines())
    programs = {path.name: path for path in paths}
    if missing := [name for name in PROGRAMS if name not in programs]:
        miss(*missing)
    return programs


@contextmanager
def start(folder: Path, keep: Path, programs: Mapping[str, Path]) -> Iterator[KubernetesServer]:
    """Run a Kubernetes in an empty directory; logs are copied to `keep`."""
    for name in ("log", "clients"):
        (folder / name).mkdir()
    port, etcd_port = _free_ports(2)
    address = f"https://127.0.0.1:{port}"
    _make_certificates(folder)
    _make_client(folder, address, "admin", group="system:masters")
    server = KubernetesServer(folder, programs, address)
    with ExitStack() as stack:
        stack.callback(shutil.copytree, folder / "log", keep, dirs_exist_ok=True)
        _start(stack, server, "etcd", _etcd_options(folder, etcd_port))
        _start(stack, server, "kube-apiserver", _apiserver_options(folder, port, etcd_port))
        wait_for(lambda: _is_ready(server), "kube-apiserver to be ready", 120, folder / "log")
        options = {
            "kube-controller-manager": _controller_options(server),
            "kube-scheduler": _scheduler_options(server),
        }
        for name in FURTHER_PROGRAMS:
            if name in programs:
                _start(stack, server, name, options[name])
        yield server


def _is_ready(server: KubernetesServer) -> bool:
    try:
        return server.kubectl("get", "--raw=/readyz") == "ok"
    except Refused:  # kube-apiserver does not answer yet, or is not ready
        return False


def _start(stack: ExitStack, server: KubernetesServer, name: str, options: Sequence[str]) -> None:
    log = server.folder / "log" / f"{name}.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            # Ends with this process too, should that be killed before it can tidy up.
            ["setpriv", "--pdeathsig", "KILL", server.programs[name], *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=server.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(server.folder)},
            # Ctrl-C is for this process, which then ends the daemons.
            start_new_session=True,
        )
    stack.callback(_end, process)
    server.daemons[name] = Daemon(name, process, log)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a daemon. It has no children and nothing worth saving, and takes its time when asked politely."""
    process.kill()
    process.wait()


def _etcd_options(folder: Path, port: int) -> tuple[str, ...]:
    url = f"http://127.0.0.1:{port}"
    return (
        f"--data-dir={folder}/etcd",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        "--listen-peer-urls=http://127.0.0.1:0",
        # Nothing here needs to survive a power cut.
        "--unsafe-no-fsync",
        "--log-level=warn",
    )


def _apiserver_options(folder: Path, port: int, etcd_port: int) -> tuple[str, ...]:
    return (
        f"--etcd-servers=http://127.0.0.1:{etcd_port}",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={port}",
        # Would refuse to write a loopback address down.
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--tls-cert-file={folder}/server.crt",
        f"--tls-private-key-file={folder}/server.key",
        f"--client-ca-file={folder}/ca.crt",
        f"--service-account-key-file={folder}/server.crt",
        f"--service-account-signing-key-file={folder}/server.key",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=RBAC",
        # As with kubeadm: what is privileged is for PodSecurity to say.
        "--allow-privileged=true",
        # v1 is there from Kubernetes 1.36 on, v1beta1 from 1.34 on: sites have either.
        "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
    )


def _controller_options(server: KubernetesServer) -> tuple[str, ...]:
    folder = server.folder
    return (
        f"--kubeconfig={server.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        # It would say that nodes without a kubelet are not ready.
        "--controllers=*,-node-lifecycle-controller",
        f"--root-ca-file={folder}/ca.crt",
        f"--service-account-private-key-file={folder}/server.key",
        "--pvclaimbinder-sync-period=1s",
        "--resource-quota-sync-period=1s",
    )


def _scheduler_options(server: KubernetesServer) -> tuple[str, ...]:
    return (f"--kubeconfig={server.kubeconfig}", "--leader-elect=false", "--secure-port=0")


def _make_certificates(folder: Path) -> None:
    """An authority, and the server's certificate."""
    # Nothing of Debian's own configuration: that makes an authority of every certificate.
    (folder / "openssl.cnf").write_text("[req]\ndistinguished_name = dn\n[dn]\n")
    _make_certificate(folder, "ca", "/CN=ood-appgen-e2e", "basicConstraints=critical,CA:TRUE")
    alternative = "subjectAltName=IP:127.0.0.1"
    _make_certificate(
        folder, "server", "/CN=kube-apiserver", alternative, "extendedKeyUsage=serverAuth"
    )


def _make_client(
    folder: Path, address: str, name: str, *, group: str = "", namespace: str = "default"
) -> Path:
    """A certificate for somebody, and a kubeconfig that uses it."""
    subject = (f"/O={group}" if group else "") + f"/CN={name}"
    _make_certificate(folder, f"clients/{name}", subject, "extendedKeyUsage=clientAuth")
    files = folder / "clients" / name
    cluster = {"server": address, "certificate-authority": f"{folder}/ca.crt"}
    user = {"client-certificate": f"{files}.crt", "client-key": f"{files}.key"}
    context = {"cluster": "e2e", "user": name, "namespace": namespace}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": cluster}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": "e2e", "context": context}],
        "current-context": "e2e",
    }
    kubeconfig = files.with_name(f"{name}.kubeconfig")
    kubeconfig.write_text(json.dumps(content, indent=1))
    return kubeconfig


def _make_certificate(folder: Path, name: str, subject: str, *extensions: str) -> None:
    """A key and a certificate, signed by the authority unless it is that."""
    issuer = () if name == "ca" else ("-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key")
    command = [
        *("openssl", "req", "-x509", "-config", f"{folder}/openssl.cnf", "-days", "2", "-nodes"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", subject),
        *("-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", *issuer),
        *(word for extension in extensions for word in ("-addext", extension)),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise KubernetesError(f"no certificate for {name}: {done.stderr.strip()}")


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def wait_for(
    condition: Callable[[], bool], what: str, seconds: float, logs: Path | None = None
) -> None:
    """Wait until a condition holds; if it never does, show how the logs end."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            tails = [f"\n{_tail(log)}" for log in sorted(logs.iterdir())] if logs else []
            raise KubernetesError(f"waited {seconds:g} s in vain for {what}{''.join(tails)}")
        time.sleep(0.1)


def _tail(log: Path) -> str:
    return "\n".join([f"-- {log.name}", *log.read_text(errors="replace").splitlines()[-15:]])


def _as_list(objects: Sequence[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _documents(text: str) -> Iterator[Object]:
    """The objects that kubectl wrote, one after the other."""
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:].lstrip()
