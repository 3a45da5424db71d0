"""The session: a recording, a place in it, and all that is shown of it."""

from __future__ import annotations

from functools import cache
from typing import get_args

import pytest
from attrs import evolve

from kmm.designs import find_kernel, parse_kernel
from kmm.mm.observe import State
from kmm.report.changes import page_number
from kmm.scenarios import ScheduleToken, find_race, play
from kmm.sim.failure import FailureKind, ReportKind
from kmm.sim.strategies import SourceDpor
from kmm.tui.lines import CHANGED, FATAL, Line
from kmm.tui.session import FAILURES, Session, open_session

RACE = find_race("exec-stack")


@cache
def first_opened(kernel: str, race: str) -> Session:
    return open_session(find_race(race), find_kernel(kernel))


def opened(kernel: str, race: str = "exec-stack") -> Session:
    """A session of one's own, over a run that is recorded once."""
    return evolve(first_opened(kernel, race))


@pytest.fixture
def session() -> Session:
    return opened("2.6.34")


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def at_first(session: Session, words: str) -> Session:
    """Go to the first moment at which something is said to have happened."""
    for moment in range(session.last + 1):
        session.go(moment)
        if any(words in text for text in texts(session.happened())):
            return session
    raise AssertionError(f"{words!r} never happens")


# What it opens with.


def test_an_unprotected_kernel_opens_with_a_run_that_fails(session: Session) -> None:
    assert session.at == 0
    assert session.recording.failure is not None
    assert session.ending == f"fails at step {session.last}"


@pytest.mark.parametrize("kernel", ["v6", "2.6.35"])
def test_a_fixed_kernel_opens_with_a_run_that_ends_well(kernel: str) -> None:
    session = opened(kernel)
    assert session.recording.failure is None
    assert "one after the other" in session.origin
    choices = session.recording.choices
    assert sorted(choices) == list(choices)


def test_a_newcomer_is_told_what_this_is_and_what_to_press(session: Session) -> None:
    text = " ".join(texts(session.happened()))
    assert "Press space to step" in text
    assert " ".join(RACE.story.split()) in text
    assert RACE.watch in text
    assert f"it fails at step {session.last}" in text


def test_the_answers_that_a_race_insists_on_are_part_of_the_kernel() -> None:
    session = opened("v6", race="exec-stack-peek")
    assert session.kernel.text == "v6,pte-peek=unlocked"
    assert session.token.kernel == session.kernel


# Moving.


def test_there_is_no_moment_before_the_first_or_after_the_last(
    session: Session,
) -> None:
    session.go(-5)
    assert session.at == 0
    assert session.step is None
    session.go(10_000)
    assert session.at == session.last
    assert session.step is session.recording.steps[-1]


def test_going_back_shows_exactly_what_was_there(session: Session) -> None:
    def shown() -> object:
        return (
            session.happened(),
            session.memory(),
            session.locks(),
            session.log(),
            session.thread(0),
            session.thread(1),
        )

    forward = []
    for moment in range(session.last + 1):
        session.go(moment)
        forward.append(shown())
    for moment in reversed(range(session.last + 1)):
        session.go(moment)
        assert shown() == forward[moment]


def test_events_are_context_switches_changes_of_memory_and_the_end(
    session: Session,
) -> None:
    events = []
    while session.at < session.last:
        session.go(session.next_event())
        events.append(session.at)
    choices = session.recording.choices
    switches = [n for n in range(1, len(choices)) if choices[n] != choices[n - 1]]
    assert {n + 1 for n in switches} <= set(events)
    assert events[-1] == session.last
    assert len(events) < session.last / 3
    back = [session.at]
    while session.at > 0:
        session.go(session.previous_event())
        back.append(session.at)
    assert back[::-1] == [0, *events]


# What is shown.


def test_what_happened_says_who_where_what_and_what_for(session: Session) -> None:
    at_first(session, "changes vma#1.vm_start")
    who, change, what_for = session.happened()
    assert who.text == "CPU 1 (date) in store_bounds(): changes vma#1.vm_start"
    assert change.text == "vma#1.vm_start  0x7fffffffe000 -> 0x7fffffff8000"
    assert change.mark == CHANGED
    assert what_for.text.startswith("store_bounds(): ")


