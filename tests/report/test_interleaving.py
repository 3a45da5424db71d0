from __future__ import annotations

import pytest
from report.runs import BUG_LINE, deadlocked, hunted, recorded, single

from kmm.report.interleaving import steps_that_matter, two_columns

WIDTHS = (60, 80, 120)
STORY = {
    # In this order: the migration entry goes in, the stack moves, the second walk finds
    # the vma half changed and the page not in it, and exec meets the entry.
    "2.6.34": (
        "pte 0x7fffffffe000 empty -> migration entry (page 0xc)",
        "vma#1.vm_start 0x7fffffffe000 -> 0x7fffffff8000",
        "pte 0x7fffffff8000 empty -> migration entry (page 0xc)",
        "vma#1.vm_end is 0x7fffffff9000",
        "gives back PG_locked of page 0xc",
        "PG_locked of page 0xc is free",
    ),
    # The new place is looked at before the entry is there, the old one after it left.
    "v4": (
        "pte 0x7fffffffe000 empty -> migration entry (page 0xc)",
        "vma#1.vm_start 0x7fffffffe000 -> 0x7fffffff8000",
        "pte 0x7fffffff8000 is empty",
        "pte 0x7fffffff8000 empty -> migration entry (page 0xc)",
        "pte 0x7fffffffe000 is empty",
        "gives back PG_locked of page 0xc",
        "PG_locked of page 0xc is free",
    ),
}


def columns(kernel: str, width: int) -> tuple[list[str], list[str]]:
    """The lines of the two columns, cut apart."""
    lines = two_columns(recorded(hunted(kernel)), width)
    column = lines[1].index("  ")
    return [line[:column].rstrip() for line in lines], [
        line[column:].strip() for line in lines
    ]


def joined(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kernel", STORY)
def test_no_line_is_wider_than_asked_for(kernel: str, width: int) -> None:
    lines = two_columns(recorded(hunted(kernel)), width)
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize(("kernel", "most"), [("2.6.34", 32), ("v4", 42)])
def test_the_drawing_fits_on_a_page(kernel: str, most: int) -> None:
    assert len(two_columns(recorded(hunted(kernel)), 80)) <= most


@pytest.mark.parametrize("kernel", STORY)
def test_each_cpu_has_its_own_column(kernel: str) -> None:
    left, right = columns(kernel, 80)
    assert left[0] == "CPU 0: compact:3977"
    assert right[0] == "CPU 1: date:4021"
    both = zip(left[2:], right[2:], strict=True)
    assert not any(one and other for one, other in both)
    assert "vma_address()" in left
    assert "move_ptes()" in right
    assert "move_ptes()" not in left


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kernel", STORY)
def test_the_lines_that_matter_are_there_and_in_order(kernel: str, width: int) -> None:
    recording = recorded(hunted(kernel))
    # A page of one column's words after the other's, in the order of the steps.
    text = joined([line.strip() for line in two_columns(recording, width)[2:]])
    position = 0
    for words in STORY[kernel]:
        position = text.find(words, position)
        assert position >= 0, words


@pytest.mark.parametrize("kernel", STORY)
def test_the_drawing_ends_in_the_bug_in_the_column_of_who_met_it(kernel: str) -> None:
    _, right = columns(kernel, 80)
    assert joined(right[-2:]) == BUG_LINE


def test_of_the_locks_only_the_page_lock_is_drawn() -> None:
    recording = recorded(hunted("2.6.34"))
    locking = {step.target for step in recording.steps if step.kind == "acquire"}
    drawn = {step.target for step in steps_that_matter(recording)}
    assert locking, "the run takes spinlocks"
    assert not locking & drawn
    assert "PG_locked of page 0xc" in drawn


def test_a_deadlock_is_drawn_by_the_locks_that_it_is_about() -> None:
    assert two_columns(deadlocked(), 60) == [
        "CPU 0: a:1                     CPU 1: b:2",
        "-----------------------------  -----------------------------",
        "take()",
        "  takes one",
        "                               take()",
        "                                 takes two",
        "waits for two, held by b:2",
        "                               waits for one, held by a:1",
    ]


def test_steps_stand_in_the_order_in_which_they_were_taken() -> None:
    numbers = [step.number for step in steps_that_matter(recorded(hunted("2.6.34")))]
    assert numbers == sorted(set(numbers))


def test_a_run_that_went_well_is_drawn_too() -> None:
    lines = two_columns(recorded(single()), 80)
    for function in ("store_bounds()", "restore_pte()"):
        assert any(function in line for line in lines)
    assert not any("BUG" in line for line in lines)
