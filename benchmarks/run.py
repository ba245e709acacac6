"""How long appgen takes beside cookiecutter, for one app and for many; `make bench`.

Prints times, ratios and goals, and never fails for being slow: exit code 1 means that something did
not run. Compare ratios between machines, not seconds.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cookie
import large_site
import many_apps
import many_choices
import timing
from timing import FailedError, Run

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_apps"
BIN = Path(sys.executable).parent

GOAL_ONE_APP = 1.0
GOAL_GROWTH = 1.2
GOAL_PEAK_MIB = 300
GOAL_HELP = 1.0
GOAL_BARE_LOOP = 1.5
GOAL_PROCESSES = 1 / 20
GOAL_LINT_COLD = 2.0
GOAL_LINT_UNCHANGED = 0.25


def main() -> int:
    """Run all benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 and 20 apps, not 20 and 200")
    parser.add_argument("--repetitions", type=int, default=15, metavar="N", help="default: 15")
    parser.add_argument("--only", choices=["a", "b", "c", "d", "e"], help="one of them alone")
    parser.add_argument(
        "--corpus",
        type=Path,
        default=os.environ.get("APPGEN_CORPUS"),
        metavar="DIR",
        help="apps to lint in e; default: $APPGEN_CORPUS, else copies of the sample apps",
    )
    options = parser.parse_args()
    parts = {
        "a": lambda: compare_one_app(options.repetitions),
        "b": lambda: compare_many_apps((5, 20) if options.quick else (20, 200)),
        "c": lambda: compare_help(options.repetitions),
        "d": lambda: compare_verify((200, 1000) if options.quick else (1000, 20_000)),
        "e": lambda: compare_lint(options.corpus, 1 if options.quick else 3),
    }
    try:
        for name, part in parts.items():
            if options.only in (None, name):
                part()
    except FailedError as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return 1
    return 0


