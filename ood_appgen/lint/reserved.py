"""Names that cannot be a form field, or not everywhere.

Source: the methods of OpenStruct and of BatchConnect::SessionContext as Ruby 3.1 lists them with
OSC/ondemand's own code loaded (Rails 6.1; Rails 7.0 to 7.2 add those of the second line of each list).
OSC/ondemand apps/dashboard/app/models/batch_connect/session_context.rb: to_openstruct refuses the first
kind; method_missing is never asked for the second; the third are private methods that as_json called
with `send` until release 4.2 (OSC/ondemand pull request 5455).
"""

from __future__ import annotations

# Every submission fails: ArgumentError of to_openstruct.
ILLEGAL = frozenset(
    (
        "__id__ __send__ as_json class class_eval clone deep_dup define_singleton_method delete_field dig "
        "display dup each_pair encode_with enum_for extend freeze hash init_with inspect instance_eval "
        "instance_exec instance_values instance_variable_get instance_variable_names "
        "instance_variable_set instance_variables itself load_dependency marshal_dump method methods "
        "object_id presence presence_in private_methods protected_methods public_method "
        "public_methods public_send remove_instance_variable require_dependency require_or_load send "
        "singleton_class singleton_method singleton_methods table tap then to_enum to_h to_json "
        "to_param to_query to_s to_yaml try unloadable with_options yield_self"
    ).split()
)
# The form and template/*.erb get the method's answer in place of the field's value.
SHADOWED = frozenset(
    (
        "app_specific_cache_setting assign_attributes attributes chain chunk chunk_while collect "
        "collect_concat compact compact_blank count cycle detect drop drop_while each each_cons "
        "each_entry each_slice each_with_index each_with_object entries errors excluding filter "
        "filter_map find find_all find_index first flat_map from_json grep grep_v group_by "
        "include_root_in_json including index_by index_with inject lazy map max max_by min min_by "
        "minmax minmax_by model_name partition pick pluck read_bool reduce reject reverse_each "
        "run_callbacks select serializable_hash slice_after slice_before slice_when sort sort_by sum "
        "take take_while tally to_a to_key to_model to_openstruct to_partial_path to_set uniq "
        "update_with_cache validate validation_context without zip "
        "in_order_of maximum minimum sole"
    ).split()
)
# Private methods that fail, or do harm, when they are called without arguments.
PRIVATE = frozenset(
    (
        "abort at_exit autoload catch concern define_method eval exec exit fail fork format gem gets lambda "
        "load open proc putc raise readline readlines require require_relative set_trace_func sleep "
        "spawn sprintf suppress syscall system test throw trace_var trap untrace_var"
    ).split()
)
# Words of Ruby: in ERB they are no names. `context.end` works, `end` does not.
KEYWORDS = frozenset(
    (
        "alias and begin break case def defined do else elsif end ensure false for if in module next nil "
        "not or redo rescue retry return self super then true undef unless until when while yield"
    ).split()
)
# What submit.yml.erb has under these names whatever the form says (app.rb, submit_opts).
TAKEN = frozenset(("staged_root", "binding"))
