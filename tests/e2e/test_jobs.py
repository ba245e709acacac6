"""What a real Slurm makes of each choice, against what the plan says that the user asked for."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import slurm_node
from slurm_node import SlurmNode, wait_for
from staging import APPS, Staging

from ood_appgen.model.plan import AppPlan, Offer, choices

IDLE = "#!/bin/bash\nexec sleep 600\n"
ACCOUNT = "PZS0001"


@dataclass(frozen=True)
class Case:
    """A choice of one app, and what it asks for by the plan."""

    app: str
    choice: Mapping[str, str]

    def __str__(self) -> str:
        words = [self.app, self.choice["cluster"], self.choice["node_type"], str(self.cores)]
        return "-".join(words) + (f"-gpus{self.gpus}" if self.gpus else "")

    @property
    def plan(self) -> AppPlan:
        return APPS[self.app].plan

    @property
    def offer(self) -> Offer:
        where = (self.choice["cluster"], self.choice["node_type"])
        return next(o for o in self.plan.offers if (o.cluster.id, o.node.id) == where)

    @property
    def cores(self) -> int:
        """Zero is the whole node."""
        return int(self.choice["num_cores"])

    @property
    def tasks(self) -> int | None:
        """The tasks on the node; None where the node is asked for without a number."""
        whole = self.offer.node.whole_node
        return self.cores or (int(whole) if str(whole).isdigit() else None)

    @property
    def exclusive(self) -> bool:
        return self.offer.node.exclusive or self.tasks is None

    @property
    def memory_mb(self) -> int | None:
        """Zero is all of the node's."""
        if self.offer.memory_mb_per_core is not None:
            return self.cores * self.offer.memory_mb_per_core
        return self.offer.memory_mb

    @property
    def gpus(self) -> int:
        if self.offer.node.gpus is None:
            return 0
        asked = self.choice.get(self.plan.gpus_field)
        return self.offer.default_gpus if asked is None else int(asked)

    @property
    def time_limit(self) -> str:
        return f"{int(self.choice['bc_num_hours']):02}:00:00"

    def expected(self) -> dict[str, str]:
        """What `scontrol show job` says of the job before it runs."""
        node = self.offer.node
        gpus = ""
        if node.gpus is not None and self.gpus:
            gpus = ":".join(filter(None, ("gres", "gpu", node.gpus.type, str(self.gpus))))
        expected = {
            "NumNodes": "1",
            "NumTasks": str(self.tasks or 1),
            "NumCPUs": str(self.tasks or 1),
            "Partition": node.partition or slurm_node.PARTITIONS[0],
            "Features": node.constraint or "(null)",
            "OverSubscribe": "NO" if self.exclusive else "OK",
            "TimeLimit": self.time_limit,
            "Account": ACCOUNT.lower(),  # as Slurm keeps it
            "TresPerNode": gpus,
        }
        if self.memory_mb is None:
            expected["MinMemoryCPU"] = str(slurm_node.DEFAULT_MEMORY_MB)
        else:
            expected["MinMemoryNode"] = str(self.memory_mb)
        return expected


CASES = [
    Case(app, {**choice, "account": ACCOUNT})
    for app, rendered in APPS.items()
    for choice in choices(rendered.plan)
]


def to_run() -> list[Case]:
    """Of each node type the whole node, where it is offered, and the fewest cores."""
    kept: dict[tuple[str, str, int], Case] = {}
    for case in CASES:
        if case.app == "jupyter" and case.cores in (0, max(case.offer.cores.start, 1)):
            kept[case.choice["cluster"], case.choice["node_type"], case.cores] = case
    return list(kept.values())


def case(name: str) -> Case:
    return next(c for c in CASES if str(c) == name)


def megabytes(text: str) -> int:
    units = {"M": 1, "G": 1024, "T": 1024 * 1024}
    return round(float(text[:-1]) * units[text[-1]]) if text[-1] in units else int(text)


def request_of(job: Mapping[str, str]) -> dict[str, str]:
    """What Slurm says of a waiting job, in one spelling."""
    seen = dict(job)
    if seen["NumNodes"] == "1-1":  # from one to one
        seen["NumNodes"] = "1"
    for key in ("MinMemoryCPU", "MinMemoryNode"):
        if key in seen:
            seen[key] = str(megabytes(seen[key]))
    return seen


Submit = Callable[..., str]


@pytest.fixture
def submit(slurm: SlurmNode, staging: Staging, written: dict[str, Path]) -> Iterator[Submit]:
    """Submits a choice as OOD does, but with a job that only sleeps; cancelled at the end."""
    jobs: list[str] = []

    def run(case: Case, *first: str) -> str:
        staged = Path(slurm.user.pw_dir) / "sessions" / str(uuid.uuid4())
        staging.stage(written[case.app], case.choice, staged)
        form = [f.id for f in case.plan.form]
        submission = staging.submission(written[case.app], form, case.choice, staged)
        jobs.append(slurm.submit((*first, *submission.arguments), IDLE))
        return jobs[-1]

    yield run
    for job in jobs:
        slurm.cancel(job)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_slurm_reads_the_request_as_planned(submit: Submit, slurm: SlurmNode, case: Case) -> None:
    job = request_of(slurm.show(submit(case, "-H")))
    assert job["JobState"] == "PENDING"
    expected = case.expected()
    assert {key: job.get(key, "") for key in expected} == expected


@pytest.mark.parametrize("case", to_run(), ids=str)
def test_a_running_job_has_what_was_asked_for(submit: Submit, slurm: SlurmNode, case: Case) -> None:
    number = submit(case)
    wait_for(lambda: slurm.show(number)["JobState"] == "RUNNING", f"job {number} to run", 60)
    job = slurm.show(number)
    got = dict(item.split("=", 1) for item in job["TRES"].split(","))
    # A job that has the node to itself has all its cores, however many it asked for.
    cores = slurm_node.CORES if case.exclusive else case.tasks
    assert (got["node"], int(got["cpu"]), int(job["NumCPUs"])) == ("1", cores, cores)
    if case.memory_mb is not None:
        assert megabytes(got["mem"]) == (case.memory_mb or slurm_node.MEMORY_MB)
    # A node that is somebody's own is given with its GPUs, asked for or not.
    if not case.exclusive:
        given = re.match(r"gpu:\w+:([0-9]+)", job.get("GRES", ""))
        assert int(given[1] if given else 0) == case.gpus
    assert job["TimeLimit"] == case.time_limit


def test_a_second_job_waits_while_the_node_is_somebodys_own(
    submit: Submit, slurm: SlurmNode
) -> None:
    first = submit(case("jupyter-alone-any-0"))
    wait_for(lambda: slurm.show(first)["JobState"] == "RUNNING", f"job {first} to run", 60)
    second = submit(case("jupyter-alone-any-1"))
    wait_for(lambda: slurm.show(second)["Reason"] == "Resources", f"job {second} to wait", 60)
    assert slurm.show(second)["JobState"] == "PENDING"
