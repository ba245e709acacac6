"""The page that a form becomes: its elements, the directives on them, and what each directive does.

Source: OSC/ondemand apps/dashboard/app/helpers/batch_connect/session_contexts_helper.rb (create_widget,
format_bc_id), app/lib/smart_attributes and app/javascript/dynamic_forms.js (makeChangeHandlers and all
that it calls), read at 4.2.3. What `Page.judge` says was held against that JavaScript in Chromium.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from weakref import WeakKeyDictionary

from ood_appgen import directives
from ood_appgen.directives import Effect
from ood_appgen.lint.app import App
from ood_appgen.lint.form import Attribute, Directive, Form, Option
from ood_appgen.lint.psych import Mapping, Scalar, Sequence
from ood_appgen.lint.widgets import default_widget, fixed_widget

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_NO_NAME = re.compile(r"[^-@:.\w]")  # ERB::Util.xml_name_escape
_INPUTS = frozenset(
    "text_field text_area password_field email_field telephone_field phone_field url_field search_field "
    "color_field date_field datetime_field datetime_local_field month_field "
    "week_field time_field file_field path_selector".split()
)
_KIND_OF_WIDGET = {
    "number_field": "number",
    "range_field": "number",
    "select": "select",
    "check_box": "check_box",
    "radio": "radio",
    "radio_button": "radio",
    "hidden_field": "hidden",
    "file_attachments": "block",
    "resolution_field": "block",
}


class Why(Enum):
    """Why a directive does nothing; WORKS where it does something."""

    WORKS = "works"
    EMPTY = "has no value, so no attribute is written"
    KIND = "is none that Open OnDemand knows"
    SOURCE = "is on an element that drives nothing"
    NO_VALUE = "is on an option whose value is blank"
    REPEATED = "is on an option whose value repeats another's"
    UNKNOWN = "names no field"
    FIXED = "names a field that is fixed"
    INVISIBLE = "hides a field that is never seen"
    NOT_SETTABLE = "names an element without a value"
    NO_OPTION = "names a value that is no option"
    LOST_CONDITION = "has a condition that is never met"
    WRONG_VALUE = "has a value that is ignored"
    IDLE = "asks for what is so anyway"
    FAILS = "stops the form's JavaScript"
    STOPPED = "comes after one that stops the form's JavaScript"


@dataclass(frozen=True, eq=False)
class Element:
    """A field on the page. `kinds` are all that it can be: "" where Ruby or the site decides.

    select, multiple, check_box, radio, hidden, number, input, block (no element with a value). `values` are
    those that it can have, as far as they are listed; `open` when it can have others.
    """

    id: str
    kinds: frozenset[str]
    values: tuple[str, ...]
    open: bool
    fixed: bool
    attributes: tuple[Attribute, ...]

    def is_only(self, *kinds: str) -> bool:
        """Whether it is one of these kinds for certain."""
        return self.kinds <= set(kinds)


@dataclass(frozen=True, eq=False)
class Placed:
    """A directive, the field that has it, and the option; None where the field itself has it."""

    source: str
    option: Option | None
    position: int
    directive: Directive

    @property
    def name(self) -> str:
        """The directive's name as it is written."""
        return self.directive.name.text

    @cached_property
    def key(self) -> str:
        """The name as Rails writes it into the page: what may not be in a name is `_`."""
        return _NO_NAME.sub("_", self.name)

    @property
    def value(self) -> str | None:
        """What JavaScript gets, None where Ruby decides; a YAML null writes no attribute."""
        node = self.directive.value
        return node.value if isinstance(node, Scalar) and not node.opaque else None

    @cached_property
    def kind(self) -> str:
        """As in `directives.kind_of`."""
        return directives.kind_of(self.name)

    @property
    def option_value(self) -> str | None:
        """The value of its option; None where there is none, or Ruby decides."""
        node = self.option.value if self.option is not None else None
        return node.value if isinstance(node, Scalar) and not node.opaque else None


@dataclass(frozen=True)
class Verdict:
    """What a directive comes to, and what it was read as where it could be read."""

    why: Why
    effect: Effect | None = None

    @property
    def works(self) -> bool:
        """Whether it does anything at all."""
        return self.why is Why.WORKS


