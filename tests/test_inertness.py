"""Hostile text, typed by users or written by sites: text it stays, or it is refused with a word.

What users type goes through the submit file, the scripts (run by bash, with programs stubbed) and
connection.yml. What sites and apps write goes into every file there is.

`APPGEN_INERT_FULL=1` runs every script with every text and puts each text of a profile in each
place; `make test` does with a part of both, which differs from app to app and from text to text.
"""

from __future__ import annotations

import base64
import html.parser
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from ood_appgen import api
from ood_appgen.encode import shell_word
from ood_appgen.model.admission import MARK
from ood_appgen.model.plan import (
    STAND_IN,
    AppPlan,
    Submitter,
    choices,
    evaluate_submission,
    fill_required,
)
from ood_appgen.planner.pod_policies import policy_mark
from ood_appgen.verify.pod import predict_objects
from ood_appgen.verify.predict import AdapterError, Session, merge_submission
from ood_appgen.verify.ruby import (
    ADA,
    STAGED_ROOT,
    SUPPORT,
    Answer,
    Failure,
    Rendered,
    Request,
    RubyOracle,
)
from samples import SAMPLES as SAMPLE_ROOT
from samples import Sample, render_samples
from tools import require_tool

SAMPLES = render_samples()
CHUNK = 250
HOSTILE = (
    "'", '"', "''", '""', "'\"'\"'", "\\", "\\\\", "a\\", "\\'", '\\"', "\\n", "\n", "a\nb", "a\r\nb",
    "\r", "$(touch CANARY)", "`touch CANARY`", "; touch CANARY", "&& touch CANARY", "|| touch CANARY",
    "| touch CANARY", "> CANARY", "'; touch CANARY; '", '"; touch CANARY; "', "\n touch CANARY\n",
    "x' $(touch CANARY) 'y", "${HOME}", "$HOME", "$((1))", "${x:=touch CANARY}", "!!", "!-1", "#",
    "# x", ": ", "a: b", "a:\n  b: c", "- ", "- a", "? a", "&a *a !!ruby/object:X", "*a", "&a",
    "!!ruby/object:Gem::Installer {}", "!ruby/hash:X", "{a: b}", "[a, b]", "| ", ">-", "%YAML 1.1",
    "---", "...", "@", "<%= 1 %>", '<%= File.write("CANARY", "") %>', "<% exit %>", "-%>", "%>", "<%",
    "<%%", "%s", "%n%s%x", "#{1}", '#{File.write("CANARY", "")}', "#@x", "#$x", "\u2028", "a\u2029b",
    "\u0085", "a\0b", "\0", "\t", "a\tb", " a", "a ", "  ", "~", "yes", "null", "NULL", "true", "0x1F",
    "1:30", "1_000", ".inf", "=", "<<", "2001-01-01", "1e3", "010", "\U0001f600", "\u202eabc\u202c",
    "\u05e9\u05dc\u05d5\u05dd", "e\u0301", "\ufeffa", "\u200b", "\u00a0", "--help", "-n", "-e", "*",
    "?", "[a-z]", "{a,b}", "~root", "/etc/passwd", "../../etc", "/tmp", "\x1b[31m", "\x7f", "\b",
    "\\u0041", "\\x41", "\\0", "host: evil\\nport: 1", "</script><b>", "&amp;", "x" * 4096, "é" * 4096,
)  # fmt: skip
HUGE = ("'" * 2**20, "9" * 2**20)
FULL = bool(os.environ.get("APPGEN_INERT_FULL"))


def _person(user: Any) -> dict[str, Any]:
    return {"name": user.name, "home": user.home, "uid": user.uid, "gid": user.gid}


SUBMITTER = Submitter(_person(ADA), {SUPPORT.name: _person(SUPPORT)}, STAGED_ROOT)


@pytest.fixture(scope="module")
def rubies() -> Iterator[tuple[RubyOracle, RubyOracle]]:
    require_tool("ruby")
    with RubyOracle() as one, RubyOracle() as two:
        yield one, two


