"""The names that `context` has below template/: form fields, and the methods of SessionContext."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from ood_appgen.lint.ruby import Name, Program
from ood_appgen.lint.source_file import SourceFile

# Enumerable's methods, which a field of that name hides behind (Ruby 3.x's core documentation).
ENUMERABLE = frozenset(
    "all? any? chain chunk chunk_while collect collect_concat compact count cycle detect drop "
    "drop_while each_cons each_entry each_slice each_with_index each_with_object entries filter "
    "filter_map find find_all find_index first flat_map grep grep_v group_by include? inject lazy "
    "map max max_by member? min min_by minmax minmax_by none? one? partition reduce reject "
    "reverse_each select slice_after slice_before slice_when sort sort_by sum take take_while tally "
    "to_a to_h to_set uniq zip".split()
)
# ActiveSupport's additions to Enumerable, and what ActiveModel::Model and SessionContext bring.
ACTIVE = frozenset(
    "compact_blank exclude? excluding in_order_of including index_by index_with many? maximum minimum "
    "pick pluck sole without as_json attributes attributes= assign_attributes errors invalid? model_name "
    "persisted? read_attribute_for_serialization read_attribute_for_validation serializable_hash "
    "to_json to_key to_model to_param to_partial_path valid? validate validate! validates_with "
    "validation_context run_validations! from_json include_root_in_json app_specific_cache_setting "
    "app_specific_cache_setting= each to_openstruct update_with_cache".split()
)
# Object's and Kernel's public methods (Ruby 3.x), and ActiveSupport's.
OBJECT = frozenset(
    "class clone define_singleton_method display dup enum_for eql? equal? extend freeze frozen? hash "
    "inspect instance_eval instance_exec instance_of? instance_variable_defined? instance_variable_get "
    "instance_variable_set instance_variables is_a? itself kind_of? method methods nil? object_id "
    "private_methods protected_methods public_method public_methods public_send respond_to? send "
    "__send__ __id__ singleton_class singleton_method singleton_methods tap then to_enum to_s "
    "yield_self acts_like? blank? deep_dup duplicable? html_safe? in? instance_values "
    "instance_variable_names presence presence_in present? to_query try try! with with_options "
    "remove_instance_variable require_dependency load_dependency "
    "instance_variable_names pretty_print pretty_inspect to_yaml".split()
)
METHODS = ENUMERABLE | ACTIVE | OBJECT | {"[]"}
# SessionContext gives the field's value under these, from which release on (see its source).
_GUARDS = frozenset("respond_to? try defined? include? key? to_h attributes".split())


def is_rendered(file: SourceFile) -> bool:
    """Whether Open OnDemand renders a file below template/: .erb, with no dot name on its way."""
    return file.is_erb and not any(part.startswith(".") for part in file.name.split("/"))


def names(program: Program) -> Iterator[Name]:
    """Uses of `context.x` that raise when there is no x: none is asked for, rescued or safe."""
    if not program.tags or program.has_errors or "context" in program.assigned:
        return
    guarded = any(
        node.type == "identifier" and program.source(node) in _GUARDS for node in program.nodes
    )
    for node in program.nodes:
        if node.type != "call":
            continue
        receiver = node.child_by_field_name("receiver")
        method = node.child_by_field_name("method")
        if receiver is None or method is None or program.source(receiver) != "context":
            continue
        if guarded and _is_guarded(program, node):
            continue
        if not _is_rescued(node) and method.type in ("identifier", "constant"):
            yield Name(program.source(method), method.start_byte, method.end_byte)


def is_conditional(program: Program, name: Name) -> bool:
    """Whether a use is run only in an arm of a condition, or in a block."""
    node = program.root.descendant_for_byte_range(name.start, name.end)
    while node is not None and node.parent is not None:
        parent = node.parent
        if parent.type in (
            "if",
            "unless",
            "elsif",
            "conditional",
            "if_modifier",
            "unless_modifier",
        ):
            if node != parent.child_by_field_name("condition"):
                return True
        elif parent.type in ("when", "else", "do_block", "block", "method", "lambda"):
            return True
        node = parent
    return False


def _is_guarded(program: Program, node: Node) -> bool:
    """Whether a condition around a use asks something of the context."""
    arm = program.arm_at(node.start_byte)
    current: Node | None = node
    while current is not None:
        for key in ("condition", "left", "value"):
            condition = current.child_by_field_name(key)
            if condition is not None and condition != node and _asks(program.source(condition)):
                return True
        current = current.parent
    return arm is not None and arm.condition is not None and _asks(program.source(arm.condition))


def _asks(text: str) -> bool:
    return "context" in text and any(guard in text for guard in _GUARDS)


def _is_rescued(node: Node) -> bool:
    current: Node | None = node
    while current is not None:
        if current.type in ("rescue_modifier", "unary") or any(
            child.type == "rescue" for child in current.children
        ):
            return True
        current = current.parent
    return False
