"""What OOD's JavaScript does with a directive, and that the linter says the same.

Each row was seen in Chromium with OSC/ondemand's own dynamic_forms.js (v4.2.3): the form with the directive
was compared with the form without it, through all values of all its fields. The JavaScript is not in
this repository.
"""

from __future__ import annotations

import pytest

from ood_appgen.lint.app import Settings, from_files
from ood_appgen.lint.page import Page, Placed, Why, pages

WORKS, NOTHING, FAILS = "works", "does nothing", "stops the form's JavaScript"

FORM = """\
cluster: [owens, my_hpc, HPC, hpc-2, fortran, 1st]
form: [kind, other, num_cores, gpus, account, token, code, flag, mode, several, files, mem_4gb]
attributes:
  kind:
    widget: select
    options:
      - - x
        - OPTION
      - y
      - z
  other:
    widget: select
    options: [a, b_c, "3.10", cuda/8.0, AbCd]
  num_cores: {widget: number_field, min: 1, max: 900, value: 50}
  gpus: {widget: number_field, min: 1, max: 900, value: 50}
  account: {widget: text_field, value: mine}
  token: {widget: hidden_field, value: t}
  code: fixed
  flag:
    widget: check_box
    OWN
  mode: {widget: radio_button, options: [[L, lab], [D, desk]]}
  several:
    widget: select
    html_options: {multiple: true}
    options: [[A, a, {MULTIPLE}], b]
  files: {widget: file_attachments}
  mem_4gb: {widget: number_field, min: 1, max: 900, value: 50}
  project: {widget: text_field}
"""

NESTED = """\
cluster: [owens, pitzer]
form: [kind, node, node_type, n, num, num_cores, gpu]
attributes:
  kind:
    widget: select
    options:
      - - x
        - OPTION
      - y
  node: {widget: select, options: [a, b]}
  node_type: {widget: select, options: [gpu, cpu]}
  n: {widget: number_field, min: 1, max: 900, value: 50}
  num: {widget: number_field, min: 1, max: 900, value: 50}
  num_cores: {widget: number_field, min: 1, max: 900, value: 50}
  gpu: {widget: number_field, min: 1, max: 900, value: 50}
"""