def ask(rubies: Sequence[RubyOracle], requests: Iterable[Request]) -> list[Answer]:
    """Answers in order, from processes side by side."""
    asked = list(requests)
    size = -(-len(asked) // len(rubies)) or 1

    def answer(oracle: RubyOracle, mine: list[Request]) -> list[Answer]:
        chunks = [mine[at : at + CHUNK] for at in range(0, len(mine), CHUNK)]
        return [answer for chunk in chunks for answer in oracle.evaluate_all(chunk)]

    with ThreadPoolExecutor(len(rubies)) as pool:
        shares = [asked[at * size : (at + 1) * size] for at in range(len(rubies))]
        return [answer for part in pool.map(answer, rubies, shares) for answer in part]


def places(plan: AppPlan) -> list[dict[str, str]]:
    """One choice for each kind of cluster, with GPUs (nothing hidden) and without."""
    found: dict[tuple[str, bool], dict[str, str]] = {}
    for choice in choices(plan):
        offer = next(
            o
            for o in plan.offers
            if (o.cluster.id, o.node.id) == (choice["cluster"], choice[plan.node_type_field])
        )
        key = (offer.cluster.scheduler, offer.gpus is not None)
        found.setdefault(key, fill_required(plan, choice))
    return list(found.values())


def account_field(plan: AppPlan) -> str:
    """The field whose text ends up in the job's own parameters."""
    return next(c.field for c in plan.checks if c.kind == "text" and c.required)


def label_of(plan: AppPlan, field: str) -> str:
    if field == plan.node_type_field:
        return "node type"
    return next((c.label for c in plan.checks if c.field == field), field)


# -- what users type -----------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_submit_says_what_was_typed_or_refuses(
    rubies: tuple[RubyOracle, RubyOracle], sample: Sample, tmp_path: Path
) -> None:
    plan = sample.plan
    file = tmp_path / "submit.yml.erb"
    file.write_text(sample.files["submit.yml.erb"])
    all_places = places(plan)
    only_with_gpus = {c.field for c in plan.checks if c.only_with}
    seen: set[tuple[str, str]] = set()
    posts = []
    for place in all_places:
        # Most fields are treated alike with GPUs and without: one such place for each cluster.
        fields = [f for f in place if (place["cluster"], f) not in seen or f in only_with_gpus]
        seen |= {(place["cluster"], f) for f in fields}
        for number, field in enumerate(fields):
            # The other clusters' branches differ in what they make of the account.
            all_values = FULL or place is all_places[0] or field == account_field(plan)
            values = HOSTILE if all_values else HOSTILE[number % 3 :: 3]
            posts += [(field, value, {**place, field: value}) for value in values]
    posts += [(f, value, {**all_places[0], f: value}) for f in all_places[0] for value in HUGE]
    answers = ask(rubies, (Request("submit", path=file, context=p) for _, _, p in posts))
    accepted: dict[str, set[str]] = {}
    for (field, value, post), answer in zip(posts, answers, strict=True):
        told = f"{field}={value[:60]!r}: {answer!r:.600}"
        if isinstance(answer, Failure):
            assert answer.error_class == "RuntimeError", told
            assert label_of(plan, field) in answer.message, told
            assert len(answer.message) < 1000, told
            assert answer.text is None, told
        else:
            assert answer.data == evaluate_submission(plan, post, SUBMITTER), told
            accepted.setdefault(field, set()).add(value)
            if plan.branch(post["cluster"]).scheduler == "kubernetes":
                check_pod(sample, field, value, post, answer)
    # Not by refusing everything.
    for check in plan.checks:
        if check.kind == "text" and not check.pattern:
            assert {"'", '"', "\\", "$(touch CANARY)", "<%= 1 %>", "a: b"} <= accepted[check.field]


