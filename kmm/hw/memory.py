"""Physical memory: frames of 4096 bytes, and entries in them that CPUs share.

Sizes and addresses are in bytes unless they are called pfn (page frame number).
Numbers in memory are little-endian, as on x86.

Used by everything that keeps something in RAM: the tables, the pages, the walks of
the MMU.  No lock protects RAM: a CPU may read and write any of it at any time.  What
a kernel's locks protect is an agreement among those who take them.

Left out: caches and store buffers.  Here all CPUs see a store in the same step.  On
x86 the CPU that made it may see it earlier than the others (Intel SDM volume 3A,
"Memory Ordering").
"""

from __future__ import annotations

from functools import lru_cache
from itertools import compress, count
from struct import Struct
from typing import NewType

from ..sim.trap import READ, WRITE, Kind, Op, trap

PhysAddr = NewType("PhysAddr", int)
VirtAddr = NewType("VirtAddr", int)
Pfn = NewType("Pfn", int)

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_MASK = ~(PAGE_SIZE - 1)

ZEROS = bytes(PAGE_SIZE)  # what a frame holds that nobody has written

SHOWN = 16  # bytes of an access that a recording keeps

# A page-table entry of 4 or 8 bytes, and a frame full of them.
ENTRY = {4: Struct("<I"), 8: Struct("<Q")}
FRAME = {4: Struct(f"<{PAGE_SIZE // 4}I"), 8: Struct(f"<{PAGE_SIZE // 8}Q")}


Entries = tuple[tuple[int, int], ...]  # each an index, and a value


class PhysicalMemory:
    """RAM.  What is the same everywhere in a frame is kept once.

    A frame that nobody has written reads as zeros and costs nothing.  One that was
    filled with a single value shares that value with all others like it, and frames
    share what was copied from one to the other, until somebody writes to one of them.
    """

    CACHES = ("fills", "pointers")  # see `sim.checkpoint`

    def __init__(self, frames: int) -> None:
        self.frames = frames  # how many there are, from pfn 0 up
        # By pfn.  What is `bytes` may be shared, what is a `bytearray` is not.
        self.written: dict[int, bytes | bytearray] = {}
        self.fills: dict[int, bytes] = {0: ZEROS}  # a byte -> a frame full of it
        # Pointers to entries, by size and address.
        self.pointers = {size: Pointers(self, size) for size in ENTRY}

    def read(self, address: PhysAddr, size: int) -> bytes:
        """`size` bytes, zeros where no RAM is; they must not cross a frame's end."""
        frame = self.written.get(address >> PAGE_SHIFT)
        offset = address & ~PAGE_MASK
        return bytes(frame[offset : offset + size]) if frame else bytes(size)

    def write(self, address: PhysAddr, data: bytes) -> None:
        """Store `data`; it must not cross a frame's end.

        Raises IndexError where there is no RAM, and ValueError at a frame's end.
        """
        pfn, offset = Pfn(address >> PAGE_SHIFT), address & ~PAGE_MASK
        if offset + len(data) > PAGE_SIZE:
            raise ValueError(f"{len(data)} bytes at {address:#x} cross a frame's end")
        if len(data) == PAGE_SIZE and data.count(data[0]) == PAGE_SIZE:
            self.fill_frame(pfn, data[0])
        else:
            self.frame(pfn)[offset : offset + len(data)] = data

    def frame(self, pfn: Pfn) -> bytearray:
        """The bytes of a frame, to be written: its own from here on.

        Raises IndexError where there is no RAM.
        """
        frame = self.written.get(pfn)
        if isinstance(frame, bytearray):
            return frame
        self.check_ram(pfn)
        own = self.written[pfn] = bytearray(frame or ZEROS)
        return own

    def fill_frame(self, pfn: Pfn, value: int) -> None:
        """Store one byte everywhere in a frame.  Raises IndexError without RAM."""
        self.check_ram(pfn)
        self.written[pfn] = self.fills.setdefault(value, bytes([value]) * PAGE_SIZE)

    def check_ram(self, pfn: Pfn) -> None:
        """Raises IndexError if there is no such frame."""
        if not 0 <= pfn < self.frames:
            raise IndexError(f"no RAM at {pfn << PAGE_SHIFT:#x}")

    def pointer(self, address: PhysAddr, size: int = 8) -> EntryPointer:
        """To the page-table entry of `size` bytes at `address`."""
        return self.pointers[size][address]

    # For code that runs alone: no preemption point.

    def read_entry(self, address: PhysAddr, size: int = 8) -> int:
        return self.pointer(address, size).value

    def write_entry(self, address: PhysAddr, value: int, size: int = 8) -> None:
        self.pointer(address, size).value = value

    def entries(self, pfn: Pfn, size: int = 8) -> Entries:
        """The entries of a frame that are not 0, each with its index."""
        frame = self.written.get(pfn)
        return nonzero(bytes(frame), size) if frame else ()

    def clear_frame(self, pfn: Pfn) -> None:
        """Make a frame zeros, by forgetting what was written to it."""
        self.written.pop(pfn, None)

    # For kernel threads: each is one step, before which another CPU may run.

    async def load(self, address: PhysAddr, size: int) -> bytes:
        """Read at one moment, while other CPUs may write."""
        await trap(FrameOp(READ, self, address, size))
        return self.read(address, size)

    async def store(self, address: PhysAddr, data: bytes) -> None:
        """Write at one moment, while other CPUs may read or write."""
        await trap(FrameOp(WRITE, self, address, len(data)))
        self.write(address, data)

    async def zero_frame(self, pfn: Pfn) -> None:
        """Make a whole frame zeros, at one moment."""
        await trap(WholeFrameOp(WRITE, frame_key(pfn)))
        self.clear_frame(pfn)

    async def copy_frame(self, to: Pfn, source: Pfn) -> None:
        """Copy a whole frame, at one moment, to one that nobody else looks at yet."""
        await trap(WholeFrameOp(READ, frame_key(source)))
        frame = self.written.get(source)
        if frame is None:
            self.clear_frame(to)
        else:
            self.written[to] = self.written[source] = bytes(frame)


