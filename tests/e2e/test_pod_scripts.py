"""Job scripts work in pods as they do on Slurm: they find their place, and let the user in."""

from __future__ import annotations

import json
import re
import shlex
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from browser import Browser, check_login, is_open
from kubelet import Container, Image
from kubernetes_server import KubernetesServer, Refused, wait_for
from launches import apply_in_namespace, place, unmarked
from pod_sessions import ADA, DNS, IMAGE, NODE, App, Session, decoded, render, set_up
from programs import cache_folder, install_jupyter
from ruamel.yaml import YAML

from git_server import make_repository, serve
from ood_appgen.verify.ruby import RubyOracle
from tools import require_root, require_tool

# A connection parameter that no shell, JSON or header may change.
ODD = "a \"b\" 'c' \\n \\\\ $HOME `id` é☃\n second line\t{}, "

# Leaves what a program would start with.
PROBE = """\
printf '%s\\0' "${host}" "${port}" "${LISTEN_PORT}" "${password}" > seen
"""
# Stands before every program that the scripts start, and writes down how they are called.
RECORDER = """\
#!/bin/bash
printf '%s\\0' "$0" "$@" >> /home/ada/arguments
exec "/usr/bin/${0##*/}" "$@"
"""
RECORDED = ("curl", "python3", "base64", "tr", "od", "sha256sum", "cut", "getent", "sleep", "cat")


@pytest.fixture(scope="module")
def ruby() -> Iterator[RubyOracle]:
    require_tool("ruby")
    with RubyOracle() as oracle:
        yield oracle


@pytest.fixture(scope="module")
def node(kubernetes: KubernetesServer) -> Iterator[KubernetesServer]:
    """The server while it has a node."""
    for tool in ("unshare", "setpriv", "chroot", "mount", "curl", "envsubst"):
        require_tool(tool)
    require_root("Containers have mounts and processes of their own")
    kubernetes.add_node("node7", cpu=1000, memory_mb=4 * 1024 * 1024)
    yield kubernetes
    kubernetes.kubectl("delete", "node", "node7")


def to_probe(folder: Path) -> None:
    """Jupyter's app with a parameter more, and a program that ends at once."""
    app = folder / "apps" / "jupyter"
    spec = app / "app.yml"
    spec.write_text(spec.read_text().replace("params: [jupyter_api]", "params: [jupyter_api, odd]"))
    (app / "script.sh").write_text(PROBE)
    with (app / "before.sh").open("a") as before:
        before.write(f"odd={shlex.quote(ODD)}\n")


@pytest.fixture(scope="module")
def probe(
    node: KubernetesServer, ruby: RubyOracle, tmp_path_factory: pytest.TempPathFactory
) -> App:
    folder = tmp_path_factory.mktemp("probe")
    return set_up(node, ruby, render(folder, "jupyter", to_probe), folder, "ood-ada")


def seen(session: Session) -> tuple[str, ...]:
    """Host, port, the program's own port and the password, as the program has them."""
    return tuple((session.staged / "seen").read_text().split("\0")[:-1])


PORT = "8080"


@pytest.mark.parametrize("lacks", [(), ("curl",), ("python3",)], ids=["all", "python3", "curl"])
@pytest.mark.parametrize("strict", [(), ("-u",)], ids=["plain", "nounset"])
def test_a_session_finds_its_place_and_keeps_its_password(
    probe: App, lacks: tuple[str, ...], strict: tuple[str, ...]
) -> None:
    session = probe.start()
    shell, *rest = session.program["command"]
    code, said = session.run(Image(lacks, DNS), (shell, *strict, *rest))
    assert (code, said) == (0, "")
    host, port, own_port, password = seen(session)
    assert (host, port, own_port) == (NODE, str(session.node_port), PORT)
    assert len(password) == 32
    secret = session.secret()
    assert decoded(secret) == {"password": password, "jupyter_api": "lab", "odd": ODD}
    connection = YAML(typ="safe").load(session.staged / "connection.yml")
    assert (connection["host"], connection["port"]) == (NODE, session.node_port)


