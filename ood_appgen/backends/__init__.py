"""Cluster facts and an app's request become submission entries: one module for each scheduler.

A backend is a module with two functions: `row(offer, request)` gives an offer's columns in the
submit file's table, `branches(offers, request)` what is submitted. A further scheduler is a further
module, and a line in `BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ood_appgen.backends import kubernetes, slurm
from ood_appgen.backends.request import Columns, Request
from ood_appgen.model.plan import Branch, Offer


@dataclass(frozen=True)
class Backend:
    """What the planner needs from a scheduler."""

    row: Callable[[Offer, Request], Columns]
    branches: Callable[[Sequence[Offer], Request], tuple[Branch, ...]]


BACKENDS = {
    "slurm": Backend(slurm.row, slurm.branches),
    "kubernetes": Backend(kubernetes.row, kubernetes.branches),
}

__all__ = ["BACKENDS", "Backend", "Columns", "Request"]
