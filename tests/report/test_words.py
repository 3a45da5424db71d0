from __future__ import annotations

import pytest
from attrs import evolve
from report.runs import deadlocked, hunted, recorded, step

from kmm.report.words import Names, describe, function, kernel_trace
from kmm.sim.recording import Step
from kmm.sim.thread import Place

MIGRATION_OF_PAGE_5 = (5 << 12) | (31 << 1)


def said(one: Step) -> str:
    return describe(one, Names(deadlocked()))


def test_a_read_says_what_was_found() -> None:
    assert said(step("read", "page 0x5.count", 1, 1)) == "page 0x5.count is 1"


def test_a_write_says_what_was_there_before_and_after() -> None:
    assert said(step("write", "page 0x5.count", 1, 2)) == "page 0x5.count 1 -> 2"


@pytest.mark.parametrize("field", ["vm_start", "vm_end"])
def test_addresses_are_in_hexadecimal(field: str) -> None:
    written = step("write", f"vma#1.{field}", 0x7FFFFFFFE000, 0x7FFFFFFF8000)
    assert said(written) == f"vma#1.{field} 0x7fffffffe000 -> 0x7fffffff8000"


def test_a_value_that_is_missing_is_called_none() -> None:
    assert said(step("read", "page 0x5.mapping", None, None)) == (
        "page 0x5.mapping is none"
    )


@pytest.mark.parametrize(
    ("kind", "before", "words"),
    [
        ("acquire", "free", "takes one"),
        ("release", "a:1", "gives back one"),
        ("wait", "a:1", "waits for one"),
        ("try", "free", "tries to take one: got it"),
        ("try", "b:2", "tries to take one: busy"),
    ],
)
def test_locks_are_taken_given_back_tried_and_waited_for(
    kind: str, before: str, words: str
) -> None:
    assert said(step(kind, "one", before, None)) == words


def test_a_frame_is_copied_whole_not_value_by_value() -> None:
    assert said(step("read", "frame 0x5", None, None)) == "copies frame 0x5"
    assert said(step("write", "frame 0x5", None, None)) == "clears frame 0x5"


def test_what_an_access_read_or_wrote_is_shown() -> None:
    assert said(step("read", "frame 0x5", "'one'", "'one'")) == "frame 0x5 is 'one'"
    assert said(step("write", "frame 0x5", "'one'", "'two'")) == (
        "frame 0x5 'one' -> 'two'"
    )


def test_a_cpu_that_finishes_what_it_does_lets_no_interrupt_in() -> None:
    assert said(step("acquire", "interrupts of CPU 1", "free", "a:1")) == (
        "lets no interrupt in at CPU 1"
    )


def test_an_entry_is_named_by_the_address_that_it_translates() -> None:
    recording = recorded(hunted("2.6.34"))
    names = Names(recording)
    labels = {
        names.label(one)
        for one in recording.steps
        if one.target.startswith("entry ") and one.kind == "write"
    }
    assert {"pte 0x7fffffffe000", "pte 0x7fffffff8000"} <= labels
    assert not any(label.startswith("entry ") for label in labels)


def test_an_entry_is_described_not_printed_as_a_number() -> None:
    recording = recorded(hunted("2.6.34"))
    entries = [one for one in recording.steps if one.target.startswith("entry ")]
    words = [describe(one, Names(recording)) for one in entries]
    assert "pte 0x7fffffff8000 empty -> migration entry (page 0xc)" in words
    assert all(str(MIGRATION_OF_PAGE_5) not in line for line in words)


def test_the_frames_that_stand_for_the_cpu_are_not_the_kernels() -> None:
    walk = Place("walk", "kmm/hw/paging.py", 7)
    fault = Place("do_page_fault", "kmm/mm/fault.py", 3)
    assert kernel_trace((walk, fault)) == (fault,)


def test_a_step_belongs_to_the_innermost_kernel_function() -> None:
    places = (
        Place("walk", "kmm/hw/paging.py", 7),
        Place("strnlen_user", "kmm/kernel/uaccess.py", 3),
        Place("execve", "kmm/scenarios/exec_stack.py", 3),
    )
    assert function(Step(0, 0, "read", "x", 0, 0, places)) == "strnlen_user"


def test_a_step_of_no_kernel_function_has_a_name_all_the_same() -> None:
    assert function(Step(0, 0, "read", "x", 0, 0, ())) == "?"


def test_a_step_on_two_objects_names_both() -> None:
    out = evolve(step("write", "swap slot 1"), also=(("read", "frame 0x5"),))
    assert said(out) == "copies frame 0x5 to swap slot 1"
    back = evolve(out, also=(("write", "frame 0x5"),))
    assert said(back) == "copies swap slot 1 to frame 0x5"
    wait = evolve(step("wait", "tree_lock"), also=(("wait", "swap_lock"),))
    assert said(wait) == "waits for tree_lock and swap_lock"
