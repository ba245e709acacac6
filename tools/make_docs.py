"""Write the pages of docs/ that come from the sources: both schemas, the commands, the rules, the
Kubernetes tutorial, the man page.

With `--check` nothing is written, and the exit code is 1 where a page is out of date.
"""

from __future__ import annotations

import html
import json
import re
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from ood_appgen import __version__
from ood_appgen.cli import cli
from ood_appgen.lint import catalog, pages
from ood_appgen.resources import load_schema

DOCS = Path(__file__).resolve().parent.parent / "docs"
NOTE = "<!-- Made by tools/make_docs.py (make docs). Do not edit. -->\n"
_TYPES = {
    "string": "text",
    "integer": "whole number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "null": "empty",
}


# -- the schemas ----------------------------------------------------------------------------------


def describe_schema(name: str) -> str:
    """The page of site.yml or app.yml: a table for each mapping in it."""
    schema = load_schema(name)
    out = [f"# Every key of {name}.yml\n", NOTE, schema["description"] + "\n"]
    out.append(
        f"The schema is `{schema['$id']}`; `appgen schema {name}` prints it. Keys that are not here "
        "are errors. **Required** keys have no default.\n"
    )
    places = _find_places(schema)
    todo: list[tuple[str, dict[str, Any], str]] = [(f"{name}.yml", schema, "")]
    for key, part in schema.get("$defs", {}).items():
        todo.append((_title(key, places.get(key, [])), part, key))
    done = []
    for title, part, definition in todo:
        prefix = "" if not definition else title
        done += _sections(title, part, prefix, schema, places.get(definition, []))
    return "\n".join(out + done)


def _find_places(schema: dict[str, Any]) -> dict[str, list[str]]:
    """Where each definition is used, as the path that somebody writes."""
    found: dict[str, list[str]] = {}

    def walk(part: Any, path: str, within: str) -> None:
        if not isinstance(part, dict):
            return
        target = part.get("$ref", "").rpartition("/")[2]
        if target:
            found.setdefault(target, []).append((within, path))
        for key, inner in part.get("properties", {}).items():
            walk(inner, f"{path}.{key}".lstrip("."), within)
        walk(part.get("additionalProperties"), f"{path}.<name>", within)
        walk(part.get("items"), f"{path}[]", within)
        for inner in part.get("anyOf", ()):
            walk(inner, path, within)

    walk(schema, "", "")
    for key, part in schema.get("$defs", {}).items():
        walk(part, "", key)

    def expand(definition: str) -> list[str]:
        full: list[str] = []
        for within, path in found.get(definition, ()):
            full += [f"{outer}.{path}" for outer in expand(within)] if within else [path]
        return full

    return {definition: expand(definition) for definition in found}


def _title(definition: str, places: list[str]) -> str:
    """A definition as somebody meets it: the only path to it, the key that it has everywhere, its name."""
    if len(places) == 1:
        return places[0]
    if all(place.rpartition(".")[2] == definition for place in places):
        return definition
    return definition.replace("_", " ") if "_" in definition else f"{definition} of Kubernetes"


def _sections(
    title: str, part: dict[str, Any], prefix: str, schema: dict[str, Any], places: list[str]
) -> Iterator[str]:
    whole = _with_reference(part, schema)
    variants = [whole, *(_with_reference(v, schema) for v in whole.get("anyOf", ()))]
    shaped = next((v for v in variants if v.get("properties")), None)
    if " " in title:
        yield f"## {title[0].upper()}{title[1:]}\n"
    else:
        yield f"## {title}\n" if title.endswith(".yml") else f"## `{title}`\n"
    if prefix:
        yield f"{whole.get('description', '')}\n"
        if places and places != [title]:
            yield "Used at: " + ", ".join(f"`{p}`" for p in places) + ".\n"
    if shaped is None:
        yield f"{_type(whole, schema)}. Example: {_example(whole)}\n"
        return
    if shaped is not whole:
        yield f"{_type(whole, schema)[:1].upper()}{_type(whole, schema)[1:]}. As a mapping:\n"
    required = set(shaped.get("required", ()))
    yield "| key | what it is | type | default | example |"
    yield "| --- | --- | --- | --- | --- |"
    deeper = []
    for key, inner in shaped["properties"].items():
        if inner == {"not": {}}:
            continue
        resolved = _with_reference(inner, schema)
        default = (
            "**required**"
            if key in required
            else f"`{json.dumps(resolved['default'], ensure_ascii=False)}`"
            if "default" in resolved
            else ""
        )
        unit = f", in {resolved['x-unit']}" if "x-unit" in resolved else ""
        yield (
            f"| `{key}` | {_cell(resolved.get('description', ''))} | {_type(inner, schema)}{unit} "
            f"| {default} | {_example(resolved)} |"
        )
        own = _nested(inner)
        if own is not None:
            suffix = "[]" if inner.get("type") == "array" else ""
            deeper.append((f"{prefix}.{key}{suffix}".lstrip("."), own))
    for pattern, inner in shaped.get("patternProperties", {}).items():
        yield f"| `{pattern.lstrip('^')}...` | A directive of OOD's form. | {_type(inner, schema)} | | |"
    yield ""
    for path, own in deeper:
        yield from _sections(path, own, path, schema, [])