def compare_one_app(repetitions: int) -> None:
    """One app from a cold process; cookiecutter copies the same tree from a ready template."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        env = _clean_env(folder)

        def appgen(output: Path) -> Run:
            app, site = SAMPLES / "apps" / "jupyter", SAMPLES / "site.yml"
            command = ["render", str(app), "--site", str(site), "--output", str(output)]
            return timing.run([_program("appgen"), *command], env)

        def cookiecutter(output: Path) -> Run:
            command = ["--no-input", "--output-dir", str(output), str(folder / "template")]
            return timing.run([_program("cookiecutter"), *command], env)

        appgen(folder / "first")
        cookie.make_template(folder / "first" / "jupyter", folder / "template")
        wanted = cookie.read_tree(folder / "first" / "jupyter")
        ours, theirs = timing.interleave(
            repetitions,
            lambda n: appgen(folder / f"appgen-{n}"),
            lambda n: cookiecutter(folder / f"cookiecutter-{n}"),
        )
        for number in range(repetitions + 1):
            for maker in ("appgen", "cookiecutter"):
                if cookie.read_tree(folder / f"{maker}-{number}" / "jupyter") != wanted:
                    raise FailedError(f"{maker} made another tree in round {number}")
    _title(f"a. One app, cold process: jupyter, {len(wanted)} files, median of {repetitions}")
    _row("appgen render", _ms(ours))
    _row("cookiecutter, same bytes", _ms(theirs))
    _ratio("wall time, appgen / cookiecutter", _wall(ours, theirs), GOAL_ONE_APP)
    _ratio("CPU time, appgen / cookiecutter", timing.median_cpu(ours) / timing.median_cpu(theirs))


def compare_many_apps(counts: Sequence[int]) -> None:
    """Many apps in one process, on a site that is larger than any."""
    runs = []
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="bench-") as name:
            folder = Path(name)
            site = large_site.write_site(folder)
            large_site.write_apps(folder, SAMPLES / "apps", count)
            command = ["render", "--site", str(site), "--output", str(folder / "build")]
            runs.append(timing.run([_program("appgen"), *command], _clean_env(folder)))
            made = len(list((folder / "build").glob("*/submit.yml.erb")))
            if made != count:
                raise FailedError(f"{made} apps were made of {count}")
    clusters = len(large_site.SLURM) + len(large_site.KUBERNETES)
    _title(f"b. Many apps: {clusters} clusters x {len(large_site.NODE_TYPES)} node types")
    each = []
    for count, result in zip(counts, runs, strict=True):
        each.append(result.wall_s / count)
        _row(f"{count} apps", f"{1000 * each[-1]:.0f} ms an app", f"{result.wall_s:.1f} s in all")
    _ratio(f"time an app, {counts[1]} / {counts[0]} apps", each[1] / each[0], GOAL_GROWTH)
    cpu = [result.cpu_s / count for count, result in zip(counts, runs, strict=True)]
    _ratio(f"CPU time an app, {counts[1]} / {counts[0]} apps", cpu[1] / cpu[0])
    for count, result in zip(counts, runs, strict=True):
        _goal(
            f"peak memory, {count} apps",
            f"{result.peak_mib:.0f} MiB",
            result.peak_mib,
            GOAL_PEAK_MIB,
        )


def compare_help(repetitions: int) -> None:
    """What a shell user waits for the help."""
    env = dict(os.environ)
    commands = (
        [_program("appgen"), "--help"],
        [_program("cookiecutter"), "--help"],
        [sys.executable, "-c", "pass"],
    )
    ours, theirs, bare = timing.interleave(
        repetitions, *[lambda _, c=command: timing.run(c, env) for command in commands]
    )
    _title(f"c. Cold start, median of {repetitions}")
    _row("appgen --help", _ms(ours))
    _row("cookiecutter --help", _ms(theirs))
    _row("python -c pass", _ms(bare))
    _ratio("wall time, appgen / cookiecutter", _wall(ours, theirs), GOAL_HELP)
    _ratio("wall time, appgen / bare python", _wall(ours, bare))


def compare_verify(counts: Sequence[int]) -> None:
    """Proved choices beside a bare loop over the same files in Ruby, and one process for each."""
    ruby = shutil.which("ruby")
    if ruby is None:
        raise FailedError("ruby is not installed")
    runs = []
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        env = _clean_env(folder)
        site = many_choices.write_site(folder)
        app = SAMPLES / "apps" / "codeserver"
        build = folder / "build"
        render = ["render", str(app), "--site", str(site), "--output", str(build)]
        timing.run([_program("appgen"), *render], env)
        for count in counts:
            contexts = many_choices.write_choices(build / "codeserver", folder, count)
            command = ["verify", str(app), "--site", str(site), "--limit", str(count)]
            ours = timing.run([_program("appgen"), *command], env)
            bare = [ruby, str(ROOT / "benchmarks" / "bare_loop.rb"), str(build / "codeserver")]
            theirs = timing.run([*bare, str(contexts)], env)
            runs.append((count, ours, theirs))
        one = many_choices.write_choices(build / "codeserver", folder, 1)
        single = [timing.run([*bare, str(one)], env).wall_s for _ in range(10)]
    _title("d. Proved choices: codeserver, 16 clusters x 40 node types, 5 files a choice")
    for count, ours, theirs in runs:
        _row(
            f"appgen verify, {count:,}",
            f"{ours.wall_s:.1f} s",
            f"{count / ours.wall_s:,.0f} a second",
        )
        _row(f"bare Ruby loop, {count:,}", f"{theirs.wall_s:.1f} s")
        _ratio("wall time, verify / bare loop", ours.wall_s / theirs.wall_s, GOAL_BARE_LOOP)
        each = statistics.median(single) * count
        _ratio("wall time, verify / one process a choice", ours.wall_s / each, GOAL_PROCESSES)
    small, large = runs
    growth = (large[1].wall_s / large[0]) / (small[1].wall_s / small[0])
    _ratio(f"time a choice, {large[0]:,} / {small[0]:,}", growth, GOAL_GROWTH)
    _row("peak memory", f"{small[1].peak_mib:.0f} MiB", f"{large[1].peak_mib:.0f} MiB")


def compare_lint(corpus: Path | None, repetitions: int) -> None:
    """All rules on all files of many apps; yamllint reads their plain YAML files alone."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        env = {**_clean_env(folder), "XDG_CACHE_HOME": str(folder / "cache")}
        if corpus is None:
            corpus = folder / "apps"
            for site in (SAMPLES / "site.yml", SAMPLES / "sites" / "arc" / "site.yml"):
                build = folder / site.parent.name
                apps = map(str, sorted((SAMPLES / "apps").iterdir()))
                command = ["render", *apps, "--site", str(site), "--output", str(build)]
                timing.run([_program("appgen"), *command], env)
                many_apps.make_apps(build, corpus / site.parent.name)
        apps_found = many_apps.find_apps(corpus)
        plain = [str(path.absolute()) for path in many_apps.find_plain_yaml(apps_found)]
        if not plain:
            raise FailedError(f"{corpus}: there are no apps with plain YAML files")
        rules = folder / "yamllint.yml"
        rules.write_text("extends: default\n")

        def lint(*options: str) -> Run:
            command = ["lint", str(corpus.absolute()), "--select", "ALL", "--exit-zero", *options]
            return timing.run([_program("appgen"), *command], env, cwd=name)

        def yamllint() -> Run:
            command = [_program("yamllint"), "-c", str(rules), *plain]
            return timing.run(["sh", "-c", '"$@"; test $? -le 1', "sh", *command], env, cwd=name)

        lint()  # fills the cache
        cold, unchanged, theirs, one, own = timing.interleave(
            repetitions,
            lambda _: lint("--no-cache"),
            lambda _: lint(),
            lambda _: yamllint(),
            lambda _: lint("--no-cache", "--jobs", "1"),
            lambda _: lint("--no-cache", "--ignore", "script-shellcheck"),
        )
    _title(f"e. Lint: {len(apps_found)} apps, all rules; median of {repetitions}")
    _row("appgen lint, cold", _ms(cold), f"{timing.median_cpu(cold):.1f} s CPU")
    _row("appgen lint, cold, one process", _ms(one), f"{timing.median_cpu(one):.1f} s CPU")
    _row("appgen lint, cold, no shellcheck", _ms(own), f"{timing.median_cpu(own):.1f} s CPU")
    _row("appgen lint, unchanged", _ms(unchanged))
    _row(f"yamllint, {len(plain)} plain YAML files", _ms(theirs))
    _ratio("wall time, cold / yamllint", _wall(cold, theirs), GOAL_LINT_COLD)
    _ratio("wall time, cold, no shellcheck / yamllint", _wall(own, theirs))
    _ratio("wall time, unchanged / yamllint", _wall(unchanged, theirs), GOAL_LINT_UNCHANGED)
    _row("peak memory", f"{max(run.peak_mib for run in cold):.0f} MiB")


