"""What Open OnDemand makes of a parsed submit.yml before a job adapter sees it.

This module merges the form's own submissions and the document, and has the conversions that Ruby
would do on the way. The adapters are its neighbours: `verify/sbatch.py` gives the arguments of
sbatch, `verify/pod.py` the Kubernetes objects.

Facts: OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb (`submit_opts`) and session.rb
(`submit`, `script_options`), app/lib/smart_attributes/attributes/*.rb (each `submit`);
OSC/ood_core lib/ood_core/job/script.rb.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from ood_appgen.verify.ruby import User

Value = Any  # what a YAML document holds; None is Ruby's nil

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([-+]?[0-9]+(?:_[0-9]+)*)")
_RUBY_SPACE = " \t\n\v\f\r\0"
_INSPECTED = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    "\x1b": "\\e",
}
_INTERPOLATION = re.compile(r"#(?=[{$@])")
_GLOBAL_ATTRIBUTE = re.compile(r"global_(bc_[\w-]+)\Z")
_ENVIRONMENT_ATTRIBUTE = re.compile(r"auto_environment_variable_([\w-]+)\Z")
# OSC/ood_core lib/ood_core/batch_connect/templates/*.rb
_TEMPLATES = frozenset({"basic", "vnc", "vnc_container"})


class AdapterError(ValueError):
    """Open OnDemand would fail on this value, or its text would mean something else downstream.

    `path` names the value from the submission's `script` on ("native.container.env.FOO"), `value`
    is the value and `reason` says what is wrong with it.
    """

    def __init__(self, path: str, value: Value, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.value = value
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Session:
    """Who submits which app where.

    `app` is the id of a system app, `portal` the site's $OOD_PORTAL.
    """

    app: str
    cluster: str
    staged_root: str
    user: User
    portal: str = "ondemand"

    @property
    def job_name(self) -> str:
        """The name that a job has unless the document gives it one.

        OSC/ondemand apps/dashboard/app/models/batch_connect/session.rb, `job_name`; blank parts
        are left out.
        """
        parts = (self.portal, "sys/dashboard", f"sys/{self.app}")
        return "/".join(part for part in parts if part.strip())


# Ruby's conversions


def ruby_text(path: str, value: Value) -> str:
    """The text of a value as Ruby's to_s gives it.

    A hash is refused: its text differs between versions of Ruby, and none is meant for a reader.
    """
    if value.__class__ is str:
        return value
    if value is None:
        return ""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, list):
        return "[" + ", ".join(_inspect(path, item) for item in value) + "]"
    if isinstance(value, dict):
        raise AdapterError(path, value, "is a mapping where text is needed")
    return str(value)


def _float_text(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    mantissa, e, exponent = repr(value).partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else mantissa + e + exponent


def _inspect(path: str, value: Value) -> str:
    if value is None:
        return "nil"
    if isinstance(value, str):
        text = "".join(
            _INSPECTED.get(c) or (c if c.isprintable() else f"\\u{ord(c):04X}") for c in value
        )
        return '"' + _INTERPOLATION.sub(r"\\#", text) + '"'
    return ruby_text(path, value)


def ruby_integer(path: str, value: Value) -> int:
    """What Ruby's to_i makes of a value: the digits that a text starts with, else 0."""
    if value.__class__ is int:
        number: int = value
        return number
    if isinstance(value, str):
        found = _INTEGER.match(value)
        return int(found[1]) if found else 0
    if isinstance(value, float) and value - value == 0:
        return int(value)
    return refuse(path, value, "is not a number")


def truthy(value: Value) -> bool:
    """Whether Ruby takes a value for true: all but nil and false are."""
    return value is not None and value is not False


def refuse(path: str, value: Value, reason: str) -> NoReturn:
    """Raise the AdapterError of a value."""
    raise AdapterError(path, value, reason)


def mapping(path: str, value: Value) -> dict[Any, Any]:
    """The value, which must be a mapping."""
    if isinstance(value, dict):
        return value
    return refuse(path, value, "must be a mapping")


def sequence(path: str, value: Value) -> list[Any]:
    """The value, which must be a list."""
    if isinstance(value, list):
        return value
    return refuse(path, value, "must be a list")


# What the form submits itself


def _blank(text: str) -> bool:
    return not text.strip()


def _stripped(text: str | None) -> str | None:
    text = (text or "").strip(_RUBY_SPACE)
    return text or None


def _number(text: str | None, blank: int) -> int:
    return blank if text is None or _blank(text) else ruby_integer("", text)


def _native_nodes(text: str | None, adapter: str) -> dict[str, Any]:
    # Only Slurm of our two adapters has an argument for it.
    return {"script": {"native": ["-N", _number(text, 1)]}} if adapter == "slurm" else {}


