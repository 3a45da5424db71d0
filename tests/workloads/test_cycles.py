"""What things cost: the table that comes with kmm, and files that change it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from attrs import evolve

from kmm.hw.apic import InterruptOp
from kmm.hw.memory import FrameOp, WholeFrameOp
from kmm.mm.swapfile import SwapOp
from kmm.sim.clock import Work
from kmm.sim.trap import READ, WRITE, Kind, Op
from kmm.workloads.cycles import (
    FIGURES,
    BadCosts,
    Disk,
    Figure,
    Prices,
    Table,
    by_kind,
    table_from,
    usual_table,
)


def from_text(tmp_path: Path, text: str, base: Table | None = None) -> Table:
    path = tmp_path / "costs.toml"
    path.write_text(text, encoding="utf-8")
    return table_from(path, base)


# The table that comes with kmm.


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_source_or_says_that_it_is_taste(name: str) -> None:
    figure: Figure = getattr(usual_table(), name)
    assert figure.cycles > 0
    assert len(figure.source) > len("taste: ")
    assert "\n" not in figure.source


def test_the_file_has_no_figure_that_nobody_asks_for(tmp_path: Path) -> None:
    import kmm.workloads

    own = Path(kmm.workloads.__file__).with_name("cycles.toml")
    assert table_from(own) == usual_table()


def test_seconds_are_cycles_at_the_clock_s_rate() -> None:
    table = evolve(usual_table(), mhz=2000)
    assert table.cycles(0.5) == 1_000_000_000
    assert table.seconds(table.cycles(1.25)) == 1.25


# Files.


def test_a_file_replaces_only_what_it_names(tmp_path: Path) -> None:
    usual = usual_table()
    table = from_text(
        tmp_path,
        '[machine]\nmhz = 1000\n[cost.lock]\ncycles = 99\nsource = "me"\n'
        "[cost.page_fault]\ncycles = 0\n",
    )
    assert table.mhz == 1000
    assert table.lock == Figure(99, "me")
    assert table.page_fault == Figure(0, "costs.toml")
    assert evolve(
        table, mhz=usual.mhz, lock=usual.lock, page_fault=usual.page_fault
    ) == (usual)


def test_files_can_be_put_on_top_of_one_another(tmp_path: Path) -> None:
    first = from_text(tmp_path, "[cost.lock]\ncycles = 99\n")
    second = from_text(tmp_path, "[cost.interrupt]\ncycles = 7\n", first)
    assert (second.lock.cycles, second.interrupt.cycles) == (99, 7)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert from_text(tmp_path, "") == usual_table()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[cost.lock", "is no TOML file: "),
        ("lock = 3", "nobody knows lock; there is machine, cost"),
        ("machine = 3", "[machine] must be a table, not 3"),
        ("cost = [1]", "[cost] must be a table, not [1]"),
        ("[machine]\nghz = 3", "nobody knows machine.ghz; there is machine.mhz"),
        ("[machine]\nmhz = 0", "machine.mhz must be a whole number, 1 or more: 0"),
        ("[machine]\nmhz = 2.8", "machine.mhz must be a whole number, 1 or more: 2.8"),
        ("[cost.locks]\ncycles = 3", "nobody knows cost.locks; there is cost.kernel_"),
        ("[cost]\nlock = 20", "[cost.lock] must be a table, not 20"),
        ("[cost.lock]\nsource = 'x'", "[cost.lock] needs `cycles = NUMBER`"),
        ("[cost.lock]\ncycle = 3", "nobody knows cost.lock.cycle; there is "),
        ("[cost.lock]\ncycles = -1", "cost.lock.cycles must be a whole number, 0 or"),
        ("[cost.lock]\ncycles = true", "whole number, 0 or more: True"),
        ("[cost.lock]\ncycles = '9'", "whole number, 0 or more: '9'"),
        ("[cost.lock]\ncycles = 9\nsource = 3", "cost.lock.source must be a text"),
        (
            "[cost.bytes_per_cycle]\ncycles = 0",
            "cost.bytes_per_cycle.cycles must be a whole number, 1 or more: 0",
        ),
        (
            "[cost.time_slice]\ncycles = 0",
            "cost.time_slice.cycles must be a whole number, 1 or more: 0",
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_says_why(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(BadCosts) as error:
        from_text(tmp_path, text)
    said = str(error.value)
    assert said.startswith(str(tmp_path / "costs.toml"))
    assert message in said
    assert "\n" not in said


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "costs.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadCosts, match="is no TOML file"):
        table_from(path)


def test_a_file_that_is_not_there_is_the_system_s_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        table_from(tmp_path / "none.toml")


# Prices.


def test_how_often_a_step_misses_the_caches_is_the_table_s() -> None:
    table = evolve(usual_table(), cache_miss=Figure(7, ""), misses=Figure(250, ""))
    drawn = Prices(table, Random(3)).delays
    assert set(drawn) == {0, 7}
    assert 0.24 < drawn.count(7) / len(drawn) < 0.26
    assert drawn == Prices(table, Random(3)).delays
    assert drawn != Prices(table, Random(4)).delays
    assert set(Prices(table).delays) == {0}


def test_a_price_goes_by_what_is_done() -> None:
    table = usual_table()
    prices = Prices(table)
    whole = prices.prices[WholeFrameOp]
    assert whole[WRITE] == table.zero_page.cycles
    assert whole[READ] == table.copy_page.cycles
    sent = prices.prices[InterruptOp]
    assert sent[WRITE] == table.send_interrupt.cycles
    assert sent[Kind.ACQUIRE] == table.interrupt.cycles
    assert by_kind(3, WRITE, 5) == [3, 5, *[3] * 7]


def test_touching_bytes_takes_as_long_as_there_are_bytes() -> None:
    prices = Prices(usual_table())
    per_cycle = usual_table().bytes_per_cycle.cycles

    class Bytes(FrameOp):
        def __init__(self, size: int) -> None:
            self.size = size

    assert prices.cycles(Bytes(1)) == 1
    assert prices.cycles(Bytes(4096)) == 1 + 4096 // per_cycle


def test_work_is_charged_by_its_amount_and_anything_else_as_a_step() -> None:
    table = usual_table()
    prices = Prices(table)
    assert prices.cycles(Work("frames", 10)) == 10 * table.look_at_page.cycles

    class Unheard(Op):
        pass

    assert prices.cycles(Unheard(WRITE, "x")) == table.kernel_step.cycles


def test_the_disk_does_one_thing_after_the_other_and_seeks_where_they_are_apart() -> (
    None
):
    table = usual_table()
    page, seek = table.swap_page.cycles, table.swap_seek.cycles
    disk = Disk()
    assert disk.transfer(table, 0, now=100) == 100 + page
    assert disk.transfer(table, 1, now=100) == 100 + 2 * page
    assert disk.transfer(table, 9, now=100) == 100 + 3 * page + seek
    late = 10 * seek
    assert disk.transfer(table, 10, now=late) == late + page
    assert (disk.transfers, disk.seeks) == (4, 1)


def test_only_the_swap_device_takes_time_of_its_own() -> None:
    table = usual_table()
    prices = Prices(table)
    assert prices.until(Op(WRITE, "x"), 5) == 5
    assert prices.until(SwapOp(0, READ, 0), 5) == 5 + table.swap_page.cycles
