"""Races, and their runs as one word."""

from __future__ import annotations

import pytest

from kmm.designs import UnknownName, find_kernel
from kmm.mm.kernel import Kernel
from kmm.scenarios import RACES, Race, ScheduleToken, find_race
from kmm.sim.schedule import ScheduleError


@pytest.mark.parametrize("race", RACES.values(), ids=RACES)
def test_a_race_asks_a_question_and_tells_what_each_thread_does(race: Race) -> None:
    assert race.asks.endswith("?")
    machine = race.booter(find_kernel("2.6.34"))()
    threads = [thread for thread in machine.threads if not thread.daemon]
    assert len(threads) == len(race.threads) == race.bounds["threads"]
    machine.close()


def test_a_race_insists_on_its_own_answers() -> None:
    kernel = find_race("exec-stack-peek").kernel(find_kernel("v6"))
    assert kernel.pte_peek.name == "unlocked"
    assert kernel.text == "v6,pte-peek=unlocked"


def test_every_machine_of_a_race_has_its_answers() -> None:
    race, asked = find_race("tlb-stale"), find_kernel("2.6.34")
    own = race.kernel(asked).tlb_flush
    assert asked.tlb_flush != own
    machines = (
        race.boot(asked),
        race.scene(asked).boot(),
        race.booter(asked)(),
        race.rewinder(asked)(),
    )
    for machine in machines:
        assert isinstance(machine.model, Kernel)
        assert machine.model.tlb_flush is own
        machine.close()


def test_a_token_is_read_back_as_it_was_written() -> None:
    token = ScheduleToken("exec-stack", find_kernel("v4"), (0, 0, 1, 0), "12ab")
    assert str(token) == "exec-stack/v4/2a1b1a/12ab"
    assert ScheduleToken.parse(str(token) + "\n") == token


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "1 parts"),
        ("exec-stack/v4/2a", "3 parts"),
        ("exec-stack/v9/2a/0000", "no kernel is called 'v9'"),
        ("exec-stack/v4/a2/0000", "expected a number of steps"),
        ("exec-stack/v4/999999999a/0000", "no run has more than"),
    ],
)
def test_a_text_that_is_no_token_is_refused_with_its_cause(
    text: str, cause: str
) -> None:
    with pytest.raises(ScheduleError, match=cause):
        ScheduleToken.parse(text)


def test_an_unknown_race_says_what_there_is() -> None:
    with pytest.raises(UnknownName, match="exec-stack-peek"):
        find_race("exec")
