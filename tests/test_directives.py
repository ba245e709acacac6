"""What OOD's form JavaScript makes of a directive, trap by trap.

Every row was seen in Chromium with OSC/ondemand's own dynamic_forms.js (4.2.3); the JavaScript is not
in this repository.
"""

from __future__ import annotations

import pytest

from ood_appgen.directives import (
    Effect,
    hide,
    limit,
    limit_matches,
    option_for,
    option_for_matches,
    read,
    same_entry,
    set_value,
)

FORM = ("cluster", "node_type", "num_cores", "gpus", "account")
NESTED = ("cluster", "node", "node_type", "n", "num", "num_cores", "gpu")
ODD = ("cluster", "v_2", "mem_4gb", "wait_for_it", "format", "a__b", "x_")


@pytest.mark.parametrize(
    ("name", "fields", "effect"),
    [
        # Plain ones, however deep the field's name.
        ("data-hide-gpus", FORM, Effect("hide", "gpus")),
        ("data-hide-num-cores", FORM, Effect("hide", "num_cores")),
        ("data-set-account", FORM, Effect("set", "account")),
        ("data-label-gpus", FORM, Effect("label", "gpus")),
        ("data-help-node-type", FORM, Effect("help", "node_type")),
        ("data-min-num-cores", FORM, Effect("min", "num_cores")),
        ("data-max-num-cores", FORM, Effect("max", "num_cores")),
        (
            "data-max-num-cores-for-cluster-pitzer",
            FORM,
            Effect("max", "num_cores", "cluster", "pitzer"),
        ),
        (
            "data-min-gpus-for-node-type-hugemem",
            FORM,
            Effect("min", "gpus", "node_type", "hugemem"),
        ),
        (
            "data-max-gpus-for-node-type-big-mem",
            FORM,
            Effect("max", "gpus", "node_type", "big_mem"),
        ),
        ("data-option-for-cluster-pitzer", FORM, Effect("option-for", "cluster")),
        ("data-option-for-node-type-gpu", FORM, Effect("option-for", "node_type")),
        # A browser makes attribute names lower case.
        ("data-MAX-Num-Cores", FORM, Effect("max", "num_cores")),
        # Underscores are no word boundary in a directive: nothing is found, and nothing is said.
        ("data-max-num_cores", FORM, None),
        ("data-hide-num_cores", FORM, None),
        ("data-set-node_type", FORM, None),
        ("data-option-for-node_type-gpu", FORM, None),
        # An unknown target, and no directive at all.
        ("data-hide-cores", FORM, None),
        ("data-max-cores-for-cluster-pitzer", FORM, None),
        ("data-option-for-bogus-x", FORM, None),
        ("data-colour-gpus", FORM, None),
        ("data-hide", FORM, None),
        # A target is found by its beginning: another field is hit.
        ("data-hide-gpus", NESTED, Effect("hide", "gpu")),
        ("data-hide-gpus-per-node", FORM, Effect("hide", "gpus")),
        ("data-hide-clusterx", FORM, Effect("hide", "cluster")),
        ("data-set-accounts", FORM, Effect("set", "account")),
        ("data-max-num-coresx", FORM, Effect("max", "num_cores")),
        # A field whose name begins with another's works as a target ...
        ("data-hide-node-type", NESTED, Effect("hide", "node_type")),
        ("data-set-node-type", NESTED, Effect("set", "node_type")),
        ("data-max-num-cores", NESTED, Effect("max", "num_cores")),
        ("data-hide-node", NESTED, Effect("hide", "node")),
        ("data-max-n", NESTED, Effect("max", "n")),
        # ... with a condition too, but not as a condition.
        (
            "data-max-num-cores-for-cluster-hpc",
            NESTED,
            Effect("max", "num_cores", "cluster", "hpc"),
        ),
        ("data-max-n-for-node-type-gpu", NESTED, Effect("max", "n", "node", "type_gpu")),
        ("data-option-for-node-type-gpu", NESTED, None),
        # An unknown condition: the limit holds always, or never.
        ("data-max-gpus-for-bogus-hpc", FORM, Effect("max", "gpus", "", "hpc")),
        ("data-max-gpus-for-bogus-word-hpc", FORM, Effect("max", "gpus")),
        pytest.param("data-max-gpus-for-cluster", FORM, Effect("max", "gpus")),
        # Values that begin with a digit, or have - or _ before one, lose the condition.
        ("data-max-gpus-for-cluster-1st", FORM, Effect("max", "gpus")),
        ("data-max-gpus-for-cluster-hpc-2", FORM, Effect("max", "gpus")),
        ("data-max-gpus-for-node-type-gpu-40core", FORM, Effect("max", "gpus")),
        # "for" in a value, or in a field's name.
        ("data-max-gpus-for-cluster-fortran", FORM, Effect("max", "gpus")),
        ("data-max-gpus-for-cluster-wait-for-it", FORM, Effect("max", "gpus")),
        ("data-hide-wait-for-it", ODD, Effect("hide", "wait_for_it")),
        ("data-max-wait-for-it", ODD, None),
        (
            "data-max-wait-for-it-for-cluster-hpc",
            ODD,
            Effect("max", "wait_for_it", "cluster", "hpc"),
        ),
        ("data-max-format", ODD, Effect("max", "format")),
        # Digits in a field's name.
        ("data-hide-v-2", ODD, Effect("hide", "v_2")),
        ("data-hide-mem-4gb", ODD, Effect("hide", "mem_4gb")),
        ("data-max-mem-4gb", ODD, Effect("max", "mem_4gb")),
        # Names that do not survive the two conversions are not found.
        ("data-hide-a--b", ODD, None),
        ("data-hide-x-", ODD, None),
    ],
)
def test_what_a_directive_does(name: str, fields: tuple[str, ...], effect: Effect | None) -> None:
    assert read(name, fields) == effect


