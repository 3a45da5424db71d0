"""Were a submission to reach the judge after all, the judge would know.

Here the tests do what `vet` does not let a submission do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kmm.exercises.canary import Canary, Tampered
from kmm.mm import migrate, rmap
from kmm.mm.mm_types import VmArea
from kmm.sim import failure, machine, search
from kmm.sim.strategies import source_dpor
from kmm.sim.thread import KThread


def ends_well(_: Any, thread: KThread, __: Any) -> None:
    """However a thread has ended."""
    thread.pending = None


def always_proved(failure: object, everything: bool) -> str:
    return "proved"


@pytest.fixture(scope="module")
def canary() -> Canary:
    return Canary.new()


@pytest.fixture
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


def nothing(*_: Any, **__: Any) -> None:
    """What a checker should not be."""


def test_a_judge_that_nobody_has_touched_is_sane(canary: Canary) -> None:
    canary.check()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (failure, "bug_on"),
        (search, "search"),
        (search, "run_once"),
        (rmap, "try_to_unmap_one"),
        (migrate, "unmap_and_move"),
        (source_dpor, "SourceDpor"),
    ],
)
def test_another_function_in_a_module_is_found(
    canary: Canary, patch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    patch.setattr(module, name, nothing)
    with pytest.raises(Tampered, match=name):
        canary.check()


@pytest.mark.parametrize("name", ["step", "finish", "_end", "enabled"])
def test_another_method_is_found(
    canary: Canary, patch: pytest.MonkeyPatch, name: str
) -> None:
    patch.setattr(machine.Machine, name, nothing)
    with pytest.raises(Tampered, match=f"Machine.{name}"):
        canary.check()


def test_other_code_in_the_same_function_is_found(
    canary: Canary, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(search.verdict_of, "__code__", always_proved.__code__)
    with pytest.raises(Tampered, match="verdict_of"):
        canary.check()


def test_another_field_of_a_structure_is_found(
    canary: Canary, patch: pytest.MonkeyPatch
) -> None:
    patch.setattr(VmArea, "vm_end", 0)
    with pytest.raises(Tampered, match=r"VmArea\.vm_end"):
        canary.check()


def test_a_checker_that_finds_nothing_any_more_does_not_find_the_known_bug(
    canary: Canary, patch: pytest.MonkeyPatch
) -> None:
    blind = Canary(frozenset(), canary.results)  # as if the code had looked the same
    patch.setattr(machine.Machine, "_end", ends_well)
    with pytest.raises(Tampered, match="does not end as it did"):
        blind.check()
