"""How agreement and differences are reported."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kmm.conform import Conformity, Difference
from kmm.report.conformity import KEPT, SHOWN, conformity_json, conformity_text


def found(differences: int = 0, **more: Any) -> Conformity:
    made = [
        Difference(n, f"r at {n:#x}", "physical 0x1", "#GP(0)")
        for n in range(differences)
    ]
    return Conformity(
        "some/where/walks.json",
        "mmu",
        1000,
        1000 - differences,
        differences=made,
        **more,
    )


def test_agreement_is_one_line_with_the_counts() -> None:
    assert conformity_text(found(), 80) == (
        "walks.json: mmu, 1,000 cases: 1,000 agreed, 0 differ"
    )


def test_why_cases_were_skipped_is_said() -> None:
    text = conformity_text(found(skipped=Counter({"of a later kernel": 7})), 100)
    assert text.endswith("7 skipped (of a later kernel)")


def test_a_difference_says_what_was_asked_expected_and_got() -> None:
    assert conformity_text(found(1), 80).splitlines()[1:] == [
        "  case 0: r at 0x0",
        "    recorded: physical 0x1",
        "    kmm:      #GP(0)",
    ]


def test_only_the_first_differences_are_printed() -> None:
    lines = conformity_text(found(12), 80).splitlines()
    assert sum(line.startswith("  case ") for line in lines) == SHOWN
    assert lines[-1].startswith("  and 7 more")


def test_no_line_is_too_wide() -> None:
    wide = Conformity("x" * 90, "mmu", 1, 0)
    wide.differences.append(Difference(0, "a " * 90, "b " * 90, "c " * 90))
    lines = conformity_text(wide, 80).splitlines()
    assert all(len(line) <= 80 for line in lines[2:])


def test_a_file_name_cannot_break_the_line() -> None:
    named = Conformity("dir/a\n\x1b[2J\udcff.gz", "mmu", 1, 1)
    assert conformity_text(named, 80) == "a??[2J?.gz: mmu, 1 case: 1 agreed, 0 differ"


def test_an_interrupted_run_says_how_far_it_came() -> None:
    text = conformity_text(found(interrupted=True), 100)
    assert text.endswith("interrupted after 1,000")


def test_json_has_what_others_rely_on() -> None:
    made = conformity_json(found(2, skipped=Counter({"why": 3})))
    assert {
        key: made[key] for key in ("file", "kind", "cases", "agreed", "skipped")
    } == {
        "file": "some/where/walks.json",
        "kind": "mmu",
        "cases": 1000,
        "agreed": 998,
        "skipped": 3,
    }
    assert made["skipped_why"] == {"why": 3}
    assert made["differences"][1] == {
        "case": 1,
        "asked": "r at 0x1",
        "expected": "physical 0x1",
        "got": "#GP(0)",
    }
    assert len(conformity_json(found(500))["differences"]) == KEPT