def check_pod(
    sample: Sample, field: str, value: str, post: Mapping[str, str], answer: Rendered
) -> None:
    """The pod is the one of a harmless value with the hostile one in its place, or there is none.

    Where a field is optional and its text is in no pod, the harmless pod is the same.
    """
    plan = sample.plan
    harmless = {**post, field: STAND_IN if field == account_field(plan) else ""}
    if field != account_field(plan) and not is_free_text(plan, field):
        return
    pods = []
    for choice in (post, harmless):
        data = answer.data if choice is post else evaluate_submission(plan, choice, SUBMITTER)
        fields = [f.id for f in plan.form]
        session = Session(sample.app, post["cluster"], STAGED_ROOT, ADA)
        merged = merge_submission(data, choice, fields, plan.clusters[0].scheduler)
        try:
            pods.append(predict_objects(merged, session))
        except AdapterError as refusal:
            assert choice is post, refusal
            return
    hostile, plain = ((p.pod, p.service, p.configmap) for p in pods)
    said = value.strip() if field == account_field(plan) else STAND_IN
    assert list(hostile) == [substituted(part, said) for part in plain], value


def is_free_text(plan: AppPlan, field: str) -> bool:
    return any(c.field == field and c.kind == "text" and not c.pattern for c in plan.checks)


def substituted(data: Any, value: str) -> Any:
    if isinstance(data, dict):
        return {key: substituted(item, value) for key, item in data.items()}
    if isinstance(data, list):
        return [substituted(item, value) for item in data]
    return data.replace(STAND_IN, value) if isinstance(data, str) else data


