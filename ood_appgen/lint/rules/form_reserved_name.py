"""A field has a name that Ruby or Open OnDemand needs for itself.

Why
    Fields become methods of objects that have methods already. A field `method`, `table`, `class` or
    `display` makes every submission fail. One named `count`, `min` or `first` shows the answer of that
    method in the form, and in template/*.erb `context.count` is the number of fields. Up to and including
    release 4.2.3 this holds for `partition` and `filter` too: a list starts with its first option, whatever
    its default or the last choice, and only submit.yml.erb gets the value; a field `format`, `test` or
    `system` fails at submission. Words of Ruby such as `end` cannot be written in submit.yml.erb. (OSC/ondemand
    apps/dashboard/app/models/batch_connect/session_context.rb, to_openstruct, method_missing and
    read_attribute_for_serialization.)

Bad
    form:
      - method
      - format

Good
    form:
      - solver_method
      - output_format

Fix
    Give the field another name, in `form:`, `attributes:`, submit.yml.erb and the templates.
"""

from __future__ import annotations

from collections.abc import Iterator

from ood_appgen.diagnostics import Severity, quote
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Form
from ood_appgen.lint.reserved import ILLEGAL, KEYWORDS, PRIVATE, SHADOWED, TAKEN
from ood_appgen.lint.rule import Finding, at
from ood_appgen.lint.widgets import takes_options

SEVERITY = Severity.ERROR


def check(app: App) -> Iterator[Finding]:
    """Look at every listed name."""
    for form in app.forms:
        for item in form.items:
            reason = _find_reason(app, form, item.id)
            if reason is None:
                continue
            message, severity = reason
            yield at(
                item.node,
                f"the field name {quote(item.id)} {message}",
                "give the field another name",
                severity=severity,
            )


def _find_reason(app: App, form: Form, name: str) -> tuple[str, Severity] | None:
    if name in ILLEGAL or (name == "with" and app.settings.at_least("4.1")):
        return "is a method of Ruby: every submission fails", Severity.ERROR
    if name in ("partition", "filter") and not app.settings.at_least("4.3"):
        return _weigh(app, form, name)
    if name in SHADOWED and name not in ("partition", "filter"):
        return (
            "is a method: the form and the templates get the method's answer, not the value",
            Severity.ERROR,
        )
    if name in PRIVATE and not app.settings.at_least("4.3"):
        return (
            "is a method of Ruby: up to and including release 4.2.3 every submission fails",
            Severity.ERROR,
        )
    if name in KEYWORDS:
        return "is a word of Ruby: submit.yml.erb cannot read it", Severity.WARNING
    if name in TAKEN:
        return "is something else in submit.yml.erb", Severity.WARNING
    return None


def _weigh(app: App, form: Form, name: str) -> tuple[str, Severity] | None:
    """submit.yml.erb gets the value: it is the templates, the default and the last choice that go wrong."""
    old = "is a method up to and including release 4.2.3"
    files = (*app.scripts, *app.views)
    if any(use.name == name for f in files if f.tags for use in f.program.context_names):
        return f"{old}: `context.{name}` is not its value", Severity.ERROR
    attribute = form.attribute(name)
    if attribute is not None and (attribute.fixed or attribute.widget == "hidden_field"):
        return None
    if attribute is None and not form.attributes_complete:
        return f"{old}: the form does not remember the last choice", Severity.NOTE
    widget = attribute.widget if attribute is not None else "text_field"
    if attribute is None or not (takes_options(widget) or widget == ""):
        return f"{old}: the form shows a text of Ruby's in place of its value", Severity.WARNING
    values = [o.value.value for o in attribute.options if o.value is not None]
    default = attribute.text("value")
    if default and attribute.options_complete and default not in values[:1]:
        return f"{old}: the form ignores its default", Severity.WARNING
    if attribute.options_complete and len(values) < 2:
        return None
    return f"{old}: the form does not remember the last choice", Severity.NOTE
