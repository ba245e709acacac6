"""The Kubernetes objects that Open OnDemand's Kubernetes adapter gives to kubectl.

The adapter prints its objects as text, most values just as they are. `plain`, `key` and
`double_quoted` say what becomes of a value that is printed so and read back; the objects are built
from their answers.

Facts: OSC/ood_core lib/ood_core/job/adapters/kubernetes/batch.rb (`generate_id_yml`), helper.rb
(`container_from_native`, `configmap_from_native`), resources.rb and templates/pod.yml.erb. kubectl
reads with the YAML 1.1 of kubernetes-sigs/yaml goyaml.v2/resolve.go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from ood_appgen.verify.predict import (
    AdapterError,
    Session,
    Value,
    mapping,
    refuse,
    ruby_integer,
    ruby_text,
    script_options,
    sequence,
    truthy,
)

JOB_SCRIPT = "(the job script that Open OnDemand writes)\n"

# Texts that are themselves wherever they stand, unless they are one of the words below.
_SIMPLE = re.compile(r"[A-Za-z_/][\w./@+-]*(?::[\w./@+-]+)*\Z", re.ASCII)
_QUOTABLE = re.compile(r'[^"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]*\Z')
_QUOTED = re.compile(r'(?:[^"\\]|\\.)*\Z', re.DOTALL)
_BREAK = re.compile(r"[\n\x85\u2028\u2029]")
_BREAK_AND_TAB = re.compile(r"[\n\x85\u2028\u2029][ \t]*\t|\t[ \t]*[\n\x85\u2028\u2029]")
_CUTTING_TAB = re.compile(r"\t#|:\t|\A[-?]\t")
_HALF = re.compile(r"[\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]"
)
_WORDS: dict[str, bool | None] = dict.fromkeys(("", "~", "null", "Null", "NULL"))
for _truth, _names in ((True, "y yes true on"), (False, "n no false off")):
    for _name in _names.split():
        _WORDS |= dict.fromkeys((_name, _name.capitalize(), _name.upper()), _truth)
_INT = re.compile(r"([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]*|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF|nan|NaN|NAN)\Z")


@dataclass(frozen=True)
class KubernetesObjects:
    """The documents that kubectl gets. There is a service only for a container with a port."""

    pod: dict[str, Any]
    service: dict[str, Any] | None
    configmap: dict[str, Any]


# Printed text, read back


def plain(path: str, value: Value) -> Value:
    """What a value becomes that is printed raw behind `key: `.

    Raises AdapterError where the text is no single value any more, or loses a part of itself.
    """
    if value is None or isinstance(value, bool | int):
        return value
    text = value if value.__class__ is str else ruby_text(path, value)
    outcome, reason = _read_plain(text)
    if reason:
        raise AdapterError(path, value, reason)
    return outcome


@lru_cache(maxsize=8192)
def _read_plain(text: str) -> tuple[Value, str]:
    if text in _WORDS:
        return _WORDS[text], ""
    if _SIMPLE.match(text):
        return text, ""
    body = text.rstrip(" \t\n").lstrip(" \t")
    if _BREAK.search(body) or _BREAK_AND_TAB.search(text):
        return None, "has a line break where it is printed without quotes"
    if len(body) > 1 and body[0] == body[-1] == '"':
        return _read_quoted(body[1:-1])
    if _CUTTING_TAB.search(body):
        return None, "is cut or changed where it is printed without quotes"
    try:
        value = _single(_compose(f"k: {body}"), body, len(f"k: {body}"))
        return value, ""
    except _ReadError as error:
        return None, str(error)


def key(path: str, value: Value) -> str:
    """What a value becomes that is printed raw before a colon, as a key."""
    text = value if value.__class__ is str else ruby_text(path, value)
    outcome, reason = _read_key(text)
    if reason:
        raise AdapterError(path, value, reason)
    return outcome


@lru_cache(maxsize=8192)
def _read_key(text: str) -> tuple[str, str]:
    read: Value = text
    if text in _WORDS:
        read = _WORDS[text]
    elif not _SIMPLE.match(text):
        body = text.rstrip(" ")
        if _BREAK.search(body):
            return "", "has a line break where it is printed as a key"
        if body != body.strip(" \t"):
            return "", "changes the indentation where it is printed as a key"
        if _CUTTING_TAB.search(body):
            return "", "is no single key where it is printed without quotes"
        try:
            node = _compose(f"{text}: x")
            pairs: list[Any] = []
            if node is not None and node.id == "mapping":
                pairs = node.value
            if len(pairs) != 1 or pairs[0][1].value != "x" or pairs[0][0].id != "scalar":
                return "", "is no single key where it is printed without quotes"
            if body == "<<":
                return "", "is YAML's merge key"
            read = _scalar(pairs[0][0], body)
            if isinstance(read, float):
                read = _number_key(read)
        except _ReadError as error:
            return "", str(error)
    if read is None:
        return "", "is null where it is printed as a key"
    if isinstance(read, bool):
        return ("true" if read else "false"), ""
    return str(read), ""


def double_quoted(path: str, value: Value) -> str:
    """What a value becomes that is printed between double quotes, unescaped.

    Backslashes escape; a double quote ends the value, which raises AdapterError.
    """
    if value.__class__ is str:
        if _QUOTABLE.match(value):
            text: str = value
            return text
        text = value
    else:
        text = ruby_text(path, value)
    outcome, reason = _read_quoted(text)
    if reason:
        raise AdapterError(path, value, reason)
    return outcome


@lru_cache(maxsize=8192)
def _read_quoted(text: str) -> tuple[str, str]:
    if _QUOTABLE.match(text):
        return text, ""
    if not _QUOTED.match(text):
        if '"' in _ESCAPE.sub("", text):
            return "", "has a double quote where it is printed between double quotes"
        return "", "ends in a backslash where it is printed between double quotes"
    if "\n---" in text or _BREAK_AND_TAB.search(text):
        return "", "has lines that kubectl reads in another way between double quotes"
    try:
        read: str = _single(_compose(f'k: "{_ESCAPE.sub(_escape, text)}"'), None, None)
    except _ReadError as error:
        return "", f"{error}, where it is printed between double quotes"
    if _HALF.search(read):
        return "", "has half a character where it is printed between double quotes"
    return read, ""


def _escape(found: re.Match[str]) -> str:
    """An escape of kubectl's reader as one of ruamel.yaml's; goyaml.v2/scannerc.go has them all."""
    if found[1] == "/":
        raise _ReadError("is no YAML: found unknown escape character '/'")
    return {"'": "'", "\t": "\\t"}.get(found[1], found[0])


def _number_key(number: float) -> str:
    """A number with a fraction or an exponent as kubectl prints it for a key, in 32 bits.

    kubernetes-sigs/yaml yaml.go, `convertToJSONableObject`.
    """
    text = f"{number:g}"
    if float(text) != number or (number and not 1e-37 < abs(number) < 1e38):
        raise _ReadError("is a number with more digits than kubectl keeps of a key")
    return text


# ruamel.yaml refuses tabs between words that kubectl's reader takes.
_TAB = "\ue000"


class _ReadError(Exception):
    """Text that does not read back as one value."""


def _compose(text: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 1)
    try:
        return yaml.compose(text.replace("\t", _TAB))
    except YAMLError as error:
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _ReadError(f"is no YAML: {problem}") from None


def _single(document: Any, body: str | None, end: int | None) -> Any:
    """The value of the only key of a document, which must reach to the end of its text."""
    if document is None or document.id != "mapping" or len(document.value) != 1:
        raise _ReadError("changes the structure of the document it is printed into")
    node = document.value[0][1]
    if node.id == "scalar" and not node.style and body is not None:
        return _scalar(node, body)
    if node.id == "scalar" and node.style in ("|", ">"):
        raise _ReadError("changes the structure of the document it is printed into")
    if end is not None and node.end_mark.index != end:
        raise _ReadError("is cut where it reads as a comment")
    return _construct(node)


def _scalar(node: Any, body: str) -> Any:
    text = str(node.value).replace(_TAB, "\t")
    if node.style:
        return text
    if text != body:
        raise _ReadError("is cut or changed where it is printed without quotes")
    return _resolve(text)


def _construct(node: Any) -> Any:
    if node.id == "sequence":
        return [_construct(item) for item in node.value]
    if node.id == "mapping":
        return {str(_construct(name)): _construct(item) for name, item in node.value}
    text = str(node.value).replace(_TAB, "\t")
    return text if node.style else _resolve(text)


def _resolve(text: str) -> Any:
    """A plain scalar as kubectl takes it: kubernetes-sigs/yaml goyaml.v2/resolve.go."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.match(text):
        raise _ReadError("is a number that JSON does not have")
    digits = text.replace("_", "")
    if found := _INT.match(digits):
        sign, number = found.groups()
        if re.match(r"0[0-7]+\Z", number):
            number = f"0o{number[1:]}"
        return -int(number, 0) if sign == "-" else int(number, 0)
    if text[0] in "+-.0123456789" and _FLOAT.match(digits):
        return float(digits)
    return text