class Page:
    """The page of one form, or of several as one: what any of them has is there."""

    def __init__(self, forms: Iterable[Form], release_4: bool = True) -> None:
        self.forms = tuple(forms)
        self._release_4 = release_4
        self._read: dict[Placed, Effect | None] = {}
        self._judged: dict[Placed, Verdict] = {}

    @cached_property
    def complete(self) -> bool:
        """Whether no element can be missing here because Ruby makes it."""
        return all(f.items_complete and (f.clusters or _clusters_known(f)) for f in self.forms)

    @cached_property
    def elements(self) -> dict[str, Element]:
        """Elements by field, in the order of the page; fixed fields are here too."""
        found: dict[str, list[tuple[Form, str]]] = {}
        for form in self.forms:
            for name in form.ids:
                found.setdefault(_element_id(name), []).append((form, name))
        return {name: self._read_element(name, of) for name, of in found.items()}

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of all elements that the JavaScript knows, in their order."""
        found: list[str] = []
        for element in self.elements.values():
            if element.fixed:
                continue
            found += (f"{element.id}_wrapper", element.id)
            if "radio" in element.kinds:
                found += (f"{element.id}_{_radio_word(value)}" for value in element.values)
        return tuple(dict.fromkeys(found))

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """All directives, in the order in which the JavaScript comes to them."""
        found: dict[tuple[str, int], Placed] = {}
        for form in self.forms:
            for name in form.ids:
                attribute = form.attribute(name)
                if attribute is None or attribute.settings is None:
                    continue
                for directive in self._place(_element_id(name), attribute):
                    found.setdefault(_place_of(directive), directive)
        order = {name: index for index, name in enumerate(self.elements)}
        return tuple(sorted(found.values(), key=lambda p: (order[p.source], p.position, _rank(p))))

    def options(self, source: str) -> list[tuple[Option, list[Placed]]]:
        """The options of a field with their directives, as one form has them."""
        own: dict[int, list[Placed]] = {}
        for placed in self.on(source):
            own.setdefault(id(placed.option), []).append(placed)
        element = self.elements[source]
        listed = [option for a in element.attributes[:1] for option in a.options]
        return [(option, own.get(id(option), [])) for option in listed]

    def find_lacking(self, kind: str) -> Iterator[tuple[Option, Placed, str]]:
        """Options of selects without a directive of a kind that others of their select have.

        With each the directive of another option, and the field that it is for. Not where Ruby may
        add the directive, nor where the option hides that field.
        """
        for source, element in self.elements.items():
            if not element.is_only("select") or element.fixed:
                continue
            options = self.options(source)
            given = [self._pick(kind, own) for _, own in options]
            examples = {
                target: placed
                for of_option in given
                for target, placed in of_option
                if self.judge(placed).works
            }
            for target, example in examples.items():
                for (option, own), of_option in zip(options, given, strict=True):
                    lacks = option.complete and target not in dict(of_option)
                    if lacks and not self.hides(own, target):
                        yield option, example, target

    def _pick(self, kind: str, own: Iterable[Placed]) -> list[tuple[str, Placed]]:
        """The directives of a kind, each after the field that it is for."""
        effects = ((one, self.read(one)) for one in own if one.kind == kind)
        return [(effect.target, one) for one, effect in effects if effect is not None]

    def read(self, placed: Placed) -> Effect | None:
        """What the JavaScript reads a directive as, whether it does anything or not."""
        if placed not in self._read:
            own = placed.option is None and placed.kind == "hide"
            self._read[placed] = (
                directives.read_checked_when(placed.key, self.ids)[1]
                if own
                else directives.read(placed.key, self.ids)
            )
        return self._read[placed]

    def matches(self, placed: Placed, decider: Element) -> bool:
        """Whether an option-for directive names a value that the deciding field lists."""
        return any(self._matches(placed, decider, value) for value in decider.values)

    def _matches(self, placed: Placed, decider: Element, value: str) -> bool:
        return any(
            directives.option_for_matches(placed.key, decider.id, value, self.ids, alias)
            for alias in self._aliases(placed.source, value)
        )

    def _needs_number(self, placed: Placed, decider: Element) -> bool:
        """Whether the field can only be a number, and the directive names none."""
        value = directives.wanted_condition(placed.key, decider.id)
        return decider.is_only("number") and value is not None and not _NUMBER.fullmatch(value)

    def hides(self, placed: Iterable[Placed], target: str) -> bool:
        """Whether any of these directives hides a field."""
        for one in placed:
            effect = self.read(one) if one.kind == "hide" and one.value != "false" else None
            if effect is not None and effect.target == target:
                return True
        return False

    def limits_elsewhere(self, source: str, kind: str, target: str) -> bool:
        """Whether another field than `source` limits a field too."""
        return any(one.source != source for one in self._by_target.get((kind, target), ()))

    def reaches(self, placed: Placed) -> bool:
        """Whether a directive would find its field."""
        effect = self.read(placed)
        return effect is not None and effect.target in self.elements

    def at(self, placed: Placed) -> list[Placed]:
        """The directives of this page that stand where another page's stands."""
        return self._by_place.get(_place_of(placed), [])

    @cached_property
    def _by_place(self) -> dict[tuple[str, int], list[Placed]]:
        found: dict[tuple[str, int], list[Placed]] = {}
        for placed in self.placed:
            found.setdefault(_place_of(placed), []).append(placed)
        return found

    def on(self, source: str) -> list[Placed]:
        """The directives of one field."""
        return self._by_source.get(source, [])

    def judge(self, placed: Placed) -> Verdict:
        """What becomes of a directive; ones that an earlier failure stops are judged as if it were not."""
        if placed not in self._judged:
            self._judged[placed] = self._judge(placed)
        return self._judged[placed]

    def _judge(self, placed: Placed) -> Verdict:
        value = placed.value
        if value == "" and isinstance(placed.directive.value, Scalar) and not _written(placed):
            return Verdict(Why.EMPTY)
        if not placed.kind:
            return Verdict(Why.KIND)
        element = self.elements[placed.source]
        if placed.option is None:
            return self._judge_check_box(placed, element)
        if not element.kinds & {"select", ""} or element.fixed:
            return Verdict(Why.SOURCE)
        if placed.kind == "alias":
            return self._judge_alias(placed)
        if placed.kind in ("option-for", "exclusive-option-for"):
            return self._judge_option_for(placed)
        effect = self.read(placed)
        if effect is None or effect.target not in self.elements:
            failed = placed.kind == "label"
            return Verdict(Why.FAILS if failed else self._missing(placed))
        target = self.elements[effect.target]
        if placed.kind == "label" and target.is_only("hidden"):
            return Verdict(Why.FAILS, effect)
        if self._is_repeated(placed):
            return Verdict(Why.REPEATED, effect)
        if placed.option_value == "" and placed.kind in ("set", "min", "max"):
            return Verdict(Why.NO_VALUE, effect)
        if placed.kind == "hide":
            return Verdict(self._judge_hide(placed, effect), effect)
        if placed.kind in ("min", "max"):
            return Verdict(self._judge_limit(placed, effect), effect)
        if placed.kind == "set" and target.is_only("radio", "block"):
            return Verdict(Why.NOT_SETTABLE, effect)
        single = target.is_only("select", "hidden") and not target.open
        if placed.kind == "set" and single and target.values == (value,):
            return Verdict(Why.IDLE, effect)
        return Verdict(Why.WORKS, effect)

    @cached_property
    def verdicts(self) -> dict[Placed, Verdict]:
        """What becomes of each directive, after those before it."""
        found: dict[Placed, Verdict] = {}
        failed = False
        running: set[tuple[str, str]] = set()
        for placed in self.placed:
            verdict = self.judge(placed)
            effect = verdict.effect
            # A handler that is there already reads the options again, not the directives.
            key = placed.name.lower()
            if effect is not None and placed.kind.endswith("option-for"):
                key = f"{placed.kind} {effect.target}"
            reread = placed.kind.endswith("option-for") or placed.kind in ("label", "help")
            if failed and verdict.works and not (reread and (placed.source, key) in running):
                verdict = Verdict(Why.STOPPED, effect)
            elif not failed:
                running.add((placed.source, key))
            failed = failed or verdict.why is Why.FAILS
            found[placed] = verdict
        return found

    # -- elements --------------------------------------------------------------------------------

    def _read_element(self, name: str, of: list[tuple[Form, str]]) -> Element:
        attributes = tuple(a for form, item in of if (a := form.attribute(item)) is not None)
        kinds = {self._kind(form, item) for form, item in of}
        values: dict[str, None] = {}
        is_open = False
        for form, item in of:
            listed, complete = _values(form, item, kinds)
            values.update(dict.fromkeys(listed))
            is_open = is_open or not complete
        fixed = all(self._is_fixed(form, item) for form, item in of)
        return Element(name, frozenset(kinds), tuple(values), is_open, fixed, attributes)

    def _is_fixed(self, form: Form, name: str) -> bool:
        if name == "auto_primary_group":
            return True
        attribute = form.attribute(name)
        if attribute is not None and not attribute.opaque and attribute.fixed:
            return True
        single = name == "cluster" and _clusters_known(form) and form.widget(name) == "hidden_field"
        return single and attribute is None and not self._release_4

    def _kind(self, form: Form, name: str) -> str:
        attribute = form.attribute(name)
        widget = _widget(form, name, attribute)
        if widget == "select":
            several = _is_multiple(attribute)
            return "" if several is None else "multiple" if several else "select"
        return _KIND_OF_WIDGET.get(widget, "input" if widget in _INPUTS else "")

    # -- directives ------------------------------------------------------------------------------

    @cached_property
    def _by_source(self) -> dict[str, list[Placed]]:
        found: dict[str, list[Placed]] = {}
        for placed in self.placed:
            found.setdefault(placed.source, []).append(placed)
        return found

    def _place(self, source: str, attribute: Attribute) -> Iterator[Placed]:
        for directive in attribute.own_directives:
            yield Placed(source, None, -1, directive)
        for position, option in enumerate(attribute.options):
            for directive in option.directives:
                if directive.name.text.startswith("data-"):
                    yield Placed(source, option, position, directive)

    def _missing(self, placed: Placed) -> Why:
        """Why a target was not found: fixed fields would have been found if they were there."""
        everything = [*self.ids, *(e.id for e in self.elements.values() if e.fixed)]
        effect = directives.read(placed.key, everything)
        if placed.option is None:
            effect = directives.read_checked_when(placed.key, everything)[1]
        found = self.elements.get(effect.target) if effect is not None else None
        return Why.FIXED if found is not None and found.fixed else Why.UNKNOWN

    def _judge_check_box(self, placed: Placed, element: Element) -> Verdict:
        if element.fixed or not element.kinds & {"check_box", ""}:
            return Verdict(Why.SOURCE)
        if placed.kind != "hide":
            return Verdict(Why.SOURCE)
        readable, effect = directives.read_checked_when(placed.key, self.ids)
        if not readable:
            return Verdict(Why.FAILS)
        if effect is None or effect.target not in self.elements:
            return Verdict(self._missing(placed))
        return Verdict(self._judge_hide(placed, effect), effect)

    def _judge_hide(self, placed: Placed, effect: Effect) -> Why:
        target = self.elements[effect.target]
        if target.is_only("hidden"):
            return Why.INVISIBLE
        if placed.value not in ("true", "false", None):
            return Why.WRONG_VALUE
        if placed.option is not None and self._is_doubled(placed, effect):
            return Why.REPEATED
        by_default = any(
            (node := a.get("hide_by_default")) is not None
            and not (isinstance(node, Scalar) and node.value in ("", "false"))
            for a in target.attributes
        )
        others = {other.value for other in self._hiding(effect.target) if other is not placed}
        if placed.value == "false":
            return Why.WORKS if by_default or others - {"false"} else Why.IDLE
        return Why.WORKS if not by_default or others - {"true"} else Why.IDLE

    def _is_doubled(self, placed: Placed, effect: Effect) -> bool:
        """Whether the JavaScript enters it twice in one place, which turns true into an object.

        Between the two the page may be hidden or shown by it once.
        """
        value = placed.option_value
        if value is None:
            return False
        listed = self._listed(placed)
        if sum(other == value for other, _ in listed) > 1:
            return True
        return any(
            other.option is not placed.option
            and other.option_value is not None
            and directives.same_entry(other.option_value, value)
            and other.source == placed.source
            for other in self._hiding(effect.target)
        )

    def _listed(self, placed: Placed) -> list[tuple[str, Option]]:
        """The options of the list that a directive's option is in, with their values."""
        for attribute in self.elements[placed.source].attributes:
            if any(option is placed.option for option in attribute.options):
                return [
                    (o.value.value, o)
                    for o in attribute.options
                    if o.value is not None and not o.value.opaque
                ]
        return []

    @cached_property
    def _by_target(self) -> dict[tuple[str, str], list[Placed]]:
        """Directives by their kind and the field that they act on."""
        found: dict[tuple[str, str], list[Placed]] = {}
        for placed in self.placed:
            effect = self.read(placed)
            if effect is not None:
                found.setdefault((placed.kind, effect.target), []).append(placed)
        return found

    def _hiding(self, target: str) -> list[Placed]:
        """All directives that hide or show a field."""
        return self._by_target.get(("hide", target), [])

    def _judge_limit(self, placed: Placed, effect: Effect) -> Why:
        if self.elements[effect.target].is_only("radio", "block"):
            return Why.NOT_SETTABLE
        if not effect.value and not effect.condition:
            return Why.WORKS
        field = self.elements.get(effect.condition)
        # Radio buttons count while they are clicked: the event has their value, the group has none.
        if field is None or field.is_only("block"):
            return Why.LOST_CONDITION
        if field.is_only("multiple"):
            return Why.FAILS
        if field.id == placed.source and placed.option_value is not None:
            own = directives.limit_matches(effect, placed.option_value)
            return Why.WORKS if own else Why.LOST_CONDITION
        if (field.open and not field.is_only("number")) or any(
            directives.limit_matches(effect, v) for v in field.values
        ):
            return Why.WORKS
        return Why.NO_OPTION

    def _judge_option_for(self, placed: Placed) -> Verdict:
        effect = self.read(placed)
        if effect is None:
            return Verdict(self._missing(placed))
        if self._is_repeated(placed) and not self._is_watched(placed):
            return Verdict(Why.REPEATED, effect)
        decider = self.elements.get(effect.target)
        if decider is None:
            return Verdict(self._judge_radio_word(placed), effect)
        if decider.is_only("radio", "block"):
            return Verdict(Why.FAILS, effect)
        idle = "true" if placed.kind == "option-for" else None
        if placed.value == idle:
            return Verdict(Why.IDLE, effect)
        if placed.value not in ("true", "false", None):
            exclusive = placed.kind == "exclusive-option-for"
            return Verdict(Why.WORKS if exclusive else Why.WRONG_VALUE, effect)
        matched = [v for v in decider.values if self._matches(placed, decider, v)]
        always = matched and len(matched) == len(decider.values) and not decider.open
        if always and placed.kind == "exclusive-option-for" and placed.value == "true":
            return Verdict(Why.IDLE, effect)
        could = decider.open and directives.could_match(placed.key, decider.id)
        if matched or (could and not self._needs_number(placed, decider)):
            return Verdict(Why.WORKS, effect)
        if placed.kind == "exclusive-option-for" and not self._has_other_exclusive(placed):
            return Verdict(Why.WORKS, effect)  # the option never shows
        return Verdict(Why.NO_OPTION, effect)

    def _is_watched(self, placed: Placed) -> bool:
        """Whether another option, of a value that is not repeated, makes the select follow a field."""
        return any(
            other is not placed and self.read(other) is not None and not self._is_repeated(other)
            for other in self._by_kind.get((placed.source, placed.kind), ())
        )

    def _judge_radio_word(self, placed: Placed) -> Why:
        """An option-for that names one radio button: it has that value whether chosen or not."""
        return Why.WORKS if placed.value in ("false", None) else Why.IDLE

    def _has_other_exclusive(self, placed: Placed) -> bool:
        return any(
            other is not placed
            and other.option is placed.option
            and other.kind == "exclusive-option-for"
            for other in self.on(placed.source)
        )

    def _aliases(self, source: str, value: str) -> Iterator[str]:
        yield ""
        for other in self._by_kind.get((source, "alias"), ()):
            if other.value in (value, None):
                yield directives.read_alias(other.key)

    @cached_property
    def _by_kind(self) -> dict[tuple[str, str], list[Placed]]:
        found: dict[tuple[str, str], list[Placed]] = {}
        for placed in self.placed:
            found.setdefault((placed.source, placed.kind), []).append(placed)
        return found

    def _judge_alias(self, placed: Placed) -> Verdict:
        word = directives.read_alias(placed.key)
        for other in self.on(placed.source):
            if other.kind.endswith("option-for") and other.name.lower().endswith(
                placed.name.lower().removeprefix("data-alias")
            ):
                return Verdict(Why.WORKS, Effect("alias", "", value=word))
        return Verdict(Why.UNKNOWN)

    def _is_repeated(self, placed: Placed) -> bool:
        """Whether the option's directives are not read: its value is an earlier option's."""
        value = placed.option_value
        if value is None:
            return False
        for other, option in self._listed(placed):
            if option is placed.option:
                return False
            if other == value:
                return True
        return False


