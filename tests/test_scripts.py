"""The job scripts and views of the samples: rendered by real Ruby, read by real programs."""

from __future__ import annotations

import html.parser
import json
import subprocess
from pathlib import Path

import pytest

from ood_appgen.model.plan import choices
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, SUPPORT, Rendered, Request, RubyOracle
from samples import Sample, render_samples
from tools import require_tool

SAMPLES = render_samples()
CONNECTION = {
    "host": "node1",
    "port": 4321,
    "password": 'p"<&>',
    "jupyter_api": "lab",
    "csrf_token": "t123",
}

# What OOD's job script defines before it sources before.sh.
JOB_SCRIPT = """\
set -u
host=node1
find_port() { echo 4321; }
create_passwd() { printf '%*s' "$1" '' | tr ' ' x; }
clean_up() { exit "${1:-0}"; }
wait_until_port_used() { return 0; }
"""


@pytest.fixture(scope="module")
def ruby():
    require_tool("ruby")
    with RubyOracle() as oracle:
        yield oracle


def render(ruby: RubyOracle, sample: Sample, path: str, context: dict[str, str]) -> str:
    answer = ruby.evaluate(
        Request(
            "template",
            path=path,
            text=sample.files[path],
            context=context,
            staged_root=STAGED_ROOT,
            user=ADA,
            users=(SUPPORT,),
        )
    )
    assert isinstance(answer, Rendered), (sample, path, answer)
    return answer.text


def scripts_of(sample: Sample) -> list[str]:
    return [p for p in sample.files if p.startswith("template/")]


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_shell_passes_shellcheck_for_each_cluster(
    ruby: RubyOracle, sample: Sample, tmp_path: Path
) -> None:
    shellcheck = require_tool("shellcheck")
    seen: dict[tuple[str, bool], dict[str, str]] = {}
    with_gpus = {(o.cluster.id, o.node.id) for o in sample.plan.offers if o.gpus}
    for choice in choices(sample.plan):
        node = choice[sample.plan.node_type_field]
        seen.setdefault((choice["cluster"], (choice["cluster"], node) in with_gpus), choice)
    assert {cluster for cluster, _ in seen} == {c.id for c in sample.plan.clusters}
    files = []
    for number, choice in enumerate(seen.values()):
        for path in scripts_of(sample):
            file = tmp_path / f"{number}-{Path(path).stem}"
            file.write_text(render(ruby, sample, path, choice))
            files.append(str(file))
            subprocess.run(["bash", "-n", str(file)], check=True)
    found = subprocess.run(
        [shellcheck, "--norc", "-s", "bash", *files], capture_output=True, text=True
    )
    assert found.stdout == ""
    assert found.returncode == 0


