"""Sessions in pods: stored through the policy, bound to a node, their containers run as a kubelet does.

All is real but for the kubelet, whose part kubelet.py plays: the cluster, the rights of the pod's account, the
staged scripts, the container's first process.
"""

from __future__ import annotations

import base64
import itertools
import pwd
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kubelet import Container, Image, Kubelet
from kubernetes_server import KubernetesServer, Object
from launches import Launch, Prepared, make_home, place, prepare, wait_until_admitting
from staging import Staging
from wrapper import job_script

from ood_appgen import api
from ood_appgen.verify.ruby import STAGED_ROOT, RubyOracle, User
from samples import SAMPLES, SITES

# Nobody of this machine, as images know no accounts; what others end here is not hers.
ADA = pwd.struct_passwd(("ada", "x", 64242, 64242, "", "/home/ada", "/bin/bash"))
USER = User(ADA.pw_name, ADA.pw_uid, ADA.pw_gid, ADA.pw_dir)
STAGED = Path(STAGED_ROOT)

ADDRESS = "192.0.2.7"
NODE = "node7.cloud.example.edu"
# What the cluster's DNS knows.
DNS = {
    "/etc/hosts": f"127.0.0.1 localhost\n{ADDRESS} {NODE} node7\n2001:db8::7 node7-v6.example.edu\n",
    "/etc/nsswitch.conf": "hosts: files\n",
}
IMAGE = Image(files=DNS)

_NUMBERS = itertools.count(1000)


@dataclass(frozen=True)
class Session:
    """A session's pod on its node, with the files of the user's home."""

    server: KubernetesServer
    kubelet: Kubelet
    pod: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.pod["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"])

    @property
    def program(self) -> dict[str, Any]:
        """The program's container, as it is stored."""
        return dict(self.pod["spec"]["containers"][0])

    @property
    def home(self) -> Path:
        return self.kubelet.claims / Path(ADA.pw_dir).relative_to("/")

    @property
    def staged(self) -> Path:
        return self.kubelet.claims / STAGED.relative_to("/")

    @property
    def node_port(self) -> int:
        """Where the cluster lets connections in."""
        service = self.server.get("service", f"{self.name}-service", self.namespace)
        return int(service["spec"]["ports"][0]["nodePort"])

    def run(
        self, image: Image = IMAGE, command: tuple[str, ...] = (), name: str = ""
    ) -> tuple[int, str]:
        """Run a container, the program's unless one is named: its exit code, and what it said."""
        return self.kubelet.run(self.pod, name or self.program["name"], image, command)

    @contextmanager
    def running(self, image: Image = IMAGE) -> Iterator[Container]:
        """While the program's container runs."""
        with self.kubelet.start(self.pod, self.program["name"], image) as container:
            yield container

    def secret(self) -> dict[str, Any]:
        """The secret that Open OnDemand reads."""
        return self.server.get("secret", f"{self.name}-secret", self.namespace)


def decoded(secret: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


@dataclass(frozen=True)
class App:
    """An app of the cloud whose files are applied, with a namespace for its user."""

    server: KubernetesServer
    ruby: RubyOracle
    prepared: Prepared
    launch: Launch
    folder: Path

    @property
    def namespace(self) -> str:
        return self.prepared.namespace

    def view(self, session: Session) -> str:
        """The session's card, of what Open OnDemand reads from pod, service and secret."""
        connection = {"host": NODE, "port": session.node_port, **decoded(session.secret())}
        return Staging(self.ruby, ADA).view(self.prepared.folder, connection, STAGED)

    def start(
        self,
        *,
        address: str = ADDRESS,
        files: Path | None = None,
        create: Callable[[Launch], Iterable[Object]] = lambda launch: launch.all,
    ) -> Session:
        """Stage a session and create what OOD creates, or what `create` makes of that.

        `files`: the app's directory, where that is not what was applied. The pod is on a node then.
        """
        number = next(_NUMBERS)
        objects = place(self.launch.objects, self.namespace, number)
        launch = replace(self.launch, objects=objects)
        self.server.create(list(create(launch)), self.namespace, as_user=ADA.pw_name)
        pod = self.server.wait_bound(launch.name, self.namespace)
        folder = self.folder / launch.name
        claims = folder / "claims"
        (claims / "home").mkdir(parents=True)
        session = Session(self.server, Kubelet(self.server, folder, claims), pod)
        if address:
            session.kubelet.tell_address(pod, address)
        staging = Staging(self.ruby, ADA, mounted=claims)
        staging.stage(files or self.prepared.folder, launch.choice, STAGED)
        script = session.staged / "job_script_content.sh"
        script.write_text(job_script(STAGED))
        return session


def render(folder: Path, app: str, change: Callable[[Path], None]) -> api.RenderedApp:
    """A sample app for the sample cloud, after a change of copies of both."""
    shutil.copytree(SAMPLES / "apps", folder / "apps")
    shutil.copy(SITES["cloud"], folder / "site.yml")
    change(folder)
    result = api.render_apps([folder / "apps" / app], folder / "site.yml")
    assert [f.format() for f in result.findings] == []
    return result.apps[0]


def set_up(
    server: KubernetesServer, ruby: RubyOracle, app: api.RenderedApp, folder: Path, namespace: str
) -> App:
    """Do what the app's README asks for, and what the site does for each user."""
    ready = prepare(server, app, folder / "applied", namespace)
    server.user(ADA.pw_name, namespace)
    make_home(server, namespace)
    launch = next(one for one in ready.launches(USER) if one.choice["node_type"] == "standard")
    wait_until_admitting(server, launch, namespace)
    return App(server, ruby, ready, launch, folder)
