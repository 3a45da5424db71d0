"""The letter's recipe: it breaks 2.6.34, by the same run each time, step by step."""

from __future__ import annotations

from functools import cache

import pytest
from attrs import evolve

from kmm.designs import parse_kernel
from kmm.mm.audit import check_always
from kmm.report.interleaving import lanes
from kmm.report.stress import table_text
from kmm.workloads.endurance import (
    SLICE,
    StressResult,
    over_seeds,
    run,
    slices,
)
from kmm.workloads.stress import MIB, Recipe, set_up, small
from kmm.workloads.tail import NotWanted, last_steps
from kmm.workloads.triggers import TRIGGERS
from kmm.workloads.userland import System

pytestmark = pytest.mark.slow

BREAKS = 1  # a seed with which exec is overtaken soon,
LONGER = 0.014  # within so many seconds
SMALL = evolve(small(parse_kernel("vanilla")), only="c", seed=BREAKS)
TINY = evolve(SMALL, children=2, spec=parse_kernel("v6"), only="abc")


@cache
def broken() -> StressResult:
    return run(SMALL, LONGER)


def test_vanilla_fails_in_exec_as_it_did_in_2010() -> None:
    failure = broken().failure
    assert failure is not None
    assert (failure.kind, broken().verdict) == ("bug_on", "bug")
    assert failure.message == "kernel BUG at include/linux/swapops.h:105!"
    functions = [place.function for place in failure.trace]
    assert functions.index("strnlen_user") < functions.index("load_elf_binary")


@pytest.mark.slow
def test_vanilla_fails_where_holes_are_punched_in_pages_of_ones_own() -> None:
    recipe = evolve(
        small(parse_kernel("vanilla")),
        only="b",
        memory=2 * MIB,
        mapping=MIB // 8,
        children=4,
        holes=4,
        pause=0.0,
        seed=1,
    )
    failure = run(recipe, 0.06).failure
    assert failure is not None
    assert failure.message == "kernel BUG at include/linux/swapops.h:105!"
    assert {"memset", "do_swap_page"} <= {place.function for place in failure.trace}


def test_the_fixed_kernels_survive_as_long() -> None:
    for kernel in ("v6", "2.6.36"):
        result = run(evolve(SMALL, spec=parse_kernel(kernel)), LONGER)
        assert (result.verdict, result.failure, result.seconds) == (
            "survived",
            None,
            LONGER,
        )
        assert result.counts["execs"] > 5
        assert result.events["pgmigrate_success"] > 50


def test_the_same_recipe_is_the_same_run_however_often_it_is_looked_at() -> None:
    def look(system: System) -> bool:
        check_always(system.k)
        return True

    again = run(SMALL, LONGER, look)
    assert again == broken()
    assert run(evolve(SMALL, seed=1), 0.001) != run(evolve(SMALL, seed=2), 0.001)


def test_the_last_steps_lead_to_the_failure() -> None:
    recording = last_steps(broken(), 400)
    assert recording.failure == broken().failure
    assert len(recording.steps) == 400
    assert len(recording.moments) == 401
    assert [step.number for step in recording.steps] == list(range(400))
    cpus = [recording.threads[index].cpu for index in recording.columns]
    assert len(cpus) == len(set(cpus)) == 3


def test_who_does_not_want_them_any_more_need_not_wait() -> None:
    with pytest.raises(NotWanted):
        last_steps(broken(), 400, lambda _: False)


def test_what_matters_of_them_tells_of_the_race() -> None:
    drawn = "\n".join(lanes(last_steps(broken(), 400)))
    first = [
        "try_to_unmap_one: ",  # the migration puts its entry in
        "store_bounds: vma",  # exec says that the stack is elsewhere
    ]
    order = [
        "gives back PG_locked",  # so the migration finds it not, and is done
        "move_ptes: pte",  # exec moves the entry along
        "kernel BUG at include/linux/swapops.h:105!",
    ]
    places = [drawn.index(words) for words in order]
    assert max(drawn.index(words) for words in first) < places[0]
    assert places == sorted(places)


def test_every_step_is_drawn_if_that_is_wanted() -> None:
    drawn = lanes(last_steps(broken(), 30), every=True)
    numbers = [line.split()[0] for line in drawn if line.split()[0].isdigit()]
    assert numbers == [str(number) for number in range(1, 31)]


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_memory_moves_by_each_trigger_and_all_adds_up(trigger: str) -> None:
    recipe = evolve(TINY, trigger=trigger, memory=16 * MIB)
    system = set_up(recipe)
    for _ in slices(system, 4 * SLICE):
        check_always(system.k)
    assert system.machine.failure is None
    assert system.k.vm_events["pgmigrate_success"] > 0
    assert len(system.k.nodes) == (2 if trigger == "move_pages" else 1)


def test_mappings_are_the_letter_s_as_far_as_they_fit() -> None:
    recipe = Recipe(parse_kernel("v6"))
    assert evolve(recipe, memory=2048 * MIB).pages << 12 == 24 * MIB
    assert evolve(recipe, memory=64 * MIB).pages << 12 == 64 * MIB // 10 & -4096
    assert evolve(recipe, mapping=MIB).pages << 12 == MIB
    asked_for = recipe.frames * 3 // 2 + 3 * recipe.children * recipe.pages
    assert recipe.swap_slots > asked_for


def test_each_child_of_b_punches_as_many_holes_as_it_is_told() -> None:
    for holes in (1, 3):
        recipe = evolve(TINY, only="b", holes=holes, children=4, mapping=MIB // 16)
        system = set_up(recipe)
        while not system.counts.get("rounds of stress-b"):
            system.machine.run_until(system.now + 100_000)
        assert system.counts["holes"] // recipe.children == holes
        assert system.machine.failure is None
        system.machine.close()


def test_memory_that_went_away_comes_back() -> None:
    system = set_up(evolve(TINY, trigger="hot-remove"))
    zone = system.k.zones[0]
    whole = zone.present_pages
    seen = set()
    for _ in slices(system, 4 * SLICE):
        seen.add(zone.present_pages)
    assert system.counts["removals"] > 0
    assert seen <= {whole, whole - (1 << TINY.block_order)} | set(
        range(whole - (1 << TINY.block_order), whole)
    )


def test_an_interruption_says_what_was_covered() -> None:
    def interrupted(system: object) -> bool:
        raise KeyboardInterrupt

    result = run(TINY, 1.0, interrupted)
    assert run(TINY, 1.0, lambda _: False) == result
    assert (result.stopped, result.verdict) == ("interrupt", "survived")
    assert 0 < result.seconds <= SLICE
    assert result.steps > 0


def test_a_table_has_each_kernel_with_each_seed() -> None:
    recipes = [SMALL, evolve(SMALL, spec=parse_kernel("v6"))]
    rows = over_seeds(recipes, 2, LONGER)
    assert rows[0][1] == broken()
    assert [[r.recipe.seed for r in row if r] for row in rows] == [[0, 1], [0, 1]]
    lines = [line.split() for line in table_text(rows).splitlines()]
    soon = f"{broken().seconds:.4f}"
    assert lines[1] == ["2.6.34", "1/2", soon, soon, "-", soon]
    assert lines[2] == ["v6", "0/2", "-", "-", "-", "-"]


def test_a_table_that_is_interrupted_says_what_is_missing() -> None:
    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    rows = over_seeds([TINY], 2, 0.001, progress=stop)
    assert rows[0][0] is not None
    assert rows[0][1] is None
    assert "?: not run" in table_text(rows)
