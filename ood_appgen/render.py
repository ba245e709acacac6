"""A plan becomes files, in memory. Templates print; what they print was decided in the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ood_appgen import encode
from ood_appgen.model.plan import (
    NO_LIMIT_HOURS,
    AppPlan,
    Branch,
    Check,
    Entry,
    Export,
    Items,
    Offer,
    Row,
)
from ood_appgen.model.site import placeholders
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
        "submit.yml.erb": ("submit.yml.erb.j2", _submit_context(plan)),
        "template/before.sh.erb": (
            "before.sh.erb.j2",
            {"exports": [_Exported(e.name, _export_value(e, plan)) for e in scripts.exports]},
        ),
        "template/script.sh.erb": ("script.sh.erb.j2", {}),
        "template/after.sh.erb": ("after.sh.erb.j2", {}),
    }
    if scripts.clean:
        texts["template/clean.sh.erb"] = ("clean.sh.erb.j2", {})
    if plan.view is not None and plan.view.kind != "novnc":
        texts["view.html.erb"] = ("view.html.erb.j2", {"view": _view_context(plan)})
    names = sorted([*texts, "README.md", *([plan.app.icon] if plan.app.icon_file else [])])
    texts["README.md"] = ("README.md.j2", {"fields": _field_rows(plan), "files": _file_rows(names)})
    files = [
        RenderedFile(
            path, _print(template, {**shared, **context}).encode(), path.endswith("script.sh.erb")
        )
        for path, (template, context) in texts.items()
    ]
    if plan.app.icon_file:
        files.append(RenderedFile(plan.app.icon, plan.app.icon_file))
    return tuple(sorted(files, key=lambda f: f.path))


def _print(template: str, context: dict[str, Any]) -> str:
    return _environment().get_template(template).render(context)


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
        "script": lambda text: encode.erb_text(text.strip("\n")),
        "md": encode.markdown_text,
        "mdblock": lambda text: text.strip() or "An interactive app.",
        "cores": _cores_text,
        "gpus": _gpus_text,
        "memory": _memory_text,
        "hours": lambda o: "" if o.hours.stop > NO_LIMIT_HOURS else str(o.hours.stop - 1),
    }
    environment.filters.update(filters)
    environment.tests["block_text"] = lambda v: isinstance(v, str) and encode.is_block_text(v)
    return environment


# -- submit.yml.erb -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _PrintedBranch:
    clusters: tuple[str, ...]
    scheduler: str
    preamble: tuple[str, ...]
    body: str


def _submit_context(plan: AppPlan) -> dict[str, Any]:
    columns = {key for _, rows in plan.table for row in rows for key, _ in row.facts}
    legend = ""
    if any(o.cores.start == 0 for o in plan.offers):
        legend += " Zero cores ask for the whole node."
    if columns & {"memory_mb", "memory_mb_per_core"}:
        legend += " Memory is in MiB."
    names = [line for a in plan.names for line in encode.ruby_lines(a.name.ljust(5), a.value)]
    return {
        "table": [(cluster, _table_lines(rows)) for cluster, rows in plan.table],
        "compute_table": _table_lines(plan.compute_table),
        "table_legend": legend,
        "names": names,
        "branches": [_print_branch(b) for b in plan.branches],
        "checks": _check_lines(plan),
    }


def _table_lines(rows: Sequence[Row]) -> list[str]:
    width = max((len(encode.ruby_literal(row.node_type)) for row in rows), default=0)
    lines = []
    for row in rows:
        facts = ", ".join(f"{key}: {encode.ruby_literal(value)}" for key, value in row.facts)
        lines.append(f"{encode.ruby_literal(row.node_type).ljust(width)} => {{ {facts} }},")
    return lines


def _print_branch(branch: Branch) -> _PrintedBranch:
    preamble = []
    if branch.uses_person:
        preamble.append("user = Etc.getpwuid")
    if branch.uses_compute:
        preamble.append("compute = compute_clusters.fetch(node[:compute_cluster], {})")
    for assignment in branch.names:
        if assignment.comment:
            preamble.append(f"# {assignment.comment}")
        preamble += encode.ruby_lines(assignment.name, assignment.value)
    body = "\n".join(_entry_lines(branch.entries, 0))
    return _PrintedBranch(branch.clusters, branch.scheduler, tuple(preamble), body)


def _entry_lines(entries: Sequence[Entry], indent: int) -> list[str]:
    lines: list[str] = []
    for entry in entries:
        printed = _one_entry(entry, indent)
        if entry.when is not None:
            condition = encode.ruby_condition(entry.when)
            pad = " " * indent
            printed = [f"{pad}<%- if {condition} -%>", *printed, f"{pad}<%- end -%>"]
        lines += printed
    return lines


def _one_entry(entry: Entry, indent: int) -> list[str]:
    pad = " " * indent
    key = encode.erb_text(encode.yaml_key(entry.key))
    if isinstance(entry.value, tuple):
        return [f"{pad}{key}:", *_entry_lines(entry.value, indent + 2)]
    if isinstance(entry.value, Items):
        lines = [f"{pad}{key}:"]
        for item in entry.value.items:
            first, *rest = _entry_lines(item, indent + 4)
            lines += [f"{pad}  - {first.lstrip()}", *rest]
        return lines
    return [f"{pad}{key}: {encode.yaml_erb(entry.value)}"]


def _check_lines(plan: AppPlan) -> list[str]:
    """The Ruby that refuses: the node type first, then numbers, choices and texts."""
    node_type = encode.ruby_field(plan.node_type_field)
    lines = [
        'there = "on #{cluster}, node type #{' + node_type + '}"',
        "shown = ->(value) { value.to_s[0, 40].inspect }",
        f"unless node_types[cluster].key?({node_type})",
        f'  raise "The node type #{{shown.({node_type})}} is not available on #{{cluster}}. " \\',
        '        "Choose one of: #{node_types[cluster].keys.join(", ")}."',
        "end",
    ]
    numbers = [_number_check(c) for c in plan.checks if c.kind == "number"]
    if numbers:
        lines += [
            "[",
            *[f"  {line}," for line in numbers],
            "].each do |label, value, allowed|",
            "  next if value.to_s.match?(/\\A[0-9]{1,9}\\z/) && allowed.cover?(value.to_i)",
            "",
            '  raise "#{label} must be a whole number from #{allowed.first} to #{allowed.last} #{there}, " \\',
            '        "not #{shown.(value)}."',
            "end",
        ]
    choices = [_choice_check(c) for c in plan.checks if c.kind == "choice"]
    if choices:
        lines += [
            "[",
            *[f"  {line}," for line in choices],
            "].each do |label, value, allowed|",
            "  next if allowed.include?(value.to_s)",
            "",
            '  raise "#{label} must be one of #{allowed.join(", ")} #{there}, not #{shown.(value)}."',
            "end",
        ]
    texts = [c for c in plan.checks if c.kind == "text"]
    if texts:
        lines += [
            "[",
            *[f"  {_text_check(c)}," for c in texts],
            "].each do |label, value, wanted|",
            "  value = value.to_s",
            '  raise "#{label} must be given." if wanted[:required] && value.strip.empty?',
            '  raise "#{label} is longer than #{wanted[:length]} characters." if value.length > wanted[:length]',
            "",
            "  # A value's line breaks and control characters have no business in a job.",
            "  refused = wanted[:lines] ? /[^[:print:]\\t\\r\\n]/ : /[^[:print:]]/",
            "  if !value.valid_encoding? || value.match?(refused)",
            '    raise "#{label} must be #{wanted[:lines] ? "text" : "one line of text"} without control characters."',
            "  end",
            "end",
        ]
    for check in texts:
        if check.pattern:
            value = encode.ruby_field(check.field)
            lines += [
                f"unless {value}.to_s.match?(/\\A{check.pattern}\\z/)",
                f'  raise "{encode.ruby_inside(check.label)} cannot be #{{shown.({value})}}."',
                "end",
            ]
        if check.label_on:
            value = encode.ruby_field(check.field)
            blank = "" if check.required else f"{value}.to_s.strip.empty? || "
            lines += [
                f"if {encode.ruby_literal(list(check.label_on))}.include?(cluster)",
                f"  unless {blank}{value}.to_s.strip.match?(/\\A[a-z0-9]([-a-z0-9_.]{{0,61}}[a-z0-9])?\\z/i)",
                f'    raise "{encode.ruby_inside(check.label)} must be letters, digits and - _ . on #{{cluster}}, " \\',
                f'          "not #{{shown.({value})}}."',
                "  end",
                "end",
            ]
    return lines


def _number_check(check: Check) -> str:
    value = encode.ruby_field(check.field)
    if isinstance(check.limits, str):
        limits = f"node[:{check.limits}]"
    else:
        assert isinstance(check.limits, range)
        limits = encode.ruby_literal(check.limits)
    line = f"[{encode.ruby_literal(check.label)}, {value}, {limits}]"
    # A hidden field counts for nothing, whatever it holds.
    return f"*(node[:{check.only_with}] ? [{line}] : [])" if check.only_with else line


def _choice_check(check: Check) -> str:
    value = encode.ruby_field(check.field)
    if check.by_cluster:
        allowed = (
            encode.ruby_literal({c: list(values) for c, values in check.by_cluster}) + "[cluster]"
        )
    else:
        assert isinstance(check.limits, tuple)
        allowed = encode.ruby_literal(list(check.limits))
    line = f"[{encode.ruby_literal(check.label)}, {value}, {allowed}]"
    return f"*(node[:{check.only_with}] ? [{line}] : [])" if check.only_with else line


def _text_check(check: Check) -> str:
    length = 65536 if check.lines else 4096
    required, lines = encode.ruby_literal(check.required), encode.ruby_literal(check.lines)
    wanted = f"required: {required}, lines: {lines}, length: {length}"
    line = f"[{encode.ruby_literal(check.label)}, {encode.ruby_field(check.field)}, {{ {wanted} }}]"
    return f"*(node[:{check.only_with}] ? [{line}] : [])" if check.only_with else line


# -- scripts and view ---------------------------------------------------------------------------


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


# -- README -------------------------------------------------------------------------------------


def _cores_text(offer: Offer) -> str:
    least = max(offer.cores.start, 1)
    most = offer.cores.stop - 1
    text = str(least) if least == most else f"{least} to {most}"
    return f"{text}, or 0 for the whole node" if offer.cores.start == 0 else text


def _gpus_text(offer: Offer, plan: AppPlan) -> str:
    if offer.gpus is None:
        return ""
    kind = offer.node.gpus.type if offer.node.gpus else ""
    least, most = offer.gpus.start, offer.gpus.stop - 1
    if not plan.gpus_field:
        least = most = offer.default_gpus
    return f"{least if least == most else f'{least} to {most}'} {kind}".strip()


def _memory_text(offer: Offer) -> str:
    if offer.memory_mb is not None:
        return f"{offer.memory_mb} MiB"
    return f"{offer.memory_mb_per_core} MiB a core" if offer.memory_mb_per_core else ""


def _field_rows(plan: AppPlan) -> list[tuple[str, str]]:
    labels = {c.field: c.label for c in plan.checks}
    rows = []
    for field in plan.form:
        attributes = dict(field.attributes)
        rows.append((field.id, str(attributes.get("label") or labels.get(field.id) or field.id)))
    return rows


_FILE_TEXTS = {
    "README.md": "this text",
    "form.yml": "the form; its limits follow cluster and node type",
    "manifest.yml": "title, category and description for the dashboard",
    "submit.yml.erb": "what is submitted; refuses what the form would not have offered",
    "template/before.sh.erb": "the user's choices, the connection, the app's preparation",
    "template/script.sh.erb": "loads the software and starts the program",
    "template/after.sh.erb": "waits until the program can be reached",
    "template/clean.sh.erb": "tidies up at the end",
    "view.html.erb": "the button that connects the user",
    "icon.svg": "the icon",
    "icon.png": "the icon",
}


def _file_rows(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, _FILE_TEXTS[name]) for name in names]