@pytest.mark.parametrize("lacks", [(), ("curl",)], ids=["curl", "python3"])
def test_nothing_secret_is_among_the_words_of_a_process(
    probe: App, tmp_path: Path, lacks: tuple[str, ...]
) -> None:
    tmp_path.chmod(0o755)
    for name in RECORDED:
        if name not in lacks:
            (tmp_path / name).write_text(RECORDER)
            (tmp_path / name).chmod(0o755)
    session = probe.start()
    code, said = session.run(Image(lacks, DNS, {"/usr/local/bin": tmp_path}))
    assert (code, said) == (0, "")
    words = (session.home / "arguments").read_text()
    assert "python3" in words if lacks else "curl" in words
    password = seen(session)[-1]
    token = (session.kubelet.folder / session.name).rglob("token")
    for hidden in (password, *(file.read_text() for file in token)):
        assert hidden not in words


def test_a_container_that_is_started_again_has_a_password_again(probe: App) -> None:
    session = probe.start()
    passwords = []
    for _ in range(2):
        assert session.run() == (0, "")
        passwords.append(seen(session)[-1])
        assert decoded(session.secret())["password"] == passwords[-1]
    assert len(set(passwords)) == 2
    assert sorted(decoded(session.secret())) == ["jupyter_api", "odd", "password"]


@pytest.mark.parametrize(
    ("address", "host"),
    [("192.0.2.8", "192.0.2.8"), ("2001:db8::7", "node7-v6.example.edu"), ("2001:db8::8",) * 2],
)
def test_the_host_is_the_nodes_name_where_dns_has_one(probe: App, address: str, host: str) -> None:
    session = probe.start(address=address)
    assert session.run() == (0, "")
    assert seen(session)[0] == host


def test_neither_a_proxy_nor_the_users_own_settings_are_asked(probe: App) -> None:
    """The home is the user's own, and what is set for downloads is not for the cluster itself."""
    session = probe.start()
    (session.home / ".curlrc").write_text("proxy = http://127.0.0.1:9\ninclude\nverbose\n")
    (session.home / ".profile").write_text(
        "export https_proxy=http://127.0.0.1:9 HTTPS_PROXY=$https_proxy\n"
    )
    for lacks in ((), ("curl",)):
        assert session.run(Image(lacks, DNS)) == (0, "")
        assert seen(session)[:2] == (NODE, str(session.node_port))


def test_the_secret_goes_with_the_pod(probe: App) -> None:
    """Also where Open OnDemand does not end it: OSC's reaper takes what has the pod's label."""
    session = probe.start()
    assert session.run() == (0, "")
    labels = session.secret()["metadata"]["labels"]
    assert labels["job"] == session.pod["metadata"]["labels"]["job"]
    server = probe.server
    server.kubectl(
        "delete", "pod", session.name, "--grace-period=0", "--force", namespace=probe.namespace
    )
    wait_for(
        lambda: not server.is_there("secret", f"{session.name}-secret", probe.namespace),
        "the secret to be gone",
        60,
    )


def test_an_image_without_a_program_to_ask_with_says_so(probe: App) -> None:
    code, said = probe.start().run(Image(("curl", "python3"), DNS))
    assert code == 1
    assert said == "Not started: the image has neither curl nor python3 to ask Kubernetes with.\n"


def test_a_service_that_was_not_made_is_named(probe: App) -> None:
    session = probe.start(create=lambda launch: [launch.objects.pod, launch.objects.configmap])
    code, said = session.run()
    assert code == 1
    assert said == (
        f"Not started: the service {session.name}-service has no port of the nodes.\n"
        f'Kubernetes: services "{session.name}-service" not found\n'
    )


