"""A planted error in what a walk should give is found, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from kmm.conform.examples import EXAMPLES
from kmm.conform.mmu import hold
from kmm.conform.recorded import Skip

WALK = {
    **EXAMPLES["first-write"].case,
    "expect": {"phys": "5123", "ad": {"4ff0": "8000000000005067"}},
}
FAULT = {
    **EXAMPLES["read-only"].case,
    "expect": {"vec": 14, "err": 7, "cr2": "7fffffffe123", "ad": {}},
}


def expecting(case: dict[str, Any], **changed: object) -> dict[str, Any]:
    return {**case, "expect": {**case["expect"], **changed}}


def test_cases_that_are_right_agree() -> None:
    assert hold(WALK) is None
    assert hold(FAULT) is None


@pytest.mark.parametrize(
    "wrong",
    [
        expecting(WALK, phys="6123"),
        expecting(WALK, ad={}),
        expecting(WALK, ad={"4ff0": "8000000000005027"}),
        expecting(WALK, ad={"4ff0": "8000000000005067", "3ff8": "4065"}),
        {**WALK, "expect": FAULT["expect"]},
        expecting(FAULT, err=5),
        expecting(FAULT, cr2="7fffffffe124"),
        expecting(FAULT, vec=13),
        {**FAULT, "expect": WALK["expect"]},
    ],
)
def test_a_wrong_expectation_is_a_difference(wrong: dict[str, Any]) -> None:
    differs = hold(wrong)
    assert differs is not None
    asked, expected, got = differs
    assert "7fffffffe123" in asked
    assert expected != got


def test_accessed_flags_on_the_way_to_a_fault_are_left_to_the_implementation() -> None:
    may = {"17f8": "2067"}
    old = {**FAULT["mem"], "17f8": "2047"}
    assert hold({**expecting(FAULT, ad_may=may), "mem": old}) is None


def test_what_the_emulators_disagree_about_is_skipped() -> None:
    with pytest.raises(Skip, match="disagree"):
        hold({**WALK, "agree": False})


def test_pdptes_that_cr3_refuses_are_a_general_protection_fault() -> None:
    pae = EXAMPLES["pae"].case
    mem = {**pae["mem"], "1000": "2003"}
    refused = {**pae, "mem": mem, "expect": {"vec": 13, "ad": {}}}
    assert hold(refused) is None
    assert hold({**refused, "expect": {"phys": "5123", "ad": {}}}) is not None