# -- helpers --------------------------------------------------------------------------------------


def _program(name: str) -> str:
    path = BIN / name
    if not path.exists():
        found = shutil.which(name)
        if found is None:
            raise FailedError(f"{name} is not installed; try: pip install -e '.[bench]'")
        return found
    return str(path)


def _clean_env(home: Path) -> dict[str, str]:
    """The environment with a home of its own: cookiecutter reads and writes files there."""
    return {**os.environ, "HOME": str(home)}


def _wall(first: Sequence[Run], second: Sequence[Run]) -> float:
    return timing.median_wall(first) / timing.median_wall(second)


def _ms(runs: Sequence[Run]) -> str:
    return f"{1000 * timing.median_wall(runs):.0f} ms"


def _title(text: str) -> None:
    print(f"\n{text}" if sys.stdout.isatty() else text)


def _row(what: str, result: str, note: str = "") -> None:
    print(f"   {what:<42}{result:>10}  {note}".rstrip())


def _ratio(what: str, value: float, goal: float | None = None) -> None:
    if goal is None:
        _row(what, f"{value:.2f}")
    else:
        _goal(what, f"{value:.2f}", value, goal)


def _goal(what: str, shown: str, value: float, goal: float) -> None:
    unit = " MiB" if shown.endswith("MiB") else ""
    _row(what, shown, f"goal: at most {goal:g}{unit}  {'met' if value <= goal else 'MISSED'}")


if __name__ == "__main__":
    sys.exit(main())
