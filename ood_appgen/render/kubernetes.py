"""`kubernetes/CLUSTER/`: what the administrator of a cluster applies for an app.

Sources: Kubernetes' API reference of MutatingAdmissionPolicy (admissionregistration.k8s.io) and
Kyverno's of MutatingPolicy (policies.kyverno.io/v1, since Kyverno 1.17), which takes the same CEL.
Kyverno makes rules for Deployments and the like of a policy for pods, but of none with an
objectSelector (kyverno/kyverno pkg/cel/autogen/support.go, `CanAutoGen`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ood_appgen.cel import cel_text, cel_value, pointer
from ood_appgen.encode import comment, yaml_lines
from ood_appgen.model.admission import (
    APP_LABEL,
    LIFETIME,
    MARK,
    NODE_TYPE_LABEL,
    Admission,
    ContainerChange,
    Data,
    PodChange,
    PodPolicy,
)
from ood_appgen.model.plan import AppPlan

POLICY, OBJECTS, EACH, KUSTOMIZATION = (
    "policy.yaml",
    "objects.yaml",
    "each-namespace.yaml",
    "kustomization.yaml",
)


def files(plan: AppPlan) -> dict[str, str]:
    """The texts of all files, by path below the app."""
    texts: dict[str, str] = {}
    for admission in plan.admissions:
        folder = f"kubernetes/{admission.cluster}"
        head = [
            f"# {comment(plan.title)} on {admission.cluster}: made by appgen from "
            f"{comment(plan.made_from[0])} and {comment(plan.made_from[1])}.",
            f"# Do not edit: change those files, then run: {comment(plan.command)}",
        ]
        parts = {
            POLICY: _policies(admission),
            OBJECTS: [yaml_lines(o) for o in admission.cluster_objects],
            EACH: [yaml_lines(_in_namespace(o)) for o in admission.namespace_objects],
        }
        for name, documents in parts.items():
            if documents:
                note = [_EACH_NOTE] if name == EACH else []
                texts[f"{folder}/{name}"] = _join([*head, *note], documents)
        once = [name for name in (OBJECTS, POLICY) if parts[name]]
        if once:
            kustomization = {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": once,
            }
            texts[f"{folder}/{KUSTOMIZATION}"] = _join(head, [yaml_lines(kustomization)])
    return texts


_EACH_NOTE = (
    "# For each user's namespace: "
    "NAMESPACE=... envsubst '$NAMESPACE' < each-namespace.yaml | kubectl apply -f -"
)


def _join(head: Sequence[str], documents: Sequence[Sequence[str]]) -> str:
    bodies = ("\n".join(lines) for lines in documents)
    return "\n".join(head) + "\n---\n" + "\n---\n".join(bodies) + "\n"


def _in_namespace(data: Data) -> Data:
    """An object of a user's namespace, which is filled in when it is applied."""
    placed = {**data, "metadata": {"namespace": "$NAMESPACE", **data["metadata"]}}
    if "subjects" in data:
        placed["subjects"] = [{**s, "namespace": "$NAMESPACE"} for s in data["subjects"]]
    return placed


def _policies(admission: Admission) -> list[list[str]]:
    documents = []
    labels = {"app.kubernetes.io/managed-by": "appgen", APP_LABEL: admission.app}
    for policy in admission.policies:
        spec = _spec(admission, policy)
        metadata = {"name": policy.name, "labels": labels}
        if admission.kind == "kyverno":
            head = {"apiVersion": "policies.kyverno.io/v1", "kind": "MutatingPolicy"}
            documents.append({**head, "metadata": metadata, "spec": spec})
            continue
        kind = "MutatingAdmissionPolicy"
        version = {"apiVersion": f"admissionregistration.k8s.io/{admission.kind}"}
        never = {"reinvocationPolicy": "Never", **spec}
        binding = {"policyName": policy.name}
        documents += [
            {**version, "kind": kind, "metadata": metadata, "spec": never},
            {**version, "kind": f"{kind}Binding", "metadata": metadata, "spec": binding},
        ]
    return [yaml_lines(document) for document in documents]


def _spec(admission: Admission, policy: PodPolicy) -> dict[str, Any]:
    """What Kubernetes' and Kyverno's policies have in common: nearly everything."""
    selector: dict[str, Any] = {
        "matchLabels": {
            "app.kubernetes.io/managed-by": "open-ondemand",
            APP_LABEL: admission.app,
        }
    }
    if policy.node_types:
        node_types = {"key": NODE_TYPE_LABEL, "operator": "In", "values": list(policy.node_types)}
        selector["matchExpressions"] = [node_types]
    constraints: dict[str, Any] = {
        "resourceRules": [
            {
                "apiGroups": [""],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": ["pods"],
            }
        ],
        "objectSelector": selector,
    }
    if admission.namespaces.labels:
        constraints["namespaceSelector"] = {"matchLabels": dict(admission.namespaces.labels)}
    return {
        "failurePolicy": "Fail",
        "matchConstraints": constraints,
        "matchConditions": list(_conditions(admission, policy.change)),
        "variables": list(_variables(policy.change)),
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {"expression": " +\n".join(_terms(policy.change)) + "\n"},
            }
        ],
    }


