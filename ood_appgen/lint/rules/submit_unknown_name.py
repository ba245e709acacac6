"""A name in the submit file is no field of the form.

Why
    Open OnDemand runs submit.yml.erb with the form's values as methods of an OpenStruct. A name that is
    no field is no error there: it is nil, and prints nothing. `-n <%= num_core %>` becomes `-n `, and
    a test such as `num_core.blank?` is always true. A field must be listed under `form:`; what
    stands under `attributes:` alone does not exist. What nil cannot do, such as `num_core + 1` or
    `num_core.split`, is an error: no job is submitted at all.
    The rule says nothing when the form's list depends on Ruby, or when the file loads other Ruby code.
    (OSC/ondemand apps/dashboard/app/models/batch_connect/app.rb, submit_opts, and session_context.rb,
    to_openstruct; Ruby's ostruct.rb, method_missing.)

Bad
    # form.yml lists num_cores
    script:
      cores: <%= num_core %>

Good
    script:
      cores: <%= num_cores %>

Fix
    Write the field's name as the form has it, in lower case, or list the field under `form:`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from tree_sitter import Node as RubyNode

from ood_appgen.diagnostics import Edit, Severity, quote
from ood_appgen.lint import psych, ruby, submit
from ood_appgen.lint.app import App
from ood_appgen.lint.ruby import Name, Program
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.source_file import SourceFile

SEVERITY = Severity.WARNING

# Locals of BatchConnect::App#submit_opts, which the file sees too.
_LOCALS = (
    "session_context fmt staged_root hsh struct ctx_binding yml bad_content e _erbout it".split()
)
# Methods without arguments of an OpenStruct in Rails, public and private (printed by Ruby itself:
# OpenStruct.new.methods + private_methods, with Rails loaded).
_METHODS = (
    "__callee__ __dir__ __id__ __method__ __send__ abort acts_like as_json at_exit autoload binding "
    "caller caller_locations catch class class_eval clone concern deep_dup define_singleton_method "
    "delete_field dig display dup each_pair enable_warnings encode_with enum_for eval exec exit extend "
    "fail fork format freeze gem gem_original_require gets global_variables hash html_safe init_with "
    "initialize inspect instance_eval instance_exec instance_values instance_variable_get "
    "instance_variable_names instance_variable_set instance_variables itself j jj lambda load "
    "load_dependency local_variables loop marshal_dump marshal_load method method_missing methods "
    "object_id open p pp presence presence_in print printf private_methods proc protected_methods "
    "public_method public_methods public_send putc puts raise rand readline readlines "
    "remove_instance_variable require require_dependency require_or_load require_relative select send "
    "set_trace_func silence_warnings singleton_class singleton_method singleton_methods sleep spawn "
    "sprintf srand suppress syscall system table taint tap test then throw to_enum to_h to_json to_param "
    "to_query to_s to_yaml trace_var trap trust try unloadable untaint untrace_var untrust warn "
    "with_options with_warnings yield_self method_missing"
).split()
_SEEN = frozenset([*_LOCALS, *_METHODS])
_CONDITIONS = ("if", "elsif", "unless", "case", "conditional")
# Methods that nil has: NilClass and Object, and what ActiveSupport adds to them.
_OF_NIL = frozenset(
    "to_s to_i to_f to_a to_h to_c to_r rationalize nil? inspect blank? present? presence presence_in "
    "to_json as_json to_param to_query to_yaml html_safe? try try! in? is_a? kind_of? instance_of? dup "
    "clone deep_dup duplicable? then tap yield_self itself respond_to? class send public_send __send__ "
    "eql? equal? hash freeze frozen? object_id __id__ display acts_like? instance_values method methods "
    "extend with with_options instance_variables instance_eval instance_exec enum_for to_enum "
    "pretty_inspect singleton_class".split()
)
_OPERATORS = frozenset("+ - * / % ** < > <= >= << >>".split())
_LITERALS = ("string", "integer", "float", "array")
# What is run at times only, or not at all, but for the condition of the first of them.
_MAYBE = (
    "if unless elsif case when in conditional if_modifier unless_modifier while until for "
    "while_modifier until_modifier else then do_block block lambda method begin rescue_modifier".split()
)
# Any text is true for these (OSC/ood_core lib/ood_core/job/adapters, `if script.email_on_started`).
_FLAGS = ("email_on_started", "email_on_terminated", "rerunnable", "submit_as_hold")
_SCOPES = ("class", "module", "singleton_class")
# Ruby's own libraries and gems of the dashboard: they add no names without a receiver.
_LIBRARIES = frozenset(
    "json yaml set time date erb etc open3 pathname fileutils shellwords securerandom socket csv "
    "net/http uri tempfile tmpdir digest ostruct logger timeout benchmark bigdecimal English psych "
    "ood_core ood_support ood_appkit base64 resolv io/console forwardable singleton rexml/document "
    "open-uri zlib stringio strscan optparse pp net/ldap active_support active_support/all".split()
)


def check(app: App) -> Iterator[Finding]:
    """Look for bare names that neither the form nor Ruby has."""
    if not app.fields_complete or not app.forms:
        return
    known = submit.field_names(app)
    for file in app.submit_files:
        program = file.program
        if not file.tags or program.has_errors or program.reads_unseen or _loads_code(program):
            continue
        bound = _bound_names(program)
        guarded = _asked_for(program)
        told: set[str] = set()
        # Of a name's uses the one that fails, else the first.
        for name in sorted(program.names, key=lambda name: not _surely_raises(program, name)):
            word = name.name
            if word in known or word in _SEEN or word in told or word in bound | guarded:
                continue
            if re.fullmatch(r"_\d?", word) or _in_other_scope(program, name):
                continue
            if _hangs_on_cluster(program, name) or _is_idle(file, name):
                continue
            told.add(word)
            yield _report(app, file, name, known)


def _report(app: App, file: SourceFile, name: Name, known: frozenset[str]) -> Finding:
    word = name.name
    if word == "context":
        return at(
            name,
            "`context` is no name in a submit file: calling it is an error on nil",
            "write the field's name alone; `context.` is for the files below template/",
            file=file,
            severity=Severity.ERROR,
        )
    message = f"{quote(word)} is no field of the form: it is nil here, without an error"
    severity = None
    if _surely_raises(file.program, name):
        message = (
            f"{quote(word)} is no field of the form: it is nil, and each submission fails here"
        )
        severity = Severity.ERROR
    elif flag := _flag(app, file, name):
        message = (
            f"{quote(word)} is no field of the form: `{flag}:` gets an empty text, which is true"
        )
    if any(word == key.lower() for form in app.forms for key in form.attributes):
        hint = f"list {quote(word)} under `form:` as well"
        return at(name, message, hint, file=file, severity=severity)
    lower = {field.lower(): field for field in known}
    close = difflib.get_close_matches(word.lower(), sorted(lower), 3, 0.8)
    if not close:
        hint = "list it under `form:`, or take it out here"
        if _is_choice(file.program, name):
            hint = f"a text needs quotes: '{word}'"
        return at(name, message, hint, file=file, severity=severity)
    fix = None
    if word.lower() in lower or len(close) == 1:
        field = lower.get(word.lower(), lower[close[0]])
        only_case = field == word.lower()
        fix = Edit(file.path, name.start, name.end, field) if only_case else None
    hint = f"did you mean {quote(lower[close[0]])}?"
    return at(name, message, hint, file=file, fix=fix, severity=severity)


def _is_choice(program: Program, name: Name) -> bool:
    """Whether it is one of the two of `x ? a : b`, where a text is meant."""
    node = program.root.descendant_for_byte_range(name.start, name.end)
    parent = node.parent if node is not None else None
    if parent is None or parent.type != "conditional":
        return False
    return node in (
        parent.child_by_field_name("consequence"),
        parent.child_by_field_name("alternative"),
    )


def _is_idle(file: SourceFile, name: Name) -> bool:
    """Whether a use has no effect: what it prints or decides on is a comment, and it does not fail."""
    return submit.is_idle(file, name.start) and not _surely_raises(file.program, name)


def _surely_raises(program: Program, name: Name) -> bool:
    """Whether something is done with the name that nil cannot do, in code that is always run."""
    node: RubyNode | None = program.root.descendant_for_byte_range(name.start, name.end)
    if node is None or node.parent is None or not _needs_a_value(program, node):
        return False
    current: RubyNode = node
    while current.parent is not None:
        parent = current.parent
        if parent.type in _MAYBE and not (
            parent.type in ("if", "unless", "conditional", "if_modifier", "unless_modifier")
            and current == parent.child_by_field_name("condition")
        ):
            return False
        if parent.type == "binary" and current == parent.child_by_field_name("right"):
            sign = parent.child_by_field_name("operator")
            if sign is not None and program.source(sign) in ("&&", "||", "and", "or"):
                return False
        current = parent
    return program.arm_at(name.start) is None and not program.in_loop(name.start)


def _needs_a_value(program: Program, node: RubyNode) -> bool:
    parent = node.parent
    assert parent is not None
    if parent.type == "call" and node == parent.child_by_field_name("receiver"):
        method = parent.child_by_field_name("method")
        between = program.code[node.end_byte : method.start_byte] if method is not None else "&"
        return "&" not in between and method is not None and program.source(method) not in _OF_NIL
    if parent.type == "element_reference":
        return node == parent.child_by_field_name("object")
    if parent.type == "binary":
        sign = parent.child_by_field_name("operator")
        if sign is None or program.source(sign) not in _OPERATORS:
            return False
        left = parent.child_by_field_name("left")
        return node == left or (left is not None and left.type in _LITERALS)
    return False


def _flag(app: App, file: SourceFile, name: Name) -> str:
    """The key that takes any text for true, and gets the name in quotes; "" for none."""
    for section in submit.sections(app, "script"):
        for flag in _FLAGS:
            node = section.get(flag)
            if not isinstance(node, psych.Scalar) or node.file is not file or not node.style:
                continue
            if node.start <= name.start < node.end and submit.printed_field(node) == name.name:
                return flag
    return ""


def _loads_code(program: Program) -> bool:
    """Whether the file loads code of the site's, which may define methods."""
    for node in program.nodes:
        if node.type != "call" or node.child_by_field_name("receiver") is not None:
            continue
        method = node.child_by_field_name("method")
        if method is None or program.source(method) not in (
            "require",
            "require_relative",
            "load",
            "require_dependency",
            "include",
            "extend",
        ):
            continue
        arguments = node.child_by_field_name("arguments")
        given = arguments.named_children if arguments is not None else []
        if len(given) != 1 or ruby.literal(given[0]) not in _LIBRARIES:
            return True
    return False


