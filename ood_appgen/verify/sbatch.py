"""The arguments that Open OnDemand's Slurm adapter gives to sbatch.

Facts: OSC/ood_core lib/ood_core/job/adapters/slurm.rb (`submit`, `submit_string`, `export_arg`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ood_appgen.verify.predict import AdapterError, Session, ruby_text, script_options, truthy

# The options that take one value, in the order they are printed in; the mail type stands between.
_BEFORE_BEGIN = (
    ("-J", "job_name"),
    ("-i", "input_path"),
    ("-o", "output_path"),
    ("-e", "error_path"),
    ("--reservation", "reservation_id"),
    ("-p", "queue_name"),
    ("--priority", "priority"),
)
_AFTER_TIME = (
    ("-a", "job_array_request"),
    ("--qos", "qos"),
    ("--gpus-per-node", "gpus_per_node"),
    ("-n", "cores"),
)


def predict_sbatch(submission: Mapping[Any, Any], session: Session) -> tuple[str, ...]:
    """All arguments of sbatch for a submission, without the cluster's own -M.

    The submission is what `merge_submission` gives. Raises AdapterError where Ruby would raise. A
    start time is printed in this machine's time zone, as the adapter does.
    """
    script = script_options(submission, session)
    args: list[str] = []
    if truthy(script.get("submit_as_hold")):
        args.append("-H")
    if "rerunnable" in script:
        args.append("--requeue" if script["rerunnable"] is not False else "--no-requeue")
    _add(args, "-D", "workdir", script)
    if "email" in script:
        if script["email"] is False:
            raise AdapterError("email", False, "is not an address")
        args += ("--mail-user", ",".join(script["email"]))
    if kind := _mail_type(script.get("email_on_started"), script.get("email_on_terminated")):
        args += ("--mail-type", kind)
    for flag, key in _BEFORE_BEGIN:
        _add(args, flag, key, script)
    if "start_time" in script:
        args += ("--begin", _begin(script["start_time"]))
    _add(args, "-A", "accounting_id", script)
    if "wall_time" in script:
        args += ("-t", _duration(script["wall_time"]))
    for flag, key in _AFTER_TIME:
        _add(args, flag, key, script)
    args += ("--export", _export(script))
    native = script.get("native")
    if truthy(native):
        if not isinstance(native, list):
            raise AdapterError("native", native, "must be a list of arguments for sbatch")
        args += [ruby_text(f"native[{i}]", item) for i, item in enumerate(native)]
    args.append("--parsable")
    for arg in args:
        if "\0" in arg:
            raise AdapterError("script", arg, "an argument cannot contain a null character")
    return tuple(args)


def _add(args: list[str], flag: str, key: str, script: Mapping[Any, Any]) -> None:
    value = script.get(key)
    if value is not None:
        args.append(flag)
        args.append(value if value.__class__ is str else ruby_text(key, value))


def _mail_type(started: Any, terminated: Any) -> str:
    if truthy(started):
        return "ALL" if truthy(terminated) else "BEGIN"
    if truthy(terminated):
        return "END"
    # One of them unset asks for nothing; both must be false to ask for no mail.
    return "NONE" if started is False and terminated is False else ""


def _begin(seconds: Any) -> str:
    if seconds is False:
        raise AdapterError("start_time", seconds, "is not a time")
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        raise AdapterError("start_time", seconds, "is not a time") from None


def _duration(seconds: Any) -> str:
    if seconds is False:
        raise AdapterError("wall_time", seconds, "is not a number of seconds")
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def _export(script: Mapping[Any, Any]) -> str:
    names = list(script.get("job_environment") or ())
    if truthy(script.get("copy_environment")):
        names.insert(0, "ALL")
    # Without any of both the job starts with nothing of the dashboard's environment.
    return ",".join(names) or "NONE" if names != [""] else ""
