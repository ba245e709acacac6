"""Hostile text in what profiles say of pods: in every file it is that text, or it is refused.

An app and a site say everything that can be said of pods, a harmless word in each place in turn. With
a hostile text there, each file must be the same but for that text: read by readers of YAML, by Ruby, and
by bash; policies' CEL is read here, by the grammar of its string literals.
"""

from __future__ import annotations

import copy
import functools
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml
from ruamel.yaml import YAML

from ood_appgen import api
from ood_appgen.model.admission import apply
from ood_appgen.model.plan import AppPlan, choices, evaluate_submission, fill_required
from ood_appgen.verify.pod import check_objects, predict_objects
from ood_appgen.verify.predict import Session, merge_submission
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, Rendered, Request, RubyOracle
from test_inertness import FULL, HARNESS, PROFILE_TEXTS, SUBMITTER
from tools import require_tool

WORD = "MARKED"
# Where blanks are refused, the texts above are refused for those alone.
TEXTS = PROFILE_TEXTS | {
    "tight-shell": "MARK$(touch${IFS}CANARY)`touch${IFS}CANARY`;touch&touch|x>y*?[a]!~",
    "tight-quotes": "MARK'\"''\\",
    "tight-erb": "MARK<%=1%>-%><%%#{1}#@x#$x%w(a)",
    "tight-yaml": "MARK&a*a!x@,[]{}?-#%:",
    "namespace": "MARK$NAMESPACE${NAMESPACE}$(NAMESPACE)",
    "letters": "MARKé漢\U0001f600\u200b\u00ad",
    "words": "{user}{home}{compute_cluster}{{x}}{% x %}",
}

