"""A person at the command line chooses who goes on."""

from __future__ import annotations

from cli.running import fresh_kmm

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.scenarios.race import ScheduleToken
from kmm.tui.opening import open_session

RUN = ("run", "exec-stack", "--strategy", "person")


def failing_schedule() -> str:
    """A run that fails, as somebody would type it."""
    session = open_session(find_race("exec-stack"), find_kernel("2.6.34"))
    return str(session.token).split("/")[2]


def typed(schedule: str) -> str:
    """Each block of a schedule on a line of its own."""
    lines, block = [], ""
    for character in schedule:
        block += character
        if character.isalpha():
            lines.append(block)
            block = ""
    return "\n".join(lines) + "\n"


def test_a_run_that_is_typed_in_is_that_run() -> None:
    schedule = failing_schedule()
    ran = fresh_kmm(*RUN, stdin=typed(schedule))
    assert ran.code == 1
    assert "kernel BUG at include/linux/swapops.h:105!" in ran.out
    assert f"/{schedule}/" in ran.out


def test_each_question_says_who_could_go_on_and_with_what() -> None:
    ran = fresh_kmm(*RUN, stdin="")
    assert "step 1:" in ran.err
    assert "a: CPU 0, compact: acquire zone DMA.lru_lock" in ran.err
    assert "b: CPU 1, date:" in ran.err


def test_a_run_that_is_left_says_where_and_can_be_gone_on_with() -> None:
    ran = fresh_kmm(*RUN, stdin="3a\n2b\nq\n")
    assert ran.code == 0
    assert "the run was left here, after 5 steps" in ran.out
    token = ScheduleToken.parse(ran.out.rpartition("kmm replay ")[2])
    assert (token.choices, token.is_part) == ((0, 0, 0, 1, 1), True)
    again = fresh_kmm("replay", str(token))
    assert "the run was left here, after 5 steps" in again.out


def test_what_cannot_be_followed_is_asked_again() -> None:
    ran = fresh_kmm(*RUN, stdin="z\n0a\nhello\na\n\nq\n")
    assert ran.err.count("a letter, steps and a letter") == 3
    assert "after 2 steps" in ran.out
