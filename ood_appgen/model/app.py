"""The app spec as data: `app_parser` makes it of a checked app.yml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ood_appgen.diagnostics import Span
from ood_appgen.model.mounts import Mount, Pairs
from ood_appgen.model.pods import EnvironmentSource, Init, Pod

SCRIPTS = ("before", "script", "after", "clean")
ICONS = ("icon.svg", "icon.png")


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a select; `directives` are OOD's `data-...` keys."""

    value: str
    label: str
    directives: tuple[tuple[str, Any], ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """A form field as the app asks for it. `source` is what `from` says, "" for its own fields."""

    id: str
    source: str
    widget: str
    options: tuple[Option, ...]
    only_with_gpus: bool
    otherwise: str
    settings: tuple[tuple[str, Any], ...]
    attributes: tuple[tuple[str, Any], ...]
    span: Span

    def setting(self, key: str, missing: Any = None) -> Any:
        """One of label, help, value, required, min, max, step."""
        return dict(self.settings).get(key, missing)


@dataclass(frozen=True, slots=True)
class Version:
    """A software version; modules and image as the app names them."""

    id: str
    label: str
    modules: tuple[str, ...]
    image: str
    span: Span


@dataclass(frozen=True, slots=True)
class Container:
    """The container on Kubernetes."""

    image: str
    name: str
    port: int
    command: tuple[str, ...]
    restart_policy: str
    startup_seconds: int | None
    span: Span


@dataclass(frozen=True, slots=True)
class View:
    """How a user gets into the program."""

    kind: str
    proxy: str
    path: str
    fields: Pairs
    cookies: Pairs
    button: str
    icon: str
    span: Span


@dataclass(frozen=True, slots=True)
class Resources:
    """What the app needs, in cores, MiB for each core, and hours; None where it says nothing."""

    cores_min: int | None
    cores_max: int | None
    cores_default: int | None
    memory_mb_per_core: int | None
    hours_max: int | None
    hours_default: int | None
    span: Span


@dataclass(frozen=True)
class AppSpec:
    """An app. `scripts` are texts by name; `icon_file` is the icon's bytes where it is a file.

    `own_mounts` are those of `mounts` (and of `init`) that the app describes itself.

    `read_files` are the files beside app.yml that were read for it.
    """

    id: str
    title: str
    category: str
    subcategory: str
    role: str
    description: str
    icon: str
    icon_file: bytes
    template: str
    template_options: tuple[tuple[str, Any], ...]
    form: tuple[FieldSpec, ...]
    resources: Resources
    versions: tuple[Version, ...]
    modules: tuple[str, ...]
    connection_params: tuple[str, ...]
    wait_s: int
    container: Container | None
    pod: Pod | None
    mounts: tuple[tuple[str, Span], ...]
    own_mounts: tuple[Mount, ...]
    init: tuple[Init, ...]
    environment: Pairs
    environment_from: tuple[EnvironmentSource, ...]
    scripts: tuple[tuple[str, str], ...]
    view: View | None
    read_files: tuple[str, ...]
    path: str
    span: Span
    template_span: Span

    def script(self, name: str) -> str:
        """The text of one of `SCRIPTS`, "" where the app has none."""
        return dict(self.scripts).get(name, "")
