"""The races about stale translations: what is lost without a flush, and that with it
nothing is.
"""

from __future__ import annotations

import pytest

from kmm.designs import KERNELS, find_kernel
from kmm.scenarios import find_race
from kmm.scenarios.play import hunt
from kmm.sim.strategies import SourceDpor


@pytest.mark.parametrize("kernel", KERNELS)
def test_without_a_flush_a_write_is_lost_on_every_kernel(kernel: str) -> None:
    played = hunt(find_race("tlb-stale"), find_kernel(kernel), SourceDpor())
    assert played.verdict == "bug"
    assert played.recording is not None
    failure = played.recording.failure
    assert failure is not None
    assert failure.kind == "corruption"
    assert "wrote b'two' at 0x7f0000000000, memory holds b'one'" in failure.message


@pytest.mark.parametrize("race", ["tlb-flushed", "tlb-lazy"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_with_it_no_interleaving_loses_one(race: str, kernel: str) -> None:
    played = hunt(find_race(race), find_kernel(kernel), SourceDpor())
    assert played.verdict == "proved"
    assert played.coverage.executions > 20


def test_the_lost_write_went_to_the_old_frame_after_the_copy() -> None:
    played = hunt(find_race("tlb-stale"), find_kernel("2.6.34"), SourceDpor())
    assert played.recording is not None
    steps = [
        (step.kind, step.thread)
        for step in played.recording.steps
        if step.target == "frame 0xc"  # the page's first
    ]
    copied = steps.index(("read", 0))
    assert ("write", 1) in steps[copied:]


def test_a_kernel_thread_in_between_does_not_make_the_omission_harmless() -> None:
    kernel = find_kernel("2.6.34").with_answer("tlb-flush", "omit")
    assert hunt(find_race("tlb-lazy"), kernel, SourceDpor()).verdict == "bug"
