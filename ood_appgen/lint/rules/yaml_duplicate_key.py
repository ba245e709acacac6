"""A key stands twice in one mapping.

Why
    Ruby's YAML keeps the last of the two and says nothing: all that is below the first one is lost.
    Where both say the same, or Open OnDemand reads no such key there, it is a warning only.
    (ruby/psych lib/psych/visitors/to_ruby.rb, revive_hash; read by OSC/ondemand
    apps/dashboard/app/models/batch_connect/app.rb, read_yaml_erb.)

Bad
    num_cores:
      widget: number_field
      label: Cores
      label: Number of cores

Good
    num_cores:
      widget: number_field
      label: Number of cores

Fix
    Delete the one that is not meant, or join what is below them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint import psych
from ood_appgen.lint.app import App
from ood_appgen.lint.documents import MANIFEST, roots
from ood_appgen.lint.psych import Mapping, Node, Scalar
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.ERROR

# The keys that OOD reads at each place (app.rb and the smart attributes; session.rb; manifest.rb).
_FORM = frozenset("title description cluster form attributes submit cacheable".split())
_SUBMIT = frozenset("cluster batch_connect script".split())
_SECTIONS = frozenset(
    "template conn_params min_port max_port timeout header footer script_wrapper set_host before_script "
    "run_script after_script clean_script bash_helpers password_size websockify_cmd vnc_args geometry "
    "idle native queue_name accounting_id wall_time job_name qos email email_on_started "
    "email_on_terminated cores gpus_per_node reservation_id priority workdir output_path error_path "
    "job_environment args job_array_request start_time shell_path copy_environment".split()
)
_ATTRIBUTE = frozenset(
    "widget value options label help required min max step pattern multiple directory fixed "
    "cacheable checked_value unchecked_value".split()
)
_MANIFEST = frozenset("name description category subcategory icon role url".split())


def check(app: App) -> Iterator[Finding]:
    """Look for keys that one arm of the ERB repeats."""
    for file, root in roots(app):
        read = _read_mappings(app, file, root)
        for node in psych.walk(root):
            if isinstance(node, Mapping):
                yield from _check_mapping(node, read.get(id(node), frozenset()))


def _read_mappings(app: App, file: SourceFile, root: Node) -> dict[int, frozenset[str]]:
    """The mappings of a document that Open OnDemand looks into, and the keys it reads of each."""
    if not isinstance(root, Mapping):
        return {}
    if file in app.submit_files:
        found = {id(root): _SUBMIT}
        for name in ("script", "batch_connect"):
            found[id(root.get(name))] = _SECTIONS
        return found
    if file.name.rpartition("/")[2] == MANIFEST:
        return {id(root): _MANIFEST}
    found = {id(root): _FORM}
    attributes = root.get("attributes")
    if isinstance(attributes, Mapping):
        found[id(attributes)] = frozenset(key.text for key, _ in attributes.entries)
        for _, value in attributes.entries:
            found[id(value)] = _ATTRIBUTE
    return found


def _check_mapping(mapping: Mapping, read: frozenset[str]) -> Iterator[Finding]:
    program = mapping.file.program
    last: dict[tuple[str, str], tuple[Scalar, Node]] = {}
    for key, value in mapping.entries:
        if key.text == "<<" or key.file is not mapping.file or program.in_loop(key.start):
            continue
        known = last.get((key.kind, key.value))
        last[key.kind, key.value] = (key, value)
        if known is None or program.arm_at(known[0].start) != program.arm_at(key.start):
            continue
        same = _written(known[1]) == _written(value)
        yield at(
            known[0],
            f"the key {quote(key.text)} stands twice: this one is ignored",
            "delete one of the two",
            severity=Severity.WARNING if same or key.text not in read else None,
            related=((key.file, key.start, "this one counts"),),
        )


def _written(node: Node) -> str:
    return node.file.text[node.start : node.end]
