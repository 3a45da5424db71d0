"""Work in slices comes to the same as work at once, whoever interrupts it."""

from __future__ import annotations

import pytest
from sim.programs import toy

from kmm.sim.search import search, searching
from kmm.sim.shrink import find_witness, finding_witness
from kmm.sim.slices import Slices, at_once
from kmm.sim.strategies import SourceDpor


def interrupted(*, catches: bool) -> Slices[str]:
    try:
        yield
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        if catches:
            return "interrupted"
        raise


def test_ctrl_c_in_a_slice_is_for_the_work_to_catch() -> None:
    assert at_once(interrupted(catches=True)) == "interrupted"
    with pytest.raises(KeyboardInterrupt):
        at_once(interrupted(catches=False))


def test_a_search_in_slices_has_one_for_each_run_but_the_last() -> None:
    program = toy(fixed=True, bystander=1)
    alone = search(program, SourceDpor())
    work = searching(program, SourceDpor())
    runs = alone.coverage.executions + alone.coverage.given_up
    for _ in range(runs):
        next(work)
    with pytest.raises(StopIteration) as ended:
        next(work)
    assert ended.value.value == alone


def test_a_witness_is_looked_for_in_more_than_one_slice() -> None:
    program = toy(fixed=False, bystander=1)
    found = search(program, SourceDpor())
    assert found.failure is not None
    work = finding_witness(program, found.choices, found.failure)
    next(work)
    assert at_once(work) == find_witness(program, found.choices, found.failure)
