"""Every exercise has wrong answers, each caught for its own reason.

Where a run shows it, that run is made again from its schedule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from exercises.submissions import (
    EXEC,
    UNMAP,
    changed,
    marks_of,
    nursery,
    solution,
    starter,
)

from kmm.exercises import find_exercise
from kmm.exercises.answers import shown, variant
from kmm.exercises.answers import solution as answers
from kmm.exercises.exercise import OF_CODE
from kmm.exercises.marks import Marks
from kmm.exercises.sandbox import replay

pytestmark = pytest.mark.slow

LOWER = "    await write_plain(vma, VMA.vm_start, new_start)\n"
MOVE = "    moved = await move_page_tables(k, vma, old_start, vma, new_start, length)\n"
CLONE = "    await anon_vma_clone(second, vma)\n"
DROP = "    await unlink_anon_vmas(second)\n"


def walked(**wrong: Callable[[Callable[[str], Any]], Any]) -> str:
    """The answers of seed 1, with other ones made of those that are right."""
    right = variant(find_exercise("walk-by-hand"), 1)
    rows = [
        (ask.key, wrong[ask.key](right.answer) if ask.key in wrong else ask.answer)
        for ask in right.asks
    ]
    return "seed = 1\n" + "".join(f'{key} = "{shown(a)}"\n' for key, a in rows)


# The exercise, the submission, the check that fails, and why.
WRONG = {
    "exec: as 2.6.34": (EXEC, starter(EXEC), "proof", "swapops.h"),
    "exec: the lock is held while entries move": (
        EXEC,
        changed(
            EXEC,
            (
                LOWER,
                "",
            ),
            (
                MOVE,
                "    async with vma.anon_vma.lock:\n    " + LOWER + "    " + MOVE,
            ),
        ),
        "works",
        "sleeping function called from invalid context",
    ),
    "exec: new place first": (
        EXEC,
        changed(
            EXEC,
            (
                "vm_start=new_start)",
                "vm_start=old_start)",
            ),
            (LOWER, ""),
            (MOVE, LOWER + MOVE),
        ),
        "proof",
        "swapops.h",
    ),
    "exec: the second VMA goes too early": (
        EXEC,
        changed(EXEC, (DROP, ""), (MOVE, DROP + MOVE)),
        "proof",
        "swapops.h",
    ),
    "exec: the second VMA stays": (
        EXEC,
        changed(EXEC, (DROP, "")),
        "works",
        "the VMAs are not as they should be",
    ),
    "exec: the start is stored, and no search is told": (
        EXEC,
        changed(EXEC, (LOWER, "    vma.vm_start = new_start\n")),
        "locks",
        "data-race in shift_arg_pages / vma_address",
    ),
    "exec: the stack does not move": (
        EXEC,
        changed(EXEC, (LOWER, "    return -ENOMEM\n" + LOWER)),
        "works",
        "killed in execve, error -12",
    ),
    "unmap: nothing is unmapped": (UNMAP, starter(UNMAP), "works", "entries"),
    "unmap: no flush": (
        UNMAP,
        changed(
            UNMAP,
            ("await ptep_clear_flush(k, vma, address, ptep)", "await ptep.exchange(0)"),
        ),
        "works",
        "wrote b'two' at 0x7f0000000000, memory holds b'one'",
    ),
    "unmap: the entry comes after the unlock": (
        UNMAP,
        changed(
            UNMAP,
            ("    if entry:\n        await ptep.write(entry)\n", ""),
            (
                "    await ptl.unlock()\n    return SWAP_AGAIN\n",
                "    await ptl.unlock()\n    await ptep.write(entry)\n"
                "    return SWAP_AGAIN\n",
            ),
        ),
        "waits",
        "memory holds",
    ),
    "unmap: the mapping is still counted": (
        UNMAP,
        changed(UNMAP, ("    await page_remove_rmap(page)\n", "")),
        "works",
        "mapcount says 2, page tables say 1",
    ),
    "unmap: the reference is kept": (
        UNMAP,
        changed(UNMAP, ("    await put_page(k, page)\n", "")),
        "works",
        "3 references, 2 users",
    ),
    "unmap: the lock is kept": (
        UNMAP,
        solution(UNMAP).replace(
            "    await ptl.unlock()\n    return SWAP_AGAIN\n", "    return SWAP_AGAIN\n"
        ),
        "works",
        "blocked for more than 120 seconds",
    ),
    "break: nothing breaks": (
        "break-vanilla",
        starter("break-vanilla"),
        "breaks",
        "the run goes well",
    ),
    "break: a schedule that does not fit": (
        "break-vanilla",
        "exec-stack/2.6.34/32a55b17a20b/0000",
        None,
        "the schedule stops fitting at step 46",
    ),
    "break: another kernel": (
        "break-vanilla",
        "exec-stack/v6,exec-stack=unprotected/44a15b20a36b/9ca2",
        None,
        "should be one of exec-stack on 2.6.34",
    ),
    "break: no schedule": ("break-vanilla", "# nothing\n", None, "no schedule"),
    "litmus: fails on neither": (
        "tell-apart",
        starter("tell-apart"),
        "loses",
        "none of",
    ),
    "litmus: not forked": (
        "tell-apart",
        changed("tell-apart", ("forked = true", "forked = false")),
        "loses",
        "none of",
    ),
    "litmus: the boundary does not move": (
        "tell-apart",
        changed("tell-apart", ("split_at = 1", "split_at = 0")),
        "loses",
        "none of",
    ),
    "litmus: no program": (
        "tell-apart",
        changed("tell-apart", ('"mprotect 1 1 read"', '"format 1"')),
        None,
        "is no line of a program",
    ),
    "break: it breaks, but by more switches than are needed": (
        "break-vanilla",
        "exec-stack/2.6.34/1a1b47a29b8a19b/5417",
        "switches",
        "5 context switches; asked for are at most 3",
    ),
    "walk: the entry is counted in entries and not in bytes": (
        "walk-by-hand",
        walked(pte_at=lambda right: right("pte_at") - 7 * right("pt_index")),
        "entry",
        "pte_at = ",
    ),
    "walk: the offset in the page is forgotten": (
        "walk-by-hand",
        walked(physical=lambda right: right("physical") & ~0xFFF),
        "physical",
        "physical = ",
    ),
    "walk: the wrong fate of a store": (
        "walk-by-hand",
        walked(
            store=lambda right: {"done": "page fault", "page fault": "done"}[
                right("store")
            ]
        ),
        "store",
        "store = ",
    ),
    "walk: an index is missing": (
        "walk-by-hand",
        answers(find_exercise("walk-by-hand"), 1).replace("pt_index = ", "other = "),
        "last-index",
        "pt_index has no answer",
    ),
    "walk: the answers of another seed": (
        "walk-by-hand",
        answers(find_exercise("walk-by-hand"), 2).replace("seed = 2", "seed = 1"),
        "indexes",
        "pml4_index = ",
    ),
    "walk: no seed": ("walk-by-hand", "physical = 1\n", None, "seed is missing"),
}


@cache
def judged(name: str) -> Marks:
    exercise, text, _, _ = WRONG[name]
    return marks_of(exercise, text)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_fails_for_its_own_reason(name: str) -> None:
    _, _, check, why = WRONG[name]
    found = judged(name)
    assert not found.passed
    assert found.points < found.exercise.points
    if check is None:
        assert why in str(found.judgement.complaint)
        return
    first = next(row.finding for row in found.rows if not row.finding.passed)
    assert first.check == check
    assert why in first.why
    if first.schedule is not None and found.exercise.kind in (*OF_CODE, "litmus"):
        assert "CPU 0: " in first.drawing  # a second process has made it again
        assert "CPU 1: " in first.drawing


def test_a_counterexample_is_drawn_and_can_be_made_again() -> None:
    exercise, text, check, _ = WRONG["unmap: no flush"]
    found = judged("unmap: no flush")
    finding = next(row.finding for row in found.rows if row.check.name == check)
    assert finding.schedule is not None
    again, _ = replay(found.exercise, text, finding.schedule, nursery=nursery(exercise))
    assert again is not None
    assert again.failure == finding.failure
    assert again.drawing == finding.drawing


def test_a_schedule_of_another_submission_is_not_taken_for_this_ones() -> None:
    schedule = judged("exec: as 2.6.34").judgement.findings[1].schedule
    assert schedule is not None
    again, why = replay(
        find_exercise(EXEC), solution(EXEC), schedule, nursery=nursery(EXEC)
    )
    assert again is None
    assert why