def test_the_token_is_that_of_the_policys_account(probe: App) -> None:
    """Sites keep the token of `default` from pods; the policy's account then counts by itself."""

    def automount(account: str, how: bool) -> None:
        patch = json.dumps({"automountServiceAccountToken": how})
        words = ("patch", "serviceaccount", account, "--patch", patch)
        probe.server.kubectl(*words, namespace=probe.namespace)

    def until_pods_have_it(how: bool) -> None:
        pod = place(probe.launch.objects, probe.namespace, 9999).pod
        probe.server.wait_until_in_force(
            pod, probe.namespace, lambda stored: how == ("kube-api-access" in json.dumps(stored))
        )

    automount("default", False)
    try:
        until_pods_have_it(True)
        assert probe.start().run() == (0, "")
        automount("ood-session", False)
        until_pods_have_it(False)
        code, said = probe.start().run()
    finally:
        for account in ("default", "ood-session"):
            automount(account, True)
        until_pods_have_it(True)
    assert code == 1
    assert said == (
        "Not started: the pod has no token of a service account in "
        "/var/run/secrets/kubernetes.io/serviceaccount.\n"
    )


def test_a_pod_whose_node_does_not_say_its_address_ends(probe: App) -> None:
    code, said = probe.start(address="").run()
    assert (code, said) == (1, "Not started: it is not known on which node this pod is.\n")