def _literal(path: str, text: str) -> str:
    """What text becomes that is printed as a literal block, four spaces deep.

    The block is as deep as its first line with anything in it, and ends in one line break.
    """
    text = text.replace("\r\n", "\n")
    if _UNPRINTABLE.search(text):
        raise AdapterError(path, text, "has a character that is none of a YAML file")
    lines = text.split("\n")
    first = next((line for line in lines if line.strip(" ")), "")
    deep = len(first) - len(first.lstrip(" "))
    if first[deep : deep + 1] == "\t":
        raise AdapterError(path, text, "begins with a tab, which cannot indent a YAML block")
    begun = False
    for line in lines:
        blank = not line.strip(" ")
        begun = begun or not blank
        if (not blank and len(line) - len(line.lstrip(" ")) < deep) or (
            not begun and first and len(line) > deep
        ):
            raise AdapterError(path, text, "is indented less than its first line")
    if not first:
        return ""
    content = "\n".join(line[deep:] for line in lines).rstrip("\n")
    return content + "\n"


# The objects


@dataclass(frozen=True, slots=True)
class _Container:
    name: Value
    image: Value
    image_pull_policy: Value
    command: list[Value]
    env: dict[str, Value]
    raw: Mapping[Any, Any]
    port: int | None
    probe: Mapping[Any, Any]
    path: str