# On the first option of the select `kind`.
ON_OPTION = [
    ("data-hide-gpus", "true", WORKS),
    ("data-hide-num-cores", "true", WORKS),
    ("data-hide-num_cores", "true", NOTHING),
    ("data-HIDE-GPUS", "true", WORKS),
    ("data-hide-gpu", "true", NOTHING),
    ("data-hide-gpus-per-node", "true", WORKS),
    ("data-hide-gpus", '"True"', NOTHING),
    ("data-hide-gpus", "1", NOTHING),
    ("data-hide-gpus", "", NOTHING),
    ("data-hide-gpus", "yes", WORKS),
    ("data-hide-code", "true", NOTHING),
    ("data-hide-project", "true", NOTHING),
    ("data-hide-token", "true", NOTHING),
    ("data-hide-mode", "true", WORKS),
    ("data-hide-files", "true", WORKS),
    ("data-hide-mem-4gb", "true", WORKS),
    ("data-hide-kind", "true", WORKS),
    ("data-hide-cluster", "true", WORKS),
    ("data-set-account", "hers", WORKS),
    ("data-set-token", "other", WORKS),
    ("data-set-code", "x", NOTHING),
    ("data-set-mode", "lab", NOTHING),
    ("data-set-files", "x", NOTHING),
    ("data-set-flag", "1", WORKS),
    ("data-set-other", "b_c", WORKS),
    ("data-set-other", "nosuch", WORKS),
    ("data-set-num_cores", "7", NOTHING),
    ("data-set-several", "b", WORKS),
    ("data-max-num-cores", "20", WORKS),
    ("data-min-mem-4gb", "200", WORKS),
    ("data-max-num_cores", "20", NOTHING),
    ("data-maximum-num-cores", "20", NOTHING),
    ("data-max-code", "20", NOTHING),
    ("data-max-mode", "20", NOTHING),
    ("data-max-account", "20", WORKS),
    ("data-max-gpus-for-cluster-owens", "20", WORKS),
    ("data-max-gpus-for-cluster-my-hpc", "20", WORKS),
    ("data-max-gpus-for-cluster-my_hpc", "20", WORKS),
    ("data-max-gpus-for-cluster-hpc", "20", NOTHING),
    ("data-max-gpus-for-cluster-hpc-2", "20", WORKS),
    ("data-max-gpus-for-cluster-fortran", "20", WORKS),
    ("data-max-gpus-for-cluster-1st", "20", WORKS),
    ("data-max-gpus-for-cluster-pitzer", "20", NOTHING),
    ("data-max-gpus-for-cluster", "20", WORKS),
    ("data-max-gpus-for-nothing-owens", "20", NOTHING),
    ("data-max-gpus-for-code-fixed", "20", NOTHING),
    ("data-max-mem-4gb-for-cluster-owens", "20", WORKS),
    ("data-max-gpus-for-mode-lab", "20", WORKS),
    ("data-max-gpus-for-flag-1", "20", WORKS),
    ("data-option-for-cluster-owens", "false", WORKS),
    ("data-option-for-cluster-owens", "true", NOTHING),
    ("data-option-for-cluster-my-hpc", "false", WORKS),
    ("data-option-for-cluster-my_hpc", "false", NOTHING),
    ("data-option-for-cluster-hpc", "false", WORKS),
    ("data-option-for-cluster-hpc-2", "false", WORKS),
    ("data-option-for-cluster-fortran", "false", WORKS),
    ("data-option-for-cluster-1st", "false", WORKS),
    ("data-option-for-cluster-pitzer", "false", NOTHING),
    ("data-option-for-cluster", "false", WORKS),
    ("data-option-for-owens", "false", NOTHING),
    ("data-option-for-other-b-c", "false", WORKS),
    ("data-option-for-other-3.10", "false", WORKS),
    ("data-option-for-other-3-10", "false", NOTHING),
    ("data-option-for-other-cuda_8.0", "false", WORKS),
    ("data-option-for-other-cuda/8.0", "false", WORKS),
    ("data-option-for-other-cuda-8.0", "false", NOTHING),
    ("data-option-for-other-abcd", "false", WORKS),
    ("data-option-for-other-AbCd", "false", WORKS),
    ("data-option-for-flag-1", "false", WORKS),
    ("data-option-for-flag-0", "false", NOTHING),
    ("data-option-for-mode-lab", "false", WORKS),
    ("data-option-for-mode-x", "false", FAILS),
    ("data-option-for-files-x", "false", FAILS),
    ("data-option-for-code-fixed", "false", NOTHING),
    ("data-option-for-cluster-owens", '"False"', NOTHING),
    ("data-exclusive-option-for-cluster-owens", "true", WORKS),
    ("data-exclusive-option-for-cluster-pitzer", "true", WORKS),
    ("data-exclusive-option-for-cluster-owens", "false", WORKS),
    ("data-exclusive-option-for-code-fixed", "true", NOTHING),
    ("data-label-gpus", "New", WORKS),
    ("data-label-gpu", "New", FAILS),
    ("data-label-token", "New", FAILS),
    ("data-label-flag", "New", WORKS),
    ("data-label-code", "New", FAILS),
    ("data-help-gpus", "New", WORKS),
    ("data-help-gpu", "New", NOTHING),
    ("data-help-mode", "New", WORKS),
    ("data-show-gpus", "true", NOTHING),
    ("data-hid-gpus", "true", NOTHING),
    ("data-alias-word", "a b", NOTHING),
]

# On the check box `flag` itself.
ON_CHECK_BOX = [
    ("data-hide-gpus-when-checked", "true", WORKS),
    ("data-hide-gpus-when-unchecked", "true", WORKS),
    ("data-hide-gpus-when-selected", "true", WORKS),
    ("data-hide-gpus", "true", FAILS),
    ("data-hide-mem-4gb-when-checked", "true", FAILS),
    ("data-hide-num_cores-when-checked", "true", NOTHING),
    ("data-hide-code-when-checked", "true", NOTHING),
    ("data-set-account", "hers", NOTHING),
    ("data-max-gpus", "3", NOTHING),
]

# On an option of the select `several`, which takes more than one.
ON_MULTIPLE = [
    ("data-hide-gpus", "true", NOTHING),
    ("data-set-account", "hers", NOTHING),
    ("data-option-for-cluster-owens", "false", NOTHING),
]