def _clusters_known(form: Form) -> bool:
    """Whether `clusters` are all; other parts of the form may well depend on Ruby."""
    node = form.root.get("cluster") if form.root is not None else None
    if isinstance(node, Scalar):
        return not node.opaque
    if isinstance(node, Sequence):
        return node.complete and len(form.clusters) == len(node.items)
    return form.clusters_complete


def _widget(form: Form, name: str, attribute: Attribute | None) -> str:
    """The widget that a field really gets; "" where Ruby or the site decides."""
    own = fixed_widget(name)
    if own is not None:
        return own
    if attribute is not None and attribute.get("widget") is not None:
        return attribute.widget
    if attribute is not None and attribute.opaque:
        return ""
    if name == "cluster":
        return form.widget(name)
    return "" if name.startswith("global_") else default_widget(name)


def _written(placed: Placed) -> bool:
    """Whether Rails writes the attribute: all but nil."""
    node = placed.directive.value
    return not (isinstance(node, Scalar) and node.kind == "null")


def _rank(placed: Placed) -> tuple[int, str]:
    """The order in one element: by name on an option, and the last one first on a check box."""
    if placed.option is None:
        return -placed.directive.name.start, ""
    return 0, placed.name.lower()


def _place_of(placed: Placed) -> tuple[str, int]:
    node = placed.directive.name
    return node.file.name, node.start