_SECURITY: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
    "privileged": False,
}


def predict_objects(submission: Mapping[Any, Any], session: Session) -> KubernetesObjects:
    """The pod, the service and the config map of a submission, as kubectl reads them.

    The submission is what `merge_submission` gives; the cluster has no mounts, prefixes or
    supplemental groups of its own. Ids end in "-0" where Open OnDemand has up to eight random
    characters. Raises AdapterError where Ruby would raise or the text printed is not what the
    value says.
    """
    script = script_options(submission, session)
    user = session.user
    if script["workdir"] is False:
        raise AdapterError("workdir", False, "is not a path")
    native = mapping("native", script.get("native"))
    raw = mapping("native.container", native.get("container"))
    groups = _groups(raw.get("supplemental_groups"))
    group = next((g.name for g in user.groups if g.gid == user.gid), user.name)
    env = {
        "USER": user.name,
        "UID": user.uid,
        "HOME": user.home,
        "GROUP": group,
        "GID": user.gid,
        "KUBECONFIG": "/dev/null",
    }
    container = _container("native.container", raw, env)
    name = container.name
    if not isinstance(name, str):
        raise AdapterError("native.container.name", name, "must be a text")
    identity = name.lower().replace(" ", "-") + "-0"
    files = _files(native)
    inits = _init_containers(native.get("init_containers"), container.env)
    mounts = _mounts(native.get("mounts"))
    selector = native.get("node_selector")
    if selector in ("", []):
        selector = {}
    selector = mapping("native.node_selector", {} if selector is None else selector)

    # The random characters are hardly ever such that the id reads as a number, as "1e-0" does.
    read_id = str(plain("native.container.name", f"{identity}x"))[:-1]
    namespace = plain("user", re.sub(r"[.@]", "-", user.name))
    labels = {
        "job": read_id,
        "app.kubernetes.io/name": plain("native.container.name", name),
        "app.kubernetes.io/managed-by": "open-ondemand",
    }
    service = None
    if container.port is not None:
        service = _service(identity, namespace, labels, container.port)
    configmap = _configmap(identity, namespace, labels, files)
    spec = _spec(script, native, container, groups, user.uid, user.gid)
    pod_container = spec["containers"][0]
    volume_mounts = _volume_mounts(files, mounts, "mount_path", "sub_path")
    if volume_mounts is not None:
        pod_container["volumeMounts"] = volume_mounts
    if inits:
        spec["initContainers"] = [_init(init, files, mounts) for init in inits]
    spec["volumes"] = [
        {
            "name": "configmap-volume",
            "configMap": {"name": configmap["metadata"]["name"]},
        },
        *_volumes(mounts),
    ]
    if selector:
        spec["nodeSelector"] = {
            key("native.node_selector", k): double_quoted(f"native.node_selector.{k}", v)
            for k, v in selector.items()
        }
    metadata = _metadata(script, raw, dict(labels))
    metadata |= {"namespace": namespace, "name": read_id}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return KubernetesObjects(pod, service, configmap)


def _groups(value: Value) -> Value:
    if value is None:
        return []
    items = sequence("native.container.supplemental_groups", value)
    if all(item.__class__ is int for item in items):
        return sorted(set(items))
    unique = [item for i, item in enumerate(items) if item not in items[:i]]
    if len({type(item) for item in unique}) > 1 or (
        len(unique) > 1 and not all(isinstance(item, str | float) for item in unique)
    ):
        refuse("native.container.supplemental_groups", value, "cannot be sorted")
    if len(unique) > 1:
        unique.sort()
    return plain("native.container.supplemental_groups", unique)


