"""Who let whom go on."""

from __future__ import annotations

import pytest
from report.exported import PLAYED, failing, whole

from kmm.report.exports.wakeups import wakeups


def test_who_gives_a_lock_back_lets_the_one_go_on_that_waits_for_it() -> None:
    recording = whole(failing())
    *earlier, wakeup = wakeups(recording)
    step = recording.steps[wakeup.step]
    assert (step.kind, step.target) == ("release", "anon_vma#1.lock")
    assert (step.thread, wakeup.thread) == (0, 1)
    assert wakeup.what == step.target
    assert wakeup.goes_on is not None
    taken = recording.steps[wakeup.goes_on]
    assert (taken.thread, taken.kind, taken.target) == (1, "acquire", step.target)
    # It could have had it five steps ago, but the first took it again before it came.
    assert [(w.step, w.thread, w.goes_on) for w in earlier] == [(79, 1, None)]


@pytest.mark.parametrize("which", PLAYED)
def test_nobody_could_go_on_before_and_everybody_can_after(which: str) -> None:
    recording = whole(PLAYED[which]())
    for wakeup in wakeups(recording):
        before, after = recording.moments[wakeup.step : wakeup.step + 2]
        assert wakeup.thread not in before.able
        assert wakeup.thread in after.able
        if wakeup.goes_on is not None:
            assert recording.steps[wakeup.goes_on].thread == wakeup.thread


def test_an_interrupt_lets_the_thread_that_answers_it_go_on() -> None:
    recording = whole(PLAYED["with two address spaces"]())
    woken = [recording.threads[wakeup.thread] for wakeup in wakeups(recording)]
    assert any(thread.daemon for thread in woken)
