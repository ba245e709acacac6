"""Posts that no form would send: refused by the rendered submit files, in real Ruby.

`APPGEN_TAMPER_COUNT` and `APPGEN_TAMPER_SEED` make other and more posts than `make test` does.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ood_appgen.model.plan import (
    Check,
    Submitter,
    choices,
    evaluate_submission,
    fill_required,
)
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, SUPPORT, Answer, Failure, Rendered, Request
from ood_appgen.verify.ruby import RubyOracle as Oracle
from ood_appgen.verify.tampering import (
    Tampered,
    is_acceptable,
    is_shown,
    tampered_posts,
)
from samples import Sample, render_samples
from tools import require_tool

COUNT = int(os.environ.get("APPGEN_TAMPER_COUNT", "2000"))
SEED = int(os.environ.get("APPGEN_TAMPER_SEED", "20240607"))
CHUNK = 250
SAMPLES = render_samples()
GARBAGE = ("", "99", "-1", "x'\"$(id)\n<%= 1 %>", "\0", "cuda/99", "é ☃", "1" * 5000)


def _person(user: object) -> dict[str, object]:
    return {key: getattr(user, name) for key, name in
            (("name", "name"), ("home", "home"), ("uid", "uid"), ("gid", "gid"))}  # fmt: skip


SUBMITTER = Submitter(_person(ADA), {SUPPORT.name: _person(SUPPORT)}, STAGED_ROOT)


class Rubies:
    """Two Ruby processes side by side: there are many posts, and an evaluation takes a millisecond."""

    def __init__(self, oracles: tuple[Oracle, Oracle]) -> None:
        self._oracles = oracles

    def evaluate_all(self, requests: Iterable[Request]) -> list[Answer]:
        asked = list(requests)
        half = len(asked) // 2

        def answer(oracle: Oracle, mine: list[Request]) -> list[Answer]:
            chunks = [mine[at : at + CHUNK] for at in range(0, len(mine), CHUNK)]
            return [answer for chunk in chunks for answer in oracle.evaluate_all(chunk)]

        with ThreadPoolExecutor(2) as pool:
            parts = pool.map(answer, self._oracles, (asked[:half], asked[half:]))
            return [answer for part in parts for answer in part]


@pytest.fixture(scope="module")
def ruby() -> Iterator[Rubies]:
    require_tool("ruby")
    with Oracle() as one, Oracle() as two:
        yield Rubies((one, two))


def submit_all(
    ruby: Rubies, sample: Sample, folder: Path, posts: Sequence[Mapping[str, str]]
) -> list[Answer]:
    file = folder / "submit.yml.erb"
    file.write_text(sample.files["submit.yml.erb"])
    return ruby.evaluate_all(Request("submit", path=file, context=post) for post in posts)


def what_is_allowed(sample: Sample, post: Tampered) -> list[str]:
    """What a refusal has to say besides the label: any one of these."""
    plan = sample.plan
    if post.label == "cluster":
        return [f"Choose one of: {', '.join(plan.rows)}."]
    if post.label == "node type":
        return [f"Choose one of: {', '.join(plan.rows[post.values['cluster']])}."]
    check = next(c for c in plan.checks if c.field == post.field)
    cluster = post.values["cluster"]
    row = plan.rows[cluster][post.values[plan.node_type_field]]
    if check.kind == "number":
        limits = row[check.limits] if isinstance(check.limits, str) else check.limits
        limits = limits if isinstance(limits, range) else range(limits, limits + 1)
        return [f"must be a whole number from {limits[0]} to {limits[-1]} on {cluster}"]
    if check.kind == "choice":
        options = dict(check.by_cluster).get(cluster) or check.limits
        return [f"must be one of {', '.join(options)} on {cluster}"]
    said = [
        f"is longer than {check.length} characters.",
        f"must be {'text' if check.lines else 'one line of text'} without control characters.",
    ]
    if check.required:
        said.append("must be given.")
    if check.pattern:
        said.append(f"must be {check.pattern_words}, not ")
    if cluster in check.label_on:
        said.append("must be letters, digits and - _ . on ")
    return said


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_the_form_does_not_offer_is_refused(
    ruby: Rubies, sample: Sample, tmp_path: Path
) -> None:
    posts = list(tampered_posts(sample.plan, COUNT, SEED))
    assert len(posts) == COUNT
    answers = submit_all(ruby, sample, tmp_path, [p.values for p in posts])
    for number, (post, answer) in enumerate(zip(posts, answers, strict=True)):
        told = (
            f"seed {SEED}, post {number} ({post.field}: {post.why}): {dict(post.values)}: {answer}"
        )
        assert isinstance(answer, Failure), f"accepted: {told}"
        assert answer.error_class == "RuntimeError", told
        assert post.label in answer.message, told
        assert any(text in answer.message for text in what_is_allowed(sample, post)), told
        assert len(answer.message) < 1000, told
    # Every field is met, and in many ways.
    fields = Counter(p.field for p in posts)
    shown = {c.field for c in sample.plan.checks} - {c.field for c in optional_texts(sample)}
    assert {"cluster", sample.plan.node_type_field} | shown <= set(fields)
    assert min(fields.values()) >= COUNT // 60
    assert len({p.why for p in posts}) >= min(40, COUNT // 10)


def optional_texts(sample: Sample) -> list[Check]:
    return [c for c in sample.plan.checks if c.kind == "text" and not c.required]


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_what_the_form_offers_is_accepted(ruby: Rubies, sample: Sample, tmp_path: Path) -> None:
    """So that a refusal says something: the posts that were tampered with are fine themselves."""
    posts = [fill_required(sample.plan, choice) for choice in choices(sample.plan)]
    for post in posts:
        assert all(is_acceptable(sample.plan, c, post) for c in sample.plan.checks), post
    for post, answer in zip(posts, submit_all(ruby, sample, tmp_path, posts), strict=True):
        assert isinstance(answer, Rendered), (post, answer)
        assert answer.data == evaluate_submission(sample.plan, post, SUBMITTER), post


def hidden_posts(sample: Sample) -> list[tuple[dict[str, str], dict[str, str]]]:
    """For each cluster and node type that hides fields: a post as it should be, and with garbage."""
    plan = sample.plan
    seen: dict[tuple[str, str], dict[str, str]] = {}
    for choice in choices(plan):
        seen.setdefault(
            (choice["cluster"], choice[plan.node_type_field]), fill_required(plan, choice)
        )
    posts = []
    for choice in seen.values():
        hidden = [c.field for c in plan.checks if not is_shown(plan, c, choice)]
        for garbage in GARBAGE if hidden else ():
            posts.append((choice, {**choice, **dict.fromkeys(hidden, garbage)}))
    return posts


WITH_HIDDEN = [s for s in SAMPLES if hidden_posts(s)]


def test_some_samples_hide_fields() -> None:
    assert {str(s) for s in WITH_HIDDEN} == {
        "osc-codeserver", "osc-jupyter", "arc-codeserver", "arc-jupyter",
    }  # fmt: skip


@pytest.mark.parametrize("sample", WITH_HIDDEN, ids=str)
def test_hidden_fields_fall_back_to_what_the_plan_says(
    ruby: Rubies, sample: Sample, tmp_path: Path
) -> None:
    plan = sample.plan
    pairs = hidden_posts(sample)
    answers = submit_all(ruby, sample, tmp_path, [p for _, p in pairs])
    for (choice, post), answer in zip(pairs, answers, strict=True):
        assert isinstance(answer, Rendered), (post, answer)
        assert answer.data == evaluate_submission(plan, post, SUBMITTER)
        assert answer.data == evaluate_submission(plan, choice, SUBMITTER)
    texts = ruby.evaluate_all(
        Request("template", text=sample.files["template/before.sh.erb"], context=post)
        for _, post in pairs
    )
    # Their lines of the script, run: what the program sees.
    programs, wanted = [], []
    for (_, post), answer in zip(pairs, texts, strict=True):
        assert isinstance(answer, Rendered), (post, answer)
        exports = answer.text.split("# Where this is.")[0]
        for export in plan.scripts.exports:
            if export.only_on and post[plan.node_type_field] not in export.only_on:
                programs.append(f"(\n{exports}\nprintf '%s\\0' \"${export.name}\"\n)")
                wanted.append((export.name, export.otherwise))
    assert wanted
    program = tmp_path / "program"
    program.write_text("\n".join(programs))
    run = subprocess.run(["bash", program], capture_output=True, text=True, check=True)
    assert run.stdout.split("\0")[:-1] == [value for _, value in wanted]
    assert run.stderr == ""


def test_the_same_seed_gives_the_same_posts() -> None:
    plan = SAMPLES[0].plan
    assert list(tampered_posts(plan, 50, 7)) == list(tampered_posts(plan, 50, 7))
    assert list(tampered_posts(plan, 50, 7)) != list(tampered_posts(plan, 50, 8))


def test_posts_are_one_field_away_from_what_the_form_sends() -> None:
    for sample in SAMPLES:
        fine = [fill_required(sample.plan, choice) for choice in choices(sample.plan)]
        without = {name: {_without(post, name) for post in fine} for name in fine[0]}
        for post in tampered_posts(sample.plan, 300, 3):
            assert _without(post.values, post.field) in without[post.field], post
            assert post.label
            assert post.why


def _without(post: Mapping[str, str], field: str) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in post.items() if name != field)


REMOVALS = {
    "hours": r'  \["Number of hours", [^\n]*\n',
    "cores": r'  \["Number of cores", [^\n]*\n',
    "mode": r'  \["Interface", [^\n]*\n',
    "version": r'  \["Jupyter version", [^\n]*\n',
    "cuda": r'  \*\(node\[:gpus\] \? \[\["CUDA version"[^\n]*\n',
    "account": r'  \["Project", account[^\n]*\n',
    "label": r"match\?\(/\\A\[A-Za-z0-9\][^\n]*/\)",
    "email": r'unless bc_email_on_started[^\n]*\n[^"]*"[^"]*"[^"]*"[^"]*"\nend\n',
    "node type": r"unless node_types\[cluster\]\.key\?[^\n]*\n[^\n]*\n[^\n]*\nend\n",
    "whole line": r"\\z/\) && allowed",
}


@pytest.mark.parametrize("name", REMOVALS)
def test_a_check_that_is_missing_is_noticed(ruby: Rubies, name: str, tmp_path: Path) -> None:
    """The posts find each kind of hole: with one check out, some post gets through."""
    sample = next(s for s in SAMPLES if str(s) == "osc-jupyter")
    filler = {"label": "nil.nil?", "whole line": "/) && allowed"}.get(name, "")
    text, count = re.subn(REMOVALS[name], lambda _: filler, sample.files["submit.yml.erb"])
    assert count == 1
    broken = Sample(sample.site, sample.app, sample.plan, {"submit.yml.erb": text})
    posts = list(tampered_posts(sample.plan, 300, SEED))
    answers = submit_all(ruby, broken, tmp_path, [p.values for p in posts])
    missed = [
        p
        for p, answer in zip(posts, answers, strict=True)
        if not isinstance(answer, Failure) or p.label not in answer.message
    ]
    assert missed