@lru_cache(maxsize=256)  # those who ask do so of every table, time and again
def nonzero(frame: bytes, size: int) -> Entries:
    """The entries of `size` bytes in a frame that are not 0, each with its index."""
    values = FRAME[size].unpack(frame)
    return tuple((index, values[index]) for index in compress(count(), values))


class Pointers(dict[int, "EntryPointer"]):
    """One pointer for each entry that was ever looked at, made when it is."""

    def __init__(self, memory: PhysicalMemory, size: int) -> None:
        super().__init__()
        self.memory = memory
        self.size = size

    def __missing__(self, address: int) -> EntryPointer:
        found = self[address] = EntryPointer(self.memory, PhysAddr(address), self.size)
        return found


def frame_key(pfn: int) -> str:
    """What the contents of a frame are called, as an object that CPUs share."""
    return f"frame {pfn:#x}"


class FrameOp(Op):
    """An access to some bytes of a frame."""

    __slots__ = ("address", "memory", "size")

    def __init__(
        self, kind: Kind, memory: PhysicalMemory, address: PhysAddr, size: int
    ) -> None:
        super().__init__(kind, frame_key(address >> PAGE_SHIFT))
        self.memory = memory
        self.address = address
        self.size = size

    def peek(self) -> object:
        """The first bytes, as they are printed; without the zeros at their end."""
        data = self.memory.read(self.address, min(self.size, SHOWN)).rstrip(b"\0")
        return repr(data)[1:] if self.size <= SHOWN else repr(data)[1:-1] + "...'"


class WholeFrameOp(Op):
    """A frame is filled with zeros, or copied to another (which is read, then)."""

    __slots__ = ()


class EntryOp(Op):
    """An access to one page-table entry."""

    __slots__ = ("pointer",)

    def __init__(self, kind: Kind, key: str, pointer: EntryPointer) -> None:
        super().__init__(kind, key)
        self.pointer = pointer

    def peek(self) -> object:
        return self.pointer.value


class EntryPointer:
    """Where a page-table entry of 4 or 8 bytes is: what `pte_t *` is to Linux.

    Every access that awaits is a preemption point, whatever locks are held, since the
    MMU of any CPU may be looking at the same entry.
    """

    CACHES = ("to_read", "to_write")  # see `sim.checkpoint`
    __slots__ = (
        "address",
        "entry",
        "memory",
        "offset",
        "pfn",
        "to_read",
        "to_write",
        "written",
    )

    def __init__(self, memory: PhysicalMemory, address: PhysAddr, size: int) -> None:
        self.memory = memory
        self.written = memory.written
        self.address = address
        self.pfn = Pfn(address >> PAGE_SHIFT)
        self.offset = address & ~PAGE_MASK
        self.entry = ENTRY[size]
        name = f"entry {address:#x}"
        self.to_read = EntryOp(READ, name, self)
        self.to_write = EntryOp(WRITE, name, self)

    @property
    def name(self) -> str:
        return self.to_read.key

    @property
    def value(self) -> int:
        """What is there now, for code that runs alone."""
        frame = self.written.get(self.pfn, ZEROS)
        value: int = self.entry.unpack_from(frame, self.offset)[0]
        return value

    @value.setter
    def value(self, value: int) -> None:
        self.entry.pack_into(self.memory.frame(self.pfn), self.offset, value)

    async def read(self) -> int:
        await trap(self.to_read)
        # The same as `value`, without the call: walks come here most of all.
        frame = self.written.get(self.pfn, ZEROS)
        value: int = self.entry.unpack_from(frame, self.offset)[0]
        return value

    async def write(self, value: int) -> None:
        await trap(self.to_write)
        self.value = value

    async def exchange(self, value: int) -> int:
        """Store `value` and return what was there, in one indivisible step (XCHG)."""
        await trap(self.to_write)
        old, self.value = self.value, value
        return old

    async def compare_exchange(self, expected: int, value: int) -> bool:
        """Store `value` if `expected` is there; say whether it was (LOCK CMPXCHG)."""
        await trap(self.to_write)
        if self.value != expected:
            return False
        self.value = value
        return True
