"""Sessions on Kubernetes: an app's files applied as its README says, its pods created as OOD does."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes_server import KubernetesServer

from ood_appgen import api
from ood_appgen.model.admission import (
    APP_LABEL,
    MARK,
    NODE_TYPE_LABEL,
    Admission,
    PodPolicy,
    apply,
)
from ood_appgen.model.plan import (
    AppPlan,
    Submitter,
    choices,
    evaluate_submission,
    fill_required,
    made_up_accounts,
)
from ood_appgen.verify.pod import KubernetesObjects, predict_objects
from ood_appgen.verify.predict import Session, merge_submission
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, User

Object = dict[str, Any]

# The levels, the strictest first (kubernetes.io/docs/concepts/security/pod-security-standards).
LEVELS = ("restricted", "baseline", "privileged")


@dataclass(frozen=True)
class Launch:
    """A choice, what the adapter would create for it, and the policy that its pod goes through."""

    choice: Mapping[str, str]
    objects: KubernetesObjects
    policy: PodPolicy | None

    @property
    def name(self) -> str:
        """The pod's."""
        return str(self.objects.pod["metadata"]["name"])

    @property
    def all(self) -> list[Object]:
        """Pod, service and ConfigMap."""
        objects = self.objects
        return [objects.pod, *([objects.service] if objects.service else []), objects.configmap]

    @property
    def admitted(self) -> Object:
        """The pod as it must be once the policy has changed it, made without the policy's help."""
        pod = apply(self.policy.change, self.objects.pod) if self.policy else self.objects.pod
        return unmarked(pod)


@dataclass(frozen=True)
class Prepared:
    """An app whose files are applied on a cluster, and a namespace for its user."""

    app: api.RenderedApp
    admission: Admission | None
    folder: Path
    namespace: str

    def launches(self, user: User = ADA) -> Iterator[Launch]:
        """One for every choice of the cluster's."""
        plan = self.app.plan
        cluster = next(c for c in plan.clusters if c.scheduler == "kubernetes").id
        for number, choice in enumerate(c for c in choices(plan) if c["cluster"] == cluster):
            filled = fill_required(plan, choice)
            policy = None
            if self.admission is not None:
                policy = self.admission.policy(filled[plan.node_type_field])
            objects = predict(plan, filled, user)
            yield Launch(filled, place(objects, self.namespace, number), policy)


def predict(plan: AppPlan, choice: Mapping[str, str], user: User = ADA) -> KubernetesObjects:
    """What the adapter gives to kubectl for a choice."""
    person = {"name": user.name, "home": user.home, "uid": user.uid, "gid": user.gid}
    submitter = Submitter(person, made_up_accounts(plan.mounted_users), STAGED_ROOT)
    document = evaluate_submission(plan, choice, submitter)
    fields = [field.id for field in plan.form]
    merged = merge_submission(document, choice, fields, plan.clusters[0].scheduler)
    session = Session(plan.app.id, choice["cluster"], STAGED_ROOT, user)
    return predict_objects(merged, session)


def prepare(
    server: KubernetesServer, app: api.RenderedApp, folder: Path, namespace: str, security: str = ""
) -> Prepared:
    """Do what the app's README asks of the administrator, and make the namespace of a user."""
    plan = app.plan
    cluster = next(c for c in plan.clusters if c.scheduler == "kubernetes")
    admission = plan.admission(cluster.id)
    target = folder / app.id
    for file in app.files:
        path = target / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
        path.chmod(0o755 if file.executable else 0o644)
    level = security or (admission.security if admission else "privileged")
    server.namespace(namespace, security=level, labels=dict(cluster.namespaces.labels))
    if admission is not None:
        of_cluster = target / "kubernetes" / cluster.id
        if (of_cluster / "kustomization.yaml").exists():
            server.apply(of_cluster)
        if (of_cluster / "each-namespace.yaml").exists():
            apply_in_namespace(server, of_cluster / "each-namespace.yaml", namespace)
    return Prepared(app, admission, target, namespace)


def make_home(server: KubernetesServer, namespace: str) -> None:
    """The claim on the user's home that the site's own hook makes, and volumes for all claims."""
    spec = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": "homes",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "home", "namespace": namespace},
        "spec": spec,
    }
    server.create([claim])
    listed = json.loads(server.kubectl("get", "pvc", "--output=json", namespace=namespace))
    server.create([_volume_for(claim) for claim in listed["items"]])