def _either(raw: Mapping[Any, Any], first: str, second: str, default: str) -> Value:
    value = raw.get(first)
    if value is None or value is False:
        value = raw.get(second)
    return default if value is None else value


def _default(value: Value, default: Value) -> Value:
    return default if value is None else value


def _container(path: str, raw: Mapping[Any, Any], env: Mapping[str, Value]) -> _Container:
    own = raw.get("env")
    if own is None or own == []:
        own = {}
    own = mapping(f"{path}.env", own)
    for name in own:
        if not isinstance(name, str):
            refuse(f"{path}.env", name, f"the name {ruby_text(path, name)} is not a text")
    for part in ("name", "image"):
        if not truthy(raw.get(part)):
            refuse(f"{path}.{part}", raw.get(part), "must be given")
    port = raw.get("port")
    probe = raw.get("startup_probe")
    if not truthy(probe):
        probe = {}
    command = raw.get("command")
    if not isinstance(command, list):
        command = _split(f"{path}.command", ruby_text(f"{path}.command", command))
    return _Container(
        name=raw["name"],
        image=raw["image"],
        image_pull_policy=_default(raw.get("image_pull_policy"), "IfNotPresent"),
        command=command,
        env={**env, **own},
        raw=raw,
        port=None if port is None else ruby_integer(f"{path}.port", port),
        probe=mapping(f"{path}.startup_probe", probe),
        path=path,
    )


_WORD_PART = re.compile(
    r"""(?P<space>\s+) | (?P<bare>[^\s\\'"]+) | '(?P<single>[^']*)'"""
    r""" | "(?P<double>(?:[^"\\]|\\.)*)" | \\(?P<escaped>.?)""",
    re.DOTALL | re.VERBOSE | re.ASCII,
)


def _split(path: str, line: str) -> list[Value]:
    """The words of a line as Ruby's Shellwords splits them (ruby/ruby lib/shellwords.rb)."""
    words: list[Value] = []
    word: str | None = None
    at = 0
    while at < len(line):
        part = _WORD_PART.match(line, at)
        if part is None or "\0" in part[0]:
            raise AdapterError(path, line, "has a quote that is not closed")
        at = part.end()
        kind, text = part.lastgroup, part[part.lastgroup or 0]
        if kind == "space":
            if word is not None:
                words.append(word)
            word = None
            continue
        if kind == "double":
            text = re.sub(r'\\([$`"\\\n])', r"\1", text)
        elif kind == "escaped" and text in ("", "\n"):
            text = "\\" + text
        word = (word or "") + text
    if word is not None:
        words.append(word)
    return words


def _files(native: Mapping[Any, Any]) -> list[Mapping[Any, Any]]:
    configmap = mapping("native.configmap", native.get("configmap", {}))
    files = configmap.get("files")
    path = "native.configmap.files"
    given = sequence(path, files) if truthy(files) else []
    known: list[Mapping[Any, Any]] = []
    known += [mapping(f"{path}[{i}]", file) for i, file in enumerate(given)]
    if any(file.get("filename") == "script.sh" for file in known):
        return known
    own = {
        "filename": "script.sh",
        "data": JOB_SCRIPT,
        "mount_path": "/ood/script.sh",
        "sub_path": "script.sh",
    }
    return [*known, own]


def _init_containers(value: Value, env: Mapping[str, Value]) -> list[_Container]:
    if value is None or value == {}:
        return []
    path = "native.init_containers"
    found = []
    for i, raw in enumerate(sequence(path, value)):
        found.append(_container(f"{path}[{i}]", mapping(f"{path}[{i}]", raw), env))
    return found


def _mounts(value: Value) -> list[Mapping[Any, Any]]:
    if value is None:
        return []
    path = "native.mounts"
    return [mapping(f"{path}[{i}]", mount) for i, mount in enumerate(sequence(path, value))]


def _metadata(
    script: Mapping[Any, Any], raw: Mapping[Any, Any], labels: dict[str, Any]
) -> dict[str, Any]:
    account = script.get("accounting_id")
    if account is not None and account != "":
        labels["account"] = plain("accounting_id", account)
    own = raw.get("labels")
    for name, value in mapping("native.container.labels", {} if own is None else own).items():
        path = f"native.container.labels.{name}"
        labels[key(path, name)] = double_quoted(path, value)
    annotations = None
    if "wall_time" in script:
        s = script["wall_time"]
        if s is False:
            raise AdapterError("wall_time", s, "is not a number of seconds")
        lifetime = f"{s // 3600:02d}h{s // 60 % 60:02d}m{s % 60:02d}s"
        annotations = {"pod.kubernetes.io/lifetime": lifetime}
    return {"labels": labels, "annotations": annotations}