def _bound_names(program: Program) -> frozenset[str]:
    """Names that patterns bind: named groups of a regular expression, `in` of a case."""
    names: set[str] = set()
    for node in program.nodes:
        if node.type == "regex":
            names |= set(re.findall(r"\(\?<([a-z_]\w*)>", program.source(node)))
        elif node.type in ("in_clause", "match_pattern", "test_pattern"):
            names |= {
                program.source(n)
                for n in ruby.walk(node)
                if n.type in ("identifier", "hash_key_symbol")
            }
    return frozenset(names)


def _asked_for(program: Program) -> frozenset[str]:
    """Names that the file asks for before it uses them: `defined?(x)`, `respond_to?(:x)`."""
    names: set[str] = set()
    for node in program.nodes:
        if node.type == "unary" and program.source(node).startswith("defined?"):
            names |= {program.source(n) for n in ruby.walk(node) if n.type == "identifier"}
        elif node.type == "call":
            method = node.child_by_field_name("method")
            if method is not None and program.source(method) in ("respond_to?", "key?", "method"):
                arguments = node.child_by_field_name("arguments")
                for argument in arguments.named_children if arguments is not None else ():
                    text = ruby.literal(argument)
                    if text is not None:
                        names.add(text)
    return frozenset(names)


def _hangs_on_cluster(program: Program, name: Name) -> bool:
    """Whether it is read for some clusters alone: a file that several apps share does that."""
    node: RubyNode | None = program.root.descendant_for_byte_range(name.start, name.end)
    while node is not None:
        asked = node.child_by_field_name("value" if node.type == "case" else "condition")
        asked_names = ruby.walk(asked) if asked is not None and node.type in _CONDITIONS else ()
        if any(program.source(n) == "cluster" for n in asked_names):
            return True
        node = node.parent
    return False


def _in_other_scope(program: Program, name: Name) -> bool:
    node: RubyNode | None = program.root.descendant_for_byte_range(name.start, name.end)
    while node is not None:
        if node.type in _SCOPES:
            return True
        node = node.parent
    return False