def test_a_page_walk_is_the_mmus_work_and_a_kernels_look_is_not(
    session: Session,
) -> None:
    for moment in range(1, session.last + 1):
        session.go(moment)
        sentence = session.happened()[0].text
        if "in strnlen_user()" in sentence:
            walks = "looks at the" in sentence
            assert walks == ("strnlen_user(), its MMU: looks at" in sentence)
        if "in move_ptes()" in sentence:
            assert "MMU" not in sentence


def test_the_failing_step_shows_the_failure(session: Session) -> None:
    session.go(session.last)
    assert session.is_at_failure
    fatal = [line.text for line in session.happened() if line.mark == FATAL]
    assert fatal == ["kernel BUG at include/linux/swapops.h:105!"]
    assert "the kernel meets what must not be" in session.failing_words()[0]
    view = session.thread(1)
    assert view.is_failed
    assert view.standing == "failed here"
    assert view.function is not None
    assert view.function.name == "migration_entry_to_page"
    session.go(session.last - 1)
    assert not session.is_at_failure
    assert not session.thread(1).is_failed


def test_a_thread_stands_at_the_line_of_its_next_operation(session: Session) -> None:
    at_first(session, "changes vma#1.vm_start")
    view = session.thread(1)
    assert view.name == "CPU 1: date:4021"
    assert view.trace.endswith("shift_arg_pages > vma_adjust > store_bounds")
    assert view.standing == "next: store vma#1.vm_end"
    assert view.function is not None
    assert view.next_line is not None
    assert view.done_line is not None
    lines = view.function.lines
    assert "VMA.vm_end" in lines[view.next_line - view.function.first]
    assert "VMA.vm_start" in lines[view.done_line - view.function.first]
    assert session.thread(0).done_line is None


def test_a_thread_that_waits_says_for_what(session: Session) -> None:
    at_first(session, "waits for mm#1.page_table_lock")
    assert session.thread(0).standing == "must wait for mm#1.page_table_lock"
    waiting = "mm#1.page_table_lock   date:4021; compact:3977 waits"
    assert waiting in texts(session.locks())


def test_a_thread_that_has_ended_shows_its_last_function(session: Session) -> None:
    session.go(session.last)
    view = session.thread(0)
    assert view.standing == "has ended"
    assert view.trace == ""
    assert view.next_line is None
    assert view.function is not None


def test_memory_shows_entries_vmas_and_pages_with_what_changed_marked(
    session: Session,
) -> None:
    lines = session.memory()
    found = texts(lines)
    assert "0x7fffffffe000  page 0xc rw young dirty" in found
    assert "vma#1  0x7fffffffe000 to 0x7ffffffff000" in found
    assert "page 0xc  count 1, mapcount 1, not locked" in found
    assert "page 0xc in vma#1: 0x7fffffffe000, page 0xc rw" in found
    assert not any(line.mark.strip() for line in lines)
    at_first(session, "changes vma#1.vm_start")
    marked = [line.text for line in session.memory() if line.mark == CHANGED]
    assert marked == ["vma#1  0x7fffffff8000 to 0x7ffffffff000"]


def test_memory_shows_an_entry_at_which_no_walk_looks(session: Session) -> None:
    at_first(session, "changes vma#1.vm_start")
    assert "page 0xd in vma#1: 0x7fffffff8000, empty" in texts(session.memory())
    warned = [line.text for line in session.memory() if line.mark == FATAL]
    assert warned == ["  no walk looks here (see reverse mapping)"]


def test_memory_shows_a_migration_entry_that_was_left_behind(session: Session) -> None:
    session.go(session.last)
    warned = [line.text for line in session.memory() if line.mark == FATAL]
    assert warned == ["  left behind: page 0xc is not locked any more"]


def test_where_a_walk_looks_is_what_vma_address_works_out(session: Session) -> None:
    """Every `vm_start` that a walk reads leads to the address that is shown."""
    state = session.moment.state
    assert isinstance(state, State)
    (vma,), (page,) = state.mms[0].vmas, [p for p in state.pages if p.mapping]
    assert page_number(vma.start) == hex(page.index)


def test_the_log_has_the_steps_so_far(session: Session) -> None:
    assert session.log() == []
    session.go(28)
    log = session.log()
    assert [entry.number for entry in log] == list(range(1, 29))
    assert log[-1].text.startswith("page_check_address(): pte 0x7fffffffe000 ")


