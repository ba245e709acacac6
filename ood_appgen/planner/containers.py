"""What jobs in containers need of a site beyond a node type: compute clusters, labels."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ood_appgen.diagnostics import Diagnostic, Span, error, quote
from ood_appgen.model.plan import Offer
from ood_appgen.model.schedulers import SCHEDULERS
from ood_appgen.model.site import SiteProfile
from ood_appgen.planner.settings import Settings

_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z")
_WORD = "{compute_cluster}"
LABEL_HINT = (
    "Kubernetes takes letters, digits and - _ . (63 at most), a letter or digit at both ends"
)


def is_label(text: str) -> bool:
    """Whether Kubernetes takes a text as the value of a label."""
    return bool(_LABEL.match(text))


def check_placeholders(
    site: SiteProfile, settings: Settings, offers: Sequence[Offer]
) -> list[Diagnostic]:
    """Texts that name the compute cluster on node types that have none; accounts that are no label."""
    findings: dict[tuple[str, str], Diagnostic] = {}
    for offer in offers:
        cluster = offer.cluster
        if not SCHEDULERS[cluster.scheduler].in_containers:
            continue
        account = cluster.account
        if account.ask == "fixed" and not is_label(account.value):
            findings[cluster.id, "account"] = error(
                account.span or cluster.span,
                "account",
                f"the account {quote(account.value)} cannot be a pod's label",
                LABEL_HINT,
            )
        if offer.node.compute_cluster:
            continue
        for what, span in _users(site, settings, offer):
            findings.setdefault(
                (offer.node.id, what),
                error(
                    offer.node.span,
                    "compute-cluster-missing",
                    f"{what} needs {_WORD}, but node type {quote(offer.node.id)} of {cluster.id} has none",
                    "add `compute_cluster:` to the node type",
                    (span, what),
                ),
            )
    return list(findings.values())


def _users(site: SiteProfile, settings: Settings, offer: Offer) -> list[tuple[str, Span]]:
    cluster = offer.cluster
    names = [*(name for name, _ in cluster.mounts), *settings.mounts]
    known = settings.known_mounts
    mounts = [known[name] for name in dict.fromkeys(names) if name in known]
    mounts += [known[n] for item in settings.init for n, _ in item.mounts if n in known]
    users = [(f"the mount {m.name}", m.span) for m in mounts if _WORD in m.path + m.to]
    users += [
        (f"the environment of the init container {item.name}", item.places["environment"])
        for item in settings.init
        if any(_WORD in text for _, text in item.environment)
    ]
    for what, texts in (
        ("a label", (*cluster.labels, *offer.pod.labels)),
        ("the node selector", (*cluster.node_selector, *offer.node.node_selector)),
        ("the environment", (*cluster.environment, *settings.app.environment)),
    ):
        if any(_WORD in text for _, text in texts):
            users.append((what, cluster.span))
    return users
