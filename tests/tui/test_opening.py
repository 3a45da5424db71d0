"""How a session begins."""

from __future__ import annotations

import pytest
from tui.sessions import opened

from kmm.tui.session import Session
from kmm.tui.telling import ending


def test_an_unprotected_kernel_opens_with_a_run_that_fails(session: Session) -> None:
    assert session.at == 0
    assert session.recording.failure is not None
    assert ending(session) == f"fails at step {session.last}"


@pytest.mark.parametrize("kernel", ["v6", "2.6.35"])
def test_a_fixed_kernel_opens_with_a_run_that_ends_well(kernel: str) -> None:
    session = opened(kernel)
    assert session.recording.failure is None
    assert "one after the other" in session.origin
    choices = session.recording.choices
    assert sorted(choices) == list(choices)


def test_the_answers_that_a_race_insists_on_are_part_of_the_kernel() -> None:
    session = opened("v6", race="exec-stack-peek")
    assert session.kernel.text == "v6,pte-peek=unlocked"
    assert session.token.kernel == session.kernel