@pytest.mark.parametrize(
    ("name", "arguments", "written"),
    [
        (option_for, ("cluster", "my_val"), "data-option-for-cluster-my-val"),
        (option_for, ("cuda", "cuda/8.0"), "data-option-for-cuda-cuda_8.0"),
        (option_for, ("node_type", "gpu-40core"), "data-option-for-node-type-gpu-40core"),
        (option_for, ("version", "3.10"), "data-option-for-version-3.10"),
        (option_for, ("Cluster", "HPC"), "data-option-for-cluster-hpc"),
        (limit, ("max", "num_cores"), "data-max-num-cores"),
        (limit, ("min", "num_cores", "cluster", "my_hpc"), "data-min-num-cores-for-cluster-my-hpc"),
        (hide, ("cuda_version",), "data-hide-cuda-version"),
        (set_value, ("cuda_version",), "data-set-cuda-version"),
    ],
)
def test_names_are_written(name: object, arguments: tuple[str, ...], written: str) -> None:
    assert name(*arguments) == written  # type: ignore[operator]


VALUES = tuple(
    "hpc my_val gpu-40core gpu_40core cuda/8.0 3.10 1st x-1 x_1 HPC fortran a-b_c AbCd a.b cuda/8 v1-2-3 gpu4a".split()
)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("field", ["cluster", "node_type"])
def test_an_option_is_hidden_for_the_value_it_names(field: str, value: str) -> None:
    name = option_for(field, value)
    assert read(name, FORM) == Effect("option-for", field)
    assert option_for_matches(name, field, value, FORM)
    assert not option_for_matches(name, field, "other", FORM)
    assert not option_for_matches(name, "account", value, FORM)