def _environment(container: _Container) -> Iterator[dict[str, Any]]:
    for name, value in container.env.items():
        path = f"{container.path}.env.{name}"
        yield {"name": plain(path, name), "value": double_quoted(path, value)}


def _from_field(name: str, field: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field}}}


def _spec(
    script: Mapping[Any, Any],
    native: Mapping[Any, Any],
    container: _Container,
    groups: Value,
    uid: int,
    gid: int,
) -> dict[str, Any]:
    raw, path, port = container.raw, container.path, container.port
    env = [
        _from_field("POD_NAME", "metadata.name"),
        _from_field("POD_NAMESPACE", "metadata.namespace"),
    ]
    if port is not None:
        env.append({"name": "POD_PORT", "value": str(port)})
    env += _environment(container)
    body: dict[str, Any] = {
        "name": double_quoted(f"{path}.name", container.name),
        "image": plain(f"{path}.image", container.image),
        "imagePullPolicy": plain(f"{path}.image_pull_policy", container.image_pull_policy),
        "env": env,
        "resources": _resources(script, native, raw, path),
        "securityContext": _SECURITY,
    }
    folder = _default(raw.get("working_dir"), "")
    if not isinstance(folder, str | list | dict):
        raise AdapterError(f"{path}.working_dir", folder, "must be a text")
    if folder:
        body["workingDir"] = double_quoted(f"{path}.working_dir", folder)
    if container.command:
        body["command"] = _command(container)
    if port is not None:
        probe = container.probe
        body["ports"] = [{"containerPort": port}]
        body["startupProbe"] = {"tcpSocket": {"port": port}}
        for name, printed, default in (
            ("initial_delay_seconds", "initialDelaySeconds", 2),
            ("failure_threshold", "failureThreshold", 5),
            ("period_seconds", "periodSeconds", 5),
        ):
            value = probe.get(name)
            body["startupProbe"][printed] = plain(
                f"{path}.startup_probe.{name}", value if truthy(value) else default
            )
    spec: dict[str, Any] = {
        "restartPolicy": plain(
            f"{path}.restart_policy", _default(raw.get("restart_policy"), "Never")
        ),
        "securityContext": {
            "runAsUser": uid,
            "runAsGroup": gid,
            "runAsNonRoot": True,
            "supplementalGroups": groups,
            "fsGroup": gid,
        },
        "hostNetwork": False,
        "hostIPC": False,
        "hostPID": False,
        "containers": [body],
    }
    secret = raw.get("image_pull_secret")
    if secret is not None:
        spec["imagePullSecrets"] = [{"name": plain(f"{path}.image_pull_secret", secret)}]
    return spec


def _command(container: _Container) -> list[str]:
    path = f"{container.path}.command"
    return [double_quoted(f"{path}[{i}]", word) for i, word in enumerate(container.command)]


def _resources(
    script: Mapping[Any, Any], native: Mapping[Any, Any], raw: Mapping[Any, Any], path: str
) -> dict[str, Any]:
    resources: dict[str, Any] = {}
    for kind in ("limit", "request"):
        resources[f"{kind}s"] = {
            "memory": double_quoted(
                f"{path}.memory", _either(raw, f"memory_{kind}", "memory", "4Gi")
            ),
            "cpu": double_quoted(f"{path}.cpu", _either(raw, f"cpu_{kind}", "cpu", "1")),
        }
        gpus = script.get("gpus_per_node")
        if gpus is not None:
            name = key("native.gpu_type", _default(native.get("gpu_type"), "nvidia.com/gpu"))
            resources[f"{kind}s"][name] = gpus
    return resources


def _volume_mounts(
    files: list[Mapping[Any, Any]], mounts: list[Mapping[Any, Any]], at: str, sub: str
) -> list[dict[str, Any]] | None:
    if not mounts and not any(truthy(file.get(at)) for file in files):
        return None
    found = []
    for i, file in enumerate(files):
        if file.get(at) is None:
            continue
        path = f"native.configmap.files[{i}]"
        mount = {"name": "configmap-volume", "mountPath": plain(f"{path}.{at}", file[at])}
        if file.get(sub) is not None:
            mount["subPath"] = plain(f"{path}.{sub}", file[sub])
        found.append(mount)
    for i, each in enumerate(mounts):
        path = f"native.mounts[{i}]"
        found.append(
            {
                "name": plain(f"{path}.name", each.get("name")),
                "mountPath": plain(f"{path}.destination_path", each.get("destination_path")),
            }
        )
    return found


