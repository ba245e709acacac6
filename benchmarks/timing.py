"""Child processes, timed one by one: wall time, CPU time and peak memory of each."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Run:
    """What one child took. `cpu_s` is user and system time; children of the child count too."""

    wall_s: float
    cpu_s: float
    peak_mib: float


class FailedError(Exception):
    """A child did not end with exit code 0; the message holds what it printed."""


def run(command: Sequence[str], env: dict[str, str] | None = None, cwd: str | None = None) -> Run:
    """Run a command to its end. Raises FailedError."""
    with tempfile.TemporaryFile() as printed:
        started = time.perf_counter()
        try:
            child = subprocess.Popen(command, stdout=printed, stderr=printed, env=env, cwd=cwd)
        except OSError as exc:
            raise FailedError(f"{command[0]}: {exc.strerror}") from exc
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            printed.seek(0)
            text = printed.read()[-3000:].decode(errors="replace")
            raise FailedError(f"{' '.join(command)}: exit code {child.returncode}\n{text}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def interleave(repetitions: int, *runs: Callable[[int], Run]) -> list[list[Run]]:
    """Each of `runs` once a round, every other round backwards: slow drift meets all alike.

    The first round only warms caches (bytecode, the file system) and is not counted.
    """
    results: list[list[Run]] = [[] for _ in runs]
    for number in range(repetitions + 1):
        order = list(enumerate(runs))
        for index, call in order if number % 2 else reversed(order):
            result = call(number)
            if number:
                results[index].append(result)
    return results


def median_wall(runs: Sequence[Run]) -> float:
    """Median wall time in seconds."""
    return statistics.median(r.wall_s for r in runs)


def median_cpu(runs: Sequence[Run]) -> float:
    """Median CPU time in seconds."""
    return statistics.median(r.cpu_s for r in runs)
