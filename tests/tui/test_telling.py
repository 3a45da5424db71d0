"""A session in sentences."""

from __future__ import annotations

from typing import get_args

from tui.sessions import RACE, at_first, opened, texts

from kmm.sim.failure import FailureKind, ReportKind
from kmm.tui.lines import CHANGED, FATAL
from kmm.tui.session import Session
from kmm.tui.standing import thread_view
from kmm.tui.telling import FAILURES, failing_words, happened, timeline


def test_a_newcomer_is_told_what_this_is_and_what_to_press(session: Session) -> None:
    text = " ".join(texts(happened(session)))
    assert "Press space to step" in text
    assert " ".join(RACE.story.split()) in text
    assert RACE.watch in text
    assert f"it fails at step {session.last}" in text


def test_what_happened_says_who_where_what_and_what_for(session: Session) -> None:
    at_first(session, "changes vma#1.vm_start")
    who, change, what_for = happened(session)
    assert who.text == "CPU 1 (date) in store_bounds(): changes vma#1.vm_start"
    assert change.text == "vma#1.vm_start  0x7fffffffe000 -> 0x7fffffff8000"
    assert change.mark == CHANGED
    assert what_for.text.startswith("store_bounds(): ")


def test_a_page_walk_is_the_mmus_work_and_a_kernels_look_is_not(
    session: Session,
) -> None:
    for moment in range(1, session.last + 1):
        session.go(moment)
        sentence = happened(session)[0].text
        if "in strnlen_user()" in sentence:
            walks = "looks at the" in sentence
            assert walks == ("strnlen_user(), its MMU: looks at" in sentence)
        if "in move_ptes()" in sentence:
            assert "MMU" not in sentence


def test_the_failing_step_shows_the_failure(session: Session) -> None:
    session.go(session.last)
    assert session.is_at_failure
    fatal = [line.text for line in happened(session) if line.mark == FATAL]
    assert fatal == ["kernel BUG at include/linux/swapops.h:105!"]
    assert "the kernel meets what must not be" in failing_words(session)[0]
    view = thread_view(session, 1)
    assert view.is_failed
    assert view.standing == "failed here"
    assert view.function is not None
    assert view.function.name == "migration_entry_to_page"
    session.go(session.last - 1)
    assert not session.is_at_failure
    assert not thread_view(session, 1).is_failed


def test_a_mapcount_is_the_number_of_entries_everywhere(session: Session) -> None:
    at_first(session, "page_remove_rmap()")
    assert "page 0xc.mapcount  1 -> 0" in texts(happened(session))
    assert session.log()[-1].text == "page_remove_rmap(): page 0xc.mapcount 1 -> 0"


def test_flags_are_shown_by_name() -> None:
    session = at_first(opened("2.6.35"), "vm_flags")
    assert happened(session)[0].text.endswith(
        "looks at vma#1.vm_flags: read write growsdown seq_read rand_read"
    )


def test_the_timeline_has_a_digit_for_each_step_done(session: Session) -> None:
    wide = session.last
    assert timeline(session, wide) == "." * (wide - 1) + FATAL
    first = next(s.number for s in session.recording.steps if s.thread == 1)
    session.go(first + 1)
    assert timeline(session, wide)[first - 1 : first + 3] == "01.."
    session.go(session.last)
    assert set(timeline(session, 40)) == {"0", "1", FATAL}
    assert len(timeline(session, 40)) == 40


def test_every_kind_of_failure_has_words() -> None:
    assert set(FAILURES) == {*get_args(FailureKind), *get_args(ReportKind)}
