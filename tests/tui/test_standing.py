"""Where each thread stands."""

from __future__ import annotations

from tui.sessions import at_first, texts

from kmm.tui.session import Session
from kmm.tui.standing import thread_view


def test_a_thread_stands_at_the_line_of_its_next_operation(session: Session) -> None:
    at_first(session, "changes vma#1.vm_start")
    view = thread_view(session, 1)
    assert view.name == "CPU 1: date:4021"
    assert view.trace.endswith("shift_arg_pages > vma_adjust > store_bounds")
    assert view.standing == "next: store vma#1.vm_end"
    assert view.function is not None
    assert view.next_line is not None
    assert view.done_line is not None
    lines = view.function.lines
    assert "VMA.vm_end" in lines[view.next_line - view.function.first]
    assert "VMA.vm_start" in lines[view.done_line - view.function.first]
    assert thread_view(session, 0).done_line is None


def test_a_thread_that_waits_says_for_what(session: Session) -> None:
    at_first(session, "waits for mm#1.page_table_lock")
    assert thread_view(session, 0).standing == "must wait for mm#1.page_table_lock"
    waiting = "mm#1.page_table_lock   date:4021; compact:3977 waits"
    assert waiting in texts(session.locks())


def test_a_thread_that_has_ended_shows_its_last_function(session: Session) -> None:
    session.go(session.last)
    view = thread_view(session, 0)
    assert view.standing == "has ended"
    assert view.trace == ""
    assert view.next_line is None
    assert view.function is not None
