"""A key of the submit file that Open OnDemand does not read, or one at the wrong level.

Why
    Open OnDemand takes `cluster`, `batch_connect` and `script` from a submit file, the options of the
    job script from `script:` and those of the session's script from `batch_connect:`. Other keys are
    dropped without a word: `nodes: 2` under `script:` gives one node, and `native:` beside
    `script:` gives no native options at all. `before_file`, `script_file`, `after_file` and
    `clean_file` are overwritten: a session runs the files of template/ by their names.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/session.rb, save and submit; OSC/ood_core
    lib/ood_core/job/script.rb, initialize; lib/ood_core/batch_connect/template.rb and templates/.)

Bad
    script:
      queue: gpu
    native:
      - "--exclusive"

Good
    script:
      queue_name: gpu
      native:
        - "--exclusive"

Fix
    Write the key that is meant, at its level. What has no key of its own goes into `native`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import submit
from ood_appgen.lint.app import App
from ood_appgen.lint.psych import Mapping, Node, Scalar
from ood_appgen.lint.rule import Finding, at, replace

SEVERITY = Severity.WARNING

_TOP = ("cluster", "batch_connect", "script")
# OSC/ood_core lib/ood_core/job/script.rb, initialize (0.31.1); `cores` is not in 0.23, of 3.0.
_SCRIPT = (
    "args submit_as_hold rerunnable job_environment workdir email email_on_started "
    "email_on_terminated job_name shell_path input_path output_path error_path reservation_id "
    "queue_name priority start_time wall_time accounting_id job_array_request qos gpus_per_node "
    "native copy_environment cores content"
).split()
# lib/ood_core/batch_connect/template.rb and templates/{basic,vnc,vnc_container}.rb (0.31.1).
_BASIC = (
    "template conn_params bash_helpers min_port max_port password_size header footer "
    "script_wrapper set_host before_script run_script timeout after_script clean_script"
).split()
_VNC = (
    "websockify_cmd websockify_heartbeat_seconds websockify_timeout_seconds vnc_log vnc_passwd "
    "vnc_args vnc_clean name geometry dpi fonts idle extra_args"
).split()
_CONTAINER = (
    "container_path container_bindpath container_module container_command container_start_args"
).split()
_TEMPLATES = {
    "basic": _BASIC,
    "vnc": _BASIC + _VNC,
    "vnc_container": _BASIC + _VNC + _CONTAINER,
}
# What OOD sets itself, whatever the file says (OSC/ondemand apps/dashboard/app/models/batch_connect/
# session.rb, script_content, merges its own over the section).
_ITS_OWN = {
    f"{name}_file": f"delete it: Open OnDemand runs template/{name}.sh by itself"
    for name in ("before", "script", "after", "clean")
} | {name: "delete it: Open OnDemand sets it itself" for name in ("work_dir", "conn_file")}
# What people write and what it is called; "" for what only `native` can say.
_MEANT = {
    "queue": "queue_name",
    "partition": "queue_name",
    "account": "accounting_id",
    "project": "accounting_id",
    "walltime": "wall_time",
    "time": "wall_time",
    "time_limit": "wall_time",
    "reservation": "reservation_id",
    "env": "job_environment",
    "environment": "job_environment",
    "name": "job_name",
    "gpus": "gpus_per_node",
    "ntasks": "cores",
    "mail": "email",
    "output": "output_path",
    "error": "error_path",
    "hold": "submit_as_hold",
    "nodes": "",
    "num_nodes": "",
    "memory": "",
    "mem": "",
    "num_cores": "cores",
    "constraint": "",
    "gres": "",
}


def check(app: App) -> Iterator[Finding]:
    """Look at the keys of each level, in each view."""
    for root in submit.roots(app):
        yield from _check_top(root)
        script, connect = root.get("script"), root.get("batch_connect")
        if isinstance(script, Mapping):
            cores = script.key("cores")
            if cores is not None and not app.settings.at_least("3.1"):
                message = f"Open OnDemand {app.settings.ondemand} does not read `cores:` yet"
                yield at(cores, message, "say it in `native:`, as the scheduler's option")
            yield from _check_section(
                script, "script", _SCRIPT, "batch_connect", _TEMPLATES["vnc"], _keys(connect)
            )
        if isinstance(connect, Mapping):
            template = connect.get("template")
            name = template.value if isinstance(template, Scalar) else "basic"
            if name in _TEMPLATES:
                allowed = _TEMPLATES[name]
                yield from _check_section(connect, "batch_connect", allowed, "script", _SCRIPT)


def _keys(node: Node | None) -> frozenset[str]:
    return frozenset(k.text for k, _ in node.entries) if isinstance(node, Mapping) else frozenset()


def _check_top(root: Mapping) -> Iterator[Finding]:
    for key, _ in root.entries:
        name = key.value
        if name in _TOP:
            continue
        message = f"Open OnDemand does not read {quote(name)} at the top of a submit file"
        close = difflib.get_close_matches(name, _TOP, 1, 0.75)
        if name == "native" or name in _SCRIPT:
            yield at(key, message, "indent it below `script:`", severity=Severity.ERROR)
        elif name in _TEMPLATES["vnc_container"]:
            yield at(key, message, "indent it below `batch_connect:`", severity=Severity.ERROR)
        elif close:
            fix = replace(key, close[0])
            hint = f"did you mean `{close[0]}:`?"
            yield at(key, message, hint, severity=Severity.ERROR, fix=fix)
        else:
            yield at(key, message, "the keys there are cluster, batch_connect and script")


def _check_section(
    section: Mapping,
    level: str,
    allowed: list[str],
    other: str,
    elsewhere: list[str],
    other_keys: frozenset[str] = frozenset(),
) -> Iterator[Finding]:
    for key, value in section.entries:
        name = key.value
        if name in allowed:
            continue
        message = f"Open OnDemand does not read {quote(name)} under `{level}:`"
        if name in _ITS_OWN:
            stem = name.removesuffix("_file")
            usual = isinstance(value, Scalar) and value.value.rpartition("/")[2].startswith(
                f"{stem}.sh"
            )
            severity = Severity.NOTE if usual and level == "batch_connect" else None
            yield at(key, message, _ITS_OWN[name], severity=severity)
            continue
        if level == "script" and name == "template" and name in other_keys:
            yield at(key, message, "delete it: `batch_connect:` says it already")
            continue
        close = difflib.get_close_matches(name, allowed, 1, 0.8)
        if name in elsewhere and name not in ("name",):
            yield at(key, message, f"it belongs under `{other}:`")
        elif level == "script" and name in _MEANT:
            yield at(key, message, _say_meant(_MEANT[name]))
        elif close:
            fix = replace(key, close[0]) if section.get(close[0]) is None else None
            yield at(key, message, f"did you mean `{close[0]}:`?", fix=fix)
        elif level == "script" or name in _CONTAINER + _VNC:
            yield at(key, message, _say_other(level, name))
        else:
            yield at(key, message, "delete it: it does nothing", severity=Severity.NOTE)


def _say_meant(name: str) -> str:
    return f"the key is `{name}:`" if name else "say it in `native:`, as the scheduler's option"


def _say_other(level: str, name: str) -> str:
    if level == "script":
        return "what has no key of its own goes into `native:`"
    template = "vnc_container" if name in _CONTAINER else "vnc"
    return f"it is a key of `template: {template}`"