def _init(
    container: _Container, files: list[Mapping[Any, Any]], mounts: list[Mapping[Any, Any]]
) -> dict[str, Any]:
    path = container.path
    body: dict[str, Any] = {
        "name": double_quoted(f"{path}.name", container.name),
        "image": double_quoted(f"{path}.image", container.image),
        "imagePullPolicy": plain(f"{path}.image_pull_policy", container.image_pull_policy),
        "env": [
            _from_field("POD_NAME", "metadata.name"),
            _from_field("POD_NAMESPACE", "metadata.namespace"),
            *_environment(container),
        ],
        "command": _command(container) or None,
        "securityContext": _SECURITY,
    }
    volume_mounts = _volume_mounts(files, mounts, "init_mount_path", "init_sub_path")
    if volume_mounts is not None:
        body["volumeMounts"] = volume_mounts
    return body


def _volumes(mounts: list[Mapping[Any, Any]]) -> Iterator[dict[str, Any]]:
    for i, mount in enumerate(mounts):
        path = f"native.mounts[{i}]"

        def read(part: str, path: str = path, mount: Mapping[Any, Any] = mount) -> Value:
            return plain(f"{path}.{part}", mount.get(part))

        if mount.get("type") == "nfs":
            yield {"name": read("name"), "nfs": {"server": read("host"), "path": read("path")}}
        elif mount.get("type") == "host":
            yield {
                "name": read("name"),
                "hostPath": {"path": read("path"), "type": read("host_type")},
            }


def _service(identity: str, namespace: Value, labels: dict[str, Any], port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": plain("native.container.name", f"{identity}-service"),
            "namespace": namespace,
            "labels": labels,
        },
        "spec": {
            "selector": {"job": labels["job"]},
            "ports": [{"protocol": "TCP", "port": 80, "targetPort": port}],
            "type": "NodePort",
        },
    }


def _configmap(
    identity: str, namespace: Value, labels: dict[str, Any], files: list[Mapping[Any, Any]]
) -> dict[str, Any]:
    data: dict[str, str] | None = None
    for i, file in enumerate(files):
        path = f"native.configmap.files[{i}]"
        name, content = file.get("filename"), file.get("data")
        if name is None or content is None:
            continue
        text = ruby_text(f"{path}.data", content)
        printed = text if text is JOB_SCRIPT else _literal(f"{path}.data", text)
        data = data or {}
        data[key(f"{path}.filename", name)] = printed
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": plain("native.container.name", f"{identity}-configmap"),
            "namespace": namespace,
            "labels": labels,
        },
        "data": data,
    }


# The Kubernetes API

_RANDOM_CHARACTERS = 8  # of an id at most: batch.rb, `generate_id`
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_DNS_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?\Z")
_ENV_NAME = re.compile(r"(?!\.\.)(?!\.\Z)[-._a-zA-Z][-._a-zA-Z0-9]*\Z")
_FILE_NAME = re.compile(r"(?!\.\.)(?!\.\Z)[-._a-zA-Z0-9]{1,253}\Z")
_QUANTITY = re.compile(
    r"([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]+)?\Z"
)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_HOST_TYPES = frozenset(
    "DirectoryOrCreate Directory FileOrCreate File Socket CharDevice BlockDevice".split()
) | {None, ""}
_Problem = Callable[[str, str], None]


def check_objects(objects: KubernetesObjects) -> list[str]:
    """What the Kubernetes API server would not accept, each as "pod.spec.x[0].y: message".

    First the API's schema (PyPI kubernetes-validate), then what a schema does not say: names,
    labels, quantities and references (kubernetes/kubernetes pkg/apis/core/validation/validation.go
    and staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go). A name that Open
    OnDemand ends in random characters is taken at its longest.
    """
    found: list[str] = []
    documents = {"pod": objects.pod, "configmap": objects.configmap}
    if objects.service is not None:
        documents["service"] = objects.service
    validators = _validators()
    for kind, document in documents.items():
        if not validators[kind].is_valid(document):
            for error in validators[kind].iter_errors(document):
                at = "".join(
                    f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.instance_path
                )
                found.append(f"{kind}{at}: {error.message}")
    if found:
        return found  # the rules below are for well-formed objects

    def problem(path: str, message: str) -> None:
        found.append(f"{path}: {message}")

    for kind, document in documents.items():
        _check_metadata(kind, document["metadata"], problem)
    _check_pod(objects.pod["spec"], problem)
    for name in objects.configmap["data"] or ():
        if not _FILE_NAME.match(name):
            problem(f"configmap.data.{name}", f"{name!r} is no name of a config map's file")
    return found


