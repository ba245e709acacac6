"""One app, proved: every case through real Ruby, held against the plan, the schemas and the site."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ood_appgen.diagnostics import Span, quote
from ood_appgen.model.plan import AppPlan, Offer, Submitter, evaluate_submission
from ood_appgen.schema import check_data
from ood_appgen.verify import choices, shell
from ood_appgen.verify.choices import Case, Count, Roles
from ood_appgen.verify.form import Form, State, read_form
from ood_appgen.verify.limits import check_pod, check_sbatch
from ood_appgen.verify.pod import check_objects, predict_objects
from ood_appgen.verify.predict import AdapterError, Session, merge_submission
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
from ood_appgen.verify.sbatch import predict_sbatch
from ood_appgen.verify.tampering import tampered_posts

# A word that no script has, in place of a user's text.
MARKER = "Zq7marker7qZ"
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
_ACCOUNT = re.compile(r"(?:getpwnam|User\.new)\(?\s*['\"]([A-Za-z_][\w.-]*)['\"]")
SUBMIT = ("submit.yml.erb", "submit.yml")
FORM = ("form.yml.erb", "form.yml")


@dataclass(frozen=True)
class Target:
    """An app to prove. `folder` holds its files, `shown_as` names it to the user.

    With a plan, `planned` are the files that the plan makes; what differs from them on disk was
    edited. `schedulers` is by cluster, as far as the site profile tells.
    """

    name: str
    folder: Path
    shown_as: str
    plan: AppPlan | None = None
    planned: Mapping[str, str] = field(default_factory=dict)
    schedulers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @cached_property
    def edits(self) -> dict[str, tuple[tuple[int, str, str], ...]]:
        """By file: line, text on disk and text of the plan, where they differ."""
        found = {}
        for path, planned in self.planned.items():
            try:
                text = (self.folder / path).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if text != planned:
                found[path] = tuple(_edits(planned.splitlines(), text.splitlines()))
        return found


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one case. `key` says which problems are one and the same."""

    rule: str
    file: str
    message: str
    key: str
    line: int = 0
    planned: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, with the smallest choice that shows it and the places that it came from."""

    problem: Problem
    values: Mapping[str, str]
    count: int
    places: tuple[tuple[str, str], ...]
    related: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cluster and node type: what can be asked for there, and how it went."""

    cluster: str
    node_type: str
    cores: str
    gpus: str
    hours: str
    evaluated: int
    failed: int
    sample: str


@dataclass(frozen=True)
class Report:
    """What was found about one app; `stopped` says why nothing was evaluated."""

    target: Target
    seed: int
    count: Count | None
    evaluated: Mapping[str, int]
    skipped: int
    cells: tuple[Cell, ...]
    findings: tuple[Finding, ...]
    stopped: str = ""

    @property
    def failed(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.findings or self.stopped)


@dataclass
class _Seen:
    """A problem while it is being collected."""

    problem: Problem
    values: Mapping[str, str]
    count: int = 1
    places: dict[tuple[str, str], None] = field(default_factory=dict)


