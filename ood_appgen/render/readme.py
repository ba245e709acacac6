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
    return [(a.cluster, list(_cluster_lines(a))) for a in plan.admissions]


def _cluster_lines(admission: Admission) -> Iterator[str]:
    folder = f"kubernetes/{admission.cluster}"
    if admission.policies or admission.cluster_objects:
        yield (
            "**Once**, the cluster's administrator runs `kubectl apply -k "
            f"{folder}`, and again whenever this app is rendered anew."
        )
    if admission.policies:
        kind = (
            "Kyverno's MutatingPolicy" if admission.kind == "kyverno" else "MutatingAdmissionPolicy"
        )
        where = " and ".join(_namespace_words(admission))
        yield (
            f"The policy ({kind}) changes the pods with the label `{APP_LABEL}: {admission.app}` in namespaces "
            f"{where}, and no others. Without it, pods lack what this app needs, and its sessions end at once."
        )
    if admission.namespace_objects:
        kinds = ", ".join(
            f"{o['kind']} `{o['metadata']['name']}`" for o in admission.namespace_objects
        )
        yield (
            f"**For each user's namespace**, the hook that makes it applies {kinds}: "
            f"`NAMESPACE=... envsubst '$NAMESPACE' < {folder}/each-namespace.yaml | kubectl apply -f -`. Without "
            "them, pods are refused, or wait for what is missing."
        )
    if admission.secrets:
        names = ", ".join(f"`{name}`" for name in admission.secrets)
        yield f"**Secrets** that must be in the user's namespace, made by the user or the site: {names}."
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
