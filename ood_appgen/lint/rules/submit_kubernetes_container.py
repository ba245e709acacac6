"""A container that the Kubernetes adapter cannot start.

Why
    A container needs `name` and `image`: without them submitting is an error. For an init container
    without a `command` the template writes the key with nothing under it.
    `supplemental_groups` are numbers of groups, all integers, or sorting them fails.
    (OSC/ood_core lib/ood_core/job/adapters/kubernetes/resources.rb, Container; batch.rb,
    supplemental_groups; templates/pod.yml.erb.)

Bad
    native:
      container:
        name: jupyter

Good
    native:
      container:
        name: jupyter
        image: "example.org/jupyter:4"

Fix
    Add what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Scalar, Sequence
from ood_appgen.lint.rule import Finding, at

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look at the containers of each view."""
    only_kubernetes = submit.schedulers(app) == {"kubernetes"}
    for native in submit.natives(app):
        if not isinstance(native, Mapping):
            continue
        container, key = native.get("container"), native.key("container")
        if container is None and only_kubernetes and native.complete and native.items:
            first = native.items[0][0]
            yield at(first, "`native:` has no `container:`", "Kubernetes needs its name and image")
        if not isinstance(container, Mapping) or key is None:
            continue
        yield from _check(key, container, ("name", "image"), "the container")
        yield from _check_groups(container)
        more = native.get("init_containers")
        for item in more.items if isinstance(more, Sequence) else ():
            if isinstance(item, Mapping) and item.items:
                first = item.items[0][0]
                if isinstance(first, Scalar):
                    yield from _check(first, item, ("name", "image"), "this init container")
                    if item.complete and item.get("command") is None:
                        message = "this init container has no `command:`: an empty one is written"
                        hint = "say what it runs"
                        yield at(first, message, hint, severity=Severity.NOTE)


def _check(
    place: Scalar, container: Mapping, needed: tuple[str, ...], what: str
) -> Iterator[Finding]:
    if not container.complete:
        return
    missing = [key for key in needed if container.get(key) is None]
    if missing:
        names = " and ".join(f"`{key}:`" for key in missing)
        yield at(place, f"{what} has no {names}: the job is not submitted", f"add {names}")


def _check_groups(container: Mapping) -> Iterator[Finding]:
    groups = container.get("supplemental_groups")
    for item in groups.items if isinstance(groups, Sequence) else ():
        if isinstance(item, Scalar) and not item.opaque and item.kind != "int":
            message = f"the supplemental group {quote(item.value)} is no number"
            yield at(item, message, "write the group's id, without quotes")