@dataclass
class _Tally:
    """How one cluster and node type is doing."""

    cores: set[int] = field(default_factory=set)
    gpus: set[int] = field(default_factory=set)
    hours: str = ""
    evaluated: int = 0
    failed: int = 0
    sample: str = ""


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
        self.offers = {(o.cluster.id, o.node.id): o for o in plan.offers} if plan else {}
        self.submit = next((f for f in SUBMIT if (target.folder / f).is_file()), "")
        self.templates = _templates(target.folder)
        self.view = "view.html.erb" if (target.folder / "view.html.erb").is_file() else ""
        self.users = _accounts(target)
        self.submitter = Submitter(
            _person(ADA), {u.name: _person(u) for u in self.users}, STAGED_ROOT
        )
        self.connection: dict[str, Any] = dict(_CONNECTION)
        self.seen: dict[str, _Seen] = {}
        self.tallies: dict[tuple[str, str], _Tally] = {}
        self.plain: dict[tuple[str, str], Mapping[str, str]] = {}
        self.plain_submit: dict[tuple[str, str], Any] = {}
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
        missed = 0
        skipped = 0

        def cases() -> Iterator[Case]:
            nonlocal missed, skipped
            taken = 0
            known: set[int] = set()
            for case in self._cases(seed):
                if isinstance(case, int):
                    missed = case
                    continue
                key = hash((case.phase == "tampered", tuple(sorted(case.values.items()))))
                if key in known:
                    continue
                known.add(key)
                if limit is not None and taken >= limit:
                    skipped += 1
                    continue
                taken += 1
                yield case

        done = 0
        total = self._estimate(limit)
        for case, answer in self._evaluate(cases()):
            problems = self._examine(case, answer)
            self._record(case, problems, answer)
            done += 1
            progress(done, max(total, done))
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

    def _estimate(self, limit: int | None) -> int:
        """About how many cases there are; for the progress bar alone."""
        points = sum(1 for _ in choices.grid(self.form, self.roles))
        texts = sum(1 for _ in choices.texts(self.form, self.roles)) if self.submit else 0
        total = points + texts + (TAMPERED if self.target.plan else 0)
        return total if limit is None else min(total, limit)

    # -- cases -------------------------------------------------------------------------------

    def _cases(self, seed: int) -> Iterator[Case | int]:
        yield from choices.grid(self.form, self.roles)
        yield from choices.pairs(self.form, self.roles, seed)
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
        cluster = values.get(self.roles.cluster, "")
        return AppRequest(
            str(folder / self.submit) if self.submit else None,
            tuple(str(folder / t) for t in self.templates),
            str(folder / self.view) if self.view else None,
            values,
            self.connection,
            STAGED_ROOT,
            ADA,
            self.users,
            self._scheduler(cluster, None),
        )

    def _evaluate(self, cases: Iterable[Case]) -> Iterator[tuple[Case, AppAnswer]]:
        waiting: list[Case] = []

        def requests() -> Iterator[AppRequest]:
            for case in cases:
                waiting.append(case)
                yield self._request(case.values)

        for _request, answer in self.oracle.stream(requests()):
            yield waiting.pop(0), answer

    # -- one case ----------------------------------------------------------------------------

    def _examine(self, case: Case, answer: AppAnswer) -> list[Problem]:
        if case.phase == "tampered":
            return self._examine_tampered(case, answer)
        problems: list[Problem] = []
        submit = answer.submit
        if isinstance(submit, Failure):
            if case.phase == "text" and _is_sentence(submit) and case.values[case.field] != MARKER:
                return []  # refused, and nothing is staged
            problems.append(self._failed(self.submit, submit))
        elif submit is not None:
            problems += self._examine_document(case, submit.data or {})
        problems += self._examine_files(case, answer)
        return problems

    def _examine_tampered(self, case: Case, answer: AppAnswer) -> list[Problem]:
        submit = answer.submit
        if isinstance(submit, Failure):
            if _is_sentence(submit):
                return []
            return [self._failed(self.submit, submit)]
        return [
            Problem(
                "verify-accepted",
                self.submit,
                f"accepts {quote(case.values.get(case.field, ''))} for the field "
                f"{quote(case.field)}, which the form does not offer there",
                f"accepted {case.field}",
                self._line(self.submit, [case.field]),
            )
        ]

    def _examine_document(self, case: Case, document: dict[str, Any]) -> list[Problem]:
        values = case.values
        cluster = values[self.roles.cluster]
        problems: list[Problem] = []
        plan = self.target.plan
        offer = self.offers.get((cluster, values.get(self.roles.node_type, "")))
        if plan is not None:
            if offer is None:
                return [
                    Problem(
                        "verify-form",
                        self.form_file,
                        f"the form offers {values.get(self.roles.node_type, '')} on {cluster}, "
                        "which is not planned",
                        f"offer {cluster}/{values.get(self.roles.node_type, '')}",
                    )
                ]
            planned = evaluate_submission(plan, values, self.submitter)
            if planned != document:
                path, want, got = _difference(planned, document, ())
                shown = ".".join(map(str, path)) or "the document"
                problems.append(
                    Problem(
                        "verify-differs",
                        self.submit,
                        f"{shown} is not what the plan says",
                        f"differs {'.'.join(str(p) for p in path if isinstance(p, str))}",
                        self._line(self.submit, [p for p in path if isinstance(p, str)]),
                        _show(want),
                        _show(got),
                    )
                )
        elif case.phase == "text":
            problems += self._examine_text(case, document)
        scheduler = self._scheduler(cluster, document)
        # A hostile text need not be a good account; it must only be nothing but a text.
        read = document if plan is not None else _as_read(document)
        wrong = check_data(read, "submit", scheduler) if case.phase != "text" else []
        for problem in wrong:
            keys = [k for k in re.findall(r"[A-Za-z_]+", problem.split(":", 1)[0]) if k != "top"]
            problems.append(
                Problem(
                    "verify-schema",
                    self.submit,
                    f"Open OnDemand cannot use this for {scheduler}: {problem}",
                    f"schema {scheduler} {_without_values(problem)}",
                    self._line(self.submit, keys),
                )
            )
        if not problems:
            problems += self._examine_request(case, document, scheduler, offer)
        return problems

    def _examine_text(self, case: Case, document: dict[str, Any]) -> list[Problem]:
        """Without a plan: the hostile text must be in the document where a harmless word was."""
        key = (case.field, case.values[self.roles.cluster])
        value = case.values[case.field]
        if value == MARKER:
            self.plain_submit[key] = document
            return []
        plain = self.plain_submit.get(key)
        if plain is None:
            return []
        planned = _substitute(plain, value)
        if document in (planned, _substitute(plain, value.strip())):
            return []
        path, want, got = _difference(planned, document, ())
        return [
            Problem(
                "verify-inert",
                self.submit,
                f"a user's text in {quote(case.field)} changes the submit document at "
                f"{'.'.join(map(str, path)) or 'its top'}",
                f"inert {case.field} submit",
                self._line(self.submit, [case.field]),
                _show(want),
                _show(got),
            )
        ]

    def _examine_request(
        self, case: Case, document: dict[str, Any], scheduler: str, offer: Offer | None
    ) -> list[Problem]:
        cluster = case.values[self.roles.cluster]
        session = Session(self.target.name, cluster, STAGED_ROOT, ADA)
        node = case.values.get(self.roles.node_type, "")
        tally = self.tallies.setdefault((cluster, node), _Tally())
        try:
            submission = merge_submission(document, case.values, self.form.ids, scheduler)
            if scheduler == "slurm":
                arguments = predict_sbatch(submission, session)
                tally.sample = tally.sample or "sbatch " + _command(arguments)
                beyond = check_sbatch(arguments, offer, self._most_hours(offer)) if offer else []
                wrong: list[str] = []
            elif scheduler == "kubernetes":
                objects = predict_objects(submission, session)
                tally.sample = tally.sample or _pod_line(objects.pod)
                beyond = check_pod(objects.pod, offer) if offer else []
                wrong = check_objects(objects) if case.phase != "text" else []
            else:
                return []
        except AdapterError as exc:
            if case.phase == "text":
                return [
                    Problem(
                        "verify-inert",
                        self.submit,
                        f"a user's text in {quote(case.field)} changes what reaches the scheduler: "
                        f"{exc}",
                        f"inert {case.field} adapter",
                        self._line(self.submit, exc.path.split(".")),
                        "the text as it was typed, or a refusal",
                        _show(case.values[case.field]),
                    )
                ]
            return [
                Problem(
                    "verify-scheduler",
                    self.submit,
                    f"what reaches the scheduler is broken: {exc}",
                    f"adapter {exc.path}",
                    self._line(self.submit, exc.path.split(".")),
                )
            ]
        problems = [
            Problem(
                "verify-scheduler",
                self.submit,
                f"Kubernetes would refuse this: {text}",
                f"kubernetes {_without_values(text)}",
                self._line(self.submit, re.findall(r"[A-Za-z_]+", text.split(":", 1)[0])[-1:]),
            )
            for text in wrong
        ]
        problems += [
            Problem(
                "verify-limit",
                self.submit,
                f"{what}: beyond what the site gives",
                f"limit {what}",
                0,
                limit,
                asked,
            )
            for what, limit, asked in beyond
        ]
        return problems

    def _most_hours(self, offer: Offer) -> int:
        plan = self.target.plan
        asks = plan is not None and bool(plan.hours_field)
        return offer.hours.stop - 1 if asks else offer.fixed_hours or offer.hours.stop - 1

    def _examine_files(self, case: Case, answer: AppAnswer) -> list[Problem]:
        problems = []
        texts: dict[str, str] = {}
        for path, part in answer.files.items():
            name = str(Path(path).relative_to(self.target.folder))
            if isinstance(part, Failure):
                problems.append(self._failed(name, part))
                continue
            texts[name] = part.text
            if not shell.is_script(name, part.text):
                continue
            bad = shell.check_syntax(part.text)
            if bad is not None:
                line, message = bad
                problems.append(
                    Problem(
                        "verify-script",
                        name,
                        f"bash cannot read the rendered script (its line {line}): {message}",
                        f"bash {_without_values(message)}",
                        self._script_line(name, part.text, line),
                    )
                )
        if case.phase == "text" and not isinstance(answer.submit, Failure):
            problems += self._examine_inert(case, texts)
        return problems

    def _examine_inert(self, case: Case, texts: Mapping[str, str]) -> list[Problem]:
        key = (case.field, case.values[self.roles.cluster])
        value = case.values[case.field]
        if value == MARKER:
            self.plain[key] = texts
            return []
        problems = []
        for name, text in texts.items():
            plain = self.plain.get(key, {}).get(name, "")
            if not shell.is_script(name, text) or text == plain:
                continue
            bad = shell.check_inert(plain, text, MARKER, value)
            if bad is not None:
                line, how = bad
                problems.append(
                    Problem(
                        "verify-inert",
                        name,
                        f"a user's text in {quote(case.field)} {how} in this script",
                        f"inert {case.field}",
                        self._script_line(name, plain, line),
                        "the text as it was typed",
                        _show(value),
                    )
                )
        return problems

    def _failed(self, name: str, failure: Failure) -> Problem:
        said = (
            f"refuses a choice that the form offers: {failure.message}"
            if _is_sentence(failure)
            else f"fails: {failure.error_class}: {failure.message}"
        )
        return Problem(
            "verify-refused" if _is_sentence(failure) else "verify-fails",
            name,
            said,
            f"failed {failure.error_class} {_without_values(failure.message)}",
            failure.line or 0,
        )

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
                        {},
                    )
        if not self.submit:
            self._note(
                Problem("verify-fails", "submit.yml.erb", "there is no such file", "no submit"), {}
            )

    def _check_form(self) -> None:
        """The form's offers against the plan's: node types, and least and most of every number."""
        plan = self.target.plan
        if plan is None:
            return
        offered: dict[tuple[str, str], dict[str, str]] = {}
        for case in choices.grid(self.form, self.roles):
            place = {self.roles.cluster: case.values[self.roles.cluster]}
            if self.roles.node_type:
                place[self.roles.node_type] = case.values[self.roles.node_type]
            offered.setdefault(
                (place[self.roles.cluster], place.get(self.roles.node_type, "")), place
            )
        for key, offer in self.offers.items():
            if key not in offered:
                self._note(
                    Problem(
                        "verify-form",
                        self.form_file,
                        f"the form does not offer {key[1]} on {key[0]}, which is planned",
                        f"offer {key[0]}/{key[1]}",
                    ),
                    {self.roles.cluster: key[0], self.roles.node_type: key[1]},
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
                    place,
                )

    def _learn_connection(self) -> None:
        """The names that the view may use: those the submit file says the job will export."""
        first = next(iter(choices.grid(self.form, self.roles)))
        if not self.submit:
            return
        request = replace(self._request(first.values), templates=(), view=None)
        for _request, answer in self.oracle.stream([request]):
            if isinstance(answer.submit, Rendered):
                given = (answer.submit.data or {}).get("batch_connect") or {}
                names = given.get("conn_params") if isinstance(given, dict) else None
                for name in names if isinstance(names, list) else [names] if names else []:
                    self.connection.setdefault(str(name), "value")
        for name in self.target.plan.scripts.params if self.target.plan else ():
            self.connection.setdefault(name, "value")

    # -- collecting --------------------------------------------------------------------------

    def _record(self, case: Case, problems: list[Problem], answer: AppAnswer) -> None:
        self.evaluated[case.phase] += 1
        place = self._place(case.values)
        for problem in problems:
            self._note(problem, case.values)
        if case.phase == "tampered":
            return
        tally = self.tallies.setdefault(place, _Tally())
        tally.evaluated += 1
        tally.failed += bool(problems)
        for role, numbers in ((self.roles.cores, tally.cores), (self.roles.gpus, tally.gpus)):
            value = case.values.get(role, "")
            if role and value.isdigit():
                numbers.add(int(value))

    def _note(self, problem: Problem, values: Mapping[str, str]) -> None:
        seen = self.seen.get(f"{problem.file} {problem.key}")
        place = self._place(values)
        if seen is None:
            seen = self.seen[f"{problem.file} {problem.key}"] = _Seen(problem, values)
        else:
            seen.count += 1
            if self._size(values) < self._size(seen.values):
                seen.problem, seen.values = problem, values
        if place[0]:
            seen.places[place] = None

    def _place(self, values: Mapping[str, str]) -> tuple[str, str]:
        return values.get(self.roles.cluster, ""), values.get(self.roles.node_type, "")

    def _size(self, values: Mapping[str, str]) -> tuple[int, int]:
        changed = sum(
            values.get(f.id, f.start) != f.start for f in self.form.fields if f.kind != "fixed"
        )
        return changed, sum(map(len, values.values()))

    def _finish(self, seen: _Seen) -> Finding:
        problem, values = self._shrink(seen)
        problem, related = self._locate(problem, values)
        return Finding(problem, values, seen.count, tuple(seen.places), related)

    def _shrink(self, seen: _Seen) -> tuple[Problem, Mapping[str, str]]:
        """The smallest choice: fields go back to their start as long as the problem stays."""
        problem, values = seen.problem, dict(seen.values)
        if problem.rule in ("verify-accepted", "verify-form") or not values:
            return problem, values
        kept = {self.roles.cluster, self.roles.node_type}
        base = choices.settle(self.form, {k: v for k, v in values.items() if k in kept}).values
        budget = _SHRINKS
        for name in [n for n in values if n not in kept and values[n] != base.get(n)]:
            if budget == 0:
                break
            budget -= 1
            smaller = {**values, name: base.get(name, "")}
            phase = "text" if problem.rule == "verify-inert" else "grid"
            if phase == "text" and values[name] in choices.HOSTILE:
                continue
            for _request, answer in self.oracle.stream([self._request(smaller)]):
                again = self._examine(Case(smaller, "grid"), answer)
                match = next((p for p in again if p.key == problem.key), None)
                if match is not None or phase == "text":
                    problem, values = match or problem, smaller
        changed = {k: v for k, v in values.items() if k in kept or v != base.get(k)}
        return problem, changed

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
        offer = self.offers.get(self._place(values))
        if offer is not None:
            found.append((offer.node.span, f"{offer.node.id} on {offer.cluster.id}"))
        for spec in plan.app.form:
            if spec.id in values and spec.id not in (self.roles.cluster, self.roles.node_type):
                found.append((spec.span, f"the field {quote(spec.id)}"))
        return found

    def _line(self, name: str, keys: list[str]) -> int:
        """The line of a file that prints the last of some YAML keys, as far as text tells."""
        try:
            lines = (self.target.folder / name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return 0
        for key in reversed(keys):
            wanted = re.compile(rf"^\s*(?:- )?[\"']?{re.escape(key)}[\"']?:(?:\s|$)")
            found = [n for n, line in enumerate(lines, 1) if wanted.match(line)]
            if found:
                return found[0]
            used = re.compile(rf"<%.*\b{re.escape(key)}\b")
            found = [n for n, line in enumerate(lines, 1) if used.search(line)]
            if found:
                return found[0]
        return 0

    def _script_line(self, name: str, rendered: str, line: int) -> int:
        """The line of the template that made a line of a rendered script."""
        try:
            source = (self.target.folder / name).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return 0
        matcher = difflib.SequenceMatcher(None, source, rendered.splitlines(), autojunk=False)
        for _tag, a1, a2, b1, b2 in matcher.get_opcodes():
            if b1 <= line - 1 < b2:
                return a1 + min(line - 1 - b1, max(a2 - a1 - 1, 0)) + 1
        return 0

    def _scheduler(self, cluster: str, document: Mapping[str, Any] | None) -> str:
        plan = self.target.plan
        if plan is not None:
            for planned in plan.clusters:
                if planned.id == cluster:
                    return planned.scheduler
        if cluster in self.target.schedulers:
            return self.target.schedulers[cluster]
        native = ((document or {}).get("script") or {}).get("native")
        return "kubernetes" if isinstance(native, dict) and "container" in native else "slurm"

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
                    tally.sample,
                )
            )
        return tuple(cells)


