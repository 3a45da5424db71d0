"""Every exhaustive search against plain enumeration, on 2,000 random programs.

They are rich in locks, and in ways to deadlock.  Searches that reduce are held to the
set of traces; the one that merges states, to the set of outcomes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

import pytest
from attrs import define
from sim.random_programs import booter, random_program, text_of
from sim.test_sharing import endings
from sim.traces import (
    Found,
    TracedBoot,
    explore,
    guess_interleavings,
    whole_state,
)

from kmm.sim.strategies import Enumeration, Merging, SourceDpor

PROGRAMS = 1000
LIMIT = 250  # interleavings of a program that is compared


@define
class Counted:
    compared: int = 0
    skipped: int = 0
    can_deadlock: int = 0
    can_fail: int = 0
    interleavings: int = 0
    traces: int = 0
    executions: int = 0
    shared: int = 0
    merged: int = 0

    def __str__(self) -> str:
        return (
            f"{self.compared:,} programs compared ({self.skipped:,} skipped): "
            f"{self.can_deadlock:,} can deadlock, {self.can_fail:,} can fail; "
            f"{self.interleavings:,} interleavings, {self.traces:,} traces; "
            f"executions: dpor {self.executions:,}, dpor shared out {self.shared:,}, "
            f"merging {self.merged:,}; 0 mismatches"
        )


def programs(counted: Counted) -> Iterator[tuple[str, TracedBoot, Found]]:
    """Those that are small enough, with what enumeration finds."""
    for number in count():
        if counted.compared == PROGRAMS:
            return
        program = random_program(Random(f"every search/{number}"))
        boot = booter(program)
        small = guess_interleavings(boot) <= 2 * LIMIT
        plain = explore(boot, Enumeration(), LIMIT) if small else None
        if plain is None:
            counted.skipped += 1
            continue
        counted.compared += 1
        counted.can_deadlock += plain.can("deadlock")
        counted.can_fail += plain.can("corruption")
        counted.interleavings += plain.executions
        counted.traces += len(plain.endings)
        yield f"program {number}:\n{text_of(program)}", boot, plain


@pytest.mark.slow
def test_no_exhaustive_search_loses_anything_or_makes_anything_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counted = Counted()
    for program, boot, plain in programs(counted):
        reduced = explore(boot, SourceDpor(), LIMIT)
        assert reduced is not None, program
        assert reduced.endings == plain.endings, program
        counted.executions += reduced.executions

        shared, coverage = endings(boot, limit=2)
        assert shared == plain.endings, program
        counted.shared += coverage.executions

        # A search that begins again as it learns may make more runs than there are.
        merged = explore(whole_state(boot), Merging(), 10 * LIMIT)
        assert merged is not None, program
        outcomes = {outcome for outcome, _ in merged.endings}
        assert outcomes == {outcome for outcome, _ in plain.endings}, program
        counted.merged += merged.executions
    with capsys.disabled():
        print(f"\n{counted}")
    # A fuzzer that meets nothing of interest says nothing either.
    assert counted.compared == PROGRAMS
    assert counted.can_deadlock > 250
    assert counted.can_fail > 25
