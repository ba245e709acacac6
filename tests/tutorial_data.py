"""The rows of docs/kubernetes-tutorial.yml, each as a small site with one app, rendered.

The page is made from the same file; `test_tutorial_data.py` and the end-to-end tests try each row.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ood_appgen import api
from ood_appgen.model.admission import apply
from ood_appgen.model.plan import AppPlan, Submitter, choices, evaluate_submission
from ood_appgen.verify.pod import KubernetesObjects, predict_objects
from ood_appgen.verify.predict import Session, merge_submission
from ood_appgen.verify.ruby import ADA, STAGED_ROOT
from samples import ROOT

DATA = ROOT / "docs" / "kubernetes-tutorial.yml"
CLUSTER = "cloud"
FOLDER = f"kubernetes/{CLUSTER}"
# Files that go to the API server: by the administrator, or by Open OnDemand's adapter.
ON_SERVER = ("submit.yml.erb", "policy.yaml", "objects.yaml", "each-namespace.yaml")

Data = dict[str, Any]


@dataclass(frozen=True)
class Landing:
    """Where a construct is in a rendered app: a part of an object in a file, or lines of it."""

    file: str
    has: Data
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A row: the snippets for both files as they are on the page, and what becomes of them."""

    id: str
    site: str
    app: str
    lands: tuple[Landing, ...]
    refused: str

    @property
    def has_snippet(self) -> bool:
        """Whether our files say anything; else the row says why they do not."""
        return bool(self.site or self.app)

    @property
    def on_server(self) -> bool:
        """Whether an API server sees what the row says."""
        return any(landing.file in ON_SERVER and landing.has for landing in self.lands)

    @property
    def needs_policy(self) -> bool:
        """Whether it is Open OnDemand's adapter that cannot say it."""
        return any(landing.file == "policy.yaml" for landing in self.lands)

    def files(self) -> dict[str, Data]:
        """`site.yml` and `app.yml` of the row, as data."""
        base = read()["base"]
        return {
            "site.yml": _merge(base["site"], load(self.site)),
            "app.yml": _merge(base["app"], load(self.app)),
        }


def read() -> Data:
    """The data file."""
    return _read()


@cache
def _read() -> Data:
    data: Data = YAML(typ="safe").load(DATA)
    return data


def load(text: str) -> Data:
    """A snippet as data."""
    data: Data = YAML(typ="safe").load(text) if text else {}
    return data


def rows() -> tuple[Row, ...]:
    """All rows, in the order of the page."""
    return tuple(
        Row(
            row["id"],
            row.get("site", ""),
            row.get("app", ""),
            tuple(
                Landing(landing["in"], landing.get("has", {}), tuple(landing.get("lines", ())))
                for landing in row.get("lands", ())
            ),
            row.get("refused", ""),
        )
        for section in read()["sections"]
        for row in section["rows"]
    )


def write(files: Mapping[str, Data], folder: Path) -> tuple[Path, Path]:
    """Write a site with one app; the app's directory and the file of the site."""
    app = folder / "apps" / "tutorial"
    app.mkdir(parents=True, exist_ok=True)
    yaml = YAML(typ="safe")
    yaml.sort_base_mapping_type_on_output = False
    for path, data in (
        (folder / "site.yml", files["site.yml"]),
        (app / "app.yml", files["app.yml"]),
    ):
        with path.open("w", encoding="utf-8") as out:
            yaml.dump(data, out)
    return app, folder / "site.yml"


def render(files: Mapping[str, Data], folder: Path) -> api.Result:
    """Render what `write` writes."""
    app, site = write(files, folder)
    return api.render_apps([app], site)


def texts(app: api.RenderedApp) -> dict[str, str]:
    """The rendered files, by the names that rows use."""
    return {
        f.path.removeprefix(f"{FOLDER}/"): f.content.decode()
        for f in app.files
        if f.path != "appgen.lock"
    }


def choice(plan: AppPlan) -> dict[str, str]:
    """What a user of the row's app chooses on the cluster with pods."""
    return next(c for c in choices(plan) if c["cluster"] == CLUSTER)


def submission(plan: AppPlan) -> Data:
    """The submit document of that choice."""
    user = {"name": ADA.name, "home": ADA.home, "uid": ADA.uid, "gid": ADA.gid}
    return evaluate_submission(plan, choice(plan), Submitter(user, {}, STAGED_ROOT))


def adapter_objects(plan: AppPlan, document: Mapping[str, Any] | None = None) -> KubernetesObjects:
    """What Open OnDemand's adapter makes of the submit document, before any policy."""
    values = choice(plan)
    merged = merge_submission(
        submission(plan) if document is None else document,
        values,
        [field.id for field in plan.form],
        "kubernetes",
    )
    return predict_objects(merged, Session(plan.app.id, CLUSTER, STAGED_ROOT, ADA))


def stored_objects(plan: AppPlan) -> KubernetesObjects:
    """The same with what the policy adds to the pod."""
    objects, admission = adapter_objects(plan), plan.admission(CLUSTER)
    policies = admission.policies if admission else ()
    for policy in policies:
        objects = replace(objects, pod=apply(policy.change, objects.pod))
    return objects


def added_by_policy(plan: AppPlan) -> Data:
    """What the policy alone gives: its changes, made to a pod that has nothing but containers."""
    empty = stored_objects(plan).pod
    spec = {
        kind: [{"name": container["name"]} for container in empty["spec"].get(kind, ())]
        for kind in ("containers", "initContainers")
    }
    lifetime = {"pod.kubernetes.io/lifetime": "01h00m00s"}
    pod: Data = {"metadata": {"annotations": lifetime}, "spec": spec}
    admission = plan.admission(CLUSTER)
    for policy in admission.policies if admission else ():
        pod = apply(policy.change, pod)
    del pod["metadata"]["annotations"]["pod.kubernetes.io/lifetime"]
    return pod


def documents(text: str) -> list[Data]:
    """The objects of a YAML file."""
    return [found for found in YAML(typ="safe").load_all(text) if found]


def missing(part: Any, whole: Any, path: str = "") -> Iterator[str]:
    """What of a part is not in the whole. An item of a list may be anywhere in it; a list of plain
    values must be that list.
    """
    if isinstance(part, Mapping) and isinstance(whole, Mapping):
        for key, value in part.items():
            if key not in whole:
                yield f"{path}.{key} is missing"
            else:
                yield from missing(value, whole[key], f"{path}.{key}")
    elif _is_objects(part) and _is_objects(whole):
        for at, item in enumerate(part):
            if not any(not list(missing(item, other)) for other in whole):
                yield f"{path}[{at}]: none is like {item}"
    elif part != whole or isinstance(part, bool) != isinstance(whole, bool):
        yield f"{path} is {whole!r}, not {part!r}"


def is_in(part: Data, objects: Sequence[Any]) -> bool:
    """Whether one of the objects has the part."""
    return any(not list(missing(part, whole)) for whole in objects)


def _is_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _merge(below: Data, above: Mapping[str, Any]) -> Data:
    merged = copy.deepcopy(below)
    for key, value in above.items():
        under = merged.get(key)
        both = isinstance(value, dict) and isinstance(under, dict)
        merged[key] = _merge(under, value) if both else copy.deepcopy(value)
    return merged