SITE: dict[str, Any] = {
    "site": "Test",
    "ondemand": "4.2",
    "account": {"ask": "text"},
    "hours": {"max": 8},
    "mounts": {
        "home": {"path": "{home}"},
        "nfs": {
            "path": "/nfs",
            "server": "nfs1",
            "to": "/nfs",
            "read_only": True,
            "directory": "/n",
        },
        "claim": {"pvc": {"name": "claim", "size_mb": 10, "storage_class": "ceph"}, "to": "/claim"},
    },
    "compute_clusters": {"hpc": {"paths": {"nfs": "/nfs-of-hpc"}}},
    "clusters": {
        "kube": {
            "scheduler": "kubernetes",
            "connection": "appgen",
            "wall_time": "deadline",
            "namespaces": {"labels": {"kind": "ood"}, "prefix": "user-"},
            "portal_cidrs": ["10.0.0.0/8"],
            "priority_classes": {"urgent": {"value": 5, "description": "Urgent"}},
            "registry": "registry.example.org/ood",
            "mounts": ["home", "claim"],
            "labels": {"team": "a"},
            "forbid": {"host_paths_outside": ["{home}"]},
            "pod": {
                "annotations": {"example.org/cluster": "a"},
                "labels": {"queue": "a"},
                "priority_class": "urgent",
                "service_account": "runner",
                "environment_from": [{"secret": "site", "prefix": "SITE_"}],
            },
            "node_types": {
                "small": {"cores": {"max": 4}, "memory_mb": 4000, "compute_cluster": "hpc"},
                "large": {
                    "cores": {"max": 8},
                    "memory_mb": 8000,
                    "compute_cluster": "hpc",
                    "pod": {
                        "runtime_class": "gvisor",
                        "scheduler_name": "other",
                        "extended_resources": {"rdma/hca": 1},
                        "tolerations": [{"key": "gpu", "value": "a"}],
                        "affinity": {
                            "nodeAffinity": {
                                "requiredDuringSchedulingIgnoredDuringExecution": {
                                    "nodeSelectorTerms": [
                                        {
                                            "matchExpressions": [
                                                {"key": "zone", "operator": "In", "values": ["a"]}
                                            ]
                                        }
                                    ]
                                }
                            }
                        },
                        "topology_spread_constraints": [
                            {
                                "maxSkew": 1,
                                "topologyKey": "zone",
                                "whenUnsatisfiable": "ScheduleAnyway",
                                "labelSelector": {"matchLabels": {"a": "b"}},
                            }
                        ],
                    },
                },
            },
        },
        "hpc": {"scheduler": "slurm", "node_types": {"small": {"cores": {"max": 4}}}},
    },
    "apps": {"one": {"pod": {"annotations": {"example.org/site": "a"}}}},
}
APP: dict[str, Any] = {
    "id": "one",
    "title": "One",
    "form": [
        {"id": "cluster", "from": "clusters"},
        {"id": "account", "from": "account"},
        {"id": "bc_num_hours", "from": "hours"},
        {"id": "node_type", "from": "node_types"},
        {"id": "num_cores", "from": "cores"},
    ],
    "container": {"image": "one:1", "port": 8080},
    "pod": {"annotations": {"example.org/app": "a"}, "labels": {"app": "a"}, "shm_mb": 64},
    "environment_from": [
        {"name": "ONE", "secret": "tokens", "key": "one", "file": "/etc/one", "optional": True},
        {"configmap": "more", "prefix": "MORE_", "optional": True},
    ],
    "mounts": [
        "nfs",
        {"name": "work", "empty_dir": {}, "to": "/work", "sub_path": "a", "directory": "/w"},
        {
            "name": "settings",
            "configmap": {
                "name": "settings",
                "files": {"a.conf": "a\n", "b.conf": "b"},
                "items": {"a.conf": "a/a.conf"},
            },
            "to": "/etc/settings",
            "directory": "/s",
        },
        {
            "name": "session",
            "configmap": {"files": {"c.conf": "c\n"}},
            "to": "/etc/session",
            "directory": "/t",
        },
    ],
    "init": [
        {
            "name": "clone",
            "image": "alpine/git",
            "git": {
                "repository": "https://example.org/one.git",
                "branch": "main",
                "into": "work",
                "folder": "code",
                "credentials": {"secret": "git", "username": "user", "token": "token"},
            },
        },
        {"name": "fill", "copy": {"from": "/opt/data", "into": "work", "folder": "data"}},
        {
            "name": "own",
            "command": ["make-data", "word"],
            "only_in_pods": True,
            "environment": {"OWN": "a"},
            "environment_from": [{"name": "TWO", "secret": "tokens", "key": "two"}],
            "mounts": [{"name": "only", "pvc": {"name": "only"}, "to": "/only"}],
        },
    ],
    "environment": {"OF_APP": "a"},
    "scripts": {"script": "exec sleep 60\necho\n"},
    "view": {"kind": "link"},
}

Path_ = tuple[str | int, ...]
KEY = "(the key itself)"  # as the last step of a path: the text is the name of what is there


def as_it_is(text: str) -> str:
    return text


def as_path(text: str) -> str:
    return "/" + re.sub(r'[\s"\\:\x00-\x1f\x7f]', "", text)


def as_relative(text: str) -> str:
    return as_path(text).lstrip("/")


def as_address(text: str) -> str:
    return "https://example.org/" + re.sub(r"[\s\"'\\$`@]", "", text)


def as_file(text: str) -> str:
    return text.strip() + "\n"