def _nested(part: dict[str, Any]) -> dict[str, Any] | None:
    """The mapping that is described within a key, where that is not a definition of its own."""
    if part.get("properties"):
        return part
    for inner in (part.get("items"), part.get("additionalProperties")):
        if isinstance(inner, dict) and inner.get("properties"):
            return inner
    return None


def _with_reference(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").rpartition("/")[2]
    return {**schema["$defs"][name], **part} if name else part


def _type(part: dict[str, Any], schema: dict[str, Any]) -> str:
    name = part.get("$ref", "").rpartition("/")[2]
    if name:
        word = name.replace("_", " ")
        return f"[{word}](#{_anchor(name, schema)})"
    if "enum" in part:
        return "one of " + ", ".join(f"`{value}`" for value in part["enum"])
    if "anyOf" in part:
        return " or ".join(_type(variant, schema) for variant in part["anyOf"])
    kinds = part.get("type", "")
    if isinstance(kinds, list):
        return ", ".join(_TYPES[k] for k in kinds)
    if kinds == "array" and "items" in part:
        return f"list of {_type(part['items'], schema)}"
    inner = part.get("additionalProperties")
    if kinds == "object" and isinstance(inner, dict):
        return f"mapping of names to {_type(inner, schema)}"
    low, high = part.get("minimum"), part.get("maximum")
    limits = (
        f" {low} to {high}"
        if low is not None and high is not None
        else f" from {low}"
        if low is not None
        else ""
    )
    return _TYPES.get(kinds, "mapping") + limits


def _anchor(name: str, schema: dict[str, Any]) -> str:
    title = _title(name, _find_places(schema).get(name, []))
    return re.sub(r"[^\w\s-]", "", title).strip().lower().replace(" ", "-")


def _example(part: dict[str, Any]) -> str:
    if not part.get("examples"):
        return ""
    return f"`{_cell(_flow(part['examples'][0]))}`"


def _flow(value: Any) -> str:
    """A value as YAML on one line, as somebody would write it."""
    yaml = YAML()
    yaml.default_flow_style = True
    yaml.width = 10_000
    out = StringIO()
    yaml.dump(value, out)
    return out.getvalue().replace("\n...", "").strip()


def _cell(text: str) -> str:
    return re.sub(r"<(\w+)>", r"`<\1>`", text.replace("|", "\\|").replace("\n", " "))


# -- the commands ---------------------------------------------------------------------------------


def _commands() -> list[click.Command]:
    context = click.Context(cli, info_name="appgen")
    found = [cli.get_command(context, name) for name in cli.list_commands(context)]
    return [command for command in found if command is not None and not command.hidden]


def _usage(command: click.Command) -> str:
    words = [f"appgen {command.name}"]
    if any(isinstance(p, click.Option) for p in command.params):
        words.append("[OPTIONS]")
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            words.append(_metavar(parameter))
    return " ".join(words)


def _metavar(parameter: click.Parameter) -> str:
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        choices = "|".join(parameter.type.choices)
        return f"[{choices}]" if isinstance(parameter, click.Option) else f"{{{choices}}}"
    if isinstance(parameter, click.Argument):
        return str(parameter.name).upper()
    return str(parameter.type.name).upper()


def _options(command: click.Command) -> list[tuple[str, str]]:
    """Each option as it is written, and what it does."""
    found = []
    for parameter in command.params:
        if not isinstance(parameter, click.Option) or parameter.hidden:
            continue
        written = ", ".join(parameter.opts)
        if not parameter.is_flag:
            written += f" {_metavar(parameter)}"
        text = parameter.help or ""
        if parameter.show_default and parameter.default is not None:
            text += f" Default: {parameter.default}."
        if parameter.multiple:
            text += " May be given several times."
        found.append((written, text))
    return found


def _paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """The paragraphs of a help text: whether its lines stay as they are, and the lines."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.rstrip() for line in paragraph.strip("\n").split("\n")]
        if lines and lines[0].strip() == "\b":
            yield True, "\n".join(lines[1:])
        elif any(line.strip() for line in lines):
            yield False, " ".join(line.strip() for line in lines)


def describe_commands() -> str:
    """The page of the commands."""
    out = ["# Commands\n", NOTE]
    out.append("`appgen COMMAND --help` prints the same. `python -m ood_appgen` is `appgen`.\n")
    for command in _commands():
        out += [f"## appgen {command.name}\n", f"```text\n{_usage(command)}\n```\n"]
        for literal, text in _paragraphs(_help(command)):
            if literal:
                out.append(f"```text\n{text}\n```\n")
            else:
                out.append(
                    re.sub(r"(?<![\w`/-])(--[a-z-]+|\w+\.ya?ml|apps/\*/\S+\w)", r"`\1`", text)
                    + "\n"
                )
        options = _options(command)
        if options:
            out += ["| option | what it does |", "| --- | --- |"]
            out += [f"| `{_cell(written)}` | {_cell(text)} |" for written, text in options]
            out.append("")
    out += ["## Exit codes\n", "| code | meaning |", "| --- | --- |"]
    out += [f"| {code} | {text} |" for code, text in _EXIT_CODES] + [""]
    out += ["## Environment\n", "| variable | meaning |", "| --- | --- |"]
    out += [f"| `{name}` | {text} |" for name, text in _ENVIRONMENT]
    return "\n".join(out) + "\n"


def _help(command: click.Command) -> str:
    import inspect

    return inspect.cleandoc(command.help or "")


_EXIT_CODES = (
    (0, "Nothing to report."),
    (1, "Findings, or differences."),
    (2, "Wrong usage, or input that cannot be used. Nothing was written."),
)
_ENVIRONMENT = (
    ("APPGEN_DEBUG", "Set: an internal error prints where in the program it happened."),
    ("NO_COLOR", "Set: no colours on a terminal."),
    ("GITHUB_ACTIONS", "Set: `appgen lint` prints annotations for GitHub."),
    ("XDG_CACHE_HOME", "Where the linter keeps its cache; default `~/.cache`."),
)


# -- the man page ---------------------------------------------------------------------------------


def make_man_page() -> str:
    """The man page appgen(1)."""
    out = [
        '.\\" Made by tools/make_docs.py (make docs). Do not edit.',
        f'.TH APPGEN 1 {_release_date()} "ood-appgen {__version__}" "User Commands"',
        ".SH NAME",
        "appgen \\- make and check interactive apps of Open OnDemand",
        ".SH SYNOPSIS",
        ".B appgen",
        "[\\fB\\-\\-version\\fR] [\\fB\\-\\-help\\fR] \\fICOMMAND\\fR [\\fIARGS\\fR]",
        ".SH DESCRIPTION",
    ]
    first = True
    for literal, text in _paragraphs(_help(cli)):
        if text.startswith("Exit codes"):
            continue
        out += _roff_paragraph(literal, text, first)
        first = False
    out.append(".SH COMMANDS")
    for command in _commands():
        out.append(f".SS {_roff(_usage(command))}")
        first = True
        for literal, text in _paragraphs(_help(command)):
            out += _roff_paragraph(literal, text, first)
            first = False
        for written, text in _options(command):
            out += [".TP", f"\\fB{_roff(written)}\\fR", _roff(text)]
    out.append(".SH EXIT STATUS")
    for code, text in _EXIT_CODES:
        out += [".TP", f"\\fB{code}\\fR", _roff(text)]
    out.append(".SH ENVIRONMENT")
    for name, text in _ENVIRONMENT:
        out += [".TP", f"\\fB{name}\\fR", _roff(text.replace("`", ""))]
    out.append(".SH FILES")
    for name, text in _FILES:
        out += [".TP", f"\\fI{_roff(name)}\\fR", _roff(text)]
    out += [
        ".SH SEE ALSO",
        "\\fBsbatch\\fR(1), \\fBkubectl\\fR(1), \\fBruby\\fR(1), \\fBshellcheck\\fR(1)",
    ]
    return "\n".join(out) + "\n"


_FILES = (
    ("site.yml", "The site profile. The nearest one upward from an app counts."),
    ("apps/*/app.yml", "The apps of a site, beside site.yml."),
    ("build/ID/", "A rendered app, with appgen.lock: what appgen wrote, and from what."),
    (".appgen.toml", "Settings of the linter. The nearest one upward from an app counts."),
)


def _release_date() -> str:
    """The date of the newest release in CHANGELOG.md; before the first one, of its first day."""
    text = (DOCS.parent / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(r"^## \[[\d.]+\] - (\d{4}-\d\d-\d\d)$", text, re.M)
    return found[1] if found else "2026-11-21"


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _roff_paragraph(literal: bool, text: str, first: bool) -> list[str]:
    if literal:
        lines = [_roff(line) for line in text.split("\n")]
        return [*([] if first else [".PP"]), ".nf", ".RS", *lines, ".RE", ".fi"]
    return [*([] if first else [".PP"]), _roff(text)]


# -- the Kubernetes tutorial ----------------------------------------------------------------------


def describe_tutorial() -> str:
    """The page on the Kubernetes tutorial: a table for each of its sections, a row for each construct."""
    data = YAML(typ="safe").load(DOCS / "kubernetes-tutorial.yml")
    count = sum(len(section["rows"]) for section in data["sections"])
    # The tables are wide: they take the place of navigation and contents.
    out = ["---\nhide: [navigation, toc]\n---\n"]
    out += ["# The Kubernetes tutorial, construct by construct\n", NOTE.strip(), _FROM]
    out.append(data["intro"].replace("COUNT", str(count)))
    for section in data["sections"]:
        out += [f"## {section['title']}\n"]
        out += ["| row | the tutorial | our files | where it lands | from | tried |"]
        out += ["| --- | --- | --- | --- | --- | --- |"]
        for row in section["rows"]:
            cells = (
                f"`{row['id']}`",
                row["construct"].replace("|", "\\|"),
                "<br>".join(_snippet(name, row[name]) for name in ("site", "app") if name in row),
                _landing(row),
                _since(row),
                _tried(row),
            )
            out.append("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|")
        out.append("")
    return "\n".join(out)


_FROM = "<!-- From docs/kubernetes-tutorial.yml, whose rows are tried by tests/test_tutorial_data.py. -->\n"


def _snippet(name: str, text: str) -> str:
    """A file's snippet as a cell of a table takes it; it can be copied as it is."""
    shown = html.escape(text.strip("\n"), quote=False)
    for character in "|*_[]`\\":
        shown = shown.replace(character, f"&#{ord(character)};")
    shown = shown.replace("://", "&#58;//").replace("\n", "<br>")
    return f'`{name}.yml`<pre style="white-space: pre-wrap">{shown}</pre>'


def _landing(row: dict[str, Any]) -> str:
    parts: dict[str, list[str]] = {}
    for landing in row.get("lands", ()):
        words = parts.setdefault(landing["in"], [])
        words += [word for word in _objects(landing.get("has", {})) if word not in words]
    places = [
        f"`{file}`" + (f": {', '.join(words)}" if words else "") for file, words in parts.items()
    ]
    if "refused" in row:
        places = [f"refused: `{row['refused']}`"]
    return "<br>".join([*places, *([row["note"]] if "note" in row else [])])


def _objects(has: dict[str, Any]) -> Iterator[str]:
    """What a part of an object is about, in Kubernetes' words."""
    kind = has.get("kind", "")
    if kind:
        name = has.get("metadata", {}).get("name", "")
        yield f"{kind} `{name}`" if name else kind
        return
    for key, value in has.get("spec", {}).items():
        if key in ("containers", "initContainers"):
            yield from (f"`{key}[].{inner}`" for item in value for inner in item if inner != "name")
        else:
            yield f"`{key}`"
    yield from (f"`{key}`" for key in has.get("metadata", {}))


def _since(row: dict[str, Any]) -> str:
    if not row.get("lands"):
        return ""
    policy = any(landing["in"] == "policy.yaml" for landing in row["lands"])
    return "OOD 3.0, policy" if policy else "OOD 3.0"


def _tried(row: dict[str, Any]) -> str:
    on_server = any("has" in landing for landing in row.get("lands", ()))
    return f"`test_tutorial_constructs[{row['id']}]`" if on_server else ""


# -- all of it ------------------------------------------------------------------------------------


def make_pages() -> dict[Path, str]:
    """All pages that come from the sources, by their files."""
    return {
        DOCS / "reference" / "site.md": describe_schema("site"),
        DOCS / "reference" / "app.md": describe_schema("app"),
        DOCS / "reference" / "cli.md": describe_commands(),
        DOCS / "kubernetes-tutorial.md": describe_tutorial(),
        DOCS / "rules.md": pages.write_markdown(catalog.load_all().values()),
        DOCS / "appgen.1": make_man_page(),
    }


def main() -> None:
    """Write the pages, or check them."""
    check = sys.argv[1:] == ["--check"]
    stale = []
    for path, text in make_pages().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in stale:
        print(
            f"{path.relative_to(DOCS.parent)}: {'out of date: make docs' if check else 'written'}"
        )
    if check and stale:
        sys.exit(1)


if __name__ == "__main__":
    main()