def _volume_for(claim: Object) -> Object:
    """What the storage's provisioner makes for a claim."""
    spec, metadata = claim["spec"], claim["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{metadata['namespace']}-{metadata['name']}"},
        "spec": {
            "capacity": spec["resources"]["requests"],
            "accessModes": spec["accessModes"],
            "storageClassName": spec["storageClassName"],
            "claimRef": {key: metadata[key] for key in ("namespace", "name")},
            "csi": {"driver": "example.edu", "volumeHandle": metadata["name"]},
        },
    }


def apply_in_namespace(server: KubernetesServer, file: Path, namespace: str) -> None:
    """The command that stands at the head of the file."""
    text = subprocess.run(
        ["envsubst", "$NAMESPACE"],
        input=file.read_text(),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"], "NAMESPACE": namespace},
    ).stdout
    server.kubectl("apply", "--filename=-", stdin=text)


def wait_until_admitting(server: KubernetesServer, launch: Launch, namespace: str) -> None:
    """A policy is in force a moment after it was created."""
    if launch.policy is None:
        return
    wanted = next(e["value"] for e in launch.policy.change.program.env if e["name"] == MARK)
    server.wait_until_in_force(
        copy.deepcopy(launch.objects.pod),
        namespace,
        lambda pod: {"name": MARK, "value": wanted} in pod["spec"]["containers"][0]["env"],
    )


def create_all(
    server: KubernetesServer, launches: Sequence[Launch], namespace: str, user: str | None = None
) -> dict[str, Object]:
    """Create what the launches ask for, as kubectl does for OOD; the pods as they are stored, by name."""
    server.create([o for launch in launches for o in launch.all], namespace, as_user=user)
    listed = json.loads(server.kubectl("get", "pods", "--output=json", namespace=namespace))
    return {pod["metadata"]["name"]: pod for pod in listed["items"]}


def differences(expected: Object, stored: Object) -> list[str]:
    """Where two pods differ, but for what the server makes anew for each."""
    return list(_differ("", _normal(expected), _normal(stored)))


def unmarked(pod: Mapping[str, Any]) -> Object:
    """A pod without the labels by which a policy finds it."""
    changed: Object = copy.deepcopy(dict(pod))
    for label in (APP_LABEL, NODE_TYPE_LABEL):
        changed["metadata"]["labels"].pop(label, None)
    return changed


def place(objects: KubernetesObjects, namespace: str, number: int) -> KubernetesObjects:
    """The objects with ids of their own, where OOD has random ones, in a namespace."""
    pod_name = objects.pod["metadata"]["name"]
    new = re.sub(r"-[0-9]+\Z", f"-{number:04d}", pod_name)
    text = json.dumps([objects.pod, objects.service, objects.configmap])
    pod, service, configmap = json.loads(text.replace(f'"{pod_name}', f'"{new}'))
    for item in (pod, service, configmap):
        if item is not None:
            item["metadata"]["namespace"] = namespace
    return KubernetesObjects(pod, service, configmap)


def _normal(pod: Object) -> Object:
    spec = copy.deepcopy(pod["spec"])
    for key in ("nodeName",):
        spec.pop(key, None)
    for volume in spec.get("volumes", ()):
        volume["name"] = re.sub(r"\A(kube-api-access)-.*", r"\1", volume["name"])
    spec.get("volumes", []).sort(key=lambda volume: str(volume["name"]))
    spec.get("tolerations", []).sort(key=json.dumps)
    for container in (*spec["containers"], *spec.get("initContainers", ())):
        for mount in container.get("volumeMounts", ()):
            mount["name"] = re.sub(r"\A(kube-api-access)-.*", r"\1", mount["name"])
        container.get("volumeMounts", []).sort(key=lambda mount: str(mount["mountPath"]))
    metadata = pod["metadata"]
    labels = unmarked({"metadata": {"labels": metadata.get("labels", {})}})["metadata"]["labels"]
    return {"labels": labels, "annotations": metadata.get("annotations", {}), "spec": spec}


def _differ(path: str, expected: Any, stored: Any) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(stored, dict):
        for key in sorted({*expected, *stored}):
            yield from _differ(f"{path}.{key}".lstrip("."), expected.get(key), stored.get(key))
    elif isinstance(expected, list) and isinstance(stored, list) and len(expected) == len(stored):
        for index, (first, second) in enumerate(zip(expected, stored, strict=True)):
            yield from _differ(f"{path}[{index}]", first, second)
    elif expected != stored:
        yield f"{path}: {json.dumps(expected)} is stored as {json.dumps(stored)}"