def _element_id(name: str) -> str:
    if name.startswith("global_bc_"):
        return name.removeprefix("global_")
    return name.replace("-", "_").replace("/", "_") if name.startswith("auto_modules_") else name


def _radio_word(value: str) -> str:
    """As Rails makes the end of a radio button's id."""
    return re.sub(r"[^-\w]", "", re.sub(r"[\s.]", "_", value)).lower()


def _is_multiple(attribute: Attribute | None) -> bool | None:
    """Whether a select takes several values; None where Ruby decides."""
    if attribute is None:
        return False
    for holder in (attribute.settings, attribute.get("html_options")):
        if isinstance(holder, Mapping):
            node = holder.get("multiple")
            if isinstance(node, Scalar):
                return None if node.opaque else node.value not in ("", "false")
    return False


def _values(form: Form, name: str, kinds: set[str]) -> tuple[tuple[str, ...], bool]:
    """The values that a field of one form can have, and whether there are no others."""
    attribute = form.attribute(name)
    listed = attribute.options if attribute is not None else ()
    values = tuple(o.value.value for o in listed if o.value is not None and not o.value.opaque)
    if name == "cluster" and not (attribute is not None and attribute.get("options")):
        glob = any(c in item.value for item in form.clusters for c in "*?[{")
        return tuple(item.value for item in form.clusters), _clusters_known(form) and not glob
    if kinds <= {"select", "radio"} and attribute is not None and not attribute.opaque:
        blank = ("",) if attribute.get("include_blank") or attribute.get("prompt") else ()
        return (*values, *blank), attribute.options_complete and fixed_widget(name) is None
    if kinds == {"check_box"} and attribute is not None:
        checked = attribute.text("checked_value")
        return (checked or "1",), not attribute.opaque
    return values, False


