"""Sites and apps of other kinds than the samples: what is submitted, through real Ruby.

Each case is a small site and app, and what must come out on some choices.
"""

from __future__ import annotations

import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ood_appgen import api
from ood_appgen.api import RenderedApp
from ood_appgen.verify.ruby import ADA, STAGED_ROOT, SUPPORT, Failure, Rendered, Request, RubyOracle
from tools import require_tool

SLURM = """
site: Demo
ondemand: "4.1"
clusters:
  solo: {scheduler: slurm, node_types: {n: {cores: {min: 2, max: 8}}}}
"""
KUBERNETES = """
site: Demo
ondemand: "4.1"
clusters:
  kube:
    scheduler: kubernetes
    wall_time: unlimited
    registry: registry.example.edu
    before: |
      host=h port=1 password=p
    node_types: {n: {cores: {max: 8}, memory_mb_per_core: 1000, compute_cluster: big}}
compute_clusters: {big: {environment: {WHERE: "on {compute_cluster}", OMP: "1"}}}
"""
APP = """
id: demo
title: Demo
form:
  - {id: node_type, from: node_types}
  - {id: num_cores, from: cores}
scripts: {script: "true\\n"}
container: {image: "demo:1", port: 8080}
view: {kind: link}
"""
BASE = {"cluster": "solo", "node_type": "n", "num_cores": "2"}
POD = {**BASE, "cluster": "kube"}


@pytest.fixture(scope="module")
def ruby():
    require_tool("ruby")
    with RubyOracle() as oracle:
        yield oracle


def make(folder: Path, site: str, app: str = APP) -> RenderedApp:
    (folder / "site.yml").write_text(textwrap.dedent(site))
    (folder / "app.yml").write_text(textwrap.dedent(app))
    result = api.render_apps([folder], folder / "site.yml")
    assert [f.format() for f in result.findings] == []
    return result.apps[0]


def text_of(app: RenderedApp, path: str) -> str:
    return next(f.content.decode() for f in app.files if f.path == path)


def submit(ruby: RubyOracle, app: RenderedApp, choice: dict[str, str]) -> Rendered | Failure:
    request = Request(
        "submit",
        path="submit.yml.erb",
        text=text_of(app, "submit.yml.erb"),
        context=choice,
        staged_root=STAGED_ROOT,
        user=ADA,
        users=(SUPPORT,),
    )
    return ruby.evaluate(request)


def script(ruby: RubyOracle, app: RenderedApp, choice: dict[str, str]) -> dict[str, Any]:
    answer = submit(ruby, app, choice)
    assert isinstance(answer, Rendered), answer
    assert answer.data is not None
    return answer.data["script"]


def stage(ruby: RubyOracle, app: RenderedApp, path: str, choice: dict[str, str]) -> str:
    request = Request(
        "template",
        path=path,
        text=text_of(app, path),
        context=choice,
        staged_root=STAGED_ROOT,
        user=ADA,
        users=(SUPPORT,),
    )
    answer = ruby.evaluate(request)
    assert isinstance(answer, Rendered), answer
    subprocess.run(["bash", "-n"], input=answer.text, text=True, check=True)
    return answer.text


def field(text: str) -> str:
    return APP.replace("scripts:", f"  - {text}\nscripts:")


def test_a_site_script_stays_as_it_is(ruby: RubyOracle, tmp_path: Path) -> None:
    site = (
        SLURM
        + "  two:\n    scheduler: slurm\n    node_types: {n: {cores: {min: 2, max: 8}}}\n    before: |\n"
    )
    lines = ["cat > note <<EOF", "  kept", "EOF", "text='one", "two'"]
    site += "".join(f"      {line}\n" for line in lines)
    app = make(tmp_path, site, APP.replace("form:", "form:\n  - {id: cluster, from: clusters}"))
    text = stage(ruby, app, "template/before.sh.erb", {**BASE, "cluster": "two"})
    assert 'if [[ "${OOD_CLUSTER}" == two ]]; then\n' + "\n".join(lines) + "\nfi\n" in text


def test_a_field_that_the_site_forbids_keeps_its_value(ruby: RubyOracle, tmp_path: Path) -> None:
    site = (
        SLURM
        + "hours: {max: 9, default: 2}\n"
        + (
            "apps: {demo: {fields: {num_cores: {forbid: true, value: 4}, bc_num_hours: {forbid: true, value: 3},"
            " mode: {forbid: true}, version: {forbid: true, value: '2'}}}}\nmodules: {}\n"
        )
    )
    app = field("{id: bc_num_hours, from: hours}").replace(
        "scripts:",
        "  - {id: mode, widget: select, options: [a, b]}\n  - {id: version, from: versions}\n"
        "versions: [{id: '1', modules: [one]}, {id: '2', modules: [two]}]\nscripts:",
    )
    made = make(tmp_path, site, app)
    choice = {"cluster": "solo", "node_type": "n"}
    assert script(ruby, made, choice) == {
        "wall_time": 10800,
        "native": ["--nodes", "1", "--ntasks-per-node", "4"],
    }
    before = stage(ruby, made, "template/before.sh.erb", choice)
    for line in ("FORM_NUM_CORES=4", "FORM_BC_NUM_HOURS=3", "FORM_MODE=a", "FORM_VERSION=2"):
        assert f"export {line}\n" in before
    assert "module load two\n" in stage(ruby, made, "template/script.sh.erb", choice)
    assert "module load one" not in stage(ruby, made, "template/script.sh.erb", choice)


