"""What an app asks of any scheduler, once the planner has settled the form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ood_appgen.expr import Expr, Fact, Join, Literal, Person, Product
from ood_appgen.model.app import AppSpec
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.plan import HOURS, Entry, Offer
from ood_appgen.model.pods import Init
from ood_appgen.model.site import ComputeCluster, split_placeholders

Columns = tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Request:
    """The app's side of a submission.

    `account`, `queue` and `qos` are None where the site has none. `image` and `mounts` are for
    schedulers that run containers; `app_mounts` are the names that the
    app adds to the cluster's, `mounts` all there are, by name.
    `label_columns` are labels that node types have each their own of, with their columns,
    `selecting` the clusters whose node types have node selectors.
    """

    app: AppSpec
    account: Expr | None
    account_may_be_blank: bool
    queue: Expr | None
    qos: Expr | None
    hours: bool
    has_gpus_field: bool
    environment: Pairs
    image: str
    app_mounts: tuple[str, ...]
    mounts: Mapping[str, Mount]
    init: tuple[Init, ...]
    label_columns: Mapping[str, str]
    selecting: frozenset[str]
    compute_clusters: Mapping[str, ComputeCluster]


def common_columns(offer: Offer, request: Request) -> Columns:
    """Columns that every scheduler's rows have: cores, GPUs and memory."""
    columns: list[tuple[str, Any]] = [("cores", offer.cores)]
    if offer.gpus is not None:
        columns.append(("gpus", offer.gpus if request.has_gpus_field else offer.default_gpus))
    return tuple(columns)


def batch_connect(app: AppSpec, with_params: bool) -> Entry:
    """The batch_connect entry: OOD's template, connection parameters and template options."""
    entries = [Entry("template", Literal(app.template))]
    if with_params and app.connection_params:
        entries.append(Entry("conn_params", Literal(list(app.connection_params))))
    entries += [Entry(key, Literal(value)) for key, value in app.template_options]
    return Entry("batch_connect", tuple(entries))


def wall_time(request: Request) -> tuple[Entry, ...]:
    """Wall time in seconds, from hours."""
    return (Entry("wall_time", Product(HOURS, Literal(3600))),) if request.hours else ()


def expand(text: str, user: str = "") -> Expr:
    """Text with placeholders as an expression: {compute_cluster}, {user}, {home}, {uid}, {gid}."""
    parts: list[Expr] = [
        _placeholder(part, user) if is_word else Literal(part)
        for part, is_word in split_placeholders(text)
    ]
    if not parts:
        return Literal("")
    # uid and gid are numbers: a text of them alone is still a text.
    alone = len(parts) == 1 and parts[0] not in (Person("uid", user), Person("gid", user))
    return parts[0] if alone else Join(tuple(parts))


def _placeholder(word: str, user: str) -> Expr:
    known: dict[str, Expr] = {
        "compute_cluster": Fact("compute_cluster"),
        "user": Person("name", user),
        "home": Person("home", user),
        "uid": Person("uid", user),
        "gid": Person("gid", user),
    }
    return known[word]