@dataclass(frozen=True)
class Pages:
    """All ways in which an app's form can be: as one page (`union`), and each by itself."""

    union: Page
    each: tuple[Page, ...]
    scripts: str
    judged: dict[Placed, Verdict]

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """Every directive once, in the order of the page."""
        return self.union.placed

    def judge(self, placed: Placed) -> Verdict:
        """What a directive comes to, where it comes to most; arms of Ruby are taken together too."""
        if placed not in self.judged:
            self.judged[placed] = self._judge(placed)
        return self.judged[placed]

    def _judge(self, placed: Placed) -> Verdict:
        verdict = self.union.judge(placed)
        if verdict.why in (Why.WORKS, Why.IDLE):
            return verdict
        for page in self.each:
            for other in page.at(placed):
                own = page.judge(other)
                if own.why in (Why.WORKS, Why.IDLE):
                    return own
        return verdict

    def is_read_by_script(self, placed: Placed) -> bool:
        """Whether the app's own JavaScript seems to read a directive, by name or by its beginning."""
        name = placed.name.lower()
        words = (name, f"data-{name.split('-')[1]}-", _camel(name), "dataset[")
        return any(word in self.scripts for word in words)


_PAGES: WeakKeyDictionary[App, Pages] = WeakKeyDictionary()


def pages(app: App) -> Pages:
    """The pages of an app's forms."""
    if app not in _PAGES:
        new = app.settings.at_least("4.0")
        each = tuple(Page([form], new) for form in app.forms)
        scripts = "\n".join(file.text for file in app.form_scripts)
        _PAGES[app] = Pages(Page(app.forms, new), each, scripts, {})
    return _PAGES[app]


def _camel(name: str) -> str:
    first, *rest = name.removeprefix("data-").split("-")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
