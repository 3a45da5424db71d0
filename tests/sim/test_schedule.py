"""Schedules as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmm.sim.machine import MAX_STEPS
from kmm.sim.schedule import (
    LETTERS,
    ScheduleError,
    context_switches,
    decode,
    encode,
    place_of_step,
)

choices = st.lists(st.integers(0, len(LETTERS) - 1))
blocks = st.lists(st.tuples(st.integers(1, 99), st.sampled_from(LETTERS)))


@given(choices)
def test_choices_survive_being_written_down(choices: list[int]) -> None:
    assert decode(encode(choices)) == choices


@given(blocks)
def test_every_list_of_blocks_is_a_schedule(blocks: list[tuple[int, str]]) -> None:
    text = "".join(f"{steps}{letter}" for steps, letter in blocks)
    expected = "".join(letter * steps for steps, letter in blocks)
    assert [LETTERS[choice] for choice in decode(text)] == list(expected)


def test_a_schedule_reads_as_blocks() -> None:
    assert encode([0, 0, 1, 0]) == "2a1b1a"
    assert encode([]) == ""


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a", "'a'"),
        ("14", "'14'"),
        ("2a0b", "'0b'"),
        ("2a b", "' b'"),
        ("3A", "'3A'"),
        ("-1a", "'-1a'"),
        ("2a\n", r"'\n'"),
        ("٢a", "'٢a'"),
    ],
)
def test_text_that_is_no_schedule_is_refused_where_it_goes_wrong(
    text: str, where: str
) -> None:
    with pytest.raises(ScheduleError) as refusal:
        decode(text)
    assert f"not a schedule at {where}:" in str(refusal.value)


@pytest.mark.parametrize("text", [f"{MAX_STEPS}a1b", "9" * 9 + "a", "9" * 5000 + "a"])
def test_a_schedule_longer_than_any_run_is_refused_before_it_fills_the_memory(
    text: str,
) -> None:
    with pytest.raises(ScheduleError):
        decode(text)


def test_a_run_of_the_greatest_length_can_be_written_down() -> None:
    assert len(decode(f"{MAX_STEPS}a")) == MAX_STEPS


@pytest.mark.parametrize(
    ("text", "switches"),
    [("", 0), ("5a", 0), ("5a1b", 1), ("1a1b1a", 2), ("1a1b1c", 2)],
)
def test_a_switch_is_a_step_of_another_thread_than_the_last(
    text: str, switches: int
) -> None:
    assert context_switches(decode(text)) == switches


@pytest.mark.parametrize(
    ("step", "place"),
    [
        (0, "step 1 (1 of 2a, block 1)"),
        (1, "step 2 (2 of 2a, block 1)"),
        (2, "step 3 (1 of 1b, block 2)"),
        (5, "step 6 (3 of 3a, block 3)"),
    ],
)
def test_a_step_is_named_with_its_block(step: int, place: str) -> None:
    assert place_of_step(decode("2a1b3a"), step) == place
