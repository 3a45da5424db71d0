"""The session: a recording, a place in it, and what is seen there."""

from __future__ import annotations

import pytest
from tui.sessions import RACE, at_first, opened, texts

from kmm.designs import find_kernel, parse_kernel
from kmm.mm.observe import State
from kmm.report.changes import page_number
from kmm.scenarios import ScheduleToken, play
from kmm.sim.strategies import SourceDpor
from kmm.tui.lines import CHANGED, FATAL
from kmm.tui.opening import open_session
from kmm.tui.session import Session
from kmm.tui.standing import thread_view
from kmm.tui.telling import happened, outlook, position

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
            happened(session),
            session.memory(),
            session.locks(),
            session.log(),
            thread_view(session, 0),
            thread_view(session, 1),
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


def test_indexes_are_hexadecimal_like_the_addresses(session: Session) -> None:
    at_first(session, "vma#1.vm_pgoff")
    assert session.log()[-1].text == "vma_address(): vma#1.vm_pgoff is 0x7fffffffe"


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
    said = [line.text for line in happened(session) if line.mark == FATAL]
    assert len(said) == 1
    assert "Up to here all is as on 2.6.34" in said[0]
    assert f"stops fitting after step {fit.left_at}" in said[0]
    assert not session.is_off_schedule
    session.go(fit.left_at + 1)
    assert session.is_off_schedule
    assert position(session) == (
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
    assert outlook(session).startswith(f"Up to step {parts} all is as on 2.6.34.")
    assert f"stops fitting after step {left}: date:4021 must wait" in outlook(session)
    session.go(parts)
    assert outlook(session) == ""  # it is said beside the step


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
    session.restart(open_session(RACE, session.kernel))
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