def test_hours_that_nobody_asks_for_obey_the_node_type(ruby: RubyOracle, tmp_path: Path) -> None:
    site = (
        SLURM.replace("{n: {", "{m: {cores: {max: 8}}, n: {max_hours: 1, ")
        + "hours: {max: 48, default: 4}\n"
    )
    app = make(tmp_path, site)
    assert script(ruby, app, BASE)["wall_time"] == 3600
    assert script(ruby, app, {**BASE, "node_type": "m"})["wall_time"] == 14400


def test_values_with_quotes_reach_the_pod(ruby: RubyOracle, tmp_path: Path) -> None:
    app = APP + """environment: {JSON: '{"u": "{user}", "n": "a\\b"}', OMP: "2"}\n"""
    app = app.replace("port: 8080", """port: 8080, command: [sh, -c, 'echo "x"']""")
    container = script(ruby, make(tmp_path, KUBERNETES, app), POD)["native"]["container"]
    assert container["env"] == {
        "WHERE": "on big",
        "OMP": "2",
        "JSON": r"{\"u\": \"ada\", \"n\": \"a\\b\"}",
    }
    assert container["command"] == ["sh", "-c", r"echo \"x\""]


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("a/b:1", "registry.example.edu/a/b:1"),
        ("quay.io/a/b:1", "quay.io/a/b:1"),
        ("host:5000/a", "host:5000/a"),
    ],
)
def test_the_registry_is_for_images_without_one(
    ruby: RubyOracle, tmp_path: Path, image: str, full: str
) -> None:
    app = make(tmp_path, KUBERNETES, APP.replace("demo:1", image))
    assert script(ruby, app, POD)["native"]["container"]["image"] == full


def test_requests_nfs_groups_and_selectors(ruby: RubyOracle, tmp_path: Path) -> None:
    site = KUBERNETES.replace(
        "    before: |",
        """\
    requests: {cpu_percent: 50, memory_percent: 25}
    supplemental_groups: [5002]
    mounts: [data]
    node_selector: {zone: "{compute_cluster}"}
    before: |""",
    ).replace(
        "compute_cluster: big}}",
        """compute_cluster: big},
      g: {cores: {max: 4}, memory_mb: 9000, compute_cluster: big, node_selector: {gpu: "yes"},
          gpus: {max: 2, resource: amd.com/gpu}}}""",
    )
    site += "mounts: {data: {path: /export, to: /data, server: nfs.example.edu}}\n"
    app = make(tmp_path, site)
    native = script(ruby, app, POD)["native"]
    container = native["container"]
    assert (container["cpu_limit"], container["cpu_request"]) == ("2", "1000m")
    assert (container["memory_limit"], container["memory_request"]) == ("2000Mi", "500Mi")
    assert container["supplemental_groups"] == [5002]
    assert native["mounts"] == [
        {
            "type": "nfs",
            "name": "data",
            "host": "nfs.example.edu",
            "path": "/export",
            "destination_path": "/data",
        }
    ]
    assert native["node_selector"] == {"zone": "big"}
    chosen = script(ruby, app, {**POD, "node_type": "g"})
    assert chosen["gpus_per_node"] == 1
    assert chosen["native"]["gpu_type"] == "amd.com/gpu"
    assert chosen["native"]["node_selector"] == {"zone": "big", "gpu": "yes"}
    assert chosen["native"]["container"]["memory_limit"] == "9000Mi"


def test_fields_of_every_kind_take_what_the_form_posts(ruby: RubyOracle, tmp_path: Path) -> None:
    app = APP.replace(
        "scripts:",
        """\
  - {id: level, widget: number_field, min: -10, max: 10, step: 5}
  - {id: side, widget: radio, options: [left, right]}
  - {id: fast, widget: check_box, value: true}
  - {id: notes, widget: text_area}
scripts:""",
    )
    made = make(tmp_path, SLURM, app)
    posted = {**BASE, "level": "-5", "side": "left", "fast": "1", "notes": "a\r\nb"}
    script(ruby, made, posted)
    form = text_of(made, "form.yml")
    assert '    value: "-10"\n    min: -10\n' in form
    assert '    value: "left"\n' in form
    assert '    value: "1"\n' in form
    assert "export FORM_NOTES=a'\n'b\n" in stage(ruby, made, "template/before.sh.erb", posted)
    for change, message in [
        (
            {"level": "-4"},
            'Level must be a whole number from -10 to 10 on solo, node type n, not "-4".',
        ),
        (
            {"level": "1e1"},
            'Level must be a whole number from -10 to 10 on solo, node type n, not "1e1".',
        ),
        ({"side": "up"}, 'Side must be one of left, right on solo, node type n, not "up".'),
        ({"notes": "a\0b"}, "Notes must be text without control characters."),
    ]:
        answer = submit(ruby, made, {**posted, **change})
        assert isinstance(answer, Failure)
        assert answer.message == message