def _templates(folder: Path) -> tuple[str, ...]:
    found = (folder / "template").rglob("*.erb")
    return tuple(sorted(str(p.relative_to(folder)) for p in found if p.is_file()))


def _accounts(target: Target) -> tuple[User, ...]:
    """Made-up accounts for the people whose homes the app mentions."""
    names = {m.user for m in target.plan.site.mounts.values() if m.user} if target.plan else set()
    for path in sorted(target.folder.rglob("*.erb")):
        names |= set(_ACCOUNT.findall(path.read_bytes().decode(errors="replace")))
    names.discard(ADA.name)
    return tuple(
        User(name, 2000 + at, 2000 + at, f"/users/{name}") for at, name in enumerate(sorted(names))
    )


def _person(user: User) -> dict[str, Any]:
    return {"name": user.name, "home": user.home, "uid": user.uid, "gid": user.gid}


def _is_sentence(failure: Failure) -> bool:
    """Whether a submit file refused on purpose: `raise "..."`, with words for the user."""
    return failure.error_class in ("RuntimeError", "StandardError") and bool(failure.message)


def _difference(
    planned: Any, found: Any, path: tuple[Any, ...]
) -> tuple[tuple[Any, ...], Any, Any]:
    """Where two documents first differ, and the two values there."""
    if isinstance(planned, dict) and isinstance(found, dict):
        for key in [*planned, *(k for k in found if k not in planned)]:
            if planned.get(key, _NOTHING) != found.get(key, _NOTHING):
                return _difference(
                    planned.get(key, _NOTHING), found.get(key, _NOTHING), (*path, key)
                )
    if isinstance(planned, list) and isinstance(found, list):
        for at in range(max(len(planned), len(found))):
            one = planned[at] if at < len(planned) else _NOTHING
            other = found[at] if at < len(found) else _NOTHING
            if one != other:
                if len(planned) != len(found):
                    break  # the whole lists say more than the first place that moved
                return _difference(one, other, (*path, at))
    return path, planned, found


