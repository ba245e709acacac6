"""Our Jupyter app against the tutorial's, on every choice, in real Ruby.

Two things are brought to one form before they are compared, since OOD itself does so: the
smart attribute bc_num_hours adds `wall_time` in seconds (the tutorial writes it as text on
Kubernetes, which OodCore::Job::Script turns into a number), and `--partition X` in `native` is
OOD's own `queue_name`, where we put it because `native` is for what OOD has no key for.

The tutorial's own code is not in this repository. `tutorial.sha256` has what it gives, in real
Ruby: for each choice, the SHA-256 of the document as JSON with sorted keys. It is written anew by

    APPGEN_UPDATE_GOLDEN=1 OOD_TUTORIAL_RST=.../k8s-like-hpc-jupyter.rst pytest tests/test_tutorial.py
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ood_appgen.model.plan import Submitter, choices, evaluate_submission
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, SUPPORT, Failure, Rendered, Request, RubyOracle
from samples import sample
from tools import require_tool
from tutorial import expected

RECORDED = Path(__file__).with_name("tutorial.sha256")
USER = {"name": ADA.name, "home": ADA.home, "uid": ADA.uid, "gid": ADA.gid}
SUBMITTER = Submitter(
    USER,
    {"support": {"name": "support", "home": SUPPORT.home, "uid": 1002, "gid": 1002}},
    STAGED_ROOT,
)
JUPYTER = sample("osc", "jupyter")
MOST_HOURS = {(o.cluster.id, o.node.id): o.hours.stop - 1 for o in JUPYTER.plan.offers}
CHOICES = [
    {**choice, "account": "PZS0001", "bc_num_hours": str(hours)}
    for choice in choices(JUPYTER.plan)
    for hours in sorted({1, MOST_HOURS[choice["cluster"], choice["node_type"]]})
]


@pytest.fixture(scope="module")
def ruby():
    require_tool("ruby")
    with RubyOracle() as oracle:
        yield oracle


def submit(ruby: RubyOracle, text: str, choice: dict[str, str]) -> Rendered | Failure:
    return ruby.evaluate(
        Request(
            "submit",
            path="submit.yml.erb",
            text=text,
            context=choice,
            staged_root=STAGED_ROOT,
            user=ADA,
            users=(SUPPORT,),
        )
    )


def as_ood_reads_it(document: dict[str, Any], choice: dict[str, str]) -> dict[str, Any]:
    script = dict(document["script"])
    script["wall_time"] = int(script.get("wall_time", int(choice["bc_num_hours"]) * 3600))
    if isinstance(script["native"], list) and "--partition" in script["native"]:
        at = script["native"].index("--partition")
        script["queue_name"] = script["native"][at + 1]
        script["native"] = script["native"][:at] + script["native"][at + 2 :]
    return {**document, "script": script}


def test_there_is_every_choice_of_the_tutorial() -> None:
    seen = {(c["cluster"], c["node_type"]) for c in CHOICES}
    assert len(seen) == 15
    assert {c["num_cores"] for c in CHOICES if c["node_type"] == "any"} == {
        "0",
        "1",
        "14",
        "24",
        "28",
        "48",
    }


def test_ours_equals_the_transcribed_values(ruby: RubyOracle) -> None:
    for choice in CHOICES:
        answer = submit(ruby, JUPYTER.files["submit.yml.erb"], choice)
        assert isinstance(answer, Rendered), (choice, answer)
        wanted = expected(choice, STAGED_ROOT, USER)
        assert as_ood_reads_it(answer.data, choice) == as_ood_reads_it(wanted, choice), choice


def test_python_evaluates_the_plan_as_ruby_does(ruby: RubyOracle) -> None:
    for choice in CHOICES:
        answer = submit(ruby, JUPYTER.files["submit.yml.erb"], choice)
        assert isinstance(answer, Rendered)
        assert answer.data == evaluate_submission(JUPYTER.plan, choice, SUBMITTER), choice


def named(choice: dict[str, str]) -> str:
    return " ".join(choice[k] for k in ("cluster", "node_type", "num_cores", "bc_num_hours"))


def digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def record_tutorial(text: str) -> None:
    """Write what the tutorial's own submit file gives, from the tutorial's text."""
    match = re.search(
        r"\n\.\. code-block:: yaml\n\n(  # submit\.yml\.erb\n.*?\n)(?=\.\. _)", text, re.S
    )
    assert match, "the tutorial has no submit file in full any more"
    code = textwrap.dedent(match[1])
    lines = []
    require_tool("ruby")
    with RubyOracle() as ruby:
        for choice in CHOICES:
            answer = submit(ruby, code, choice)
            assert isinstance(answer, Rendered), (choice, answer)
            lines.append(f"{digest(answer.data)}  {named(choice)}\n")
    RECORDED.write_text("".join(lines), encoding="utf-8")


def test_the_transcription_is_what_the_tutorials_own_code_gives() -> None:
    if os.environ.get("APPGEN_UPDATE_GOLDEN") and (path := os.environ.get("OOD_TUTORIAL_RST")):
        record_tutorial(Path(path).read_text(encoding="utf-8"))
    recorded = [line.split("  ") for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    ours = [[digest(expected(choice, STAGED_ROOT, USER)), named(choice)] for choice in CHOICES]
    assert ours == recorded


KUBERNETES = {**CHOICES[-1], "cluster": "kubernetes"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"cluster": "kubernetes", "node_type": "hugemem"},
            'The node type "hugemem" is not available on kubernetes. Choose one of: owens, pitzer, '
            "owens-gpu, pitzer-gpu.",
            id="the tutorial asks for memory Mi",
        ),
        pytest.param(
            {"cluster": "ruby"},
            'This app does not run on the cluster "ruby". Choose one of: owens, pitzer, kubernetes.',
            id="the tutorial submits nothing at all",
        ),
        pytest.param(
            {"cluster": "kubernetes-test", "node_type": "pitzer"},
            'This app does not run on the cluster "kubernetes-test". Choose one of: owens, pitzer, kubernetes.',
            id="the tutorial takes it for kubernetes",
        ),
        pytest.param(
            {"cluster": "kubernetes", "node_type": "pitzer", "num_cores": "0"},
            'Number of cores must be a whole number from 1 to 48 on kubernetes, node type pitzer, not "0".',
            id="the tutorial asks for no cpu",
        ),
        pytest.param(
            {"cluster": "owens", "node_type": "any", "version": "3.0", "num_cores": "4000"},
            'Number of cores must be a whole number from 0 to 28 on owens, node type any, not "4000".',
            id="more cores than there are",
        ),
        pytest.param(
            {"cluster": "owens", "node_type": "any", "version": "4.1", "num_cores": "4"},
            'Jupyter version must be one of 3.0 on owens, node type any, not "4.1".',
            id="a version that the cluster lacks",
        ),
        pytest.param({"account": " "}, "Project must be given.", id="no account"),
        pytest.param(
            {"account": "a\nb: c"},
            "Project must be one line of text without control characters.",
            id="an account of two lines",
        ),
        pytest.param(
            {"bc_num_hours": "1.5"},
            "Number of hours must be a whole number from 1 to 48 on kubernetes, node type "
            'pitzer-gpu, not "1.5".',
            id="half an hour",
        ),
    ],
)
def test_ours_refuses_with_a_sentence(
    ruby: RubyOracle, change: dict[str, str], message: str
) -> None:
    answer = submit(ruby, JUPYTER.files["submit.yml.erb"], {**KUBERNETES, **change})
    assert isinstance(answer, Failure)
    assert (answer.error_class, answer.message) == ("RuntimeError", message)


def test_kubernetes_gets_accounts_that_its_adapter_does_not_change(ruby: RubyOracle) -> None:
    """The adapter prints the account without quotes: 0123 would become the number 83."""
    seen = {}
    for account in ("PZS0001", "0123", "yes", "abc.def"):
        answer = submit(ruby, JUPYTER.files["submit.yml.erb"], {**KUBERNETES, "account": account})
        assert isinstance(answer, Rendered)
        seen[account] = answer.data["script"]["accounting_id"]
    assert seen == {"PZS0001": "PZS0001", "0123": '"0123"', "yes": '"yes"', "abc.def": "abc.def"}
