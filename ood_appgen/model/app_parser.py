"""app.yml to `AppSpec`, with what contradicts itself in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ood_appgen.diagnostics import Diagnostic, error, quote
from ood_appgen.expr import LABEL_WORDS
from ood_appgen.model import names
from ood_appgen.model.app import (
    ICONS,
    SCRIPTS,
    AppSpec,
    Container,
    FieldSpec,
    Option,
    Resources,
    Version,
    View,
)
from ood_appgen.model.mounts import Mount
from ood_appgen.model.pod_parser import PodParser
from ood_appgen.model.pods import Init
from ood_appgen.model.site import pairs, placeholders
from ood_appgen.model.text import read_script, script_files
from ood_appgen.schema import did_you_mean
from ood_appgen.source import Document, PathKey


def parse(document: Document, directory: Path) -> tuple[AppSpec | None, list[Diagnostic]]:
    """The app in a document that its schema accepts, and what contradicts itself in it."""
    parser = _Parser(document, directory)
    app = parser.app()
    return (None if parser.findings else app), parser.findings


# OOD's own fields that an app may list without a widget
# (OSC/ondemand apps/dashboard/app/lib/smart_attributes/attributes).
OOD_FIELDS = ("bc_email_on_started", "bc_vnc_idle", "bc_vnc_resolution")

# Fields of OOD's that would set what the site profile decides.
FROM_INSTEAD = {
    "auto_accounts": "account", "bc_account": "account", "auto_groups": "account",
    "auto_primary_group": "account", "auto_qos": "qos", "auto_queues": "queue", "bc_queue": "queue",
    "bc_num_hours": "hours", "auto_cores": "cores", "bc_num_slots": "cores", "bc_num_nodes": "cores",
    "auto_batch_clusters": "clusters",
}  # fmt: skip

_OWN_KEYS = {
    **{key: "it is a key of the field itself" for key in
       ("widget", "label", "help", "value", "required", "min", "max", "step", "options")},
    "fixed": "a fixed field is not on the form; write its value into the scripts",
    "multiple": "Open OnDemand drops what is posted for a multiple select",
    "html_options": "write the attribute itself",
}  # fmt: skip
_VIEW_NAMES = ("base_url", "connect", "view", "local_assigns", "output_buffer")


class _Parser:
    def __init__(self, document: Document, directory: Path) -> None:
        self.document = document
        self.directory = directory
        self.findings: list[Diagnostic] = []
        self.pods = PodParser(document, self._error)

    def app(self) -> AppSpec:
        data = self.document.data
        template = data.get("template", "basic")
        icon = data.get("icon", "")
        versions = tuple(self._version(i, v) for i, v in enumerate(data.get("versions", ())))
        for index, version in enumerate(versions):
            if version.id in [v.id for v in versions[:index]]:
                self._error(
                    ("versions", index),
                    "version-twice",
                    f"version {quote(version.id)} is listed twice",
                )
        connection = data.get("connection", {})
        if template != "basic" and "wait_s" in connection:
            self._error(
                ("connection", "wait_s"),
                "connection-wait",
                "Open OnDemand itself waits for a VNC server",
                "delete `wait_s`",
                key=True,
            )
        for key in ("template", "conn_params"):
            if key in data.get("template_options", {}):
                self._error(
                    ("template_options", key),
                    "template-option",
                    f"{quote(key)} is no template option",
                    "write `template:`, or `connection: {params: [...]}`",
                    key=True,
                )
        environment = pairs(data.get("environment"))
        self.pods.check_environment(("environment",), environment)
        mounts, own_mounts = self.pods.mounts(("mounts",), data.get("mounts"))
        init, init_mounts = self._init(data.get("init", ()))
        self._check_mounts(own_mounts, *init_mounts)
        own_mounts = (*own_mounts, *(mount for mounts in init_mounts for mount in mounts))
        return AppSpec(
            id=data["id"],
            title=data["title"],
            category=data.get("category", "Interactive Apps"),
            subcategory=data.get("subcategory", ""),
            role=data.get("role", "batch_connect"),
            description=data.get("description", ""),
            icon=icon,
            icon_file=self._icon(icon) if icon in ICONS else b"",
            template=template,
            template_options=tuple(data.get("template_options", {}).items()),
            form=self._form(data["form"]),
            resources=self._resources(data.get("resources", {})),
            versions=versions,
            modules=tuple(data.get("modules", ())),
            connection_params=self._params(connection.get("params", ())),
            wait_s=connection.get("wait_s", 300),
            container=self._container(data["id"], data.get("container")),
            pod=self.pods.pod(("pod",), data.get("pod")),
            mounts=mounts,
            own_mounts=own_mounts,
            init=init,
            environment=environment,
            environment_from=self.pods.environment_from(
                ("environment_from",), data.get("environment_from")
            ),
            scripts=self._scripts(data["scripts"]),
            view=self._view(data.get("view"), template, tuple(connection.get("params", ()))),
            read_files=(
                *([icon] if icon in ICONS else []),
                *script_files(data["scripts"].values()),
            ),
            path=self.document.path,
            span=self.document.span(("id",)),
            template_span=self.document.span(("template",)),
        )

    def _check_mounts(self, *groups: tuple[Mount, ...]) -> None:
        """A mount is described once, and named everywhere else."""
        known: dict[str, Mount] = {}
        for mounts in groups:
            for mount in mounts:
                if mount.name in known:
                    self.findings.append(
                        error(
                            mount.span,
                            "mount-twice",
                            f"the mount {quote(mount.name)} is described twice",
                            "name the other one here, or give this one another name",
                            (known[mount.name].span, "the other"),
                        )
                    )
            known.update((mount.name, mount) for mount in mounts)

    def _init(
        self, items: list[dict[str, Any]]
    ) -> tuple[tuple[Init, ...], list[tuple[Mount, ...]]]:
        """The init containers, and the mounts that each describes itself."""
        found: list[Init] = []
        mounts: list[tuple[Mount, ...]] = []
        for index, item in enumerate(items):
            init, own = self.pods.init(("init", index), item)
            if init.name in [i.name for i in found]:
                self._error(
                    ("init", index, "name"),
                    "init-twice",
                    f"two init containers are called {quote(init.name)}",
                    "choose another name",
                )
            found.append(init)
            mounts.append(own)
        return tuple(found), mounts

    def _form(self, items: list[dict[str, Any]]) -> tuple[FieldSpec, ...]:
        fields: list[FieldSpec] = []
        for index, item in enumerate(items):
            path: PathKey = ("form", index)
            field = self._field(item, path)
            for other in fields:
                if other.id == field.id:
                    self._error(
                        (*path, "id"),
                        "field-twice",
                        f"the field {quote(field.id)} is on the form twice",
                    )
                elif field.source and other.source == field.source:
                    self._error(
                        (*path, "from"),
                        "field-twice",
                        f"two fields are filled from {field.source}: {other.id} and {field.id}",
                    )
            fields.append(field)
        return tuple(fields)

    def _field(self, item: dict[str, Any], path: PathKey) -> FieldSpec:
        source = item.get("from", "")
        widget = item.get("widget", "")
        if source and widget:
            self._error(
                (*path, "widget"),
                "field-widget",
                "a field filled from the site has no widget of its own",
                key=True,
            )
        if item["id"] == "cluster" and source != "clusters":
            self._error(
                (*path, "id"),
                "field-id",
                "`cluster` is the field that Open OnDemand itself makes",
                "write `- {id: cluster, from: clusters}`, or choose another id",
            )
        if not source and not widget and item["id"] not in OOD_FIELDS:
            instead = FROM_INSTEAD.get(item["id"])
            self._error(
                (*path, "id"),
                "field-kind",
                f"the field {quote(item['id'])} is neither filled from the site nor has a widget",
                f"write `from: {instead}`"
                if instead
                else did_you_mean(item["id"], OOD_FIELDS) or "give it `from` or `widget`",
            )
        elif item["id"] in FROM_INSTEAD and source != FROM_INSTEAD[item["id"]]:
            self._error(
                (*path, "id"),
                "field-kind",
                f"{quote(item['id'])} would bypass the site profile",
                f"fill a field `from: {FROM_INSTEAD[item['id']]}`, under this or another id",
            )
        if source and "required" in item:
            self._error(
                (*path, "required"),
                "field-widget",
                "whether a field filled from the site is required, the site says",
                key=True,
            )
        for key in item.get("attributes", {}):
            if key in _OWN_KEYS:
                self._error(
                    (*path, "attributes", key),
                    "field-attribute",
                    f"{quote(key)} is no further attribute",
                    _OWN_KEYS[key],
                    key=True,
                )
        if source == "clusters" and item["id"] != "cluster":
            self._error(
                (*path, "id"),
                "field-id",
                f"the field filled from clusters must be called cluster, not {quote(item['id'])}",
                "Open OnDemand itself makes the field `cluster`",
            )
        chooses = widget in ("select", "radio", "radio_button")
        if (
            chooses
            and widget != "select"
            and any(
                isinstance(o, dict) and any(k[:5] == "data-" for k in o)
                for o in item.get("options", ())
            )
        ):
            self._error(
                path,
                "directive-dead",
                f"directives do nothing on a {widget}",
                "Open OnDemand follows selects only; make it a select",
            )
        if chooses and "options" not in item:
            self._error(path, "field-options", f"the {widget} {quote(item['id'])} needs `options`")
        if "options" in item and source:
            self._error(
                (*path, "options"),
                "field-options",
                f"{quote(item['id'])} is filled from the site: it takes no options",
                key=True,
            )
        elif "options" in item and not chooses:
            self._error(
                (*path, "options"),
                "field-options",
                f"{quote(item['id'])} is no select: it takes no options",
                key=True,
            )
        options = tuple(
            self._option(o, (*path, "options", i)) for i, o in enumerate(item.get("options", ()))
        )
        values = [o.value for o in options]
        if options and "value" in item and str(item["value"]) not in values:
            self._error(
                (*path, "value"),
                "field-default",
                f"{quote(str(item['value']))} is not among the options {', '.join(values)}",
            )
        gpus = item.get("only_with") == "gpus"
        otherwise = item.get("otherwise", "")
        if "otherwise" in item and not gpus:
            self._error(
                (*path, "otherwise"),
                "field-otherwise",
                "`otherwise` goes with `only_with`",
                key=True,
            )
        if gpus and options and otherwise not in values:
            self._error(
                path,
                "field-otherwise",
                f"{quote(item['id'])} is hidden without GPUs and needs an `otherwise` among its options, "
                f"not {quote(otherwise)}",
                "the field is set to it while hidden; name the option that means none",
            )
        if gpus and source:
            self._error(
                (*path, "only_with"),
                "field-otherwise",
                "a field filled from the site is shown and hidden by itself",
                key=True,
            )
        low, high = item.get("min"), item.get("max")
        if low is not None and high is not None and low > high:
            self._error((*path, "min"), "field-limits", f"min {low} is larger than max {high}")
        if widget == "number_field" and low is not None and high is not None and low <= high:
            value = item.get("value", low)
            if not isinstance(value, int) or not low <= value <= high:
                self._error(
                    (*path, "value"),
                    "field-default",
                    f"{quote(value)} is not a whole number from {low} to {high}",
                )
        if widget == "number_field" and (low is None or high is None):
            self._error(
                path,
                "field-limits",
                f"the number_field {quote(item['id'])} needs min and max",
                "Open OnDemand checks nothing on its server; the limits become the submit file's check",
            )
        for key in ("min", "max", "step"):
            if key in item and widget not in ("number_field", "range_field"):
                self._error(
                    (*path, key),
                    "field-limits",
                    f"`{key}` goes with a number_field of your own",
                    key=True,
                )
        settings = tuple(
            (k, item[k])
            for k in ("label", "help", "value", "required", "min", "max", "step")
            if k in item
        )
        return FieldSpec(
            item["id"],
            source,
            widget,
            options,
            gpus,
            otherwise,
            settings,
            tuple(item.get("attributes", {}).items()),
            self.document.span((*path, "id")),
        )

    def _option(self, item: Any, path: PathKey) -> Option:
        span = self.document.span(path)
        if isinstance(item, str):
            return Option(item, item, (), span)
        directives = tuple((k, v) for k, v in item.items() if k.startswith("data-"))
        return Option(item["value"], item.get("label", item["value"]), directives, span)

    def _version(self, index: int, item: dict[str, Any]) -> Version:
        return Version(
            item["id"],
            item.get("label", item["id"]),
            tuple(item.get("modules", ())),
            item.get("image", ""),
            self.document.span(("versions", index)),
        )

    def _params(self, params: Any) -> tuple[str, ...]:
        for index, name in enumerate(params):
            why = names.reason(name) or ("it is the view's own" if name in _VIEW_NAMES else "")
            if why:
                self._error(
                    ("connection", "params", index),
                    "connection-param",
                    f"a connection parameter cannot be called {quote(name)}: {why}",
                    "choose another name",
                )
        for index, name in enumerate(params):
            if name in ("host", "port", "password"):
                self._error(
                    ("connection", "params", index),
                    "connection-param",
                    f"Open OnDemand always has {name}; leave it out",
                )
        return tuple(params)

    def _resources(self, data: dict[str, Any]) -> Resources:
        cores, hours = data.get("cores", {}), data.get("hours", {})
        low, high, default = cores.get("min"), cores.get("max"), cores.get("default")
        if low is not None and high is not None and low > high:
            self._error(
                ("resources", "cores"), "resources", f"at least {low} cores, but at most {high}"
            )
        if default is not None and (default < (low or 1) or default > (high or default)):
            self._error(
                ("resources", "cores", "default"),
                "resources",
                f"{default} cores by default are outside the app's own limits",
            )
        if hours.get("max") is not None and hours.get("default", 1) > hours["max"]:
            self._error(
                ("resources", "hours", "default"), "resources", "more hours by default than at most"
            )
        return Resources(
            low,
            high,
            default,
            data.get("memory_mb_per_core"),
            hours.get("max"),
            hours.get("default"),
            self.document.span(("resources",)),
        )

    def _container(self, app_id: str, data: dict[str, Any] | None) -> Container | None:
        if data is None:
            return None
        name = data.get("name", app_id.replace("_", "-"))
        if not re.fullmatch(r"[a-z]([-a-z0-9]{0,44}[a-z0-9])?", name) or name in LABEL_WORDS:
            place: PathKey = ("container", "name") if "name" in data else ("container",)
            self._error(
                place,
                "container-name",
                f"a container cannot be called {quote(name)}",
                "a name starts with a letter, has lower-case letters, digits and hyphens, 46 at most",
                key="name" not in data,
            )
        return Container(
            data["image"],
            name,
            data["port"],
            tuple(data.get("command", ())),
            data.get("restart_policy", "Never"),
            data.get("startup_seconds"),
            self.document.key_span(("container",)),
        )

    def _scripts(self, data: dict[str, str]) -> tuple[tuple[str, str], ...]:
        texts = []
        for name in SCRIPTS:
            if name not in data:
                continue
            text, finding = read_script(
                data[name], self.directory, self.document.span(("scripts", name)), neighbours=True
            )
            if finding:
                self.findings.append(finding)
            if finding is None and not text.strip():
                self._error(("scripts", name), "script-empty", f"the script {quote(name)} is empty")
            texts.append((name, text))
        return tuple(texts)

    def _icon(self, name: str) -> bytes:
        try:
            return (self.directory / name).read_bytes()
        except OSError as exc:
            self._error(
                ("icon",),
                "icon-file",
                f"the icon {quote(name)} cannot be read: {exc.strerror or exc}",
                "put it beside app.yml, or name a Font Awesome icon as fa://NAME",
            )
            return b""

    def _view(
        self, data: dict[str, Any] | None, template: str, params: tuple[str, ...]
    ) -> View | None:
        vnc = template != "basic"
        if data is None:
            if not vnc:
                self._error(
                    (),
                    "view-missing",
                    "a basic app needs a `view`: how users get from the session card into the program",
                )
            return None
        kind = data["kind"]
        if (kind == "novnc") != vnc:
            self._error(
                ("view", "kind"),
                "view-kind",
                f"the view {quote(kind)} does not go with the template {quote(template)}",
                "novnc goes with the VNC templates, login and link with basic",
            )
        unused = {
            "novnc": ("proxy", "path", "fields", "cookies", "button", "icon"),
            "link": ("fields",),
        }
        for key in unused.get(kind, ()):
            if key in data:
                self._error(
                    ("view", key),
                    "view-key",
                    f"{quote(key)} means nothing in the view {quote(kind)}",
                    key=True,
                )
        known = {"host", "port", "password", "user", "base_url", *params}
        texts: list[tuple[PathKey, str]] = [(("view", "path"), data.get("path", ""))]
        for group in ("fields", "cookies"):
            texts += [(("view", group, k), v) for k, v in data.get(group, {}).items()]
        for path, text in texts:
            for word in placeholders(text):
                if word not in known:
                    self._error(
                        path,
                        "placeholder",
                        f"{{{word}}} is no connection parameter",
                        f"known: {', '.join(sorted(known))}; add it under `connection: params`",
                    )
        if kind == "link" and "{password}" in data.get("path", ""):
            self._error(
                ("view", "path"),
                "view-password",
                "a password in a link ends in browser histories and logs",
                "use `kind: login`, which posts it",
            )
        return View(
            kind,
            data.get("proxy", "node"),
            data.get("path", "/"),
            pairs(data.get("fields")),
            pairs(data.get("cookies")),
            data.get("button", ""),
            data.get("icon", "fas fa-eye"),
            self.document.key_span(("view",)),
        )

    def _error(
        self, path: PathKey, rule: str, message: str, hint: str = "", key: bool = False
    ) -> None:
        span = self.document.key_span(path) if key else self.document.span(path)
        self.findings.append(error(span, rule, message, hint))
