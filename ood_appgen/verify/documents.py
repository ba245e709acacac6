"""Submit documents side by side: where they differ, and how kindly Open OnDemand reads them."""

from __future__ import annotations

import json
import re
from typing import Any

from ood_appgen.diagnostics import quote


def difference(planned: Any, found: Any, path: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any, Any]:
    """Where two documents first differ, and the two values there."""
    if isinstance(planned, dict) and isinstance(found, dict):
        for key in [*planned, *(k for k in found if k not in planned)]:
            if planned.get(key, _NOTHING) != found.get(key, _NOTHING):
                return difference(
                    planned.get(key, _NOTHING), found.get(key, _NOTHING), (*path, key)
                )
    if isinstance(planned, list) and isinstance(found, list):
        for at in range(max(len(planned), len(found))):
            one = planned[at] if at < len(planned) else _NOTHING
            other = found[at] if at < len(found) else _NOTHING
            if one != other:
                if len(planned) != len(found):
                    break  # the whole lists say more than the first place that moved
                return difference(one, other, (*path, at))
    return path, planned, found


_NOTHING = object()


def show(value: Any) -> str:
    """A value as reports print it."""
    if value is _NOTHING or value is None:
        return "nothing"
    return quote(value if isinstance(value, str) else json.dumps(value), 200)


def substitute(data: Any, marker: str, value: str) -> Any:
    """The data with a word replaced in every text."""
    if isinstance(data, dict):
        return {k: substitute(v, marker, value) for k, v in data.items()}
    if isinstance(data, list):
        return [substitute(item, marker, value) for item in data]
    return data.replace(marker, value) if isinstance(data, str) else data


# OSC/ood_core lib/ood_core/job/script.rb makes whole numbers of these, whatever they come as.
_NUMBERS = ("wall_time", "gpus_per_node", "cores", "priority", "start_time")


def read_kindly(document: dict[str, Any]) -> dict[str, Any]:
    """A document that a person wrote, as far as Open OnDemand reads it more kindly than the schema.

    Texts become numbers and numbers in `native` texts, keys without a value are dropped, and an
    empty argument is an argument (of `--comment`, say).
    """
    script = document.get("script")
    if not isinstance(script, dict):
        return document
    read = {k: v for k, v in script.items() if v is not None}
    for key in _NUMBERS:
        if isinstance(read.get(key), str) and read[key].isdecimal():
            read[key] = int(read[key])
    if isinstance(read.get("native"), list):
        read["native"] = [str(item) or "-" for item in read["native"]]
    return {**document, "script": read}


def strip_values(message: str) -> str:
    """A message without what differs from choice to choice."""
    return re.sub(r'"[^"]*"|\d+', "#", message)
