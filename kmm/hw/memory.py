"""Physical memory: frames of 4096 bytes, and entries in them that CPUs share.

Sizes and addresses are in bytes unless they are called pfn (page frame number).
"""

from __future__ import annotations

import struct
from itertools import compress, count
from typing import NewType

from ..sim.trap import READ, WRITE, Kind, Op, trap

PhysAddr = NewType("PhysAddr", int)
VirtAddr = NewType("VirtAddr", int)
Pfn = NewType("Pfn", int)

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_MASK = ~(PAGE_SIZE - 1)

ENTRY_BYTES = 8


class PhysicalMemory:
    """RAM.  A frame that nobody has written reads as zeros and costs nothing."""

    def __init__(self, frames: int) -> None:
        self.frames = frames
        self.written: dict[int, bytearray] = {}
        self.pointers: dict[int, EntryPointer] = {}

    def read(self, address: PhysAddr, size: int) -> bytes:
        """`size` bytes; they must not cross a frame's end."""
        frame = self.written.get(address >> PAGE_SHIFT)
        offset = address & ~PAGE_MASK
        return bytes(frame[offset : offset + size]) if frame else bytes(size)

    def write(self, address: PhysAddr, data: bytes) -> None:
        """Store `data`; it must not cross a frame's end."""
        pfn = address >> PAGE_SHIFT
        if not 0 <= pfn < self.frames:
            raise IndexError(f"no RAM at {address:#x}")
        frame = self.written.get(pfn)
        if frame is None:
            frame = self.written[pfn] = bytearray(PAGE_SIZE)
        offset = address & ~PAGE_MASK
        frame[offset : offset + len(data)] = data

    def pointer(self, address: PhysAddr) -> EntryPointer:
        """To the page-table entry at `address`."""
        found = self.pointers.get(address)
        if found is None:
            found = self.pointers[address] = EntryPointer(self, address)
        return found

    def read_entry(self, address: PhysAddr) -> int:
        return int.from_bytes(self.read(address, ENTRY_BYTES), "little")

    def write_entry(self, address: PhysAddr, value: int) -> None:
        self.write(address, value.to_bytes(ENTRY_BYTES, "little"))

    def entries(self, pfn: Pfn) -> list[tuple[int, int]]:
        """The entries of a frame that are not 0, each with its index."""
        frame = self.written.get(pfn)
        if frame is None:
            return []
        values = struct.unpack(f"<{PAGE_SIZE // ENTRY_BYTES}Q", frame)
        return [(index, values[index]) for index in compress(count(), values)]

    def clear_frame(self, pfn: Pfn) -> None:
        self.written.pop(pfn, None)

    async def copy_frame(self, to: Pfn, source: Pfn) -> None:
        """Copy a whole frame, at one moment, to one that nobody else looks at yet."""
        await trap(Op(READ, f"frame {source:#x}"))
        if source in self.written:
            self.written[to] = bytearray(self.written[source])
        else:
            self.written.pop(to, None)


class EntryOp(Op):
    """An access to one page-table entry."""

    __slots__ = ("pointer",)

    def __init__(self, kind: Kind, pointer: EntryPointer) -> None:
        self.kind = kind
        self.key = pointer.name
        self.pointer = pointer

    def peek(self) -> object:
        return self.pointer.memory.read_entry(self.pointer.address)


class EntryPointer:
    """Where a page-table entry is: what `pte_t *` is to Linux.

    Every access is a preemption point, whatever locks are held, since the MMU of any
    CPU may be looking at the same entry.
    """

    __slots__ = ("address", "memory", "name", "to_read", "to_write")

    def __init__(self, memory: PhysicalMemory, address: PhysAddr) -> None:
        self.memory = memory
        self.address = address
        self.name = f"entry {address:#x}"
        self.to_read = EntryOp(READ, self)
        self.to_write = EntryOp(WRITE, self)

    async def read(self) -> int:
        await trap(self.to_read)
        return self.memory.read_entry(self.address)

    async def write(self, value: int) -> None:
        await trap(self.to_write)
        self.memory.write_entry(self.address, value)

    async def exchange(self, value: int) -> int:
        """Store `value` and return what was there, in one indivisible step (XCHG)."""
        await trap(self.to_write)
        old = self.memory.read_entry(self.address)
        self.memory.write_entry(self.address, value)
        return old

    async def compare_exchange(self, expected: int, value: int) -> bool:
        """Store `value` if `expected` is there; say whether it was (LOCK CMPXCHG)."""
        await trap(self.to_write)
        if self.memory.read_entry(self.address) != expected:
            return False
        self.memory.write_entry(self.address, value)
        return True
