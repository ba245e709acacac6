"""One case: what Ruby made of it, against the plan, the schemas, the scheduler and the site."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ood_appgen.diagnostics import quote
from ood_appgen.model.admission import apply
from ood_appgen.model.plan import Offer, Submitter, evaluate_submission
from ood_appgen.schema import check_data
from ood_appgen.verify import shell
from ood_appgen.verify.choices import Case, Roles
from ood_appgen.verify.documents import difference, read_kindly, show, strip_values, substitute
from ood_appgen.verify.form import Form
from ood_appgen.verify.limits import check_pod, check_sbatch
from ood_appgen.verify.pod import KubernetesObjects, check_objects, predict_objects
from ood_appgen.verify.predict import AdapterError, Session, merge_submission
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, AppAnswer, Failure
from ood_appgen.verify.sbatch import predict_sbatch
from ood_appgen.verify.target import Problem, Target

# A word that no script has, in place of a user's text.
MARKER = "Zq7marker7qZ"


class Examiner:
    """Looks at answers. `samples` keeps, by cluster and node type, what a scheduler was asked."""

    def __init__(
        self,
        target: Target,
        form: Form,
        form_file: str,
        roles: Roles,
        submit: str,
        submitter: Submitter,
    ) -> None:
        self.target = target
        self.form = form
        self.form_file = form_file
        self.roles = roles
        self.submit = submit
        self.submitter = submitter
        plan = target.plan
        self.offers = {(o.cluster.id, o.node.id): o for o in plan.offers} if plan else {}
        self.samples: dict[tuple[str, str], str] = {}
        # What files and documents are with a harmless word, by field and cluster.
        self.plain: dict[tuple[str, str], Mapping[str, str]] = {}
        self.plain_submit: dict[tuple[str, str], Any] = {}
        # Where the harmless word fails already, a hostile text proves nothing.
        self.unsound: set[tuple[str, str]] = set()

    def examine(self, case: Case, answer: AppAnswer) -> list[Problem]:
        """What is wrong with one case, given what Ruby made of it."""
        if case.phase == "tampered":
            return self._examine_tampered(case, answer)
        key = (case.field, case.values.get(self.roles.cluster, ""))
        hostile = case.phase == "text" and case.values[case.field] != MARKER
        if hostile and key in self.unsound:
            return []
        problems: list[Problem] = []
        submit = answer.submit
        if isinstance(submit, Failure):
            if case.phase == "text" and _is_sentence(submit):
                if not hostile:
                    self.unsound.add(key)
                return []  # refused, and nothing is staged
            if hostile:
                broken = f"breaks the submit file: {submit.error_class}: {submit.message}"
                return [self._inert(case, broken, [case.field])]
            problems.append(self._failed(self.submit, submit))
        elif submit is not None:
            problems += self._examine_document(case, submit.data or {})
        if case.phase == "text" and not hostile and problems:
            self.unsound.add(key)
        return problems + self._examine_files(case, answer)

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
                path, want, got = difference(planned, document, ())
                shown = ".".join(map(str, path)) or "the document"
                problems.append(
                    Problem(
                        "verify-differs",
                        self.submit,
                        f"{shown} is not what the plan says",
                        f"differs {'.'.join(str(p) for p in path if isinstance(p, str))}",
                        self._line(self.submit, [p for p in path if isinstance(p, str)]),
                        show(want),
                        show(got),
                    )
                )
        elif case.phase == "text":
            problems += self._examine_text(case, document)
        scheduler = self.scheduler(cluster, document)
        # A hostile text need not be a good account; it must only be nothing but a text.
        read = document if plan is not None else read_kindly(document)
        wrong = check_data(read, "submit", scheduler) if case.phase != "text" else []
        for problem in wrong:
            keys = [k for k in re.findall(r"[A-Za-z_]+", problem.split(":", 1)[0]) if k != "top"]
            problems.append(
                Problem(
                    "verify-schema",
                    self.submit,
                    f"Open OnDemand cannot use this for {scheduler}: {problem}",
                    f"schema {scheduler} {strip_values(problem)}",
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
        planned = substitute(plain, MARKER, value)
        if document in (planned, substitute(plain, MARKER, value.strip())):
            return []
        path, _want, _got = difference(planned, document, ())
        where = ".".join(map(str, path)) or "its top"
        return [self._inert(case, f"changes the submit document at {where}", [case.field])]

    def _inert(self, case: Case, what: str, keys: list[str]) -> Problem:
        return Problem(
            "verify-inert",
            self.submit,
            f"a user's text in {quote(case.field)} {what}",
            f"inert {case.field}",
            self._line(self.submit, keys),
            "the text as it was typed, or a refusal",
            show(case.values[case.field]),
        )

    def _examine_request(
        self, case: Case, document: dict[str, Any], scheduler: str, offer: Offer | None
    ) -> list[Problem]:
        cluster = case.values[self.roles.cluster]
        place = (cluster, case.values.get(self.roles.node_type, ""))
        session = Session(self.target.name, cluster, STAGED_ROOT, ADA)
        try:
            submission = merge_submission(document, case.values, self.form.ids, self.first_adapter)
            if scheduler == "slurm":
                arguments = predict_sbatch(submission, session)
                self.samples.setdefault(place, "sbatch " + shlex.join(arguments))
                beyond = check_sbatch(arguments, offer, self._most_hours(offer)) if offer else []
                wrong: list[str] = []
            elif scheduler == "kubernetes":
                objects = self._admit(predict_objects(submission, session), case)
                self.samples.setdefault(place, _pod_line(objects.pod))
                beyond = check_pod(objects.pod, offer) if offer else []
                wrong = check_objects(objects) if case.phase != "text" else []
            else:
                return []
        except AdapterError as exc:
            if case.phase == "text":
                if case.values[case.field] == MARKER:
                    self.unsound.add((case.field, cluster))
                    return []  # the grid has said so
                broken = f"changes what reaches the scheduler: {exc}"
                return [self._inert(case, broken, exc.path.split("."))]
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
                f"kubernetes {strip_values(text)}",
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

    def _admit(self, objects: KubernetesObjects, case: Case) -> KubernetesObjects:
        """The objects as they are once the cluster's policy has changed the pod."""
        plan = self.target.plan
        admission = plan.admission(case.values[self.roles.cluster]) if plan is not None else None
        node_type = case.values.get(plan.node_type_field, "") if plan is not None else ""
        policy = admission.policy(node_type) if admission is not None else None
        if policy is None:
            return objects
        return replace(objects, pod=apply(policy.change, objects.pod))

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
                        f"bash {strip_values(message)}",
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
                        show(value),
                    )
                )
        return problems

    def _failed(self, name: str, failure: Failure) -> Problem:
        # Ruby shows the whole object that it asked, which is the whole form.
        failure = replace(failure, message=re.sub(r" for #<(?s:.*)>", "", failure.message))
        said = (
            f"refuses a choice that the form offers: {failure.message}"
            if _is_sentence(failure)
            else f"fails: {failure.error_class}: {failure.message}"
        )
        return Problem(
            "verify-refused" if _is_sentence(failure) else "verify-fails",
            name,
            said,
            f"failed {failure.error_class} {strip_values(failure.message)}",
            failure.line or 0,
        )

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

    @property
    def first_adapter(self) -> str:
        """The adapter that smart attributes submit for: that of the app's first cluster."""
        return self.scheduler(self.form.clusters[0], None)

    def scheduler(self, cluster: str, document: Mapping[str, Any] | None) -> str:
        """The scheduler of a cluster; where nobody says, what the document looks made for."""
        plan = self.target.plan
        if plan is not None:
            for planned in plan.clusters:
                if planned.id == cluster:
                    return planned.scheduler
        if cluster in self.target.schedulers:
            return self.target.schedulers[cluster]
        script = (document or {}).get("script")
        native = script.get("native") if isinstance(script, dict) else None
        return "kubernetes" if isinstance(native, dict) and "container" in native else "slurm"


def _is_sentence(failure: Failure) -> bool:
    """Whether a submit file refused on purpose: `raise "..."`, with words for the user."""
    return failure.error_class in ("RuntimeError", "StandardError") and bool(failure.message)


def _pod_line(pod: Mapping[str, Any]) -> str:
    limits = pod["spec"]["containers"][0]["resources"]["limits"]
    return "pod " + " ".join(f"{key}={value}" for key, value in limits.items())
