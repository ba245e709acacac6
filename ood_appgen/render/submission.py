"""submit.yml.erb: the plan's table, branches and checks as lines of Ruby and YAML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ood_appgen import encode
from ood_appgen.model.plan import AppPlan, Branch, Check, Entry, Items, Row


@dataclass(frozen=True, slots=True)
class _PrintedBranch:
    clusters: tuple[str, ...]
    scheduler: str
    preamble: tuple[str, ...]
    body: str


def context(plan: AppPlan) -> dict[str, Any]:
    """What the template of submit.yml.erb prints."""
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
            "  next if value.to_s.match?(/\\A-?[0-9]{1,9}\\z/) && allowed.include?(value.to_i)",
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
                f'  raise "{encode.ruby_inside(f"{check.label} must be {check.pattern_words}")}, " \\',
                f'        "not #{{shown.({value})}}."',
                "end",
            ]
        if check.label_on:
            value = encode.ruby_field(check.field)
            # Ignoring case would let in what only folds to ASCII, such as the Kelvin sign.
            blank = "" if check.required else f"{value}.to_s.strip.empty? || "
            lines += [
                f"if {encode.ruby_literal(list(check.label_on))}.include?(cluster)",
                f"  unless {blank}{value}.to_s.strip.match?(/\\A[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?\\z/)",
                f'    raise "{encode.ruby_inside(check.label)} must be letters, digits and - _ . on #{{cluster}}, " \\',
                f'          "not #{{shown.({value})}}."',
                "  end",
                "end",
            ]
    return lines


def _number_check(check: Check) -> str:
    column = isinstance(check.limits, str)
    return _checked(
        check, f"node[:{check.limits}]" if column else encode.ruby_literal(check.limits)
    )


def _choice_check(check: Check) -> str:
    if not check.by_cluster:
        return _checked(check, encode.ruby_literal(check.limits))
    by_cluster = {cluster: list(values) for cluster, values in check.by_cluster}
    return _checked(check, encode.ruby_literal(by_cluster) + "[cluster]")


def _text_check(check: Check) -> str:
    required, lines = encode.ruby_literal(check.required), encode.ruby_literal(check.lines)
    return _checked(check, f"{{ required: {required}, lines: {lines}, length: {check.length} }}")


def _checked(check: Check, limits: str) -> str:
    """A line of a list of checks: label, value, limits."""
    line = f"[{encode.ruby_literal(check.label)}, {encode.ruby_field(check.field)}, {limits}]"
    # A hidden field counts for nothing, whatever it holds.
    return f"*(node[:{check.only_with}] ? [{line}] : [])" if check.only_with else line
