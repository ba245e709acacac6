"""A plan becomes files, in memory. Templates print; what they print was decided in the plan."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

from ood_appgen import encode
from ood_appgen.model.plan import AppPlan, Export
from ood_appgen.model.site import placeholders
from ood_appgen.render import kubernetes, readme, submission
from ood_appgen.resources import templates_path

_PROXY = {"node": "/node", "rnode": "/rnode"}


@dataclass(frozen=True, slots=True)
class RenderedFile:
    """A file of an app; `path` is relative to the app's directory."""

    path: str
    content: bytes
    executable: bool = False


def render(plan: AppPlan) -> tuple[RenderedFile, ...]:
    """All files of an app, sorted by path. The same plan gives the same bytes."""
    scripts = plan.scripts
    shared: dict[str, Any] = {"plan": plan, "scripts": scripts}
    texts: dict[str, tuple[str, dict[str, Any]]] = {
        "form.yml": ("form.yml.j2", {}),
        "manifest.yml": ("manifest.yml.j2", {}),
        "submit.yml.erb": ("submit.yml.erb.j2", submission.context(plan)),
        "template/before.sh.erb": (
            "before.sh.erb.j2",
            {"exports": [_Exported(e.name, _export_value(e, plan)) for e in scripts.exports]},
        ),
        "template/script.sh.erb": ("script.sh.erb.j2", {}),
    }
    if scripts.waiting or scripts.after:
        texts["template/after.sh.erb"] = ("after.sh.erb.j2", {})
    if scripts.clean:
        texts["template/clean.sh.erb"] = ("clean.sh.erb.j2", {})
    if plan.view is not None and plan.view.kind != "novnc":
        texts["view.html.erb"] = ("view.html.erb.j2", {"view": _view_context(plan)})
    of_clusters = kubernetes.files(plan)
    names = sorted(
        [*texts, *of_clusters, "README.md", *([plan.app.icon] if plan.app.icon_file else [])]
    )
    texts["README.md"] = (
        "README.md.j2",
        {
            "fields": readme.field_rows(plan),
            "files": readme.file_rows(names),
            "clusters": readme.cluster_sections(plan),
        },
    )
    files = [
        RenderedFile(
            path, _print(template, {**shared, **context}).encode(), path.endswith("script.sh.erb")
        )
        for path, (template, context) in texts.items()
    ]
    files += [RenderedFile(path, text.encode()) for path, text in of_clusters.items()]
    if plan.app.icon_file:
        files.append(RenderedFile(plan.app.icon, plan.app.icon_file))
    return tuple(sorted(files, key=lambda f: f.path))


def _print(template: str, context: dict[str, Any]) -> str:
    return _environment().get_template(template).render(context)


class _CompiledTemplates(FileSystemBytecodeCache):
    """Compiled templates beside the templates, as Python keeps compiled modules; or nowhere."""

    def dump_bytecode(self, bucket: Bucket) -> None:
        with contextlib.suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(templates_path()),
        # Shell has ${#array[@]}, which Jinja would take for a comment.
        comment_start_string="{##",
        comment_end_string="##}",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,
        bytecode_cache=_CompiledTemplates(str(templates_path() / "__pycache__")),
    )
    filters: dict[str, Callable[..., str]] = {
        "yaml": encode.yaml_scalar,
        "yamlkey": encode.yaml_key,
        "block": encode.yaml_block,
        "ruby": lambda v: encode.ruby_literal(list(v) if isinstance(v, tuple) else v),
        "rubyfield": encode.ruby_field,
        "erb": encode.erb_text,
        "html": encode.html_text,
        "comment": encode.comment,
        "word": encode.shell_word,
        "script": lambda text: encode.erb_text(text.strip("\n")),
        "md": encode.markdown_text,
        "mdblock": lambda text: text.strip() or "An interactive app.",
        "cores": readme.cores_text,
        "gpus": readme.gpus_text,
        "memory": readme.memory_text,
        "hours": readme.hours_text,
    }
    environment.filters.update(filters)
    environment.tests["block_text"] = lambda v: isinstance(v, str) and encode.is_block_text(v)
    return environment


@dataclass(frozen=True, slots=True)
class _Exported:
    name: str
    value: str


def _export_value(export: Export, plan: AppPlan) -> str:
    if export.constant is not None:
        return encode.erb_text(encode.shell_word(export.constant))
    # Browsers send text areas with CR LF, which bash would keep.
    value = f"context.{export.field}.to_s" + ('.gsub("\\r\\n", "\\n")' if export.lines else "")
    if export.only_on:
        shown = encode.ruby_literal(list(export.only_on))
        otherwise = encode.ruby_literal(export.otherwise)
        value = f"({shown}.include?(context.{plan.node_type_field}) ? {value} : {otherwise})"
    return f"<%= {value}.shellescape %>"


def _view_context(plan: AppPlan) -> dict[str, Any]:
    view = plan.view
    assert view is not None
    prefix = f'"{_PROXY[view.proxy]}/#{{host}}/#{{port}}"'
    return {
        "kind": view.kind,
        "base_url": prefix,
        "path": _view_ruby("{base_url}" + view.path),
        "fields": [(name, _view_ruby(text)) for name, text in view.fields],
        "cookies": [(name, _view_ruby(text)) for name, text in view.cookies],
        "button": view.button or f"Connect to {plan.title}",
        "icon": view.icon,
    }


def _view_ruby(text: str) -> str:
    """Ruby for a text with connection parameters in braces; the schema knows no other braces."""
    words = placeholders(text)
    if len(words) == 1 and text == f"{{{words[0]}}}":
        return f"{_view_word(words[0])}.to_s"
    inside = encode.ruby_inside(text)
    for word in words:
        inside = inside.replace(f"{{{word}}}", f"#{{{_view_word(word)}}}")
    return f'"{inside}"'


def _view_word(word: str) -> str:
    return "Etc.getpwuid.name" if word == "user" else word