# What OOD's job script has around the scripts (ood_core, lib/ood_core/batch_connect/templates):
# functions, the host, and connection.yml from `echo -e`.
HARNESS = """\
host=node1
find_port() { echo 4321; }
create_passwd() { printf '%*s' "$1" '' | tr ' ' x; }
clean_up() { exit "${1:-0}"; }
wait_until_port_used() { return 0; }
module() { printf '%s\\0' module "$@" >> "${CASE}/calls"; }
"""
CONNECTION = """\
echo -e "host: $host\\nport: $port\\npassword: $password PARAMS" > "${CASE}/connection.yml"
"""
# Real programs that the samples use, and programs that only note how they were called.
REAL = (
    "awk base64 bash cat chmod cp cut df env getent grep head id mkdir mktemp mv od printf readlink rm rmdir sed"
    " sha256sum tr tee touch true uname wc"
).split()
STUBS = (
    "jupyter code-server rserver R kubectl dbus-run-session dbus-launch xset apptainer singularity"
    " xfce4-session mate-session gnome-session hostname"
).split()
# Programs that answer: Kubernetes' API, as far as job scripts ask it, and a clone.
ANSWERING = {
    "curl": """\
case "$*" in
  *" GET "*/pods/*) printf '{"metadata": {"uid": "u-1"}, "status": {"hostIP": "192.0.2.7"}}\\n200' ;;
  *" GET "*/services/*) printf '{"spec": {"ports": [{"nodePort": 30123, "port": 80}]}}\\n200' ;;
  *" PATCH "*/secrets/*) printf '{"message": "not found"}\\n404' ;;
  *" POST "*/secrets) cat > "${CASE}/secret.json" && printf '{}\\n201' ;;
  *) exit 22 ;;
esac
""",
    "git": """mkdir -p "${!#}/.git"\n""",
}
POD = {
    "POD_NAME": "pod-1",
    "POD_NAMESPACE": "ood-ada",
    "POD_PORT": "8080",
    "KUBERNETES_SERVICE_HOST": "192.0.2.1",
    "KUBERNETES_SERVICE_PORT": "443",
    "PI_STEPS": "5",
}
SITE_PROGRAMS = {
    "source /bin/find_host_port": "HOST_CFG=10.0.0.7 PORT_CFG=30123",
    "source /bin/save_passwd_as_secret": "PASSWORD=secret",
    'exec &> >(tee -a "pod.log")': ":",
    "source /etc/profile.d/lmod.sh": ":",
    "source /etc/profile.d/modules.sh": ":",
    "export MOUNT_CVMFS=/cvmfs": 'export MOUNT_CVMFS="${CASE}/cvmfs"',
    "=/fs/data/": '="${CASE}"/data/',
    "API_ACCOUNT=/var/run/secrets/kubernetes.io/serviceaccount": 'API_ACCOUNT="${CASE}/account"',
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bin")
    for name in REAL:
        (folder / name).symlink_to(require_tool(name))
    for name in STUBS:
        (folder / name).write_text(
            f'#!{require_tool("bash")}\nprintf "%s\\0" {name} "$@" >> "${{CASE}}/calls"\n'
        )
        (folder / name).chmod(0o755)
    for name, text in ANSWERING.items():
        (folder / name).write_text(f"#!{require_tool('bash')}\n{text}")
        (folder / name).chmod(0o755)
    return folder


def pod_environment(plan: AppPlan, post: Mapping[str, str]) -> dict[str, str]:
    """What a pod finds in its environment: the adapter's words, and the policy's."""
    admission = next((a for a in plan.admissions if a.cluster == post["cluster"]), None)
    policy = admission.policy(post[plan.node_type_field]) if admission else None
    return {**POD, **({MARK: policy_mark(policy)} if policy else {})}


def mixed(plan: AppPlan, base: Mapping[str, str]) -> list[dict[str, str]]:
    """Posts with hostile text in all fields at once; together, every value in every field."""
    fixed = {"cluster", plan.node_type_field}
    others = [field for field in base if field not in fixed]
    # bash knows no NUL; submit refuses it, so that no script is ever rendered with one.
    values = [value for value in HOSTILE if "\0" not in value]
    posts = []
    for turn in range(len(values)):
        post = dict(base)
        for at, field in enumerate(others):
            post[field] = values[(turn + 7 * at) % len(values)]
        posts.append(post)
    step = 3 if FULL else 6
    posts += [{**base, f: v} for at, f in enumerate(sorted(fixed)) for v in values[at::step]]
    return posts


def wanted_exports(plan: AppPlan, post: Mapping[str, str]) -> list[tuple[str, str]]:
    wanted = []
    for export in plan.scripts.exports:
        value = export.constant if export.constant is not None else post[export.field]
        if export.only_on and post[plan.node_type_field] not in export.only_on:
            value = export.otherwise
        wanted.append((export.name, value))
    return wanted


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_scripts_run_with_what_was_typed(
    rubies: tuple[RubyOracle, RubyOracle], sample: Sample, programs: Path, tmp_path: Path
) -> None:
    plan = sample.plan
    paths = sorted(p for p in sample.files if p.startswith("template/"))
    seen = {}
    for place in places(plan):
        seen.setdefault(place["cluster"], place)
    first, *others = (mixed(plan, place) for place in seen.values())
    posts = [*first, *(post for more in others for post in (more if FULL else more[::3]))]
    answers = ask(
        rubies,
        [
            Request("template", text=sample.files[path], context=post)
            for post in posts
            for path in paths
        ],
    )
    names = [e.name for e in plan.scripts.exports]
    part = SAMPLES.index(sample) % 4
    params = "".join(f"\\\\n{name}: ${name}" for name in plan.scripts.params)
    steps = []
    for number, post in enumerate(posts):
        case = tmp_path / f"case{number}"
        for name in ("home", "tmp", "cvmfs/data.example.org/reference", "account"):
            (case / name).mkdir(parents=True)
        (case / "account/token").write_text("token")
        whole = FULL or number % 4 == part
        for path, answer in zip(paths, answers[number * len(paths) :], strict=False):
            assert isinstance(answer, Rendered), (post, answer)
            text = answer.text
            for program, stub in SITE_PROGRAMS.items():
                text = text.replace(program, stub)
            if not whole:  # what is generated alone, without a program to start
                text = text.split(f"# -- {sample.app}: before")[0]
            if whole or "before" in path:
                (case / Path(path).stem).write_text(text)
        found = pod_environment(plan, post).items()
        environment = " ".join(f"{name}={shell_word(value)}" for name, value in found)
        clean = "source ./clean.sh" if (case / "clean.sh").exists() else ""
        after = "source ./after.sh" if (case / "after.sh").exists() else ""
        script = "bash ./script.sh" if (case / "script.sh").exists() else ""
        exports = " ".join(f'"${{{name}}}"' for name in names)
        basic = CONNECTION.replace(" PARAMS", params) if plan.app.template == "basic" else ""
        steps.append(
            f"(\ncd case{number} || exit 9\nexport CASE=$PWD HOME=$PWD/home TMPDIR=$PWD/tmp USER=ada\n"
            f"export {environment}\n"
            f"source ./before.sh\nprintf '%s\\0' {exports} > values\n{basic}"
            f"export -f module\n{after}\n{script}\n{clean}\n:\n) "
            f"> case{number}/log 2>&1 < /dev/null"
        )
    halves = (steps[::2], steps[1::2])

    def run(mine: list[str]) -> None:
        # From a file: bash reads a pipe byte by byte.
        script = tmp_path / f"run{mine is halves[1]}"
        script.write_text("\n".join([HARNESS, *mine]))
        subprocess.run(
            [require_tool("bash"), str(script)],
            cwd=tmp_path,
            env={"PATH": str(programs), "LANG": "C.UTF-8"},
            check=True,
            timeout=60,
        )

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, halves))
    assert [str(p) for p in tmp_path.rglob("CANARY")] == []
    stored = 0
    for number, post in enumerate(posts):
        case = tmp_path / f"case{number}"
        log = (case / "log").read_text(errors="replace")
        values = (case / "values").read_bytes().decode().split("\0")[:-1]
        assert dict(zip(names, values, strict=True)) == dict(wanted_exports(plan, post)), log
        known = post["cluster"] in plan.rows
        if plan.app.template == "basic" and known:
            connection = YAML(typ="safe").load((case / "connection.yml").read_text())
            assert list(connection) == ["host", "port", "password", *plan.scripts.params], log
            assert connection["port"] in (4321, 30123)
            if connection.get("jupyter_api"):
                assert connection["jupyter_api"] in ("lab", "tree")
            if post["cluster"] in plan.scripts.api_clusters and (case / "script.sh").exists():
                stored += 1
                secret = json.loads((case / "secret.json").read_text())["data"]
                kept = {name: base64.b64decode(text).decode() for name, text in secret.items()}
                assert kept == {n: connection[n] for n in ("password", *plan.scripts.params)}
                assert (connection["host"], connection["port"]) == ("192.0.2.7", 30123)
        # Scratch goes with the job.
        assert list((case / "tmp").iterdir()) == [], log
        for refusal in ("syntax error", "unexpected", "command not found"):
            assert refusal not in log, (post, log)
    assert bool(stored) == bool(plan.scripts.api_clusters)


