"""One app, proved: every case through real Ruby, held against the plan, the schemas and the site."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ood_appgen.diagnostics import Span, quote
from ood_appgen.model.plan import Offer, Submitter, made_up_accounts
from ood_appgen.verify import choices, shell
from ood_appgen.verify.choices import Case, Roles
from ood_appgen.verify.examine import MARKER, Examiner
from ood_appgen.verify.form import Form, State, read_form
from ood_appgen.verify.ruby import (
    ADA,
    STAGED_ROOT,
    AppAnswer,
    AppRequest,
    Failure,
    Rendered,
    Request,
    RubyOracle,
    User,
)
from ood_appgen.verify.tampering import tampered_posts
from ood_appgen.verify.target import Cell, Finding, Problem, Report, Target

TAMPERED = 200
_SHRINKS = 60
_CONNECTION = {
    "host": "node0001.example.edu",
    "port": 8443,
    "password": "S3cretPassw0rd",
    "display": 1,
    "websocket": 5901,
    "spassword": "V13wOnly",
    "csrftoken": "c5rf",
}
# What is wrong with a file whatever the choice.
_NO_CASE = Case({}, "grid")
_ACCOUNT = re.compile(r"(?:getpwnam|User\.new)\(?\s*['\"]([A-Za-z_][\w.-]*)['\"]")
SUBMIT = ("submit.yml.erb", "submit.yml")
FORM = ("form.yml.erb", "form.yml")


@dataclass
class _Seen:
    """A problem while it is being collected."""

    problem: Problem
    case: Case
    count: int = 1
    places: dict[tuple[str, str], None] = field(default_factory=dict)


@dataclass
class _Tally:
    """How one cluster and node type is doing."""

    cores: set[int] = field(default_factory=set)
    gpus: set[int] = field(default_factory=set)
    evaluated: int = 0
    failed: int = 0


def verify(
    target: Target,
    oracle: RubyOracle,
    seed: int = 1,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Prove one app. Runs the app's own Ruby; raises RubyOracleError if Ruby itself gives up."""
    runner = _Runner.start(target, oracle)
    if isinstance(runner, str):
        return Report(target, seed, None, {}, 0, (), (), runner)
    return runner.run(seed, limit, progress)