def test_ids_of_our_own_names_are_the_users(ruby: RubyOracle, tmp_path: Path) -> None:
    app = (
        APP.replace("num_cores", "cores")
        .replace("id: node_type", "id: node")
        .replace(
            "scripts:", "  - {id: hours, from: hours}\n  - {id: user, widget: text_field}\nscripts:"
        )
    )
    made = make(tmp_path, SLURM + "hours: {max: 5}\n", app)
    choice = {"cluster": "solo", "node": "n", "cores": "3", "hours": "2", "user": "x"}
    assert script(ruby, made, choice) == {
        "wall_time": 7200,
        "native": ["--nodes", "1", "--ntasks-per-node", "3"],
    }


def test_the_same_app_needs_its_mounts_in_containers_only(ruby: RubyOracle, tmp_path: Path) -> None:
    make(tmp_path, SLURM, APP + "mounts: [cvmfs]\n")


def test_a_nearer_word_on_memory_replaces_a_farther_one(ruby: RubyOracle, tmp_path: Path) -> None:
    site = SLURM.replace(
        "{scheduler: slurm,", "{scheduler: slurm, defaults: {memory_mb_per_core: 1000},"
    ).replace("n: {cores", "m: {cores: {max: 4}}, n: {memory_mb: 7000, cores")
    app = make(tmp_path, site)
    assert script(ruby, app, BASE)["native"][-2:] == ["--mem", "7000M"]
    assert script(ruby, app, {**BASE, "node_type": "m"})["native"][-2:] == ["--mem", "2000M"]


def test_an_app_that_needs_memory_gets_fewer_cores_where_memory_is_fixed(tmp_path: Path) -> None:
    site = SLURM.replace("n: {cores", "n: {memory_mb: 7000, cores")
    app = make(tmp_path, site, APP + "resources: {memory_mb_per_core: 2000}\n")
    assert app.plan.offers[0].cores == range(2, 4)


def test_queue_and_qos_are_asked_for_where_no_node_type_has_them(
    ruby: RubyOracle, tmp_path: Path
) -> None:
    site = (
        SLURM.replace("{n: {", "{m: {cores: {max: 4}, partition: fast}, n: {")
        + "queue: {ask: text}\nqos: {ask: text}\n"
    )
    app = make(
        tmp_path,
        site,
        field("{id: queue, from: queue}").replace("scripts:", "  - {id: qos, from: qos}\nscripts:"),
    )
    asked = script(ruby, app, {**BASE, "queue": "long", "qos": ""})
    assert (asked["queue_name"], asked.get("qos")) == ("long", None)
    fixed = script(ruby, app, {**BASE, "node_type": "m", "queue": "long", "qos": "high"})
    assert (fixed["queue_name"], fixed["qos"]) == ("fast", "high")
    assert "data-hide-queue: true" in text_of(app, "form.yml")


def test_text_of_a_profile_stays_text(ruby: RubyOracle, tmp_path: Path) -> None:
    hostile = "a\"b'c <%= 1 %> -%> #{x} <script> é"
    quoted = hostile.replace("'", "''")
    app = APP.replace("title: Demo", f"title: '{quoted}'\ndescription: '{quoted}'") + (
        f"environment: {{A: '{quoted.replace('{x}', '{X}')}'}}\n"
    )
    site = SLURM.replace("site: Demo", f"site: '{quoted}'").replace(
        "{n: {", f"{{n: {{label: '{quoted}', "
    )
    made = make(tmp_path, site, app)
    script(ruby, made, BASE)
    before = stage(ruby, made, "template/before.sh.erb", BASE)
    seen = subprocess.run(
        ["bash", "-c", before.split("[[ $(type")[0] + '\nprintf %s "$A"'],
        capture_output=True,
        text=True,
    )
    assert seen.stdout == hostile.replace("{x}", "{X}")
    view = ruby.evaluate(
        Request("view", text=text_of(made, "view.html.erb"), context={"host": "h", "port": 1})
    )
    assert isinstance(view, Rendered)
    assert "&lt;script&gt;" in view.text
    assert "<script>" not in view.text


def test_what_a_site_says_of_one_apps_field_counts_most(tmp_path: Path) -> None:
    site = (
        SLURM
        + "account: {ask: text, label: Project, help: Ask.}\napps: {demo: {fields: {account: {label: Grant}}}}\n"
    )
    app = make(tmp_path, site, field("{id: account, from: account, label: Account}"))
    assert '    label: "Grant"\n    required: true\n    help: "Ask."\n' in text_of(app, "form.yml")
