"""What Open OnDemand knows of widgets: their names, and the keys that each reads.

Source: OSC/ondemand apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb (create_widget,
which hands all other names to the form builder), app/lib/smart_attributes/attribute.rb and attributes/*.rb,
app/views/batch_connect/session_contexts/_path_selector.html.erb; bootstrap-ruby/bootstrap_form
lib/bootstrap_form/inputs (names and options of inputs).
"""

from __future__ import annotations

# Handled by create_widget itself.
OWN_WIDGETS = (
    "select",
    "resolution_field",
    "check_box",
    "radio",
    "radio_button",
    "path_selector",
    "file_attachments",
)
# Methods of the form builder that take a name and options (bootstrap_form 4.5 to 5.4, Rails 6.1 to 7.2).
BUILDER_WIDGETS = (
    "text_field",
    "text_area",
    "number_field",
    "hidden_field",
    "password_field",
    "email_field",
    "url_field",
    "telephone_field",
    "phone_field",
    "search_field",
    "color_field",
    "range_field",
    "file_field",
    "date_field",
    "time_field",
    "datetime_field",
    "datetime_local_field",
    "month_field",
    "week_field",
    "date_select",
    "time_select",
    "datetime_select",
    "time_zone_select",
    "rich_text_area",
    "static_control",
    "label",
)
WIDGETS = (*OWN_WIDGETS, *BUILDER_WIDGETS)
# What people write, and the widget that they mean.
MEANT_WIDGETS = {
    "checkbox": "check_box",
    "check": "check_box",
    "number": "number_field",
    "integer": "number_field",
    "integer_field": "number_field",
    "numeric_field": "number_field",
    "text": "text_field",
    "string": "text_field",
    "textarea": "text_area",
    "textbox": "text_field",
    "text_box": "text_field",
    "dropdown": "select",
    "drop_down": "select",
    "select_field": "select",
    "hidden": "hidden_field",
    "password": "password_field",
    "email": "email_field",
    "file": "file_field",
    "date": "date_field",
    "time": "time_field",
    "url": "url_field",
    "range": "range_field",
    "radio_buttons": "radio_button",
    "path": "path_selector",
    "resolution": "resolution_field",
}
# What smart attributes are when nobody says `widget:` (app/lib/smart_attributes/attributes/*.rb).
SMART_WIDGETS = {
    "bc_account": "text_field",
    "bc_email_on_started": "check_box",
    "bc_num_hours": "number_field",
    "bc_num_nodes": "number_field",
    "bc_num_slots": "number_field",
    "bc_queue": "text_field",
    "bc_vnc_idle": "number_field",
    "bc_vnc_resolution": "resolution_field",
    "auto_accounts": "select",
    "auto_batch_clusters": "select",
    "auto_cores": "number_field",
    "auto_groups": "select",
    "auto_job_name": "text_field",
    "auto_log_location": "text_field",
    "auto_primary_group": "hidden_field",
    "auto_qos": "select",
    "auto_queues": "select",
    "auto_scripts": "select",
}
# The others answer by themselves, whatever the form says.
_ASKS = ("bc_account", "auto_primary_group")
# Keys of an attribute that OOD reads by name.
KEYS = (
    "widget",
    "value",
    "label",
    "help",
    "header",
    "required",
    "options",
    "exclude_options",
    "min",
    "max",
    "step",
    "checked_value",
    "unchecked_value",
    "fixed",
    "display",
    "cacheable",
    "hide_when_empty",
    "hide_by_default",
    "html_options",
    "directory",
    "show_files",
    "show_hidden",
    "favorites",
    "file_pattern",
    "popup_title",
    "placeholder",
    "pattern",
    "readonly",
)
# Keys that become HTML attributes or that bootstrap_form and Rails read; they are no misspellings.
HTML_KEYS = frozenset(
    "accept accesskey alt aria autocapitalize autocomplete autocorrect autofocus checked class cols "
    "control_class control_col data default dir disabled enctype error_message filter form "
    "form_group height help_text hidden hide_label icon id include_blank include_hidden index inline "
    "inputmode key label_as_placeholder label_class label_col lang layout list maxlength minlength "
    "module multiple name prepend append prompt rel role rows selected size skip_label skip_required "
    "spellcheck src style switch tabindex target title translate type width within wrap wrapper "
    "wrapper_class text desc tooltip in".split()
)
# Keys that are another's word for one of KEYS.
MEANT_KEYS = {
    "default": "value",
    "default_value": "value",
    "initial_value": "value",
    "option": "options",
    "choices": "options",
    "description": "help",
    "hint": "help",
    "minimum": "min",
    "maximum": "max",
    "cache": "cacheable",
    "caption": "label",
}
# Keys that one kind of widget alone reads.
_PATH = ("path_selector",)
_NUMBER = ("number_field", "range_field")
_DATES = (
    "date_field",
    "time_field",
    "datetime_field",
    "datetime_local_field",
    "month_field",
    "week_field",
)
READERS = {
    "checked_value": ("check_box",),
    "unchecked_value": ("check_box",),
    "show_files": _PATH,
    "show_hidden": _PATH,
    "favorites": _PATH,
    "file_pattern": _PATH,
    "popup_title": _PATH,
    "min": (*_NUMBER, *_DATES),
    "max": (*_NUMBER, *_DATES),
    "step": (*_NUMBER, *_DATES),
}


def takes_options(widget: str) -> bool:
    """Whether a widget shows `options:`."""
    return widget in ("select", "radio", "radio_button")


def fixed_widget(name: str) -> str | None:
    """The widget of a smart attribute that has one whatever the form says."""
    bare = name.removeprefix("global_") if name.startswith("global_bc_") else name
    if bare in _ASKS:
        return None
    return SMART_WIDGETS.get(bare) or _named_widget(bare)


def default_widget(name: str) -> str:
    """The widget of a field that names none."""
    return _named_widget(name) or SMART_WIDGETS.get(name.removeprefix("global_"), "text_field")


def _named_widget(name: str) -> str | None:
    """The widget of a smart attribute whose name goes on with what it is about."""
    if name.startswith("auto_modules_"):
        return "select"
    return "text_field" if name.startswith("auto_environment_variable_") else None
