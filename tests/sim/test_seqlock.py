"""Sequence counters: who reads again never sees half of a write."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import define, field
from sim.programs import Cell, threads
from sim.traces import every_run

from kmm.sim.machine import Machine
from kmm.sim.seqlock import SeqCount


@define
class Pair:
    """Two words that are equal except while they are changed."""

    seq: SeqCount = field(factory=lambda: SeqCount("seq"))
    words: tuple[Cell, Cell] = field(factory=lambda: (Cell("one"), Cell("other")))

    async def write(self) -> None:
        await self.seq.write_begin()
        for word in self.words:
            await word.write(1)
        await self.seq.write_end()

    async def read(self) -> tuple[int, int]:
        one, other = self.words
        return await one.read(), await other.read()

    async def read_again_if_written(self) -> tuple[int, int]:
        while True:
            begun = await self.seq.read_begin()
            found = await self.read()
            if not await self.seq.read_retry(begun):
                return found


def pairs_read(read: Callable[[Pair], Coroutine[Any, Any, tuple[int, int]]]) -> object:
    """What a reader may find beside a writer, over every interleaving."""
    found: set[tuple[int, int]] = set()

    def boot() -> Machine:
        pair = Pair()

        async def reader() -> None:
            found.add(await read(pair))

        return Machine(threads(pair.write(), reader()))

    for machine in every_run(boot):
        assert machine.failure is None
    return found


def test_who_reads_again_after_a_write_never_sees_half_of_it() -> None:
    assert pairs_read(Pair.read_again_if_written) == {(0, 0), (1, 1)}


def test_who_does_not_read_again_does() -> None:
    assert pairs_read(Pair.read) == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_a_reader_waits_only_while_somebody_writes_and_a_writer_for_nobody() -> None:
    seq = SeqCount("seq")

    async def write() -> None:
        await seq.write_begin()
        await seq.write_end()

    async def read() -> None:
        await seq.read_begin()

    writer, reader = threads(write(), read())
    machine = Machine([writer, reader])
    assert machine.enabled() == [writer, reader]
    machine.step(writer)
    assert str(seq) == "1, being written"
    assert machine.enabled() == [writer]
    machine.step(writer)
    assert machine.enabled() == [reader]
    machine.close()