Place = tuple[str, Path_, Callable[[str], str]]
_KUBE: Path_ = ("clusters", "kube")
_LARGE: Path_ = (*_KUBE, "node_types", "large", "pod")
# Where something is written that is no name of a fixed alphabet.
FREE: tuple[Place, ...] = (
    ("site", (*_KUBE, "pod", "annotations", "example.org/cluster"), as_it_is),
    ("site", (*_KUBE, "priority_classes", "urgent", "description"), as_it_is),
    ("site", ("apps", "one", "pod", "annotations", "example.org/site"), as_it_is),
    ("site", ("mounts", "nfs", "path"), as_path),
    ("site", ("mounts", "claim", "to"), as_path),
    ("site", ("compute_clusters", "hpc", "paths", "nfs"), as_path),
    ("app", ("pod", "annotations", "example.org/app"), as_it_is),
    ("app", ("environment_from", 0, "file"), as_path),
    ("app", ("mounts", 1, "to"), as_path),
    ("app", ("mounts", 1, "sub_path"), as_relative),
    ("app", ("mounts", 1, "directory"), as_path),
    ("app", ("mounts", 2, "configmap", "files", "a.conf"), as_it_is),
    ("app", ("mounts", 2, "configmap", "files", "b.conf"), as_file),
    ("app", ("mounts", 2, "configmap", "items", "a.conf"), as_relative),
    ("app", ("mounts", 3, "configmap", "files", "c.conf"), as_file),
    ("app", ("mounts", 3, "to"), as_path),
    ("app", ("init", 0, "git", "repository"), as_address),
    ("app", ("init", 0, "git", "folder"), as_relative),
    ("app", ("init", 1, "copy", "from"), as_path),
    ("app", ("init", 1, "copy", "folder"), as_relative),
    ("app", ("init", 2, "command", 1), as_it_is),
    ("app", ("init", 2, "environment", "OWN"), as_it_is),
    ("app", ("environment", "OF_APP"), as_it_is),
)  # fmt: skip
NAMES: tuple[Place, ...] = (
    ("site", (*_KUBE, "namespaces", "labels", "kind"), as_it_is),
    ("site", (*_KUBE, "namespaces", "prefix"), as_it_is),
    ("site", (*_KUBE, "portal_cidrs", 0), as_it_is),
    ("site", (*_KUBE, "registry"), as_it_is),
    ("site", (*_KUBE, "forbid", "host_paths_outside", 0), as_path),
    ("site", (*_KUBE, "pod", "labels", "queue"), as_it_is),
    ("site", (*_KUBE, "pod", "labels", "queue", KEY), as_it_is),
    ("site", (*_KUBE, "pod", "annotations", "example.org/cluster", KEY), as_it_is),
    ("site", (*_KUBE, "pod", "service_account"), as_it_is),
    ("site", (*_KUBE, "pod", "environment_from", 0, "prefix"), as_it_is),
    ("site", (*_LARGE, "tolerations", 0, "value"), as_it_is),
    ("site", (*_LARGE, "extended_resources", "rdma/hca", KEY), as_it_is),
    ("site", (*_LARGE, "scheduler_name"), as_it_is),
    (
        "site",
        (
            *_LARGE, "topology_spread_constraints", 0, "labelSelector", "matchLabels", "a",
        ),
        as_it_is,
    ),
    ("site", ("mounts", "nfs", "server"), as_it_is),
    ("site", ("mounts", "claim", "pvc", "storage_class"), as_it_is),
    ("site", ("mounts", "claim", KEY), as_it_is),
    ("app", ("environment_from", 0, "name"), as_it_is),
    ("app", ("environment_from", 0, "key"), as_it_is),
    ("app", ("environment_from", 1, "prefix"), as_it_is),
    ("app", ("mounts", 2, "configmap", "files", "b.conf", KEY), as_it_is),
    ("app", ("mounts", 3, "configmap", "files", "c.conf", KEY), as_it_is),
    ("app", ("init", 0, "git", "branch"), as_it_is),
    ("app", ("init", 0, "git", "credentials", "token"), as_it_is),
    ("app", ("init", 0, "image"), as_it_is),
    ("app", ("init", 0, "name"), as_it_is),
    ("app", ("init", 2, "environment", "OWN", KEY), as_it_is),
    (
        "site",
        (
            *_LARGE, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
            "nodeSelectorTerms", 0, "matchExpressions", 0, "values", 0,
        ),
        as_it_is,
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def ruby() -> Iterator[RubyOracle]:
    with RubyOracle(require_tool("ruby")) as oracle:
        yield oracle


def documents(place: Place, text: str, found: dict[str, Any] | None = None) -> dict[str, Any]:
    """App and site, or those found so far, with a text in one place."""
    which, path, shape = place
    found = found or {"app": copy.deepcopy(APP), "site": copy.deepcopy(SITE)}
    holder: Any = found[which]
    *steps, last = path[:-1] if path[-1] == KEY else path
    for step in steps:
        holder = holder[step]
    if path[-1] == KEY:
        holder[shape(text)] = holder.pop(last)
    else:
        holder[last] = shape(text)
    return found


def render(folder: Path, said: dict[str, Any]) -> api.Result:
    (folder / "one").mkdir(parents=True, exist_ok=True)
    for name, file in (("app", "one/app.yml"), ("site", "site.yml")):
        written = json.dumps(said[name], ensure_ascii=False)
        escaped = re.sub("[\x7f-\x9f\u2028\u2029]", lambda m: f"\\u{ord(m[0]):04x}", written)
        (folder / file).write_text(escaped)
    result = api.render_apps([folder / "one"], folder / "site.yml")
    # The sources of its copies are in the image, which jobs have not: known, and not what is asked here.
    return replace(result, findings=tuple(f for f in result.findings if f.rule != "init-copy"))


def texts_of(app: api.RenderedApp) -> dict[str, str]:
    return {f.path: f.content.decode() for f in app.files if not f.path.endswith(".lock")}


def submissions(plan: AppPlan) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """A submission for each node type."""
    firsts: dict[tuple[str, str], dict[str, str]] = {}
    for choice in choices(plan):
        firsts.setdefault((choice["cluster"], choice["node_type"]), fill_required(plan, choice))
    return [(c, evaluate_submission(plan, c, SUBMITTER)) for c in firsts.values()]


def pods(plan: AppPlan) -> list[Any]:
    """What Kubernetes gets and stores for each node type, as Kubernetes would take it."""
    found: list[Any] = []
    for choice, document in submissions(plan):
        if choice["cluster"] != "kube":
            continue
        fields = [f.id for f in plan.form]
        session = Session("one", choice["cluster"], STAGED_ROOT, ADA)
        merged = merge_submission(document, choice, fields, plan.clusters[0].scheduler)
        objects = predict_objects(merged, session)
        assert check_objects(objects) == []
        admission = plan.admissions[0]
        policy = admission.policy(choice["node_type"])
        assert policy is not None
        found += [apply(policy.change, objects.pod), objects.configmap]
    assert len(found) == 4
    return found


# -- readers ------------------------------------------------------------------------------------

# String literals of CEL (github.com/google/cel-spec doc/langdef.md), as far as double quotes go;
# their escapes are those of JSON.
_LITERAL = re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\nrtbf]|\\u[0-9a-f]{4})*"')


