"""The table of races and kernels: what is run, what is shared, what is kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from attrs import evolve

from kmm.designs import find_kernel
from kmm.scenarios import find_race
from kmm.scenarios.matrix import NOT_RUN, Cell, Job, Store, matrix, run

QUICK = ("lock-order-newest-first", "anon-vma-pinned")


def table(kernels: Sequence[str], store: Store | None = None) -> list[Cell]:
    return matrix(
        [find_race(name) for name in QUICK],
        [find_kernel(name) for name in kernels],
        workers=1,
        store=store,
    )


def untimed(cells: Sequence[Cell]) -> list[Cell]:
    return [evolve(cell, seconds=0.0, cached=False) for cell in cells]


def test_there_is_a_cell_for_each_race_and_kernel_in_the_order_of_the_table() -> None:
    cells = table(["2.6.34", "2.6.36"])
    assert [(cell.race, cell.kernel) for cell in cells] == [
        (race, kernel) for race in QUICK for kernel in ("2.6.34", "2.6.36")
    ]
    assert [cell.verdict for cell in cells] == ["bug", "bug", "proved", "proved"]
    assert {cell.failure_kind for cell in cells[:2]} == {"deadlock"}
    assert all(cell.schedule is not None for cell in cells[:2])


def test_two_processes_give_the_same_table_as_one() -> None:
    races = [find_race(name) for name in QUICK]
    kernels = [find_kernel("v4"), find_kernel("v6")]
    one, two = (matrix(races, kernels, workers=n) for n in (1, 2))
    assert untimed(one) == untimed(two)


def test_cells_with_the_same_answers_are_run_once() -> None:
    # The race insists on the two answers in which these kernels differ but for exec's.
    first, second = matrix(
        [find_race("lock-order-newest-first")],
        [find_kernel("v5"), find_kernel("v6")],
        workers=1,
    )
    assert (first.same_as, second.same_as) == (None, "v5")
    assert second.executions == first.executions


def test_what_was_kept_is_not_run_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    before, after = table(["v6"], store), table(["v6"], store)
    assert not any(cell.cached for cell in before)
    assert all(cell.cached for cell in after)
    assert untimed(before) == untimed(after)
    fresh = table(["v6"], evolve(store, fresh=True))
    assert not any(cell.cached for cell in fresh)


JOB = Job("anon-vma-pinned", "v6", 1000)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"race": 1}', '"proved"'])
def test_a_file_that_is_no_cell_counts_as_missing(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    store.path(JOB).write_text(text)
    assert store.load(JOB) is None


def test_another_race_kernel_or_budget_is_another_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    others = (
        evolve(JOB, race="lock-order"),
        evolve(JOB, kernel="v5"),
        evolve(JOB, budget=2),
    )
    assert len({store.path(job) for job in (JOB, *others)}) == 4


def test_what_cannot_be_kept_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    store = Store(blocked / "folder")
    store.save(JOB, run(JOB))
    assert store.load(JOB) is None


def test_a_budget_leaves_a_cell_open_and_says_so() -> None:
    cell = run(evolve(JOB, budget=2))
    assert (cell.verdict, cell.stopped, cell.executions) == ("survived", "budget", 2)


def test_what_time_has_cut_short_is_never_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    late = run(Job("stack-growth", "2.6.36", 1000, seconds=0.0))
    assert (late.verdict, late.stopped) == ("survived", "seconds")
    store.save_all({JOB: late})
    assert store.load(JOB) is None


def test_an_interruption_leaves_the_other_cells_not_run(tmp_path: Path) -> None:
    store = Store(tmp_path)
    table(["v6"], store)

    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (1, 2)
        raise KeyboardInterrupt

    cells = matrix(
        [find_race("anon-vma-pinned")],
        [find_kernel("v6"), find_kernel("2.6.36")],
        store=store,
        progress=interrupt,
    )
    assert [cell.verdict for cell in cells] == ["proved", NOT_RUN]


def test_a_cell_is_kept_as_json(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(JOB, run(JOB))
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["verdict"] == "proved"
