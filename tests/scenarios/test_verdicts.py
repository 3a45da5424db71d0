"""What is known of each race on each kernel, found again."""

from __future__ import annotations

from functools import lru_cache

import pytest
from history import EXPECTED, KERNELS, KNOWN, cells

from kmm.designs import KERNELS as SPECS
from kmm.designs import QUESTIONS, find_kernel, parse_kernel
from kmm.scenarios import RACES, find_race
from kmm.scenarios.matrix import Store, matrix, usual_folder
from kmm.scenarios.play import Played, hunt, replay
from kmm.sim.schedule import context_switches
from kmm.sim.strategies import SourceDpor

SOMETIMES = [
    ("exec-stack", "2.6.34"),
    ("exec-stack", "v4"),
    ("exec-stack-peek", "2.6.34"),
    ("exec-stack-peek", "v4"),
    ("exec-stack-peek", "v6"),
]
NEVER = [
    ("exec-stack", "v6"),
    ("exec-stack", "2.6.35"),
    ("exec-stack-peek", "2.6.35"),
]


@lru_cache  # several tests look at the same search
def search(race: str, kernel: str) -> Played:
    return hunt(find_race(race), find_kernel(kernel), SourceDpor())


@pytest.mark.parametrize(("race", "kernel"), SOMETIMES)
def test_the_kernel_bug_is_met_where_history_met_it(race: str, kernel: str) -> None:
    played = search(race, kernel)
    assert played.verdict == "bug"
    assert played.recording is not None
    failure = played.recording.failure
    assert failure is not None
    assert failure.kind == "bug_on"
    assert failure.message == "kernel BUG at include/linux/swapops.h:105!"
    assert (failure.thread, failure.cpu) == ("date:4021", 1)
    functions = [place.function for place in failure.trace]
    assert functions[:2] == ["migration_entry_to_page", "migration_entry_wait"]
    assert "do_page_fault" in functions
    assert "create_elf_tables" in functions, "the kernel itself touches the new stack"


@pytest.mark.parametrize(("race", "kernel"), SOMETIMES)
def test_a_witness_has_few_context_switches(race: str, kernel: str) -> None:
    played = search(race, kernel)
    assert played.recording is not None
    most = 5 if kernel == "v4" else 3
    assert context_switches(played.recording.choices) <= most


@pytest.mark.parametrize(("race", "kernel"), SOMETIMES)
def test_a_witness_replays_to_the_same_recording(race: str, kernel: str) -> None:
    played = search(race, kernel)
    assert played.token is not None
    again = replay(played.race, played.token)
    assert again.recording == played.recording


@pytest.mark.parametrize(("race", "kernel"), NEVER)
def test_a_fix_holds_over_every_interleaving(race: str, kernel: str) -> None:
    played = search(race, kernel)
    assert played.verdict == "proved"
    assert played.stopped is None
    assert played.coverage.executions > 100


# Answers that neither a named kernel has nor a race sets, each on 2.6.34.

ALONE = {
    ("exec-stack", "exec-stack=hold-lock"): "bug",
    ("exec-stack", "exec-stack=move-vma"): "proved",
    ("exec-stack-peek", "exec-stack=move-vma"): "bug",
    ("vma-adjust", "rmap-walk=seqcount"): "proved",
    ("boundary-shift", "rmap-walk=seqcount"): "bug",
    ("anon-vma-window", "anon-vma-pin=refcount-locked"): "proved",
}


@pytest.mark.parametrize(("race", "design"), ALONE)
def test_an_answer_that_no_kernel_has_wins_or_loses(race: str, design: str) -> None:
    kernel = parse_kernel(f"2.6.34,{design}")
    played = hunt(find_race(race), kernel, SourceDpor())
    assert played.verdict == ALONE[race, design]


def test_every_answer_has_a_verdict() -> None:
    held = {design for _, design in ALONE}
    for spec in SPECS.values():
        held |= {f"{question}={one.name}" for question, one in spec.answers.items()}
    for race in RACES.values():
        held |= {f"{question}={answer}" for question, answer in race.sets.items()}
    # No race is about the rules of calls: tests/designs/test_call_rules.py is.
    every = {f"{q}={a}" for q in QUESTIONS if q != "call-rules" for a in QUESTIONS[q]}
    assert every - held == set(), (
        "ask `kmm prove RACE --design QUESTION=ANSWER`, and add the verdict to ALONE"
    )


# The table.


def test_every_race_has_an_answer_on_every_kernel() -> None:
    every = {(race, kernel) for race in RACES for kernel in SPECS}
    assert every - set(EXPECTED) == set(), (
        "ask `kmm matrix --race RACE`, and add its row to FOUND in tests/history.py "
        "(to KNOWN, what mails or commits say of it)"
    )
    assert set(EXPECTED) - every == set(), "tests/history.py names what is not there"
    assert tuple(SPECS) == KERNELS


@pytest.fixture(scope="module")
def verdicts() -> dict[tuple[str, str], str]:
    """The whole table; what was worked out before for this very source is taken."""
    kernels = [find_kernel(name) for name in KERNELS]
    found = matrix(list(RACES.values()), kernels, store=Store(usual_folder()))
    return {(cell.race, cell.kernel): cell.verdict for cell in found}


@pytest.mark.slow
@pytest.mark.parametrize(("race", "kernel"), EXPECTED)
def test_the_answer_is_historys_or_one_that_it_left_open(
    race: str, kernel: str, verdicts: dict[tuple[str, str], str]
) -> None:
    assert verdicts[race, kernel] == EXPECTED[race, kernel]


def test_nothing_that_was_found_contradicts_what_was_known() -> None:
    known = cells(KNOWN)
    assert all(EXPECTED[cell] == answer for cell, answer in known.items())