# On the first option of `kind`, where names of fields begin with those of others.
ON_NESTED = [
    ("data-hide-gpus", "true", WORKS),
    ("data-hide-node-type", "true", WORKS),
    ("data-hide-num-cores", "true", WORKS),
    ("data-set-node-type", "cpu", WORKS),
    ("data-max-n", "20", WORKS),
    ("data-max-num-cores", "20", WORKS),
    ("data-max-numx", "20", NOTHING),
    ("data-option-for-node-type-gpu", "false", NOTHING),
    ("data-option-for-node-a", "false", NOTHING),
    ("data-max-n-for-node-type-gpu", "20", NOTHING),
    ("data-max-n-for-node-a", "20", WORKS),
    ("data-max-num-cores-for-cluster-owens", "20", WORKS),
    ("data-exclusive-option-for-node-type-gpu", "true", NOTHING),
    ("data-option-for-node-type", "false", NOTHING),
]


def find(form: str, place: str, name: str, value: str) -> tuple[Page, Placed]:
    """The page of a form with a directive in a place, and the directive there."""
    text = form.replace(place, f"{name}: {value}")
    for other in ("OPTION", "OWN", "MULTIPLE"):
        text = text.replace(other, "data-none: 1")
    page = pages(from_files("app", [("form.yml", text.encode(), False)], Settings())).union
    return page, next(p for p in page.placed if p.name == name)


@pytest.mark.parametrize(
    ("form", "place", "name", "value", "fact"),
    [
        *((FORM, "OPTION", *row) for row in ON_OPTION),
        *((FORM, "OWN", *row) for row in ON_CHECK_BOX),
        *((FORM, "MULTIPLE", *row) for row in ON_MULTIPLE),
        *((NESTED, "OPTION", *row) for row in ON_NESTED),
    ],
)
def test_a_directive_does_what_the_browser_showed(
    form: str, place: str, name: str, value: str, fact: str
) -> None:
    page, placed = find(form, place, name, value)
    why = page.judge(placed).why
    assert (why is Why.FAILS, why is Why.WORKS) == (fact == FAILS, fact == WORKS)


def verdicts(options: str, others: str = "") -> dict[str, Why]:
    """What becomes of all directives of a form, by option and name."""
    form = f"cluster: [owens, pitzer]\nform: [kind, other, gpus, mode]\nattributes:\n{others}"
    form += "  gpus: {widget: number_field}\n  mode: {widget: radio, options: [[L, lab]]}\n"
    form += f"  kind:\n    widget: select\n    options:\n{options}"
    page = pages(from_files("app", [("form.yml", form.encode(), False)], Settings())).union
    return {f"{p.position} {p.name}": v.why for p, v in page.verdicts.items()}


def test_directives_after_a_failure_are_dead() -> None:
    found = verdicts(
        "      - [a, a, data-hide-gpus: true, data-label-nothing: x]\n"
        "      - [b, b, data-hide-mode: true]\n"
    )
    assert found == {
        "0 data-hide-gpus": Why.WORKS,
        "0 data-label-nothing": Why.FAILS,
        "1 data-hide-mode": Why.STOPPED,
    }


def test_options_with_one_value_have_the_directives_of_the_first() -> None:
    found = verdicts(
        "      - [a, a, data-max-gpus: 2, data-hide-mode: true]\n"
        "      - [b, a, data-max-gpus: 3, data-option-for-cluster-owens: false]\n"
    )
    assert found == {
        "0 data-hide-mode": Why.REPEATED,
        "0 data-max-gpus": Why.WORKS,
        "1 data-max-gpus": Why.REPEATED,
        "1 data-option-for-cluster-owens": Why.REPEATED,
    }


def test_an_option_without_a_value_hides_and_does_no_more() -> None:
    found = verdicts('      - [a, "", data-max-gpus: 2, data-set-gpus: 1, data-hide-gpus: true]\n')
    assert found == {
        "0 data-hide-gpus": Why.WORKS,
        "0 data-max-gpus": Why.NO_VALUE,
        "0 data-set-gpus": Why.NO_VALUE,
    }


def test_an_alias_names_a_value_that_a_directive_cannot() -> None:
    others = "  other: {widget: select, options: [a b, c]}\n"
    alone = "      - [a, a, data-option-for-other-word: false]\n"
    assert verdicts(alone, others) == {"0 data-option-for-other-word": Why.NO_OPTION}
    both = "      - [a, a, data-alias-word: a b, data-option-for-other-word: false]\n"
    assert set(verdicts(both, others).values()) == {Why.WORKS}
