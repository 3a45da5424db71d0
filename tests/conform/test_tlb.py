"""Scripts catch a TLB that remembers too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmm.conform import KINDS, hold_against, read_recorded
from kmm.conform.examples import EXAMPLES
from kmm.conform.recorded import Malformed, read_bytes
from kmm.conform.tlb import check, hold
from kmm.hw.cpu import Cpu
from kmm.hw.tlb import Tlb

DATA = Path(__file__).parent / "data" / "mmu_tlb_disciplined.json.gz"
ADDRESS, PTE = "7fffffffe123", "4ff0"
SCRIPT = {
    **EXAMPLES["user-page"].case,
    "ops": [
        ["r", 3, 0, ADDRESS, "0"],
        ["S", 0, 0, PTE, "7067"],
        ["i", 0, 0, ADDRESS, "0"],
        ["r", 3, 0, ADDRESS, "0"],
        ["P", 0, 0, PTE, "0"],
    ],
    "expect": [{"phys": "5123"}, {"phys": "7123"}, {"val": "7067"}],
}


def differing() -> int:
    recorded = read_recorded("scripts", read_bytes(str(DATA)), KINDS.values())
    return len(hold_against(recorded, lambda _: None).differences)


def test_a_script_that_flushes_what_it_changes_gives_the_same_answers() -> None:
    assert hold(SCRIPT) is None


def test_without_its_flush_the_stale_translation_is_used() -> None:
    ops = [op for op in SCRIPT["ops"] if op[0] != "i"]
    differs = hold({**SCRIPT, "ops": ops})
    assert differs is not None
    assert differs[1:] == ("physical 0x7123", "physical 0x5123")


@pytest.mark.parametrize(
    ("place", "method"), [(Cpu, "invlpg"), (Tlb, "forget"), (Tlb, "forget_all")]
)
def test_a_tlb_that_does_not_forget_is_caught_by_the_recorded_scripts(
    monkeypatch: pytest.MonkeyPatch, place: type, method: str
) -> None:
    assert differing() == 0
    monkeypatch.setattr(place, method, lambda *_args, **_named: None)
    assert differing() > 0


def test_a_place_that_was_written_to_no_longer_tells_its_address() -> None:
    ops = [["w", 3, 0, ADDRESS, "0"], ["r", 3, 0, ADDRESS, "0"]]
    answers = [{"phys": "5123"}, {"phys": "222ab33b8"}]
    assert hold({**SCRIPT, "ops": ops, "expect": answers}) is None
    assert hold({**SCRIPT, "ops": ops[1:], "expect": answers[1:]}) is not None
    fetch = [*ops[:1], ["x", 3, 0, ADDRESS, "0"]]
    mem = {**SCRIPT["mem"], PTE: "5067"}
    ran = {**SCRIPT, "mem": mem, "ops": fetch, "expect": [answers[0], {"vec": "d"}]}
    assert hold(ran) is None


def test_a_fault_of_a_fetch_itself_is_not_taken_for_what_written_bytes_did() -> None:
    ops = [["w", 3, 0, ADDRESS, "0"], ["x", 3, 0, ADDRESS, "0"]]
    mem = {**SCRIPT["mem"], PTE: "5067"}
    for cr2, agrees in (("2cff8", True), (ADDRESS, False)):
        fault = {"vec": "e", "err": "7", "cr2": cr2}
        script = {**SCRIPT, "mem": mem, "ops": ops, "expect": [{"phys": "5123"}, fault]}
        assert (hold(script) is None) == agrees


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (0, {"phys": "6123"}),
        (1, {"phys": "5123"}),
        (1, {"vec": "e", "err": "5", "cr2": ADDRESS}),
        (2, {"val": "7047"}),
    ],
)
def test_a_wrong_expectation_is_a_difference(place: int, wrong: dict[str, str]) -> None:
    expect = [*SCRIPT["expect"]]
    expect[place] = wrong
    assert hold({**SCRIPT, "expect": expect}) is not None


def test_a_register_that_the_cpu_refuses_is_a_difference() -> None:
    no_pae = ["g", 0, 0, "80", "0"]
    differs = hold({**SCRIPT, "ops": [no_pae, *SCRIPT["ops"]]})
    assert differs is not None
    assert differs[0].startswith("operation 0, MOV CR4, 0x80, mode long")
    assert differs[1:] == ("done", "#GP(0)")


@pytest.mark.parametrize(
    ("op", "cause"),
    [
        (["q", 0, 0, "0", "0"], "operation 0: kind is 'q'"),
        (["", 0, 0, "0", "0"], "operation 0: kind is ''"),
        ("r3000", "operation 0: it is not a list of five"),
        (["r", 3, 0, ADDRESS], "operation 0: it is not a list of five"),
        (["r", 2, 0, ADDRESS, "0"], "operation 0: cpl is 2"),
        (["r", 3, 0, None, "0"], "operation 0: a: None is not a number"),
        (["S", 0, 0, "4ff1", "0"], "operation 0: a, b: '4ff1' is not a multiple of 8"),
        (["S", 0, 0, "4ff0", "z"], "operation 0: a, b: entry at '4ff0': 'z' is not"),
        (["z", 0, 0, "1", "0"], "operation 0: CR0.WP is 1"),
    ],
)
def test_an_odd_operation_is_malformed(op: object, cause: str) -> None:
    with pytest.raises(Malformed, match=cause):
        check({**SCRIPT, "ops": [op]})


@pytest.mark.parametrize(
    ("expect", "cause"),
    [
        (SCRIPT["expect"][:2], "3 operations have a result, but expect has 2"),
        ([*SCRIPT["expect"], {"val": "0"}], "but expect has 4"),
        ([*SCRIPT["expect"][:2], {"phys": "0"}], "result 2 has no 'val'"),
        ([{"val": "0"}, *SCRIPT["expect"][1:]], "result 0 should have one of"),
        ({}, "ops and expect should be lists"),
    ],
)
def test_results_that_do_not_fit_the_operations_are_malformed(
    expect: object, cause: str
) -> None:
    check(SCRIPT)
    with pytest.raises(Malformed, match=cause):
        check({**SCRIPT, "expect": expect})
