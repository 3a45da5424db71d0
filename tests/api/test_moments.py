"""One moment of a run."""

from __future__ import annotations

import pytest
from api.pages import page
from report.exported import PLAYED
from report.runs import hunted

from kmm.api import Moment, Run

STACK = 0x7FFF_FFFF_8000  # where the stack is after its move


def moment(number: int) -> Moment:
    return Run(hunted("2.6.34")).moment(number)


def test_a_moment_says_what_happened_and_what_changed() -> None:
    assert moment(0).happened == "Before the first of 105 steps."
    assert "vma#1.vm_end 0x7ffffffff000 -> 0x7fffffff9000" in moment(76).happened
    assert list(moment(76).changes) == [
        {"what": "vma#1.vm_end", "before": "0x7ffffffff000", "after": "0x7fffffff9000"}
    ]
    assert len(moment(0).changes) == 0
    assert repr(moment(76)) == "<kmm moment: exec-stack, after 76 of 105>"


def test_a_notebook_shows_the_graph_and_the_changes() -> None:
    shown = page(moment(76))
    assert "svg" in shown.tags
    assert "0x7fffffff8000  migration entry (page 0xc)".strip() in shown.text
    assert "currentColor" in shown.styles
    assert shown.texts[-2:] == ["0x7ffffffff000", "0x7fffffff9000"]


def test_a_race_without_memory_has_moments_without_a_graph() -> None:
    shown = page(Run(PLAYED["with no memory, deadlocked"]()).moment())
    assert "svg" not in shown.tags


def test_pictures_are_those_of_the_screen() -> None:
    picture = moment(79).picture("rmap")
    assert "vma#1 of mm#1" in picture
    assert "compact:3977 is here" in page(picture).text
    assert repr(picture).startswith("<kmm text: VMAs and anon_vmas")


def test_a_walk_finds_the_entry_that_the_moment_has() -> None:
    before, after = moment(0).walk(STACK + 0x6000), moment(79).walk(STACK)
    assert before.physical == 0xC000
    assert after.fault is not None
    assert after.watched.seen[-1].level.linux == "pte"


def test_a_walk_leaves_the_moment_as_it_was() -> None:
    state = moment(0).state
    moment(0).walk(STACK + 0x6000, access="write")
    assert moment(0).state == state


def test_files_are_those_of_the_moment() -> None:
    assert "/proc/buddyinfo" in moment(0).proc().splitlines()
    assert moment(0).proc("/proc/vmstat").startswith("nr_free_pages")


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda: moment(0).picture("frame"), "did you mean frames"),
        (lambda: moment(0).walk(-1), "not a number of up to 64 bits"),
        (lambda: moment(0).walk(0, mm="mm#9"), "no address space is called 'mm#9'"),
        (lambda: moment(0).walk(0, access="peek"), "read, write, fetch, not 'peek'"),
        (lambda: moment(0).proc("/proc/nothing"), "no file is called"),
    ],
)
def test_bad_input_is_a_value_error(call: object, cause: str) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=cause):
        call()
