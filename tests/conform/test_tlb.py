"""Scripts catch a TLB that remembers too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmm.conform import KINDS, hold_against, read_recorded
from kmm.conform.examples import EXAMPLES
from kmm.conform.recorded import read_bytes
from kmm.conform.tlb import hold
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


@pytest.mark.parametrize("method", ["forget", "forget_all"])
def test_a_tlb_that_does_not_forget_is_caught_by_the_recorded_scripts(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    monkeypatch.setattr(Tlb, method, lambda *_args, **_named: None)
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


def test_an_unknown_operation_is_an_error() -> None:
    with pytest.raises(ValueError, match="no operation is called 'q'"):
        hold({**SCRIPT, "ops": [["q", 0, 0, "0", "0"]]})