# -- what sites and apps say -----------------------------------------------------------------------

PROFILE_TEXTS = {
    "quotes": "MARK ' \" '' \"\" `x` \\' \\\" \\\\ end",
    "erb": 'MARK <%= File.write("CANARY", "") %> <% exit %> -%> <%% %%> <%- x',
    "ruby": 'MARK #{File.write("CANARY", "")} #@x #$x #',
    "shell": "MARK $(touch CANARY) `touch CANARY`; touch CANARY && touch CANARY | x > CANARY",
    "quoted-shell": "MARK '; touch CANARY; ' \"; touch CANARY; \"",
    "yaml": "MARK: x # y, [a], {b: c}, &a *a !!ruby/object:X - | >",
    "html": 'MARK <script>alert(1)</script> "><b> &amp; </button> -->',
    "lines": "MARK one\ntouch CANARY\n- two: 3\n<%= 1 %>\n",
    "carriage": "MARK one\r\ntouch CANARY",
    "unicode": "MARK \u2028 \u2029 \u0085 \u202e \U0001f600 \u00a0",
    "odd": "MARK \t %s %n \x7f ~ *",
    "backslash-at-end": "MARK\\",
    "heredoc": "MARK\nPYTHON\nEOF\ntouch CANARY\n",
}
Place = tuple[str, tuple[str | int, ...]]
# Where texts stand in app.yml and site.yml, and who has to say them.
FORM: tuple[Place, ...] = (
    ("app", ("title",)),
    ("app", ("category",)),
    ("app", ("subcategory",)),
    ("app", ("description",)),
    ("app", ("form", 2, "label")),
    ("app", ("form", 2, "options", 0, "label")),
    ("app", ("form", 3, "label")),
    ("app", ("form", 4, "label")),
    ("app", ("form", 4, "help")),
    ("app", ("form", 6, "label")),
    ("app", ("form", 7, "label")),
    ("app", ("form", 8, "label")),
    ("site", ("account", "label")),
    ("site", ("account", "help")),
    ("site", ("node_types", "any", "label")),
    ("site", ("clusters", "pitzer", "node_types", "any-40core", "label")),
)
VIEW: tuple[Place, ...] = (("app", ("view", "button")), ("app", ("view", "icon")))
JOB: tuple[Place, ...] = (
    ("app", ("environment", "MARKED")),
    ("site", ("environment", "MARKED")),
    ("site", ("clusters", "kubernetes", "environment", "KUBECONFIG")),
    ("site", ("clusters", "kubernetes", "node_selector", "osc.edu/role")),
    ("site", ("clusters", "kubernetes", "labels", "osc.edu/cluster")),
    ("site", ("clusters", "owens", "native")),
    ("site", ("clusters", "pitzer", "node_types", "any-40core", "constraint")),
    ("site", ("node_types", "hugemem", "partition")),
    ("site", ("mounts", "project", "path")),
    ("site", ("mounts", "lmod-init", "to")),
    ("site", ("compute_clusters", "owens", "paths", "apps")),
    ("app", ("form", 8, "options", 1)),
    ("app", ("form", 8, "otherwise")),
    ("app", ("container", "image")),
    ("app", ("versions", 0, "id")),
    ("site", ("clusters", "kubernetes", "registry")),
    ("site", ("apps", "jupyter", "versions", "3.0", "modules")),
    ("site", ("site",)),
    ("site", ("clusters", "owens", "title")),
    ("app", ("view", "path")),
    ("app", ("view", "fields", "password")),
)


