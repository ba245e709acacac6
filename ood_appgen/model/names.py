"""Field names that Open OnDemand cannot use.

Source: the methods of a field's two carriers were listed with Ruby 3.1 and Rails 6.1/7.2: OpenStruct
(submit.yml.erb; OSC/ondemand models/batch_connect/session_context.rb to_openstruct) and
BatchConnect::SessionContext, which is Enumerable and an ActiveModel (template/*.erb, the form).
"""

from __future__ import annotations

_REFUSED = """
as_json class class_eval clone deep_dup define_singleton_method delete_field dig display dup
each_pair encode_with enum_for extend freeze hash init_with inspect instance_eval instance_exec
instance_values instance_variable_get instance_variable_names instance_variable_set
instance_variables itself marshal_dump method methods object_id presence presence_in private_methods
protected_methods public_method public_methods public_send remove_instance_variable send
singleton_class singleton_method singleton_methods table taint tap then to_enum to_h to_json to_param
to_query to_s trust try untaint untrust with with_options yield_self
"""

_SHADOWED = """
assign_attributes attributes chain chunk chunk_while collect collect_concat compact compact_blank
count cycle detect drop drop_while each each_cons each_entry each_slice each_with_index
each_with_object entries errors excluding filter filter_map find find_all find_index first flat_map
from_json grep grep_v group_by in_order_of include_root_in_json including index_by index_with inject
lazy map max max_by maximum min min_by minimum minmax minmax_by model_name partition pick pluck
read_attribute_for_serialization read_attribute_for_validation reduce reject reverse_each
run_callbacks select serializable_hash slice slice_after slice_before slice_when sole sort sort_by
sum take take_while tally to_a to_key to_model to_partial_path to_set uniq update_with_cache validate
validation_context values_at without zip
abort at_exit autoload caller caller_locations catch eval exec exit fail fork format gem gets
global_variables initialize lambda load local_variables loop method_missing open p pp print printf
proc putc puts raise rand readline readlines require select sleep spawn sprintf srand syscall system
test throw trace_var trap untrace_var warn
"""

# Ruby's words, and the locals of App#submit_opts that a submit file sees before any field
# (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb).
_KEYWORDS = """
bad_content ctx_binding e fmt hsh session_context struct yml
alias and begin binding break case def defined do else elsif end ensure false for if in module next
nil not or redo rescue retry return self staged_root super true undef unless until when while yield
"""

REFUSED = frozenset(_REFUSED.split())
SHADOWED = frozenset(_SHADOWED.split())
KEYWORDS = frozenset(_KEYWORDS.split())


def reason(field: str) -> str:
    """Why a field cannot have this name, or "" where it can."""
    if field in REFUSED:
        return "Open OnDemand refuses every submission of a form with a field of that name"
    if field in SHADOWED:
        return "Ruby has a method of that name, which hides the field in scripts"
    if field in KEYWORDS:
        return "the submit file reads something else under that name"
    return ""
