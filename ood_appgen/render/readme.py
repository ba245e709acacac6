"""The words of an app's README."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ood_appgen.model.admission import APP_LABEL, Admission
from ood_appgen.model.plan import NO_LIMIT_HOURS, AppPlan, Offer


def cores_text(offer: Offer) -> str:
    """Cores of an offer."""
    least = max(offer.cores.start, 1)
    most = offer.cores.stop - 1
    text = str(least) if least == most else f"{least} to {most}"
    return f"{text}, or 0 for the whole node" if offer.cores.start == 0 else text


def gpus_text(offer: Offer, plan: AppPlan) -> str:
    """GPUs of an offer."""
    if offer.gpus is None:
        return ""
    kind = offer.node.gpus.type if offer.node.gpus else ""
    least, most = offer.gpus.start, offer.gpus.stop - 1
    if not plan.gpus_field:
        least = most = offer.default_gpus
    return f"{least if least == most else f'{least} to {most}'} {kind}".strip()


def memory_text(offer: Offer) -> str:
    """Memory of an offer."""
    if offer.pod.limits.memory_mb is not None:
        return f"{offer.pod.limits.memory_mb} MiB"
    if offer.memory_mb is not None:
        return f"{offer.memory_mb} MiB"
    return f"{offer.memory_mb_per_core} MiB a core" if offer.memory_mb_per_core else ""


def hours_text(offer: Offer) -> str:
    """Most hours of an offer, "" where there is no limit."""
    return "" if offer.hours.stop > NO_LIMIT_HOURS else str(offer.hours.stop - 1)


def field_rows(plan: AppPlan) -> list[tuple[str, str]]:
    """Each field of the form with its label."""
    labels = {c.field: c.label for c in plan.checks}
    rows = []
    for field in plan.form:
        attributes = dict(field.attributes)
        rows.append(
            (
                field.id,
                str(attributes.get("label") or labels.get(field.id) or field.id.capitalize()),
            )
        )
    return rows


_FILE_TEXTS = {
    "README.md": "this text",
    "form.yml": "the form; its limits follow cluster and node type",
    "manifest.yml": "title, category and description for the dashboard",
    "submit.yml.erb": "what is submitted; refuses what the form would not have offered",
    "template/before.sh.erb": "the user's choices, the connection, the app's preparation",
    "template/script.sh.erb": "loads the software and starts the program",
    "template/after.sh.erb": "waits until the program can be reached",
    "template/clean.sh.erb": "tidies up at the end",
    "view.html.erb": "the button that connects the user",
    "icon.svg": "the icon",
    "icon.png": "the icon",
}


_KUBERNETES_TEXTS = {
    "policy.yaml": "gives the app's pods what Open OnDemand's own template cannot say",
    "objects.yaml": "what the cluster needs once",
    "each-namespace.yaml": "what the namespace of each user needs",
    "kustomization.yaml": "the files of this folder that are applied once",
}


def file_rows(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each file of the app with what it does."""
    texts = {**_FILE_TEXTS}
    texts |= {
        n: _KUBERNETES_TEXTS[n.rpartition("/")[2]] for n in names if n.startswith("kubernetes/")
    }
    return [(name, texts[name]) for name in names]


def cluster_sections(plan: AppPlan) -> list[tuple[str, list[str]]]:
    """For each cluster that must be prepared: who applies what, and what happens without it."""
    return [(a.cluster, list(_cluster_lines(plan, a))) for a in plan.admissions]


# What happens where the hook did not apply an object.
_WITHOUT = {
    "PersistentVolumeClaim": "pods wait for the claim",
    "ConfigMap": "pods wait for the ConfigMap",
    "ServiceAccount": "Kubernetes refuses the pods",
    "Role": "sessions end, since the job script may not ask Kubernetes for its place",
    "NetworkPolicy": "sessions are reached as the other policies of the namespace allow",
}
# Whose the objects are that pods refer to.
_OF_THE_CLUSTER = ("PriorityClass", "RuntimeClass")


def _cluster_lines(plan: AppPlan, admission: Admission) -> Iterator[str]:
    folder = f"kubernetes/{admission.cluster}"
    policy = (
        "mutatingpolicies.policies.kyverno.io"
        if admission.kind == "kyverno"
        else "mutatingadmissionpolicies,mutatingadmissionpolicybindings"
    )
    if admission.policies or admission.cluster_objects:
        yield (
            f"**Once**, the cluster's administrator runs `kubectl apply -k {folder}`, and again after each render that "
            "changes the folder."
        )
    if admission.policies:
        kind = (
            "Kyverno's MutatingPolicy" if admission.kind == "kyverno" else "MutatingAdmissionPolicy"
        )
        where = " and ".join(_namespace_words(admission))
        container = plan.app.container
        looks = container is None or not container.command
        yield (
            f"The policy ({kind}) changes the pods with the label `{APP_LABEL}: {admission.app}` in namespaces "
            f"{where}, and no others. Without it, pods lack what this app needs"
            + (", and its sessions end at once." if looks else "; nothing in them looks for it.")
        )
        yield (
            "Where a render leaves fewer policies, or none, the rest stay in force until they are deleted: "
            f"`kubectl delete {policy} -l {APP_LABEL}={admission.app}`, then apply the folder."
        )
    if admission.namespace_objects:
        kinds = [(o["kind"], o["metadata"]["name"]) for o in admission.namespace_objects]
        listed = ", ".join(f"{kind} `{name}`" for kind, name in kinds)
        without = dict.fromkeys(_WITHOUT[kind] for kind, _ in kinds if kind in _WITHOUT)
        yield (
            f"**For each user's namespace**, the hook that makes it applies {listed}: "
            f"`NAMESPACE=... envsubst '$NAMESPACE' < {folder}/each-namespace.yaml | kubectl apply -f -`. Without "
            f"them, {'; '.join(without)}."
        )
    for cluster_wide in (True, False):
        mine = [n for n in admission.needs if (n.kind in _OF_THE_CLUSTER) == cluster_wide]
        if mine:
            names = ", ".join(
                f"{n.kind} `{n.name}`{' (optional)' if n.optional else ''}" for n in mine
            )
            where = "the cluster" if cluster_wide else "each user's namespace"
            yield f"**Not written here**, and needed in {where}: {names}."
    reason = f", since {admission.security_reason}" if admission.security_reason else ""
    yield f"The strictest Pod Security level that takes these pods is `{admission.security}`{reason}."
    if admission.wall_time == "reaper":
        yield "Pods end with their wall time by the site's job-pod-reaper."
    elif admission.wall_time == "deadline":
        yield "Pods end with their wall time: the policy sets `activeDeadlineSeconds`."
    else:
        yield "Nothing ends a pod when its wall time is over."


def _namespace_words(admission: Admission) -> Iterator[str]:
    namespaces = admission.namespaces
    if namespaces.prefix:
        yield f"whose names begin with `{namespaces.prefix}`"
    if namespaces.labels:
        yield "with the label " + ", ".join(f"`{k}: {v}`" for k, v in namespaces.labels)