@pytest.mark.parametrize(
    ("name", "field", "value", "fields"),
    [
        ("data-option-for-cluster-my_val", "cluster", "my_val", FORM),
        ("data-option-for-cluster-cuda/8.0", "cluster", "cuda/8.0", FORM),
        ("data-option-for-cluster-gpu", "cluster", "gpu-40core", FORM),
        ("data-option-for-cluster-gpu-40core", "cluster", "gpu", FORM),
        ("data-option-for-node-type-gpu", "node_type", "gpu", NESTED),
        ("data-option-for-bogus-x", "bogus", "x", FORM),
    ],
)
def test_an_option_is_not_hidden(
    name: str, field: str, value: str, fields: tuple[str, ...]
) -> None:
    assert not option_for_matches(name, field, value, fields)


def test_an_option_is_always_hidden_by_a_directive_without_a_value() -> None:
    assert option_for_matches("data-option-for-cluster", "cluster", "hpc", FORM)


def test_two_values_that_are_written_alike_hide_together() -> None:
    name = option_for("cluster", "my_val")
    assert option_for_matches(name, "cluster", "my-val", FORM)
    assert option_for_matches(option_for("cluster", "gpu-40core"), "cluster", "gpu_40core", FORM)
    assert option_for_matches(option_for("cluster", "HPC"), "cluster", "hpc", FORM)


def hits(field: str, value: str, target: str = "gpus", fields: tuple[str, ...] = FORM) -> bool:
    """Whether a limit for one value of a field is read as just that."""
    effect = read(limit("max", target, field, value), fields)
    assert effect is not None
    return effect == Effect("max", target, field, effect.value) and limit_matches(effect, value)


@pytest.mark.parametrize("value", ["hpc", "any", "big-mem", "big_mem", "a-b_c", "hpc2", "abc12"])
@pytest.mark.parametrize("field", ["cluster", "node_type"])
def test_a_limit_holds_for_the_value_it_names(field: str, value: str) -> None:
    assert hits(field, value)


@pytest.mark.parametrize(
    "value",
    [
        "hpc-2",
        "hpc_2",
        "gpu-40core",
        "1st",
        "HPC",
        "MyVal",
        "wait-for-it",
        "fortran",
        "gpu4a",
        "cuda/8.0",
        "3.10",
    ],
)
@pytest.mark.parametrize("field", ["cluster", "node_type"])
def test_a_limit_does_not_hold_for_such_a_value(field: str, value: str) -> None:
    assert not hits(field, value)


@pytest.mark.parametrize(
    ("field", "target", "fields"),
    [
        ("node_type", "n", NESTED),  # begins with another field's name
        ("cluster", "mem_4gb", ODD),  # a digit after _ in the target
        ("v_2", "format", ODD),  # and in the field that decides
    ],
)
def test_a_limit_does_not_hold_on_such_a_form(
    field: str, target: str, fields: tuple[str, ...]
) -> None:
    effect = read(limit("max", target, field, "hpc"), fields)
    assert effect is None or effect != Effect("max", target, field, "hpc")


def test_a_limit_holds_for_no_other_value() -> None:
    effect = read(limit("max", "gpus", "cluster", "hpc"), FORM)
    assert effect is not None
    assert [v for v in VALUES if limit_matches(effect, v)] == ["hpc"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("gpu-40core", "gpu_40core", True),
        ("AbCd", "ab-cd", True),
        ("a-b", "a_b", True),
        ("-a", "a", True),
        ("any", "any", True),
        ("HPC", "hpc", False),
        ("gpu-40core", "gpu-48core", False),
        ("gpu40core", "gpu-40core", False),
        ("3.1", "3.10", False),
    ],
)
def test_values_that_share_an_entry(first: str, second: str, same: bool) -> None:
    assert same_entry(first, second) is same
    assert same_entry(second, first) is same


def test_every_way_of_writing_is_read_back() -> None:
    for field in FORM:
        assert read(hide(field), FORM) == Effect("hide", field)
        assert read(set_value(field), FORM) == Effect("set", field)
        assert read(limit("min", field), FORM) == Effect("min", field)
        for other in FORM:
            assert read(limit("max", field, other, "big_one"), FORM) == Effect(
                "max", field, other, "big_one"
            )
            assert read(option_for(other, "big_one"), FORM) == Effect("option-for", other)
