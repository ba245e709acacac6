"""Hostile text in policies: Kubernetes' own CEL reads what was meant, in every place at once."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from kubernetes_server import KubernetesServer
from launches import create_all, differences, prepare, wait_until_admitting

from ood_appgen import api
from test_inertness_pods import APP, FREE, SITE, TEXTS, documents, render
from tools import require_tool

ROUNDS = 4


def everywhere(folder: Path, turn: int) -> tuple[api.RenderedApp, list[str]]:
    """The app with a text in every place: of those that the place takes, another one in each turn."""
    said = {"app": copy.deepcopy(APP), "site": copy.deepcopy(SITE)}
    texts = [text.replace("CANARY", "/tmp/CANARY") for text in TEXTS.values()]
    used = []
    for number, place in enumerate(FREE):
        start = (5 * turn + number) % len(texts)
        for text in (*texts[start:], *texts[:start]):
            result = render(folder, documents(place, text))
            if result.apps and not result.findings and place[2](text) not in used:
                documents(place, text, said)
                used.append(place[2](text))
                break
    result = render(folder, said)
    assert [f.format() for f in result.findings] == []
    return result.apps[0], used


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_texts_are_stored_as_they_were_written(
    kubernetes: KubernetesServer, turn: int, tmp_path: Path
) -> None:
    require_tool("envsubst")
    if turn == 0:
        handler = {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "gvisor"}
        kubernetes.create([{**handler, "metadata": {"name": "gvisor"}}])
    app, used = everywhere(tmp_path, turn)
    assert len(used) == len(FREE)
    ready = prepare(kubernetes, app, tmp_path / "out", f"user-texts-{turn}")
    launches = list(ready.launches())
    wait_until_admitting(kubernetes, launches[-1], ready.namespace)
    stored = create_all(kubernetes, launches, ready.namespace)
    found = json.dumps(list(stored.values()), ensure_ascii=False)
    expected = []
    for launch in launches:
        pod = json.loads(json.dumps(launch.admitted))
        pod["metadata"]["name"] += "-planned"
        expected.append(pod)
    for launch, pod in zip(launches, kubernetes.dry_run(expected, ready.namespace), strict=True):
        assert differences(pod, stored[launch.name]) == []
    annotations = [
        text for place, text in zip(FREE, used, strict=True) if "annotations" in place[1]
    ]
    assert len(annotations) == 3
    assert all(json.dumps(text, ensure_ascii=False) in found for text in annotations)
    # What users' namespaces get is what was written, too.
    settings = kubernetes.get("configmap", "settings", ready.namespace)["data"]
    files = [text for place, text in zip(FREE, used, strict=True) if place[1][-1] in ("a.conf", "b.conf")
             and "files" in place[1]]  # fmt: skip
    assert sorted(settings.values()) == sorted(files)
    kubernetes.kubectl("delete", "--kustomize", str(ready.folder / "kubernetes" / "kube"))
