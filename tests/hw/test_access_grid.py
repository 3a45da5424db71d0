"""The grid of accesses: its size, its oracle, a tenth of it, and some cases beyond."""

from __future__ import annotations

from itertools import combinations, product
from operator import attrgetter
from typing import Any

import attrs
import pytest
from hw.access_grid import (
    FETCH,
    FLAGS,
    KINDS,
    NONE,
    ODD,
    PDE_13,
    PDE_51,
    PTE_51,
    READ,
    SIZE,
    WRITE,
    Bench,
    Cell,
    Outcome,
    expected,
    grid,
    tenth,
)
from page_tables import ALL, FRAME, Mapped

from kmm.hw.memory import VirtAddr
from kmm.hw.modes import PS, RW, D, P
from kmm.hw.paging import Operation, PageFault, access, translate
from kmm.sim.machine import run_alone

FREE = Cell(
    pde_p=True,
    pde_rw=True,
    pde_us=True,
    pde_a=False,
    pde_d=False,
    pte_p=True,
    pte_rw=True,
    pte_us=True,
    pte_a=False,
    pte_d=False,
    pdpte_rw=True,
    user=True,
    twice=False,
    wp=True,
    kind=READ,
    pde_ps=False,
    pde_xd=False,
    pte_xd=False,
    nxe=True,
    reserved=NONE,
)


def cell(**changes: Any) -> Cell:
    return attrs.evolve(FREE, **changes)


def legal(
    write: int, fetch: int, ps: int, bit_13: int, bit_51s: int, xds: int, nxe: int
) -> bool:
    """Whether a mix of one-bit flags is in the grid, by the description's words."""
    reserved = bit_13 + bit_51s + (0 if nxe else xds)
    return not (write and fetch) and reserved <= 1 and ps >= bit_13


def test_a_plain_count_of_legal_mixes_of_flags_gives_the_size_of_the_grid() -> None:
    mixes = sum(
        legal(write, fetch, ps, bit_13, pde_51 + pte_51, pde_xd + pte_xd, nxe)
        for write, fetch, ps, bit_13, pde_51, pte_51, pde_xd, pte_xd, nxe in product(
            (0, 1), repeat=9
        )
    )
    assert mixes * 2**14 == SIZE


def test_each_cell_of_the_grid_is_another() -> None:
    for part in (FLAGS, KINDS, ODD):
        assert len(set(part)) == len(part)
    assert len(FLAGS) * len(KINDS) * len(ODD) == SIZE
    ends = [attrs.astuple(end) for end in grid([0, SIZE - 1])]
    assert ends == [(*FLAGS[0], READ, *ODD[0]), (*FLAGS[-1], FETCH, *ODD[-1])]


def test_the_oracle_gives_what_is_worked_out_by_hand() -> None:
    assert expected(cell()) == Outcome(None, True, False, True, False)
    wrote = Outcome(None, True, False, True, True)
    assert expected(cell(kind=WRITE)) == wrote
    large = cell(kind=WRITE, pde_ps=True, pte_p=False)
    assert expected(large) == Outcome(None, True, True, False, False)
    for error, changes in (
        (4, {"pde_p": False}),
        (0x16 - 0x10, {"pte_p": False, "kind": WRITE}),
        (5, {"pte_us": False}),
        (7, {"kind": WRITE, "pdpte_rw": False}),
        (3, {"kind": WRITE, "pde_rw": False, "user": False}),
        (0x15, {"kind": FETCH, "pte_xd": True}),
        (0xD, {"kind": FETCH, "pte_xd": True, "nxe": False}),
        (0xD, {"reserved": PTE_51, "pte_us": False}),
        (0xD, {"reserved": PDE_51, "pte_p": False}),
        (0x1D, {"reserved": PDE_13, "pde_ps": True, "kind": FETCH}),
    ):
        assert expected(cell(**changes)).error == error, changes
    assert expected(cell(kind=WRITE, pde_rw=False, user=False, wp=False)) == wrote
    assert expected(cell(reserved=PTE_51, pde_ps=True)).error is None


@pytest.mark.slow
def test_the_tenth_has_every_pair_of_values_that_the_grid_has() -> None:
    names = [attribute.name for attribute in attrs.fields(Cell)]
    # 18 flags of two values, one of three, one of four; but bit 13 needs PS.
    two, three, four = 18, 3, 4
    every = 4 * two * (two - 1) // 2 + 2 * two * (three + four) + three * four - 1
    take = attrgetter(*names)
    columns = list(zip(*map(take, tenth()), strict=True))
    pairs = sum(len(set(zip(*two, strict=True))) for two in combinations(columns, 2))
    assert pairs == every


@pytest.mark.slow
def test_a_tenth_of_the_grid_comes_out_as_the_oracle_says() -> None:
    bench = Bench()
    cells = 0
    for one in tenth():
        cells += 1
        wrong = bench.wrong(one)
        assert not wrong, wrong
    assert cells == -(-SIZE // 10)


# Beyond the grid.


def test_a_table_that_two_entries_share_is_as_open_as_the_way_to_it() -> None:
    """The same page table, through a PDE that allows writes and one that does not."""
    mapped = Mapped("long")
    level = mapped.levels[2]
    other = VirtAddr(mapped.address - level.size)
    slot = level.slot(mapped.memory, mapped.table(2), other)
    slot.value = mapped.now()[2] & ~RW
    write = access(Operation.WRITE, user=True)
    for _ in range(2):
        with pytest.raises(PageFault, match="error code 0x7"):
            run_alone(translate(mapped.tables, mapped.paging, other, write))
        run_alone(translate(mapped.tables, mapped.paging, mapped.address, write))


def test_without_wp_a_write_to_a_read_only_large_page_makes_it_dirty() -> None:
    mapped = Mapped("long", None, {"wp": False})
    mapped.put(2, FRAME | (ALL & ~RW) | PS)
    assert isinstance(mapped.reach(Operation.WRITE, user=False), int)
    assert mapped.now()[2] & D


def test_smep_without_wp_still_lets_the_supervisor_write_a_read_only_page() -> None:
    settings = {"smep": True, "wp": False}
    mapped = Mapped("long", [ALL, ALL, ALL, ALL & ~RW], settings)
    assert mapped.reach(Operation.WRITE, user=False) == FRAME + 0x123
    assert mapped.reach(Operation.FETCH, user=False) == "#PF 0x11"


def test_a_fault_tells_of_its_own_entry_and_not_of_a_neighbours() -> None:
    mapped = Mapped("long")
    level = mapped.levels[3]
    neighbour = VirtAddr(mapped.address + level.size)
    assert level.slot(mapped.memory, mapped.table(3), neighbour).value & P == 0
    read = access(Operation.READ, user=True)
    with pytest.raises(PageFault, match="error code 0x4"):
        run_alone(translate(mapped.tables, mapped.paging, neighbour, read))


def test_a_large_page_that_a_reserved_bit_broke_works_again_once_mended() -> None:
    mapped = Mapped("long")
    mapped.put(2, FRAME | ALL | PS)
    whole = mapped.reach(Operation.WRITE)
    mended = mapped.now()[2]
    mapped.put(2, mended | 1 << 51)
    assert mapped.reach(Operation.WRITE) == "#PF 0xf"
    mapped.put(2, mended)
    assert mapped.reach(Operation.WRITE) == whole == FRAME + mapped.address % (2 << 20)