def read_cel(expression: str) -> tuple[str, list[str]]:
    """An expression without its string literals, and these."""
    literals = [json.loads(found[0]) for found in _LITERAL.finditer(expression)]
    rest = _LITERAL.sub("S", expression)
    assert not re.search(r"[^\w\s.,:;{}\[\]()+?&|=!/-]", rest), rest
    return rest, literals


def read_kubernetes(text: str) -> list[Any]:
    """The documents of a file, read as YAML 1.1 and 1.2 alike, CEL in pieces."""
    found = list(YAML(typ="safe").load_all(text))
    assert found == list(pyyaml.load_all(text, pyyaml.CSafeLoader))

    def opened(data: Any) -> Any:
        if isinstance(data, dict):
            return {k: read_cel(v) if k == "expression" else opened(v) for k, v in data.items()}
        return [opened(item) for item in data] if isinstance(data, list) else data

    return [opened(document) for document in found]


def differences(plain: Any, hostile: Any, old: str, new: str, at: str = "") -> Iterator[str]:
    """Where two documents differ in more than that text."""
    if type(plain) is not type(hostile):
        yield f"{at}: {plain!r} and {hostile!r}"
    elif isinstance(plain, dict):
        if [k.replace(old, new) for k in plain] != list(hostile):
            yield f"{at}: keys {list(plain)} and {list(hostile)}"
        else:
            for key, other in zip(plain, hostile, strict=True):
                yield from differences(plain[key], hostile[other], old, new, f"{at}.{key}")
    elif isinstance(plain, list | tuple):
        if len(plain) != len(hostile):
            yield f"{at}: {plain!r} and {hostile!r}"
        else:
            for index, pair in enumerate(zip(plain, hostile, strict=True)):
                yield from differences(*pair, old, new, f"{at}[{index}]")
    elif isinstance(plain, str):
        # Steps of JSON pointers, and texts in which the kubelet would replace $(NAME).
        said = {plain.replace(old, new), plain.replace(_pointer(old), _pointer(new))}
        said.add(plain.replace(old, new.replace("$(", "$$(")))
        is_mark = re.fullmatch("[0-9a-f]{12}", plain) and re.fullmatch("[0-9a-f]{12}", hostile)
        if hostile not in said and not is_mark:
            yield f"{at}: {plain!r} and {hostile!r}"
    elif plain != hostile:
        yield f"{at}: {plain!r} and {hostile!r}"