@cache
def _validators() -> dict[str, Any]:
    from importlib.resources import files

    import jsonschema_rs

    schemas = files("kubernetes_validate").joinpath("kubernetes-json-schema")
    strict = re.compile(r"v([0-9]+)\.([0-9]+)\.([0-9]+)-local-strict\Z")
    folders = [f for f in schemas.iterdir() if strict.match(f.name)]
    newest = max(folders, key=lambda f: [int(n) for n in re.findall("[0-9]+", f.name)])
    prefix = "/api/_definitions.json#/$defs/"
    # As one document each: the definitions are ten times what these three kinds refer to.
    text = newest.joinpath("_definitions.json").read_text("utf-8")
    definitions = json.loads(text.replace(prefix, "#/$defs/"))["$defs"]
    validators = {}
    for kind in ("pod", "service", "configmap"):
        text = newest.joinpath(f"{kind}-v1.json").read_text("utf-8")
        schema = json.loads(text.replace(prefix, "#/$defs/"))
        schema.pop("$id", None)
        needed: dict[str, Any] = {}
        _need(schema, definitions, needed)
        validators[kind] = jsonschema_rs.validator_for({**schema, "$defs": needed})
    return validators


def _need(schema: Any, definitions: Mapping[str, Any], needed: dict[str, Any]) -> None:
    if isinstance(schema, list):
        for item in schema:
            _need(item, definitions, needed)
    elif isinstance(schema, dict):
        name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
        if name in definitions and name not in needed:
            needed[name] = definitions[name]
            _need(definitions[name], definitions, needed)
        for item in schema.values():
            _need(item, definitions, needed)


def _check_metadata(kind: str, metadata: Mapping[str, Any], problem: _Problem) -> None:
    more = _RANDOM_CHARACTERS - 1
    name = metadata["name"] or ""
    where = f"{kind}.metadata.name"
    if kind == "service":
        if not _DNS_LABEL_1035.match(name) or len(name) + more > 63:
            problem(where, f"{name!r} must be at most {63 - more} of a-z 0-9 -, a letter first")
    elif not _is_subdomain(name) or len(name) + more > 253:
        problem(where, f"{name!r} must be lower case letters, digits, '-' and '.'")
    if not _is_dns_label(metadata["namespace"] or ""):
        problem(f"{kind}.metadata.namespace", "must be at most 63 of a-z 0-9 -")
    for label, value in metadata["labels"].items():
        where = f"{kind}.metadata.labels.{label}"
        if not _is_label_name(label):
            problem(where, f"{label!r} is no name of a label")
        if not _is_label(value or "", more if label == "job" else 0):
            problem(where, f"{value!r} is no value of a label: at most 63 of A-Z a-z 0-9 - _ .")


def _check_pod(spec: Mapping[str, Any], problem: _Problem) -> None:
    if spec["restartPolicy"] not in ("Always", "OnFailure", "Never"):
        problem("pod.spec.restartPolicy", f"{spec['restartPolicy']!r} is none of the policies")
    for i, secret in enumerate(spec.get("imagePullSecrets") or ()):
        if not _is_subdomain(secret["name"] or ""):
            problem(f"pod.spec.imagePullSecrets[{i}].name", "is no name of a secret")
    for label, value in (spec.get("nodeSelector") or {}).items():
        if not _is_label_name(label) or not _is_label(value or "", 0):
            problem(f"pod.spec.nodeSelector.{label}", f"{value!r} is no label of a node")
    for i, group in enumerate(spec["securityContext"]["supplementalGroups"]):
        if not 0 <= group < 2**31:
            problem(f"pod.spec.securityContext.supplementalGroups[{i}]", "is no group id")
    volumes = set()
    for i, volume in enumerate(spec["volumes"]):
        where = f"pod.spec.volumes[{i}]"
        if not _is_dns_label(volume["name"] or ""):
            problem(f"{where}.name", f"{volume['name']!r} must be at most 63 of a-z 0-9 -")
        if volume["name"] in volumes:
            problem(f"{where}.name", f"{volume['name']!r} is there twice")
        volumes.add(volume["name"])
        _check_volume(volume, where, problem)
    names = set()
    for kind in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(kind) or ()):
            where = f"pod.spec.{kind}[{i}]"
            if not _is_dns_label(container["name"]):
                problem(f"{where}.name", f"{container['name']!r} must be at most 63 of a-z 0-9 -")
            if container["name"] in names:
                problem(f"{where}.name", f"{container['name']!r} is there twice")
            names.add(container["name"])
            _check_container(container, where, volumes, problem)