_NOTHING = object()


def _show(value: Any) -> str:
    return "nothing" if value is _NOTHING else quote(value, 200)


def _substitute(data: Any, value: str) -> Any:
    if isinstance(data, dict):
        return {k: _substitute(v, value) for k, v in data.items()}
    if isinstance(data, list):
        return [_substitute(item, value) for item in data]
    return data.replace(MARKER, value) if isinstance(data, str) else data


# OSC/ood_core lib/ood_core/job/script.rb makes whole numbers of these, whatever they come as.
_NUMBERS = ("wall_time", "gpus_per_node", "cores", "priority", "start_time")


def _as_read(document: dict[str, Any]) -> dict[str, Any]:
    """A document that a person wrote, with numbers where Open OnDemand makes numbers of texts."""
    script = document.get("script")
    if not isinstance(script, dict):
        return document
    numbers = {
        k: int(v)
        for k, v in script.items()
        if k in _NUMBERS and isinstance(v, str) and v.isdecimal()
    }
    return {**document, "script": {**script, **numbers}}


def _without_values(message: str) -> str:
    return re.sub(r'"[^"]*"|\d+', "#", message)


def _edits(planned: list[str], found: list[str]) -> Iterator[tuple[int, str, str]]:
    matcher = difflib.SequenceMatcher(None, planned, found, autojunk=False)
    for tag, a1, a2, b1, b2 in matcher.get_opcodes():
        if tag == "equal":
            continue
        for at in range(max(a2 - a1, b2 - b1)):
            now = found[b1 + at] if b1 + at < b2 else ""
            was = planned[a1 + at] if a1 + at < a2 else ""
            yield min(b1 + at, max(b2 - 1, b1)) + 1, now, was


def _range(numbers: set[int]) -> str:
    if not numbers:
        return ""
    return f"{min(numbers)}-{max(numbers)}" if len(numbers) > 1 else str(min(numbers))


def _span(least: int | None, most: int | None) -> str:
    if most is None:
        return "" if least is None else f"{least} or more"
    return f"{least}-{most}" if least != most else str(most)


def _command(arguments: tuple[str, ...]) -> str:
    import shlex

    return " ".join(shlex.quote(a) for a in arguments)


def _pod_line(pod: Mapping[str, Any]) -> str:
    limits = pod["spec"]["containers"][0]["resources"]["limits"]
    return "pod " + " ".join(f"{key}={value}" for key, value in limits.items())
