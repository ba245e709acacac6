"""The words of an app's README."""

from __future__ import annotations

from collections.abc import Sequence

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


def file_rows(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each file of the app with what it does."""
    return [(name, _FILE_TEXTS[name]) for name in names]
