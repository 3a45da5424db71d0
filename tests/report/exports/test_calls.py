"""The functions that a thread was in."""

from __future__ import annotations

import pytest
from report.exported import PLAYED, failing, whole

from kmm.report.exports.calls import calls
from kmm.report.words import kernel_trace


@pytest.mark.parametrize("which", PLAYED)
def test_at_every_moment_a_thread_is_in_the_calls_of_its_trace(which: str) -> None:
    recording = whole(PLAYED[which]())
    for thread in range(len(recording.threads)):
        found = calls(recording, thread)
        for number, moment in enumerate(recording.moments):
            open_now = [c for c in found if c.first <= number <= c.last]
            open_now.sort(key=lambda call: call.depth)
            names = [call.place.function for call in open_now]
            trace = kernel_trace(moment.standing[thread])
            assert names == [place.function for place in reversed(trace)]


def test_a_function_that_is_called_again_from_another_line_is_another_call() -> None:
    """Each migration takes the page's anon_vma lock twice, in two walks."""
    names = [call.place.function for call in calls(whole(failing()), 0)]
    assert names.count("rmap_walk_anon") == 1
    assert names.count("vma_address") == 2


def test_a_call_knows_the_line_that_made_it() -> None:
    found = calls(whole(failing()), 0)
    for call in found:
        assert (call.caller is None) == (call.depth == 0)
    (walk,) = [c for c in found if c.place.function == "rmap_walk_anon"]
    assert walk.caller is not None
    assert walk.caller.function == "rmap_walk"
