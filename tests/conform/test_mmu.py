"""A planted error in what a walk should give is found, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from kmm.conform.examples import EXAMPLES
from kmm.conform.machine import RecordedMachine
from kmm.conform.mmu import check, hold
from kmm.conform.recorded import Malformed, Skip
from kmm.hw.memory import PhysAddr

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
        expecting(FAULT, ad={"4ff0": "8000000000005067"}),
        {**FAULT, "expect": WALK["expect"]},
    ],
)
def test_a_wrong_expectation_is_a_difference(wrong: dict[str, Any]) -> None:
    differs = hold(wrong)
    assert differs is not None
    asked, expected, got = differs
    assert "7fffffffe123" in asked
    assert expected != got


def test_accessed_flags_on_the_way_to_a_fault_are_left_to_the_implementation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = {**FAULT["mem"], "17f8": "2047"}
    case = {**expecting(FAULT, ad_may={"17f8": "2067"}), "mem": old}
    assert hold(case) is None
    sets_accessed(monkeypatch, 0x17F8, 0x2067)
    assert hold(case) is None
    for other in ({}, {"17f8": "2065"}, {"2ff8": "2067"}):
        assert hold(expecting(case, ad_may=other)) is not None


def sets_accessed(monkeypatch: pytest.MonkeyPatch, address: int, value: int) -> None:
    """Make every access leave this value in an entry."""
    reach = RecordedMachine.reach

    def reach_and_set(machine: RecordedMachine, *asked: Any) -> dict[str, Any]:
        outcome = reach(machine, *asked)
        machine.memory.write_entry(PhysAddr(address), value)
        return outcome

    monkeypatch.setattr(RecordedMachine, "reach", reach_and_set)


def test_a_general_protection_fault_has_its_error_code_compared() -> None:
    case = {
        **EXAMPLES["not-canonical"].case,
        "expect": {"vec": 13, "err": "0", "ad": {}},
    }
    assert hold(case) is None
    assert hold(expecting(case, err="8")) is not None


def test_what_the_emulators_disagree_about_is_skipped() -> None:
    with pytest.raises(Skip, match="disagree"):
        hold({**WALK, "agree": False})


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_well_formed(name: str) -> None:
    check({**EXAMPLES[name].case, "expect": {"phys": "5123", "ad": {}}})


@pytest.mark.parametrize("key", ["mode", "mem", "cr0", "cr4", "access", "cpl", "vaddr"])
def test_a_case_that_lacks_something_is_malformed(key: str) -> None:
    lacking = {name: value for name, value in WALK.items() if name != key}
    with pytest.raises(Malformed, match=f"it has no '{key}'"):
        check(lacking)


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        ("agree", None, "agree is None"),
        ("access", "jump", "access is 'jump'"),
        ("cpl", 1, "cpl is 1"),
        ("cpl", True, "cpl is True"),
        ("ac", "0", "ac is '0'"),
        ("cr3", "1000", "cr3: '1000' is not a decimal number"),
        ("cr3", -1, "cr3: -1 is not a number"),
        ("cr3", 1 << 64, "cr3: 18446744073709551616 has more than 64 bits"),
        ("cr0", 1, "the registers select none"),
        ("cr4", 0, "no CPU takes these registers"),
        ("efer", 0, "the registers select pae"),
        ("vaddr", None, "vaddr: None is not a number"),
        ("vaddr", "1_0", "vaddr: '1_0' is not a number"),
        ("vaddr", "-1", "vaddr: '-1' is not a number"),
        ("mem", [1, 2], "mem should map"),
        ("mem", {"1004": "1"}, "mem: '1004' is not a multiple of 8"),
        ("mem", {"10000000000": "1"}, "mem: address: .* more than 40 bits"),
        ("mem", {"1000": "1" * 17}, "mem: entry at '1000': .* more than 64 bits"),
        ("expect", [], "expect is not an object"),
        ("expect", {}, "one of 'phys' and 'vec'"),
        ("expect", {"phys": "1", "vec": 14}, "one of 'phys' and 'vec'"),
        ("expect", {"phys": "1"}, "it has no 'ad'"),
        ("expect", {"vec": 14, "cr2": "1"}, "err: None"),
        ("expect", {"vec": 14, "err": "1"}, "cr2: None"),
        ("expect", {"vec": 13, "err": "x"}, "err: 'x'"),
        ("expect", {"phys": "1", "ad": {"1": "1"}}, "ad: '1' is not a multiple"),
    ],
)
def test_a_case_with_something_odd_is_malformed(
    key: str, value: object, cause: str
) -> None:
    with pytest.raises(Malformed, match=cause):
        check({**WALK, key: value})


def test_in_32_bit_paging_entries_and_addresses_are_short() -> None:
    case = {**EXAMPLES["two-level"].case, "expect": {"phys": "5123", "ad": {}}}
    check(case)
    with pytest.raises(Malformed, match="more than 32 bits"):
        check({**case, "mem": {"1004": "1" * 9}})
    with pytest.raises(Malformed, match="more than 32 bits"):
        check({**case, "vaddr": "1" * 9})


def test_pdptes_that_cr3_refuses_are_a_general_protection_fault() -> None:
    pae = EXAMPLES["pae"].case
    mem = {**pae["mem"], "1000": "2003"}
    refused = {**pae, "mem": mem, "expect": {"vec": 13, "ad": {}}}
    assert hold(refused) is None
    assert hold({**refused, "expect": {"phys": "5123", "ad": {}}}) is not None