class _Runner:
    """One run over one app; holds what all cases share."""

    def __init__(self, target: Target, oracle: RubyOracle, form: Form, form_file: str) -> None:
        self.target = target
        self.oracle = oracle
        self.form = form
        self.form_file = form_file
        plan = target.plan
        self.roles = (
            Roles("cluster", plan.node_type_field, plan.cores_field, plan.gpus_field)
            if plan
            else choices.guess_roles(form)
        )
        self.submit = next((f for f in SUBMIT if (target.folder / f).is_file()), "")
        self.templates = _templates(target.folder)
        self.view = "view.html.erb" if (target.folder / "view.html.erb").is_file() else ""
        self.users = _accounts(target)
        people = {u.name: _person(u) for u in (ADA, *self.users)}  # a site may mount ADA's home
        submitter = Submitter(people[ADA.name], people, STAGED_ROOT)
        self.examiner = Examiner(target, form, form_file, self.roles, self.submit, submitter)
        self.connection: dict[str, Any] = dict(_CONNECTION)
        self.seen: dict[str, _Seen] = {}
        self.tallies: dict[tuple[str, str], _Tally] = {}
        self.evaluated = dict.fromkeys(("grid", "pairs", "text", "tampered"), 0)

    @classmethod
    def start(cls, target: Target, oracle: RubyOracle) -> _Runner | str:
        """A runner, or the reason why there is nothing to run."""
        form_file = next((f for f in FORM if (target.folder / f).is_file()), "")
        if not form_file:
            return f"there is no form.yml in {target.shown_as}"
        answer = oracle.evaluate(Request("submit", path=target.folder / form_file, users=()))
        if isinstance(answer, Failure):
            place = f"{target.shown_as}/{form_file}" + (f":{answer.line}" if answer.line else "")
            return f"{place}: the form cannot be read: {answer.error_class}: {answer.message}"
        try:
            form = read_form(answer.data or {})
        except ValueError as exc:
            return f"{target.shown_as}/{form_file}: this is no form: {exc}"
        return cls(target, oracle, form, form_file)

    def run(self, seed: int, limit: int | None, progress: Callable[[int, int], None]) -> Report:
        """Evaluate everything and report."""
        self._check_static()
        self._check_form()
        self._learn_connection()
        rows, missed = choices.pairs(self.form, self.roles, seed)
        skipped = 0

        def cases() -> Iterator[Case]:
            nonlocal skipped
            known: set[int] = set()
            for case in self._cases(rows, seed):
                key = hash((case.phase == "tampered", tuple(sorted(case.values.items()))))
                if key in known:
                    continue
                known.add(key)
                if limit is not None and len(known) > limit:
                    skipped += 1
                else:
                    yield case

        done = 0
        total = self._estimate(len(rows))
        for case, answer in self._evaluate(cases()):
            self._record(case, self.examiner.examine(case, answer))
            done += 1
            progress(done, max(min(total, limit or total), done))
        progress(done, done)
        findings = tuple(self._finish(seen) for seen in self.seen.values())
        return Report(
            self.target,
            seed,
            choices.count(self.form, self.roles, missed),
            dict(self.evaluated),
            skipped,
            self._cells(),
            tuple(sorted(findings, key=lambda f: (f.problem.file, f.problem.line, f.problem.key))),
        )

    def _estimate(self, pairs: int) -> int:
        """About how many cases there are; for the progress bar alone."""
        points = sum(1 for _ in choices.grid(self.form, self.roles))
        texts = sum(1 for _ in choices.texts(self.form, self.roles)) if self.submit else 0
        return points + pairs + texts + (TAMPERED if self.target.plan else 0)

    # -- cases -------------------------------------------------------------------------------

    def _cases(self, rows: list[Case], seed: int) -> Iterator[Case]:
        yield from choices.grid(self.form, self.roles)
        yield from rows
        if not self.submit:
            return
        seen: set[tuple[str, str]] = set()
        for case in choices.texts(self.form, self.roles):
            key = (case.field, case.values[self.roles.cluster])
            if key not in seen:  # how it looks with a harmless word, to hold the others against
                seen.add(key)
                yield replace(case, values={**case.values, case.field: MARKER})
            yield case
        if self.target.plan is not None:
            for post in tampered_posts(self.target.plan, TAMPERED, seed):
                yield Case(post.values, "tampered", post.field)

    def _request(self, values: Mapping[str, str]) -> AppRequest:
        folder = self.target.folder
        return AppRequest(
            str(folder / self.submit) if self.submit else None,
            tuple(str(folder / t) for t in self.templates),
            str(folder / self.view) if self.view else None,
            values,
            self.connection,
            STAGED_ROOT,
            ADA,
            self.users,
            self.examiner.first_adapter,
        )

    def _evaluate(self, cases: Iterable[Case]) -> Iterator[tuple[Case, AppAnswer]]:
        waiting: deque[Case] = deque()

        def requests() -> Iterator[AppRequest]:
            for case in cases:
                waiting.append(case)
                yield self._request(case.values)

        for answer in self.oracle.stream(requests()):
            yield waiting.popleft(), answer

    # -- things that need no case -----------------------------------------------------------

    def _check_static(self) -> None:
        for path in sorted((self.target.folder / "template").rglob("*")):
            name = str(path.relative_to(self.target.folder))
            if path.is_file() and not name.endswith(".erb") and path.stat().st_size < 1 << 20:
                text = path.read_bytes().decode(errors="replace")
                bad = shell.check_syntax(text) if shell.is_script(name, text) else None
                if bad is not None:
                    self._note(
                        Problem(
                            "verify-script",
                            name,
                            f"bash cannot read this script: {bad[1]}",
                            f"bash {bad[1]}",
                            bad[0],
                        ),
                        _NO_CASE,
                    )
        if not self.submit:
            self._note(
                Problem("verify-fails", "submit.yml.erb", "there is no such file", "no submit"),
                _NO_CASE,
            )

    def _check_form(self) -> None:
        """The form's offers against the plan's: node types, and least and most of every number."""
        plan = self.target.plan
        if plan is None:
            return
        offered = {self._place(place): place for place in choices.places(self.form, self.roles)}
        for key, offer in self.examiner.offers.items():
            if key not in offered:
                self._note(
                    Problem(
                        "verify-form",
                        self.form_file,
                        f"the form does not offer {key[1]} on {key[0]}, which is planned",
                        f"offer {key[0]}/{key[1]}",
                    ),
                    Case({self.roles.cluster: key[0], self.roles.node_type: key[1]}, "grid"),
                )
                continue
            self._check_limits(offer, choices.settle(self.form, offered[key]), offered[key])

    def _check_limits(self, offer: Offer, state: State, place: Mapping[str, str]) -> None:
        plan = self.target.plan
        assert plan is not None
        numbers = ((plan.cores_field, offer.cores), (plan.gpus_field, offer.gpus))
        for name, planned in (*numbers, (plan.hours_field, offer.hours)):
            if not name or planned is None or name not in state.limits or name in state.hidden:
                continue
            least, most = state.limits[name]
            if (least, most) != (planned.start, planned.stop - 1):
                self._note(
                    Problem(
                        "verify-form",
                        self.form_file,
                        f"the form's limits of {quote(name)} for {offer.node.id} on "
                        f"{offer.cluster.id} are not the planned ones",
                        f"limits {name} {offer.cluster.id}/{offer.node.id}",
                        0,
                        f"{planned.start} to {planned.stop - 1}",
                        f"{least} to {most}",
                    ),
                    Case(place, "grid"),
                )

    def _learn_connection(self) -> None:
        """The names that the view may use: those the submit file says the job will export."""
        first = next(iter(choices.grid(self.form, self.roles)))
        if not self.submit:
            return
        request = replace(self._request(first.values), templates=(), view=None)
        for answer in self.oracle.stream([request]):
            if isinstance(answer.submit, Rendered):
                given = (answer.submit.data or {}).get("batch_connect") or {}
                names = given.get("conn_params") if isinstance(given, dict) else None
                for name in names if isinstance(names, list) else [names] if names else []:
                    self.connection.setdefault(str(name), "value")
        for name in self.target.plan.scripts.params if self.target.plan else ():
            self.connection.setdefault(name, "value")

    # -- collecting --------------------------------------------------------------------------

    def _record(self, case: Case, problems: list[Problem]) -> None:
        self.evaluated[case.phase] += 1
        for problem in problems:
            self._note(problem, case)
        if case.phase == "tampered":
            return
        tally = self.tallies.setdefault(self._place(case.values), _Tally())
        tally.evaluated += 1
        tally.failed += bool(problems)
        for role, numbers in ((self.roles.cores, tally.cores), (self.roles.gpus, tally.gpus)):
            value = case.values.get(role, "")
            if role and value.isdigit():
                numbers.add(int(value))

    def _note(self, problem: Problem, case: Case) -> None:
        key = f"{problem.file} {problem.key}"
        place = self._place(case.values)
        seen = self.seen.get(key)
        if seen is None:
            seen = self.seen[key] = _Seen(problem, case)
        else:
            seen.count += 1
            if self._size(case) < self._size(seen.case):
                seen.problem, seen.case = problem, case
        if place[0]:
            seen.places[place] = None

    def _place(self, values: Mapping[str, str]) -> tuple[str, str]:
        return values.get(self.roles.cluster, ""), values.get(self.roles.node_type, "")

    def _size(self, case: Case) -> tuple[bool, int, int]:
        changed = sum(
            case.values.get(f.id, f.start) != f.start for f in self.form.fields if f.kind != "fixed"
        )
        # An ordinary choice says more than one with something hostile in it.
        return case.phase == "text", changed, sum(map(len, case.values.values()))

    def _finish(self, seen: _Seen) -> Finding:
        problem, values = self._shrink(seen)
        problem, related = self._locate(problem, values)
        return Finding(problem, values, seen.count, tuple(seen.places), related)

    def _shrink(self, seen: _Seen) -> tuple[Problem, Mapping[str, str]]:
        """The smallest choice: fields go back to their start as long as the problem stays."""
        problem, case = seen.problem, seen.case
        kept = {self.roles.cluster, self.roles.node_type, case.field}
        place = {k: v for k, v in case.values.items() if k in kept - {case.field}}
        start = choices.settle(self.form, place).values
        changed = [k for k, v in case.values.items() if k not in kept and v != start.get(k)]
        for name in changed[:_SHRINKS]:
            smaller = replace(case, values={**case.values, name: start.get(name, "")})
            for answer in self.oracle.stream([self._request(smaller.values)]):
                again = self.examiner.examine(smaller, answer)
                match = next((p for p in again if p.key == problem.key), None)
                if match is not None:
                    problem, case = match, smaller
        return problem, {k: v for k, v in case.values.items() if k in kept or v != start.get(k)}

    # -- places in files ---------------------------------------------------------------------

    def _locate(
        self, problem: Problem, values: Mapping[str, str]
    ) -> tuple[Problem, tuple[tuple[str, str], ...]]:
        related: list[tuple[str, str]] = []
        edits = self.target.edits
        words = [values.get(self.roles.node_type, ""), values.get(self.roles.cluster, "")]
        chosen = edits.get(problem.file) or ()
        if chosen:
            best = max(
                chosen,
                key=lambda e: (
                    sum(bool(w) and w in e[1] + e[2] for w in words)
                    + (bool(problem.line) and e[0] == problem.line) * 2
                ),
            )
            problem = replace(problem, line=best[0])
            related.append(self._edit(problem.file, best))
        else:
            related += [self._edit(path, changes[0]) for path, changes in edits.items()]
        related += [(str(span), text) for span, text in self._origins(values)]
        return problem, tuple(related)

    def _edit(self, path: str, edit: tuple[int, str, str]) -> tuple[str, str]:
        line, now, planned = (edit[0], edit[1].strip(), edit[2].strip())
        said = f"edited: {now or '(a line is gone)'}"
        said += f"\n    appgen render makes: {planned or '(no such line)'}"
        return f"{self.target.shown_as}/{path}:{line}", said

    def _origins(self, values: Mapping[str, str]) -> list[tuple[Span, str]]:
        plan = self.target.plan
        if plan is None:
            return []
        found = []
        offer = self.examiner.offers.get(self._place(values))
        if offer is not None:
            found.append((offer.node.span, f"{offer.node.id} on {offer.cluster.id}"))
        for spec in plan.app.form:
            if spec.id in values and spec.id not in (self.roles.cluster, self.roles.node_type):
                found.append((spec.span, f"the field {quote(spec.id)}"))
        return found

    def _cells(self) -> tuple[Cell, ...]:
        cells = []
        for (cluster, node), tally in self.tallies.items():
            place = {self.roles.cluster: cluster}
            if self.roles.node_type:
                place[self.roles.node_type] = node
            state = choices.settle(self.form, place)
            least, most = state.limits.get("bc_num_hours", (None, None))
            cells.append(
                Cell(
                    cluster,
                    node,
                    _range(tally.cores),
                    _range(tally.gpus) if tally.gpus != {0} else "",
                    _span(least, most),
                    tally.evaluated,
                    tally.failed,
                    self.examiner.samples.get((cluster, node), ""),
                )
            )
        return tuple(cells)


def _templates(folder: Path) -> tuple[str, ...]:
    found = (folder / "template").rglob("*.erb")
    return tuple(sorted(str(p.relative_to(folder)) for p in found if p.is_file()))


def _accounts(target: Target) -> tuple[User, ...]:
    """Made-up accounts for the people whose homes the app mentions."""
    names = set(target.plan.mounted_users) if target.plan else set()
    for path in sorted(target.folder.rglob("*.erb")):
        names |= set(_ACCOUNT.findall(path.read_bytes().decode(errors="replace")))
    names.discard(ADA.name)
    return tuple(User(**account) for account in made_up_accounts(names).values())


def _person(user: User) -> dict[str, Any]:
    return {"name": user.name, "home": user.home, "uid": user.uid, "gid": user.gid}


def _range(numbers: set[int]) -> str:
    if not numbers:
        return ""
    return f"{min(numbers)}-{max(numbers)}" if len(numbers) > 1 else str(min(numbers))


def _span(least: int | None, most: int | None) -> str:
    if most is None:
        return "" if least is None else f"{least} or more"
    return f"{least}-{most}" if least != most else str(most)