def _check_volume(volume: Mapping[str, Any], where: str, problem: _Problem) -> None:
    if "nfs" in volume:
        if not volume["nfs"]["server"]:
            problem(f"{where}.nfs.server", "must be given")
        if not (volume["nfs"]["path"] or "").startswith("/"):
            problem(f"{where}.nfs.path", "must be an absolute path")
    elif "hostPath" in volume:
        path = volume["hostPath"]["path"]
        if not path or ".." in path.split("/"):
            problem(f"{where}.hostPath.path", "must be given, without '..'")
        if volume["hostPath"]["type"] not in _HOST_TYPES:
            problem(f"{where}.hostPath.type", f"{volume['hostPath']['type']!r} is no such type")


def _check_container(
    container: Mapping[str, Any], where: str, volumes: set[str], problem: _Problem
) -> None:
    image = container["image"]
    if not image or image != image.strip():
        problem(f"{where}.image", "must be given, without spaces around it")
    if container["imagePullPolicy"] not in (None, "", "Always", "IfNotPresent", "Never"):
        problem(
            f"{where}.imagePullPolicy", f"{container['imagePullPolicy']!r} is none of the policies"
        )
    for i, variable in enumerate(container["env"]):
        if not _is_env_name(variable["name"] or ""):
            problem(f"{where}.env[{i}].name", f"{variable['name']!r} is no name of a variable")
    for i, port in enumerate(container.get("ports") or ()):
        if not 0 < port["containerPort"] < 65536:
            problem(f"{where}.ports[{i}].containerPort", "must be from 1 to 65535")
    for name, least in (
        ("initialDelaySeconds", 0),
        ("failureThreshold", 0),
        ("periodSeconds", 0),
    ):
        value = container.get("startupProbe", {}).get(name)
        if value is not None and value < least:
            problem(f"{where}.startupProbe.{name}", "must not be negative")
    paths = set()
    for i, mount in enumerate(container.get("volumeMounts") or ()):
        at = f"{where}.volumeMounts[{i}]"
        if mount["name"] not in volumes:
            problem(f"{at}.name", f"{mount['name']!r} is no volume of the pod")
        path, sub = mount["mountPath"], mount.get("subPath") or ""
        if not path:
            problem(f"{at}.mountPath", "must be given")
        elif ":" in path:
            problem(f"{at}.mountPath", "must not contain ':'")
        if path in paths:
            problem(f"{at}.mountPath", f"{path!r} is there twice")
        if sub.startswith("/") or ".." in sub.split("/"):
            problem(f"{at}.subPath", "must be a relative path without '..'")
        paths.add(path)
    if "resources" in container:
        _check_resources(container["resources"], f"{where}.resources", problem)


def _check_resources(resources: Mapping[str, Any], where: str, problem: _Problem) -> None:
    limits: dict[str, int] = {}
    for kind in ("limits", "requests"):
        for name, text in resources.get(kind, {}).items():
            at = f"{where}.{kind}.{name}"
            amount = _quantity(text)
            if amount is None:
                problem(at, f"{text!r} is no quantity")
                continue
            if amount < 0:
                problem(at, "must not be negative")
            if name not in ("memory", "cpu", "ephemeral-storage"):
                if not _is_label_name(name) or ("/" not in name):
                    problem(at, f"{name!r} is no name of a resource")
                if amount % 10**9:
                    problem(at, "must be a whole number")
            if kind == "limits":
                limits[name] = amount
            elif name in limits and amount > limits[name]:
                problem(at, f"{text} is more than the limit {resources['limits'][name]}")


@lru_cache(maxsize=4096)
def _quantity(value: str | int | float) -> int | None:
    """A quantity in billionths, or None: apimachinery pkg/api/resource/quantity.go."""
    from decimal import Decimal

    found = _QUANTITY.match(str(value))
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix.endswith("i"):
        return int(number * 1024 ** ("KMGTPE".index(suffix[0]) + 1) * 10**9)
    power = _DECIMAL.get(suffix)
    if power is None:
        power = max(-18, min(int(suffix[1:]), 18))
    return int(number.scaleb(power + 9))


@lru_cache(maxsize=4096)
def _is_subdomain(name: str) -> bool:
    return len(name) <= 253 and bool(_DNS_SUBDOMAIN.match(name))


@lru_cache(maxsize=4096)
def _is_dns_label(name: str) -> bool:
    return len(name) <= 63 and bool(_DNS_LABEL.match(name))


@lru_cache(maxsize=4096)
def _is_label(value: str, more: int) -> bool:
    return not value or (len(value) + more <= 63 and bool(_LABEL.match(value)))


@lru_cache(maxsize=4096)
def _is_label_name(name: str) -> bool:
    prefix, slash, rest = name.rpartition("/")
    return bool(rest) and _is_label(rest, 0) and (not slash or _is_subdomain(prefix))


@lru_cache(maxsize=4096)
def _is_env_name(name: str) -> bool:
    return bool(_ENV_NAME.match(name))