@cache
def _documents() -> dict[str, str]:
    return {
        "app": (SAMPLE_ROOT / "apps/jupyter/app.yml").read_text(),
        "site": (SAMPLE_ROOT / "site.yml").read_text(),
    }


def write_profiles(folder: Path, place: Place, text: str) -> None:
    """Write the Jupyter sample and OSC's site, with a text in one place."""
    yaml = YAML()  # keeps what it does not change
    which, (*steps, last) = place
    for name, file in (("app", "apps/jupyter/app.yml"), ("site", "site.yml")):
        if name != which:
            (folder / file).write_text(_documents()[name])
            continue
        data = yaml.load(_documents()[name])
        holder: Any = data
        for step in steps:
            if isinstance(holder, dict) and step not in holder:
                holder[step] = {}
            holder = holder[step]
        quoted = DoubleQuotedScalarString(text)
        holder[last] = [quoted] if last in ("native", "modules") else quoted
        with (folder / file).open("w") as stream:
            yaml.dump(data, stream)


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.classes: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.classes.append(dict(attrs).get("class"))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def scalars(data: Any) -> list[str]:
    if isinstance(data, dict):
        return [s for pair in data.items() for item in pair for s in scalars(item)]
    if isinstance(data, list):
        return [s for item in data for s in scalars(item)]
    return [str(data)]


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLE_ROOT / "apps/jupyter", tmp_path / "profile/apps/jupyter")
    return tmp_path / "profile"