def _pointer(text: str) -> str:
    return text.replace("~", "~0").replace("/", "~1")


@functools.cache
def plain_app(folder: Path, place: Place) -> api.RenderedApp:
    harmless = place[2](WORD).lower() if _is_name(place) else place[2](WORD)
    result = render(folder, documents((place[0], place[1], as_it_is), harmless))
    assert [f.format() for f in result.findings] == [], place
    return result.apps[0]


def _is_name(place: Place) -> bool:
    return place in NAMES


# -- the tests ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_said_of_pods_stays_text(
    name: str, ruby: RubyOracle, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    canary = tmp_path / "CANARY"
    text = TEXTS[name].replace("CANARY", str(canary))
    turn = list(TEXTS).index(name)
    rendered = 0
    for place in FREE[0 if FULL else turn % 4 :: 1 if FULL else 4]:
        result = render(tmp_path, documents(place, text))
        if result.failed or result.skipped:
            check_refused(result, place)
            continue
        rendered += 1
        old, new = place[2](WORD), place[2](text)
        plain = plain_app(tmp_path_factory.getbasetemp() / "plain", place)
        check_rendered(ruby, tmp_path, place, plain, result.apps[0], old, new)
        assert not canary.exists(), place
    assert rendered, name


@pytest.mark.parametrize("place", FREE, ids=lambda p: f"{p[0]}:{p[1][-1]}")
def test_these_places_take_hostile_text(place: Place, tmp_path: Path) -> None:
    """So that the test above is no row of refusals."""
    known = (
        render(tmp_path, documents(place, TEXTS[name]))
        for name in ("tight-shell", "tight-erb", "html")
    )
    assert any(result.apps and not result.findings for result in known)


def test_names_are_names_or_refused(ruby: RubyOracle, tmp_path: Path) -> None:
    """Names of fixed alphabets: hostile texts never get through, and what does is text."""
    through = set()
    for turn, place in enumerate(NAMES):
        plain = None
        for text in list(TEXTS.values())[0 if FULL else turn % 4 :: 1 if FULL else 4]:
            result = render(tmp_path, documents(place, text))
            if result.failed or result.skipped:
                check_refused(result, place)
                continue
            through.add(place)
            plain = plain or plain_app(tmp_path / "plain", place)
            old, new = place[2](WORD).lower(), place[2](text)
            check_rendered(ruby, tmp_path, place, plain, result.apps[0], old, new)
    assert through <= {NAMES[4]}


def check_refused(result: api.Result, place: Place) -> None:
    assert result.findings, place
    for finding in result.findings:
        assert finding.span is not None, (place, finding)
        assert finding.message and "\n" not in finding.format().split("\n  ")[0], (place, finding)