HOSTILE = [
    "'",
    '"',
    "$(touch canary)",
    "`touch canary`",
    "; touch canary",
    "a\\",
    "<%= 1 %>",
    "${HOME}",
    "#",
    "%s",
    " ",
    "é ☃",
    "a'b\"c$d`e\\f",
    "-n",
    "*",
    "~",
    "{a,b}",
    "!!",
    "&& touch canary",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_reaches_the_scripts_as_it_was_typed(
    ruby: RubyOracle, value: str, tmp_path: Path
) -> None:
    sample = next(s for s in SAMPLES if str(s) == "osc-jupyter")
    choice = {
        **next(choices(sample.plan)),
        "working_dir": value,
        "account": value,
        "cuda_version": value,
    }
    text = render(ruby, sample, "template/before.sh.erb", choice).split("# -- jupyter: before")[0]
    program = JOB_SCRIPT + text + "\nenv -0 > environment\n"
    subprocess.run(["bash", "-c", program], cwd=tmp_path, check=True)
    environment = dict(
        item.split("=", 1)
        for item in (tmp_path / "environment").read_text().split("\0")
        if "=" in item
    )
    assert environment["FORM_WORKING_DIR"] == value
    assert environment["FORM_ACCOUNT"] == value
    assert environment["FORM_CUDA_VERSION"] == "none"  # hidden: owens, any has no GPUs
    assert (environment["port"], environment["LISTEN_PORT"], environment["OOD_SCHEDULER"]) == (
        "4321",
        "4321",
        "slurm",
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["environment"]


def test_a_pod_listens_on_its_own_port(ruby: RubyOracle, tmp_path: Path) -> None:
    sample = next(s for s in SAMPLES if str(s) == "osc-rstudio")
    choice = next(c for c in choices(sample.plan) if c["cluster"] == "kubernetes")
    text = render(ruby, sample, "template/before.sh.erb", choice).split("# -- rstudio: before")[0]
    site_part = "source /bin/find_host_port\n# shellcheck source=/dev/null\nsource /bin/save_passwd_as_secret"
    assert site_part in text
    text = text.replace(site_part, "HOST_CFG=10.0.0.7 PORT_CFG=30123 PASSWORD=secret")
    program = (
        JOB_SCRIPT
        + "POD_PORT=8080\n"
        + text
        + '\nprintf "%s\\n" "$host" "$port" "$password" "$LISTEN_PORT" "$COMPUTE_CLUSTER" >&3\n'
    )
    with (tmp_path / "seen").open("w") as seen:
        subprocess.run(
            ["bash", "-c", f"exec 3>&1\n{program}"], cwd=tmp_path, check=True, stdout=seen
        )
    assert (tmp_path / "seen").read_text().split() == [
        "10.0.0.7",
        "30123",
        "secret",
        "8080",
        choice["node_type"].split("-")[0],
    ]


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form: dict[str, str | None] = {}
        self.inputs: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.form = values
        if tag == "input":
            self.inputs[str(values["name"])] = values["value"]


VIEWS = {
    "jupyter": (
        "/node/node1/4321/login?next=%2Fnode%2Fnode1%2F4321%2Flab",
        {"password": CONNECTION["password"]},
    ),
    "codeserver": (
        "/rnode/node1/4321/login",
        {"password": CONNECTION["password"], "base": "/rnode/node1/4321/"},
    ),
    "rstudio": (
        "/rnode/node1/4321/auth-do-sign-in",
        {
            "csrf-token": "t123",
            "rs-csrf-token": "t123",
            "username": "ada",
            "password": CONNECTION["password"],
            "staySignedIn": "1",
            "appUri": "",
        },
    ),
}


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.app in VIEWS], ids=str)
def test_views_post_the_login(ruby: RubyOracle, sample: Sample) -> None:
    answer = ruby.evaluate(
        Request(
            "view", path="view.html.erb", text=sample.files["view.html.erb"], context=CONNECTION
        )
    )
    assert isinstance(answer, Rendered)
    page = Page()
    page.feed(answer.text)
    action, fields = VIEWS[sample.app]
    assert (page.form["action"], page.form["method"]) == (action, "post")
    assert page.inputs == fields
    # Four blanks before a tag would make it a code block in OOD's Markdown.
    assert not [
        line for line in answer.text.split("\n") if line.startswith((" <", "  <form", "    <"))
    ]


def test_cookies_are_for_the_session_alone(ruby: RubyOracle) -> None:
    sample = next(s for s in SAMPLES if str(s) == "arc-rstudio")
    context = {**CONNECTION, "csrf_token": 'x"</script>'}
    answer = ruby.evaluate(
        Request("view", path="v", text=sample.files["view.html.erb"], context=context)
    )
    assert isinstance(answer, Rendered)
    cookies = [line for line in answer.text.split("\n") if "document.cookie" in line]
    assert len(cookies) == 2
    for line in cookies:
        assert '"; path=/rnode/node1/4321/; expires="' in line
        assert json.dumps('x"</script>').replace("<", "\\u003c").replace(">", "\\u003e") in line
        assert "</script>" not in line


@pytest.mark.parametrize(
    ("program", "port_opens_at", "status", "said"),
    [
        ("sleep 30", 2, 0, "The program listens on node1:4321."),
        ("true", 1000, 1, "The program ended before it listened on node1:4321; see above."),
        ("sleep 30", 1000, 1, "Nothing listens on node1:4321 after 600 seconds; giving up."),
    ],
)
def test_waiting_ends_with_the_port_the_program_or_the_time(
    ruby: RubyOracle, tmp_path: Path, program: str, port_opens_at: int, status: int, said: str
) -> None:
    sample = next(s for s in SAMPLES if str(s) == "osc-jupyter")
    path = "template/after.sh.erb"
    (tmp_path / "after.sh").write_text(render(ruby, sample, path, {"cluster": "owens"}))
    job = f"""
        export OOD_CLUSTER=owens host=node1 port=4321
        tries=0
        wait_until_port_used() {{ ((++tries >= {port_opens_at})); }}
        clean_up() {{ kill "${{SCRIPT_PID}}" 2> /dev/null; exit "${{1:-0}}"; }}
        {program} > /dev/null 2>&1 &
        SCRIPT_PID=$!
        sleep 0.2
        source ./after.sh
        clean_up
    """
    done = subprocess.run(["bash", "-c", job], cwd=tmp_path, capture_output=True, text=True)
    first, last = (done.stdout + done.stderr).splitlines()
    assert first == "Waiting up to 600 seconds for port 4321 on node1..."
    assert (done.returncode, last) == (status, said)