def test_a_mapcount_is_the_number_of_entries_everywhere(session: Session) -> None:
    at_first(session, "page_remove_rmap()")
    assert "page 0xc.mapcount  1 -> 0" in texts(session.happened())
    assert session.log()[-1].text == "page_remove_rmap(): page 0xc.mapcount 1 -> 0"


def test_indexes_are_hexadecimal_like_the_addresses(session: Session) -> None:
    at_first(session, "vma#1.vm_pgoff")
    assert session.log()[-1].text == "vma_address(): vma#1.vm_pgoff is 0x7fffffffe"


def test_flags_are_shown_by_name() -> None:
    session = at_first(opened("2.6.35"), "vm_flags")
    assert session.happened()[0].text.endswith(
        "looks at vma#1.vm_flags: read write growsdown seq_read rand_read"
    )


def test_the_timeline_has_a_digit_for_each_step_done(session: Session) -> None:
    wide = session.last
    assert session.timeline(wide) == "." * (wide - 1) + FATAL
    first = next(s.number for s in session.recording.steps if s.thread == 1)
    session.go(first + 1)
    assert session.timeline(wide)[first - 1 : first + 3] == "01.."
    session.go(session.last)
    assert set(session.timeline(40)) == {"0", "1", FATAL}
    assert len(session.timeline(40)) == 40


# Other runs.


def test_another_kernel_runs_the_same_schedule_and_says_where_it_parts(
    session: Session,
) -> None:
    session.go(session.last)
    session.switch(find_kernel("v6"))
    fit = session.fit
    assert fit is not None
    assert fit.left_at is not None
    assert session.kernel.name == "v6"
    assert session.at == fit.alike
    said = [line.text for line in session.happened() if line.mark == FATAL]
    assert len(said) == 1
    assert "Up to here all is as on 2.6.34" in said[0]
    assert f"stops fitting after step {fit.left_at}" in said[0]
    assert not session.is_off_schedule
    session.go(fit.left_at + 1)
    assert session.is_off_schedule
    assert session.position == (
        f"step {fit.left_at + 1} of {session.last}, off the schedule"
    )


def test_whoever_stands_before_the_parting_stays_there(session: Session) -> None:
    session.go(5)
    session.switch(parse_kernel("2.6.34,exec-stack=temporary-vma"))
    assert session.at == 5
    assert session.fit is not None
    parts, left = session.fit.alike, session.fit.left_at
    assert left is not None
    assert 5 < parts <= left
    assert session.outlook.startswith(f"Up to step {parts} all is as on 2.6.34.")
    assert f"stops fitting after step {left}: date:4021 must wait" in session.outlook
    session.go(parts)
    assert session.outlook == ""  # it is said beside the step


def test_switching_there_and_back_gives_the_first_run_again(session: Session) -> None:
    first = session.recording
    session.switch(find_kernel("2.6.35"))
    assert session.recording.choices != first.choices
    session.switch(find_kernel("2.6.34"))
    assert session.recording == first
    session.go(session.last)
    assert session.is_at_failure


def test_one_answer_can_be_changed_by_itself(session: Session) -> None:
    session.switch(session.kernel.with_answer("exec-stack", "skip-temporary"))
    assert session.kernel.text == "2.6.34,exec-stack=skip-temporary"
    assert session.recording.failure is None


def test_what_a_search_found_is_shown_from_its_start(session: Session) -> None:
    played = play.hunt(RACE, find_kernel("v4"), SourceDpor())
    session.go(7)
    session.adopt(played)
    assert session.at == 0
    assert session.kernel.name == "v4"
    assert session.recording is played.recording
    session.switch(find_kernel("v6"))
    assert session.fit is not None
    assert session.fit.of == "v4"


def test_restart_goes_back_to_the_kernels_first_run(session: Session) -> None:
    session.switch(find_kernel("v6"))
    session.restart()
    assert session.at == 0
    assert session.fit is None
    assert session.schedule_of == "v6"
    assert "one after the other" in session.origin


@pytest.mark.parametrize("kernel", ["2.6.34", "v6"])
def test_the_token_makes_the_run_again(kernel: str) -> None:
    session = opened(kernel)
    session.switch(find_kernel("v4"))
    token = ScheduleToken.parse(str(session.token))
    assert play.replay(RACE, token).recording == session.recording


def test_every_kind_of_failure_has_words() -> None:
    assert set(FAILURES) == {*get_args(FailureKind), *get_args(ReportKind)}