RIGHTS = {
    "none": ([], "it is not known on which node this pod is", "get", "pods"),
    "no secrets": (
        [{"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["get"]}],
        "the password cannot be kept in the secret {name}-secret",
        "patch",
        "secrets",
    ),
}


@pytest.mark.parametrize("what", RIGHTS)
def test_a_right_that_the_account_lacks_is_named(probe: App, what: str) -> None:
    rules, failed, verb, resource = RIGHTS[what]
    session = probe.start()
    server, account = probe.server, f"system:serviceaccount:{probe.namespace}:ood-session"
    role = {"kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1", "rules": rules}
    role["metadata"] = {"name": "ood-session", "namespace": probe.namespace}

    def may(answer: str) -> bool:
        words = ("auth", "can-i", verb, resource, f"--as={account}")
        try:
            return server.kubectl(*words, namespace=probe.namespace).strip() == answer
        except Refused:  # kubectl fails where the answer is no
            return answer == "no"

    server.kubectl("replace", "--filename=-", stdin=json.dumps(role))
    try:
        wait_for(lambda: may("no"), "the rights to be gone", 20)
        code, said = session.run()
    finally:
        apply_in_namespace(
            server, probe.prepared.folder / "kubernetes/cloud/each-namespace.yaml", probe.namespace
        )
    wait_for(lambda: may("yes"), "the rights to be back", 20)
    first, second, third = said.splitlines()
    assert (code, first) == (1, f"Not started: {failed.format(name=session.name)}.")
    assert second.startswith("Kubernetes: ")
    assert f'User "{account}" cannot {verb} resource "{resource}"' in second
    assert third == (
        "The cluster's administrator must apply kubernetes/cloud/each-namespace.yaml of the app in the "
        f"namespace {probe.namespace}, as its README says."
    )
    assert session.run() == (0, "")  # the next try, with what the README says


def test_a_pod_that_the_policy_did_not_see_is_not_started(probe: App) -> None:
    session = probe.start(create=lambda launch: [unmarked(launch.objects.pod), *launch.all[1:]])
    # Here the policy brings the home too; elsewhere Open OnDemand mounts it.
    code, said = session.run(replace(IMAGE, folders={"/home": session.home.parent}))
    assert code == 1
    assert said == (
        "Not started: the pod lacks what this app needs. The cluster's administrator must apply "
        "kubernetes/cloud of the app, as its README says.\n"
    )


def test_the_policy_of_another_rendering_is_told_and_does(
    probe: App, node: KubernetesServer, tmp_path: Path
) -> None:
    def change(folder: Path) -> None:
        to_probe(folder)
        site = folder / "site.yml"
        site.write_text(site.read_text().replace("ood-interactive", "interactive"))

    newer = tmp_path / "newer"
    for file in render(tmp_path, "jupyter", change).files:
        (newer / file.path).parent.mkdir(parents=True, exist_ok=True)
        (newer / file.path).write_bytes(file.content)
        (newer / file.path).chmod(0o755 if file.executable else 0o644)
    session = probe.start(files=newer)
    assert session.run() == (
        0,
        "kubernetes/cloud of another rendering of this app is in force: it should be applied again.\n",
    )
    assert seen(session)[:2] == (NODE, str(session.node_port))


def on_a_free_port(folder: Path) -> None:
    """No container has a network of its own here."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    for spec in (folder / "apps").glob("*/app.yml"):
        text = spec.read_text()
        spec.write_text(re.sub("^  port: .*", f"  port: {port}", text, flags=re.MULTILINE))


def check_jupyter(app: App, session: Session, container: Container) -> Browser:
    """The user logs in with what Open OnDemand reads in the secret; returns the browser."""
    port = int(session.program["ports"][0]["containerPort"])

    def listens() -> bool:
        assert container.process.poll() is None, container.said
        return is_open("127.0.0.1", port)

    wait_for(listens, "Jupyter to listen", 120)
    password = decoded(session.secret())["password"]
    base = f"/node/{NODE}/{session.node_port}"
    return check_login(app.view(session), base, password, ("127.0.0.1", port))


def test_jupyter(node: KubernetesServer, ruby: RubyOracle, tmp_path: Path) -> None:
    rendered = render(tmp_path, "jupyter", on_a_free_port)
    app = set_up(node, ruby, rendered, tmp_path, "ood-jupyter-run")
    session = app.start()
    with session.running(jupyter_image()) as container:
        check_jupyter(app, session, container)
        container.ask_to_end()
        # Within the grace period, which is 30 seconds: then it would be killed.
        assert container.wait(25) == 143
        assert "received signal 15, stopping" in container.said


def jupyter_image() -> Image:
    """An image that has Jupyter."""
    programs = install_jupyter(cache_folder())
    folders = {str(programs.parent): programs.parent, "/usr/local/bin": programs}
    return replace(IMAGE, folders=folders)


REPOSITORY = "https://github.com/PRP-Workshop/"
FOLDER = "PEARC23-code-private"


def test_notebooks_from_git(node: KubernetesServer, ruby: RubyOracle, tmp_path: Path) -> None:
    """The init container clones with the secret's token; the program has the code, and no token."""
    git = require_tool("git")
    make_repository(git, tmp_path / "served", f"{FOLDER}.git", {"pi.py": "print(3)\n"})
    app = render(tmp_path, "notebook-from-git", on_a_free_port)
    app = set_up(node, ruby, app, tmp_path, "ood-notebook-run")
    with serve(git, tmp_path / "served") as server:
        server.user, server.token = "ada", "a-token-of-the-tests"
        node.kubectl(
            *("create", "secret", "generic", "github"),
            *(f"--from-literal=username={server.user}", f"--from-literal=token={server.token}"),
            namespace=app.namespace,
        )
        node.kubectl(
            "create", "configmap", "pi", "--from-literal=steps=1000", namespace=app.namespace
        )
        config = f'[url "{server.url}"]\n  insteadOf = {REPOSITORY}\n'
        image = Image(files={**DNS, "/etc/gitconfig": config})
        session = app.start()
        assert session.run(image, name="clone")[0] == 0
        assert server.given
    with session.running(jupyter_image()) as container:
        browser = check_jupyter(app, session, container)
        browser.ask("GET", f"/node/{NODE}/{session.node_port}/api/contents")
        assert [item["name"] for item in json.loads(browser.text)["content"]] == ["pi.py"]
        found = environments()
    assert "PI_STEPS=1000" in found
    assert server.token not in found


def environments() -> str:
    """What the user's processes have in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):  # others end while this looks
            if process.stat().st_uid == ADA.pw_uid:
                found.append((process / "environ").read_text().replace("\0", "\n"))
    return "\n".join(found)