_Submit = Callable[[str | None, str], dict[str, Any]]
_ATTRIBUTES: dict[str, _Submit] = {
    "auto_accounts": lambda text, _: {"script": {"accounting_id": text or ""}},
    "auto_cores": lambda text, _: {"script": {"cores": _number(text, 1)}},
    "auto_groups": lambda text, _: {"script": {"accounting_id": text or ""}},
    "auto_job_name": lambda text, _: {
        "script": {
            "job_name": "/".join(
                ["ondemand/sys/dashboard/project-manager"]
                + ([] if text is not None and _blank(text) else [text or "Project Manager Job"])
            )
        }
    },
    "auto_log_location": lambda text, _: {
        "script": {"output_path": None if text is None or _blank(text) else text}
    },
    "auto_primary_group": lambda text, _: {"script": {"accounting_id": text or ""}},
    "auto_qos": lambda text, _: {"script": {"qos": text or ""}},
    "auto_queues": lambda text, _: {"script": {"queue_name": text or ""}},
    "bc_account": lambda text, _: {"script": {"accounting_id": _stripped(text)}},
    "bc_email_on_started": lambda text, _: {"script": {"email_on_started": _number(text, 0) != 0}},
    "bc_num_hours": lambda text, _: {"script": {"wall_time": _number(text, 1) * 3600}},
    "bc_num_nodes": _native_nodes,
    "bc_num_slots": _native_nodes,
    "bc_queue": lambda text, _: {"script": {"queue_name": _stripped(text)}},
    "bc_vnc_idle": lambda text, _: {"batch_connect": {"idle": _number(text, 0)}},
    # The dashboard takes no value for it, unless $ENABLE_NATIVE_VNC is set: app.rb, `attributes`.
    "bc_vnc_resolution": lambda text, _: {"batch_connect": {"geometry": "800x600"}},
}


def merge_submission(
    document: Mapping[Any, Any] | None,
    values: Mapping[str, str],
    fields: Iterable[str],
    adapter: str,
) -> dict[Any, Any]:
    """What Open OnDemand submits: the form's own submissions and the document over them.

    `fields` are the form's ids in order, `values` what was posted; a field that is not posted has
    the default of its kind, not of the form. `adapter` is that of the form's *first* cluster, for
    that is whom the dashboard asks (OSC/ondemand apps/dashboard/app/controllers/batch_connect/
    session_contexts_controller.rb, `set_render_format`). Lists and scalars of the document win,
    nil too: the keys that are nil then are left out, at the top and in `script`
    (app/models/batch_connect/session.rb), by the functions that predict.
    """
    merged: dict[Any, Any] = {}
    for field in fields:
        name = field
        if known := _GLOBAL_ATTRIBUTE.match(field):
            name = known[1]
        submit = _ATTRIBUTES.get(name)
        if submit is not None:
            merged = _merge(merged, submit(values.get(name), adapter))
        elif found := _ENVIRONMENT_ATTRIBUTE.match(field):
            posted = values.get("auto_environment_variable_" + found[1].replace("-", "_"), "")
            variable = {found[1].upper(): posted}
            merged = _merge(merged, {"script": {"job_environment": variable}})
    return _merge(merged, document or {})


def _merge(below: Mapping[Any, Any], above: Mapping[Any, Any]) -> dict[Any, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if under.__class__ is dict and isinstance(value, dict):
            merged[key] = _merge(under, value)
        else:
            merged[key] = value
    return merged


# The job script object


def _text(path: str, value: Value) -> Value:
    return value if value is False else ruby_text(path, value)


def _int(path: str, value: Value) -> Value:
    return value if value is False else ruby_integer(path, value)


def _cores(path: str, value: Value) -> Value:
    return ruby_integer(path, value)


def _emails(path: str, value: Value) -> Value:
    if value is False:
        return False
    return [ruby_text(path, v) for v in (value if isinstance(value, list) else [value])]


def _environment(path: str, value: Value) -> Value:
    if value is False:
        return {}
    if isinstance(value, list):
        pairs = [item if isinstance(item, list) else [item] for item in value]
        value = {(p + [None])[0]: (p + [None, None])[1] for p in pairs}
    return {
        ruby_text(path, name): ruby_text(f"{path}.{name}", text)
        for name, text in mapping(path, value).items()
    }


def _arguments(path: str, value: Value) -> Value:
    return value if value is False else [ruby_text(path, v) for v in sequence(path, value)]


_CONVERT: dict[str, Callable[[str, Value], Value]] = {
    "args": _arguments,
    "job_environment": _environment,
    "workdir": _text,
    "email": _emails,
    "job_name": _text,
    "shell_path": _text,
    "input_path": _text,
    "output_path": _text,
    "error_path": _text,
    "reservation_id": _text,
    "queue_name": _text,
    "priority": _int,
    "start_time": _int,
    "wall_time": _int,
    "accounting_id": _text,
    "job_array_request": _text,
    "qos": _text,
    "gpus_per_node": _int,
    "cores": _cores,
}


def script_options(submission: Mapping[Any, Any], session: Session) -> dict[Any, Any]:
    """The options of the job script, converted as OSC/ood_core lib/ood_core/job/script.rb does.

    Keys that are nil are absent. False stays false in most of them and is no absence: the
    adapters print it.
    """
    connect = submission.get("batch_connect")
    if connect is not None and connect != []:
        template = mapping("batch_connect", connect).get("template")
        if template is not None and ruby_text("batch_connect.template", template) not in _TEMPLATES:
            raise AdapterError("batch_connect.template", template, "is no template of ood_core")
    script = submission.get("script")
    options: dict[Any, Any] = {
        "job_name": session.job_name,
        "workdir": session.staged_root,
        "output_path": f"{session.staged_root}/output.log",
    }
    if script is None or script == []:
        return options
    for key, value in mapping("script", script).items():
        if value is not None:
            convert = _CONVERT.get(key)
            options[key] = convert(key, value) if convert else value
    return options
