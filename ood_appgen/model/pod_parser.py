"""Mounts, pods and init containers of a checked document: the same words in site.yml and app.yml."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ood_appgen.credentials import find_credentials, may_be_secret, names_secret
from ood_appgen.diagnostics import quote
from ood_appgen.expr import LABEL_WORDS
from ood_appgen.model.mounts import KINDS, PATHS, Mount, Pairs
from ood_appgen.model.pods import Copy, EnvironmentSource, Git, Init, Pod, Quantities
from ood_appgen.model.site import PLACEHOLDERS, pairs, placeholders, unknown_placeholders
from ood_appgen.source import Document, PathKey

# Says an error at a path: rule, message, hint, and whether it stands at the key.
Report = Callable[[PathKey, str, str, str, bool], None]

_KIND_KEYS = ("path", *(kind for kind in KINDS if kind not in PATHS))
_ONLY_WITH_PATH = ("type", "user", "server")
# Volumes that others make in every pod (OSC/ood_core templates/pod.yml.erb; Kubernetes' service
# account admission; this package).
_TAKEN_NAMES = ("configmap-volume", "kube-api-access", "shm")
_SESSION_FILE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")
# OSC/ood_core lib/ood_core/job/adapters/kubernetes/templates/pod.yml.erb.
_TAKEN_LABELS = ("job", "account", "app.kubernetes.io/name", "app.kubernetes.io/managed-by")
# How many values an operator takes (kubernetes/kubernetes pkg/apis/core/validation/validation.go).
_VALUES = {"In": "some", "NotIn": "some", "Gt": "one", "Lt": "one"}
_VALUES_IN_WORDS = {"none": "no values", "one": "one value", "some": "values"}
_TERMS = "nodeSelectorTerms"
_PATH_WORDS = ("compute_cluster", "user", "home")
_FILE_WORDS = ("user", "home")
_LOGIN = re.compile(r"https://[^/]*@|ssh://[^/@]*:[^/@]*@")
# What is replaced in the objects of a user's namespace when they are applied.
_NAMESPACE = re.compile(r"\$(?:NAMESPACE\b|\{NAMESPACE\})")


class PodParser:
    """Reads the parts of a document that speak of pods."""

    def __init__(self, document: Document, report: Report) -> None:
        self.document = document
        self.report = report

    def mount(self, name: str, data: Mapping[str, Any], path: PathKey) -> Mount:
        """A mount, whose name is no part of `data` here."""
        named = [key for key in _KIND_KEYS if key in data]
        if len(named) != 1:
            given = f"both {quote(named[0])} and {quote(named[1])}" if named else "none of them"
            self.report(
                path,
                "mount-kind",
                f"the mount {quote(name)} is one of {', '.join(_KIND_KEYS)}, but has {given}",
                "write one of them",
                True,
            )
        kind = named[0] if named else "path"
        if kind == "path":
            kind = "nfs" if "server" in data else "host"
        self._check_mount(name, kind, data, path)
        own: Mapping[str, Any] = data.get(kind, {}) if kind not in PATHS else {}
        files = pairs(own.get("files"))
        if kind == "configmap" and "name" not in own:
            self._check_session_files(name, own, (*path, kind))
        for key, text in files:
            place = (*path, kind, "files", key)
            self.refuse_secret(place, key, text)
            if "name" in own and _NAMESPACE.search(text):
                self.report(
                    place,
                    "mount-configmap",
                    f"$NAMESPACE in {quote(key)} would be replaced when the ConfigMap is applied",
                    "write it otherwise, for example with another name of the variable",
                    False,
                )
        return Mount(
            name=name,
            kind=kind,
            to=data.get("to", data.get("path", "")),
            span=self.document.key_span(path),
            path=data.get("path", ""),
            type=data.get("type", "Directory"),
            user=data.get("user", ""),
            server=data.get("server", ""),
            source=own.get("name", ""),
            items=pairs(own.get("items")),
            files=files,
            mode=int(own["mode"], 8) if "mode" in own else None,
            optional=own.get("optional", False),
            medium=own.get("medium", "Disk"),
            size_mb=own.get("size_mb"),
            storage_class=own.get("storage_class", ""),
            access_mode=own.get("access_mode", "ReadWriteOnce"),
            sub_path=data.get("sub_path", ""),
            read_only=data.get("read_only", False),
            propagation=data.get("propagation", "None"),
            directory=data.get("directory", ""),
            places=self.document.places(path, data),
        )

    def _check_mount(self, name: str, kind: str, data: Mapping[str, Any], path: PathKey) -> None:
        if name in _TAKEN_NAMES:
            self.report(
                path,
                "mount-name",
                f"a mount cannot be called {quote(name)}: pods have one",
                "choose another name",
                True,
            )
        if kind not in PATHS and "to" not in data:
            self.report(
                path,
                "mount-to",
                f"the mount {quote(name)} does not say where it is inside the container",
                "add `to:` with an absolute path",
                True,
            )
        for key in _ONLY_WITH_PATH if kind not in PATHS else ():
            if key in data:
                self.report(
                    (*path, key),
                    "mount-kind",
                    f"{quote(key)} goes with `path`, not with `{kind}`",
                    "delete it",
                    True,
                )
        if kind == "nfs" and "type" in data:
            self.report(
                (*path, "type"),
                "mount-type",
                "an NFS mount has no type; it is always a directory",
                "",
                False,
            )
        for key, words in (("path", _PATH_WORDS), ("to", _PATH_WORDS), ("directory", _FILE_WORDS)):
            self._check_words((*path, key), data.get(key, ""), words, "mounts")

    def _check_session_files(self, name: str, own: Mapping[str, Any], path: PathKey) -> None:
        """A session's ConfigMap goes through OOD's adapter, which prints names and texts as they are."""
        if "files" not in own:
            self.report(
                path,
                "mount-configmap",
                f"the mount {quote(name)} names no ConfigMap and has no files for one",
                "add `name:` or `files:`",
                True,
            )
        for key in ("mode", "optional"):
            if key in own:
                self.report(
                    (*path, key),
                    "mount-configmap",
                    f"{quote(key)} needs a ConfigMap with a name: Open OnDemand makes the session's own without",
                    "add `name:`, or delete it",
                    True,
                )
        for key, text in pairs(own.get("files")):
            if not _SESSION_FILE.match(key) or key.lower() in LABEL_WORDS or key == "script.sh":
                self.report(
                    (*path, "files", key),
                    "mount-configmap",
                    f"a file of the session's ConfigMap cannot be called {quote(key)}",
                    "begin with a letter; yes, no, null and the like are none, and script.sh is the job script",
                    True,
                )
            if text[:1].isspace() or not text.endswith("\n") or text.endswith("\n\n"):
                self.report(
                    (*path, "files", key),
                    "mount-configmap",
                    f"Open OnDemand would change the text of {quote(key)}",
                    "a text begins with no blank and ends with one line break: write it after `|`",
                    True,
                )

    def _check_words(self, path: PathKey, text: str, known: tuple[str, ...], what: str) -> None:
        *others, last = (f"{{{k}}}" for k in known)
        for word in placeholders(text):
            if word not in known:
                self.report(
                    path,
                    "placeholder",
                    f"{{{word}}} is not a placeholder of {what}",
                    f"known here: {', '.join(others)} and {last}",
                    False,
                )

    def pod(self, path: PathKey, data: Mapping[str, Any] | None) -> Pod | None:
        """The pod settings at a path; None where there are none."""
        if data is None:
            return None
        for key, text in pairs(data.get("annotations")):
            self.refuse_secret((*path, "annotations", key), key.rpartition("/")[2], text)
        self.check_labels((*path, "labels"), pairs(data.get("labels")))
        for key in ("affinity", "topology_spread_constraints"):
            self._check_requirements((*path, key), data.get(key))
        return Pod(
            labels=pairs(data.get("labels")),
            annotations=pairs(data.get("annotations")),
            tolerations=tuple(
                self._toleration(t, (*path, "tolerations", i))
                for i, t in enumerate(data.get("tolerations", ()))
            ),
            affinity=data.get("affinity", {}),
            topology_spread_constraints=tuple(data.get("topology_spread_constraints", ())),
            priority_class=data.get("priority_class", ""),
            service_account=data.get("service_account", ""),
            runtime_class=data.get("runtime_class", ""),
            scheduler_name=data.get("scheduler_name", ""),
            shm_mb=data.get("shm_mb"),
            extended_resources=tuple(data.get("extended_resources", {}).items()),
            limits=_quantities(data.get("limits")),
            requests=_quantities(data.get("requests")),
            environment_from=self.environment_from(
                (*path, "environment_from"), data.get("environment_from")
            ),
            places=self.document.places(path, data),
        )

    def check_labels(self, path: PathKey, labels: Pairs, of_nodes: bool = False) -> None:
        """Refuse placeholders that labels do not know, and labels that pods have anyway."""
        for key, text in labels:
            for word in placeholders(text):
                if word != "compute_cluster":
                    self.report(
                        (*path, key),
                        "placeholder",
                        f"{{{word}}} is not a placeholder of labels",
                        "labels know {compute_cluster}",
                        False,
                    )
            if not of_nodes and (key in _TAKEN_LABELS or key.startswith("ood-appgen/")):
                self.report(
                    (*path, key),
                    "pod-label",
                    f"pods have the label {key} already",
                    "Open OnDemand and the policy find pods by it; choose another name",
                    True,
                )

    def _check_requirements(self, path: PathKey, data: Any) -> None:
        """Refuse requirements on labels that Kubernetes refuses: operators and values belong together."""
        if isinstance(data, list):
            for index, item in enumerate(data):
                self._check_requirements((*path, index), item)
        if not isinstance(data, Mapping):
            return
        operator = data.get("operator")
        if operator is not None:
            given = len(data.get("values", ()))
            wanted = _VALUES.get(operator, "none")
            wrong = {"none": given != 0, "one": given != 1, "some": given == 0}[wanted]
            if wrong:
                self.report(
                    (*path, "operator"),
                    "pod-requirement",
                    f"`operator: {operator}` takes {_VALUES_IN_WORDS[wanted]}, but has {given}",
                    "Kubernetes refuses such a pod",
                    False,
                )
            if wanted == "one" and any("elector" in str(part) for part in path if part != _TERMS):
                self.report(
                    (*path, "operator"),
                    "pod-requirement",
                    f"`operator: {operator}` is for labels of nodes alone",
                    "write In, NotIn, Exists or DoesNotExist",
                    False,
                )
        for key, value in data.items():
            self._check_requirements((*path, key), value)

    def _toleration(self, data: Mapping[str, Any], path: PathKey) -> Mapping[str, Any]:
        operator = data.get("operator", "Equal")
        if "key" not in data and operator != "Exists":
            self.report(
                path,
                "toleration",
                "a toleration without a key bears every taint, and must say so",
                "add `key:`, or `operator: Exists`",
                False,
            )
        if operator == "Exists" and data.get("value"):
            self.report(
                (*path, "value"),
                "toleration",
                "with `operator: Exists` any value is borne",
                "delete `value`",
                True,
            )
        if "tolerationSeconds" in data and data.get("effect") != "NoExecute":
            self.report(
                (*path, "tolerationSeconds"),
                "toleration",
                "`tolerationSeconds` goes with `effect: NoExecute`",
                "add that, or delete it",
                True,
            )
        return {**data, "operator": operator}

    def environment_from(self, path: PathKey, data: Any) -> tuple[EnvironmentSource, ...]:
        """Variables from secrets and ConfigMaps."""
        return tuple(self._source(item, (*path, index)) for index, item in enumerate(data or ()))

    def _source(self, data: Mapping[str, Any], path: PathKey) -> EnvironmentSource:
        kinds = [kind for kind in ("secret", "configmap") if kind in data]
        if len(kinds) != 1:
            self.report(
                path,
                "environment-source",
                "a variable comes from a `secret` or from a `configmap`",
                "write one of the two",
                False,
            )
        if ("name" in data) != ("key" in data):
            missing = "key" if "name" in data else "name"
            self.report(
                path,
                "environment-source",
                f"{quote('name' if missing == 'key' else 'key')} needs {quote(missing)}",
                "leave both out to take all keys",
                False,
            )
        for key in ("prefix", "file"):
            if key in data and ("name" in data) == (key == "prefix"):
                needs = (
                    "all keys: it goes without" if key == "prefix" else "one value: it goes with"
                )
                self.report(
                    (*path, key),
                    "environment-source",
                    f"`{key}` is for {needs} `name` and `key`",
                    "delete it, or change them",
                    True,
                )
        self._check_words((*path, "file"), data.get("file", ""), _FILE_WORDS, "files")
        kind = kinds[0] if kinds else "secret"
        return EnvironmentSource(
            kind,
            data.get(kind, ""),
            data.get("name", ""),
            data.get("key", ""),
            data.get("prefix", ""),
            data.get("optional", False),
            data.get("file", ""),
            self.document.span(path),
        )

    def mounts(
        self, path: PathKey, data: Any
    ) -> tuple[tuple[tuple[str, Any], ...], tuple[Mount, ...]]:
        """Names of mounts with their places, and those that are described on the spot."""
        named: dict[str, Any] = {}
        own: list[Mount] = []
        for index, item in enumerate(data or ()):
            place = (*path, index)
            name = item if isinstance(item, str) else item["name"]
            if name in named:
                self.report(
                    place,
                    "mount-twice",
                    f"the mount {quote(name)} is listed twice",
                    "delete one of them, or give it another name",
                    False,
                )
            named[name] = self.document.span(place)
            if not isinstance(item, str):
                own.append(self.mount(name, {k: v for k, v in item.items() if k != "name"}, place))
        return tuple(named.items()), tuple(own)

    def init(self, path: PathKey, data: Mapping[str, Any]) -> tuple[Init, tuple[Mount, ...]]:
        """An init container, and the mounts that it describes itself."""
        kinds = [kind for kind in ("git", "copy", "command") if kind in data]
        name = data["name"]
        if len(kinds) != 1:
            self.report(
                (*path, "name"),
                "init-kind",
                f"the init container {quote(name)} must have one of `git`, `copy` and `command`",
                "add one of them" if not kinds else f"it has {' and '.join(kinds)}: make two of it",
                False,
            )
        if _LOGIN.match(data.get("git", {}).get("repository", "")):
            self.report(
                (*path, "git", "repository"),
                "secret-literal",
                "the address of the repository has a user or password in it, and every user can read the app",
                "leave them out: `credentials: {secret: ...}` names where they are",
                False,
            )
        if "git" in data and "image" not in data:
            self.report(
                (*path, "name"),
                "init-image",
                f"{quote(name)} does not say which image has Git in it",
                "add `image:`, for example alpine/git:2.49.1",
                False,
            )
        git = data.get("git", {})
        if git and "folder" not in git and not folder_of(git["repository"]):
            self.report(
                (*path, "git", "repository"),
                "init-folder",
                f"{quote(git['repository'])} does not say what the clone is to be called",
                "add `folder:` with a name",
                False,
            )
        environment = pairs(data.get("environment"))
        self.check_environment((*path, "environment"), environment)
        named, own = self.mounts((*path, "mounts"), data.get("mounts"))
        init = Init(
            name,
            data.get("image", ""),
            _git(data.get("git")),
            _copy(data.get("copy")),
            tuple(data.get("command", ())),
            environment,
            self.environment_from((*path, "environment_from"), data.get("environment_from")),
            named,
            _quantities(data.get("limits")),
            _quantities(data.get("requests")),
            data.get("only_in_pods", False),
            self.document.span((*path, "name")),
            self.document.places(path, data),
        )
        return init, own

    def check_environment(self, path: PathKey, environment: tuple[tuple[str, str], ...]) -> None:
        """Refuse unknown placeholders and literal secrets in an environment."""
        for name, text in environment:
            for word in unknown_placeholders(text):
                self.report(
                    (*path, name),
                    "placeholder",
                    f"{{{word}}} is not a placeholder",
                    "known: " + ", ".join(f"{{{known}}}" for known in PLACEHOLDERS),
                    False,
                )
            self.refuse_secret((*path, name), name, text)

    def refuse_secret(self, path: PathKey, name: str, text: str) -> None:
        """Refuse what looks like a secret: every user can read what appgen writes."""
        found = next(find_credentials(text), None)
        what = found.what if found else "a secret"
        named = names_secret(name) or name.upper().endswith("TOKEN")
        if found or (named and may_be_secret(text)):
            self.report(
                path,
                "secret-literal",
                f"the value of {name} looks like {what}, and every user can read the app",
                "keep it in a secret and name that: `environment_from: [{name: ..., secret: ..., key: ...}]`, "
                "or a file that only the right people can read",
                False,
            )


def _quantities(data: Mapping[str, int] | None) -> Quantities:
    return Quantities(**(data or {}))


def folder_of(repository: str) -> str:
    """The directory that a clone gets, as git itself names it; "" where the address has no name in it."""
    name = re.split(r"[/:]", repository.rstrip("/"))[-1].removesuffix(".git")
    return name if re.fullmatch(r"(?!\.\.?\Z)[A-Za-z0-9._+-]+", name) else ""


def _git(data: Mapping[str, Any] | None) -> Git | None:
    if data is None:
        return None
    secret = data.get("credentials", {})
    folder = folder_of(data["repository"])
    return Git(
        data["repository"],
        data.get("branch", ""),
        data["into"],
        data.get("folder", folder),
        data.get("depth"),
        secret.get("secret", ""),
        secret.get("username", "username"),
        secret.get("token", "token"),
        secret.get("optional", False),
    )


def _copy(data: Mapping[str, Any] | None) -> Copy | None:
    if data is None:
        return None
    return Copy(data["from"], data["into"], data.get("folder", ""))