@pytest.mark.parametrize("name", PROFILE_TEXTS)
def test_what_profiles_say_stays_text(
    rubies: tuple[RubyOracle, RubyOracle],
    name: str,
    profile: Path,
    tmp_path: Path,
    programs: Path,
) -> None:
    canary = tmp_path / "CANARY"
    text = PROFILE_TEXTS[name].replace("CANARY", str(canary))
    rendered = 0
    turn = list(PROFILE_TEXTS).index(name)
    for place in (*FORM, *VIEW, *JOB)[0 if FULL else turn % 3 :: 1 if FULL else 3]:
        write_profiles(profile, place, text)
        result = api.render_apps([profile / "apps/jupyter"], profile / "site.yml")
        if result.failed or result.skipped:
            assert result.findings, place
            for finding in result.findings:
                assert finding.span is not None, (place, finding)
                assert finding.message, place
                assert "\n" not in finding.message, (place, finding.message)
            continue
        rendered += 1
        check_rendered(rubies, place, text, result.apps[0], tmp_path, programs)
        assert not canary.exists(), place
        assert not (Path.cwd() / "CANARY").exists()
    assert rendered  # texts that are refused everywhere show nothing


def check_rendered(
    rubies: tuple[RubyOracle, RubyOracle],
    place: Place,
    text: str,
    app: api.RenderedApp,
    folder: Path,
    programs: Path,
) -> None:
    """Every output file of one rendered app: read by what reads it, run by what runs it."""
    plan = app.plan
    files = {f.path: f.content.decode() for f in app.files}
    yaml = YAML(typ="safe")
    form, manifest = yaml.load(files["form.yml"]), yaml.load(files["manifest.yml"])
    if place in FORM:
        said = scalars([form, manifest])
        # Descriptions and the like lose the line break at their end.
        assert text in said or text.strip() in [s.strip() for s in said], (place, text, said)
    assert set(form) == {"cluster", "form", "attributes"}, place
    assert set(manifest) == {"name", "category", "subcategory", "role", "description"}, place
    posts = places(plan)
    requests = [
        Request("submit", path="submit.yml.erb", text=files["submit.yml.erb"], context=post)
        for post in posts
    ]
    for post, answer in zip(posts, ask(rubies, requests), strict=True):
        assert isinstance(answer, Rendered), (place, text, answer)
        assert answer.data == evaluate_submission(plan, post, SUBMITTER), (place, text)
    connection = {"host": "h", "port": 1, "password": "p", "jupyter_api": "lab"}
    view, *scripts = ask(
        rubies,
        [
            Request("view", text=files["view.html.erb"], context=connection),
            *[
                Request("template", text=files[path], context=post)
                for path in files
                if path.startswith("template/")
                for post in posts[::2]
            ],
        ],
    )
    assert isinstance(view, Rendered), (place, text, view)
    page = Page()
    page.feed(view.text)
    assert page.tags == ["form", "input", "button", "i"], (place, view.text)
    if place == ("app", ("view", "button")):
        assert "".join(page.texts).strip().endswith(text.strip()), (place, page.texts)
    for number, answer in enumerate(scripts):
        assert isinstance(answer, Rendered), (place, text, answer)
        (folder / f"script{number}").write_text(answer.text)
    names = [str(folder / f"script{number}") for number in range(len(scripts))]
    check = " ".join(f"bash -n {shell_word(n)} &&" for n in names) + " true"
    subprocess.run(["bash", "-c", check], check=True)
    # The part that is made from the profiles, run; the app's own text begins at its heading.
    before = next(
        a.text for a in scripts if isinstance(a, Rendered) and "# What the user" in a.text
    )
    setup = before.split("# -- jupyter: before")[0]
    program = f'{HARNESS}{setup}\nprintf %s "${{MARKED:-}}"'
    run = subprocess.run(
        ["bash", "-c", program],
        cwd=folder,
        env={"PATH": str(programs), "USER": "ada", "HOME": "/home/ada", "CASE": str(folder)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, (place, run.stderr)
    if place[1][-1] == "MARKED":
        assert run.stdout == text, place


def test_nothing_was_left_in_the_directory_of_the_tests() -> None:
    assert not [p for p in os.listdir() if p == "CANARY"]
