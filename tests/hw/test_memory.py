"""Physical memory, and the entries that CPUs share."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kmm.hw.memory import PAGE_SIZE, Pfn, PhysAddr, PhysicalMemory
from kmm.sim.failure import Corruption
from kmm.sim.machine import Machine, run_alone
from kmm.sim.search import search
from kmm.sim.strategies import Enumeration
from kmm.sim.thread import KThread

FRAMES = 8


@given(
    st.lists(
        st.tuples(
            st.integers(0, FRAMES - 1),
            st.integers(0, PAGE_SIZE - 1),
            st.binary(min_size=1, max_size=64),
        )
    )
)
def test_memory_holds_what_was_written_last_and_zeros_elsewhere(
    writes: list[tuple[int, int, bytes]],
) -> None:
    memory, plain = PhysicalMemory(FRAMES), bytearray(FRAMES * PAGE_SIZE)
    for pfn, offset, data in writes:
        fits = data[: PAGE_SIZE - offset]
        address = pfn * PAGE_SIZE + offset
        memory.write(PhysAddr(address), fits)
        plain[address : address + len(fits)] = fits
    for pfn in range(FRAMES):
        start = pfn * PAGE_SIZE
        whole = memory.read(PhysAddr(start), PAGE_SIZE)
        assert whole == plain[start : start + PAGE_SIZE]


def test_a_frame_that_nobody_wrote_costs_nothing() -> None:
    memory = PhysicalMemory(frames=1 << 20)
    assert memory.read(PhysAddr(12345 * PAGE_SIZE), 16) == bytes(16)
    assert memory.written == {}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["write", "fill", "whole", "copy", "clear"]),
            st.integers(0, FRAMES - 1),
            st.integers(0, 255),
        )
    )
)
def test_what_frames_share_is_never_seen(
    doings: list[tuple[str, int, int]],
) -> None:
    """Frames that are filled, copied and written to hold what separate ones would."""
    memory = PhysicalMemory(FRAMES)
    plain = [bytearray(PAGE_SIZE) for _ in range(FRAMES)]
    for what, number, value in doings:
        pfn, other = Pfn(number), Pfn(value % FRAMES)
        match what:
            case "write":
                memory.write(PhysAddr(pfn * PAGE_SIZE + value), b"x")
                plain[pfn][value] = ord("x")
            case "fill":
                memory.fill_frame(pfn, value)
                plain[pfn][:] = bytes([value]) * PAGE_SIZE
            case "whole":
                memory.write(PhysAddr(pfn * PAGE_SIZE), bytes([value]) * PAGE_SIZE)
                plain[pfn][:] = bytes([value]) * PAGE_SIZE
            case "copy":
                run_alone(memory.copy_frame(pfn, other))
                plain[pfn][:] = plain[other]
            case "clear":
                memory.clear_frame(pfn)
                plain[pfn][:] = bytes(PAGE_SIZE)
        for frame in range(FRAMES):
            whole = memory.read(PhysAddr(frame * PAGE_SIZE), PAGE_SIZE)
            assert whole == plain[frame]


def test_frames_full_of_one_value_keep_it_once() -> None:
    memory = PhysicalMemory(frames=1 << 20)
    for pfn in range(1000):
        memory.write(PhysAddr(pfn * PAGE_SIZE), b"\x55" * PAGE_SIZE)
    assert len({id(frame) for frame in memory.written.values()}) == 1
    memory.write(PhysAddr(7 * PAGE_SIZE), b"x")
    assert memory.read(PhysAddr(8 * PAGE_SIZE), 1) == b"\x55"


def test_a_copy_shares_the_bytes_until_one_of_the_two_is_written_to() -> None:
    memory = PhysicalMemory(FRAMES)
    memory.write(PhysAddr(PAGE_SIZE), b"contents")
    run_alone(memory.copy_frame(Pfn(2), Pfn(1)))
    assert memory.written[1] is memory.written[2]
    memory.pointer(PhysAddr(2 * PAGE_SIZE)).value = 0
    assert memory.read(PhysAddr(PAGE_SIZE), 8) == b"contents"


def test_data_must_not_cross_the_end_of_a_frame() -> None:
    memory = PhysicalMemory(FRAMES)
    with pytest.raises(ValueError, match="cross a frame's end"):
        memory.write(PhysAddr(2 * PAGE_SIZE - 1), b"xy")
    assert memory.written == {}


def test_there_is_no_ram_beyond_the_last_frame() -> None:
    with pytest.raises(IndexError):
        PhysicalMemory(FRAMES).write(PhysAddr(FRAMES * PAGE_SIZE), b"x")


def test_a_copied_frame_is_a_copy() -> None:
    memory = PhysicalMemory(FRAMES)
    memory.write(PhysAddr(PAGE_SIZE), b"contents")
    run_alone(memory.copy_frame(Pfn(2), Pfn(1)))
    memory.write(PhysAddr(PAGE_SIZE), b"changed!")
    assert memory.read(PhysAddr(2 * PAGE_SIZE), 8) == b"contents"


def test_the_entries_of_a_frame_are_those_that_are_not_zero() -> None:
    memory = PhysicalMemory(FRAMES)
    memory.write_entry(PhysAddr(PAGE_SIZE + 8), 0x123)
    memory.write_entry(PhysAddr(PAGE_SIZE + 511 * 8), 0x456)
    assert memory.entries(Pfn(1)) == ((1, 0x123), (511, 0x456))
    assert memory.entries(Pfn(2)) == ()


def two_changes_of_an_entry(*, locked: bool) -> bool:
    """Whether two CPUs that each set a bit of an entry can lose one of the bits."""

    def boot() -> Machine:
        memory = PhysicalMemory(FRAMES)
        entry = memory.pointer(PhysAddr(PAGE_SIZE))

        async def set_bit(bit: int) -> None:
            while True:
                old = await entry.read()
                if not locked:
                    await entry.write(old | bit)
                    return
                if await entry.compare_exchange(old, old | bit):
                    return

        def check() -> None:
            if memory.read_entry(entry.address) != 3:
                raise Corruption("a bit was lost")

        bodies = (set_bit(1), set_bit(2))
        return Machine([KThread("t", i, i, b) for i, b in enumerate(bodies)], check)

    return search(boot, Enumeration()).verdict == "bug"


def test_a_locked_update_of_an_entry_loses_nothing_and_a_plain_one_may() -> None:
    assert two_changes_of_an_entry(locked=False)
    assert not two_changes_of_an_entry(locked=True)


def test_exchange_returns_what_was_there() -> None:
    entry = PhysicalMemory(FRAMES).pointer(PhysAddr(PAGE_SIZE))
    run_alone(entry.write(7))
    assert run_alone(entry.exchange(0)) == 7
    assert run_alone(entry.read()) == 0