def check_rendered(
    ruby: RubyOracle,
    folder: Path,
    place: Place,
    plain: api.RenderedApp,
    hostile: api.RenderedApp,
    old: str,
    new: str,
) -> None:
    before, after = texts_of(plain), texts_of(hostile)
    assert list(before) == list(after), place
    for path in before:
        if path.startswith("kubernetes/"):
            pair = (read_kubernetes(text[path]) for text in (before, after))
            assert list(differences(*pair, old, new)) == [], (place, path)
    # The submit file says to Ruby what the plan says, and so the adapter makes the same pods.
    asked = submissions(hostile.plan)
    requests = [Request("submit", text=after["submit.yml.erb"], context=c) for c, _ in asked]
    for (choice, document), answer in zip(asked, ruby.evaluate_all(requests), strict=True):
        assert isinstance(answer, Rendered), (place, choice, answer)
        assert answer.data == document, (place, choice)
    assert list(differences(pods(plain.plan), pods(hostile.plan), old, new)) == [], place
    # The job scripts are the same words to bash.
    scripts = [path for path in after if path.startswith("template/")]
    requests = [
        Request("template", text=after[path], context=choice)
        for path in scripts
        for choice, _ in asked
    ]
    for number, answer in enumerate(ruby.evaluate_all(requests)):
        assert isinstance(answer, Rendered), (place, answer)
        (folder / f"script{number}").write_text(answer.text)
    read = " && ".join(f"bash -n script{number}" for number in range(len(requests)))
    subprocess.run(["bash", "-c", read], cwd=folder, check=True)
    choice = next(c for c, _ in asked if c["cluster"] == "hpc")
    ran = [
        [*run_inits(folder, app.plan), *run_before(ruby, folder, texts, choice)]
        for app, texts in ((plain, before), (hostile, after))
    ]
    assert list(differences(*ran, old, new)) == [], place
    assert len(ran[0]) > 20


def programs(folder: Path) -> Path:
    """Programs that only say how they were called: nothing is cloned or copied."""
    found = folder / "bin"
    found.mkdir(exist_ok=True)
    for name in ("git", "cp", "mkdir", "mv", "rm", "rmdir", "touch"):
        text = f'#!{require_tool("bash")}\nprintf "%s\\0" {name} "$@" >> "${{CALLS}}"\n'
        (found / name).write_text(text)
        (found / name).chmod(0o755)
    return found


def run(folder: Path, command: list[str]) -> list[str]:
    """What programs are called with, and with which words."""
    calls = folder / "calls"
    calls.write_text("")
    path = f"{programs(folder)}:/usr/bin:/bin"
    home = str(folder / "home")
    env = {"PATH": path, "USER": "ada", "HOME": home, "CASE": str(folder), "CALLS": str(calls)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), command
    return calls.read_text().split("\0")


def run_inits(folder: Path, plan: AppPlan) -> list[str]:
    """What the init containers do; the commands that appgen writes."""
    containers = pods(plan)[0]["spec"]["initContainers"]
    commands = [c["command"] for c in containers if c["command"][0] == "/bin/sh"]
    assert len(commands) == 2
    return [word for command in commands for word in run(folder, command)]


def run_before(
    ruby: RubyOracle, folder: Path, texts: dict[str, str], choice: dict[str, str]
) -> list[str]:
    """Where no containers are, the script itself does all that profiles say of pods."""
    answer = ruby.evaluate(
        Request("template", text=texts["template/before.sh.erb"], context=choice)
    )
    assert isinstance(answer, Rendered)
    known = " ".join(f'"${{{name}}}"' for name in ("MOUNT_NFS", "MOUNT_WORK", "ONE", "OF_APP"))
    said = f"printf '%s\\0' {known} >> \"${{CALLS}}\""
    return run(folder, ["bash", "-c", f"set -u\n{HARNESS}{answer.text}\n{said}"])