def _conditions(admission: Admission, change: PodChange) -> Iterator[dict[str, str]]:
    if admission.namespaces.prefix:
        prefix = cel_text(admission.namespaces.prefix)
        yield {"name": "user-namespace", "expression": f"request.namespace.startsWith({prefix})"}
    # A JSON patch takes the last container for one that is not there.
    program = f"object.spec.containers.exists(c, c.name == {cel_text(change.program.name)})"
    yield {"name": "program", "expression": program}
    # One that a policy of an earlier rendering has changed would get everything twice.
    marked = f"c.name == {cel_text(change.program.name)} && c.?env.orValue([]).exists(e, e.name == {cel_text(MARK)})"
    yield {"name": "once", "expression": f"!object.spec.containers.exists(c, {marked})"}
    for container in _changed(change.init):
        name = cel_text(container.name)
        expression = f"has(object.spec.initContainers) && object.spec.initContainers.exists(c, c.name == {name})"
        yield {"name": f"init-{container.name}", "expression": expression}


def _changed(containers: Sequence[ContainerChange]) -> list[ContainerChange]:
    return [c for c in containers if c != ContainerChange(c.name)]


def _variables(change: PodChange) -> Iterator[dict[str, str]]:
    """Each container, and where it is in the pod."""
    for variable, group, container in _containers(change):
        found = f"object.spec.{group}.filter(c, c.name == {cel_text(container.name)})[0]"
        yield {"name": variable, "expression": found}
        place = f"object.spec.{group}.map(c, c.name).indexOf({cel_text(container.name)})"
        yield {"name": f"{variable}_path", "expression": f'"/spec/{group}/" + string({place})'}


def _containers(change: PodChange) -> Iterator[tuple[str, str, ContainerChange]]:
    yield "program", "containers", change.program
    for number, container in enumerate(_changed(change.init)):
        yield f"init_{number}", "initContainers", container


def _terms(change: PodChange) -> Iterator[str]:
    """The patch, as lists of steps that are joined."""
    for key, items in (
        ("volumes", change.volumes),
        ("tolerations", change.tolerations),
        ("topologySpreadConstraints", change.topology_spread_constraints),
    ):
        yield from _extend(
            f"object.spec.{key}", cel_text(f"/spec/{key}"), f"Object.spec.{key}", items
        )
    for variable, group, container in _containers(change):
        yield from _container_terms(f"variables.{variable}", group, container)
    settings = dict(change.settings)
    if "priorityClassName" in settings:
        # Kubernetes has worked these out from the class that the pod had before.
        for key in ("priority", "preemptionPolicy"):
            yield f'(has(object.spec.{key}) ? [JSONPatch{{op: "remove", path: "/spec/{key}"}}] : [])'
    if settings:
        steps = [
            _add(cel_text(f"/spec/{k}"), cel_value(v, f"Object.spec.{k}"))
            for k, v in settings.items()
        ]
        yield _steps(steps)
    if change.annotations:
        yield _missing("has(object.metadata.annotations)", '"/metadata/annotations"', "{}")
        yield _steps(
            [
                _add(cel_text(f"/metadata/annotations/{pointer(k)}"), cel_text(v))
                for k, v in change.annotations
            ]
        )
    if change.deadline:
        lifetime = f"object.metadata.annotations[{cel_text(LIFETIME)}]"
        step = _add('"/spec/activeDeadlineSeconds"', f"duration({lifetime}).getSeconds()")
        known = f"has(object.metadata.annotations) && {cel_text(LIFETIME)} in object.metadata.annotations"
        yield f"({known} ? [{step}] : [])"


def _container_terms(variable: str, group: str, container: ContainerChange) -> Iterator[str]:
    kind = f"Object.spec.{group}"
    for key, items in (
        ("volumeMounts", container.volume_mounts),
        ("env", container.env),
        ("envFrom", container.env_from),
    ):
        path = f'{variable}_path + "/{key}"'
        yield from _extend(f"{variable}.{key}", path, f"{kind}.{key}", items)
    quantities: Mapping[str, Any] = {"limits": container.limits, "requests": container.requests}
    resources = f"{variable}.resources"
    if any(quantities.values()):
        # The API server always has it; a manifest that Kyverno's command line reads may lack it.
        yield _missing(f"has({resources})", f'{variable}_path + "/resources"', "{}")
    for key, pairs in quantities.items():
        if pairs:
            below = f"/resources/{key}"
            path = f"{variable}_path + {cel_text(below)}"
            yield _missing(f"has({resources}) && has({resources}.{key})", path, "{}")
            steps = (
                (f"{variable}_path + {cel_text(f'{below}/{pointer(name)}')}", cel_text(value))
                for name, value in pairs
            )
            yield _steps([_add(*step) for step in steps])


def _extend(field: str, path: str, kind: str, items: Sequence[Data]) -> Iterator[str]:
    """Steps that append to a list, which is made where it is missing."""
    if items:
        yield _missing(f"has({field})", path, "[]")
        end = path.removesuffix('"') + '/-"'
        yield _steps([_add(end, cel_value(item, kind)) for item in items])


def _missing(there: str, path: str, empty: str) -> str:
    """A step that makes a list or mapping, unless it is there."""
    return f"({there} ? [] : [{_add(path, empty)}])"


def _add(path: str, value: str) -> str:
    return f'JSONPatch{{op: "add", path: {path}, value: {value}}}'


def _steps(steps: Sequence[str]) -> str:
    return "[\n" + ",\n".join(f"  {step}" for step in steps) + "\n]"
