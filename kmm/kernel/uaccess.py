"""Copying between the kernel and a program's memory.

Linux: arch/x86/include/asm/uaccess.h, arch/x86/lib/usercopy_64.c.  A page that is not
there yet is faulted in on the way, so whoever copies may sleep; an address that is bad
ends the copy, and not the program.  So does a fault for which there is no memory.  (Not
in `put_user` and `strnlen_user`, which exec alone calls, for a stack that it has just
made.)
"""

from __future__ import annotations

from ..hw.memory import PAGE_MASK, PAGE_SIZE, VirtAddr
from ..mm.fault import FatalSignal
from ..mm.memory import OutOfMemory
from ..mm.mm_types import Task
from ..mm.mmap import TASK_SIZE

WORD = 8  # bytes


def access_ok(address: int, size: int) -> bool:
    """Whether a range can be a program's at all."""
    return 0 <= address <= TASK_SIZE - size


def pieces(address: int, size: int) -> list[tuple[VirtAddr, int]]:
    """A range, cut where pages end: where each piece is, and how long."""
    found = []
    end = address + size
    while address < end:
        length = min(PAGE_SIZE - (address & ~PAGE_MASK), end - address)
        found.append((VirtAddr(address), length))
        address += length
    return found


async def copy_from_user(task: Task, address: int, size: int) -> bytes | None:
    """What a program has in its memory; None if it cannot all be read."""
    if not access_ok(address, size):
        return None
    data = b""
    try:
        for where, length in pieces(address, size):
            data += await task.cpu.load(where, length, user=False)
    except (FatalSignal, OutOfMemory):
        return None
    return data


async def copy_to_user(task: Task, address: int, data: bytes) -> int:
    """Store in a program's memory; how many bytes could not be stored."""
    if not access_ok(address, len(data)):
        return len(data)
    left = len(data)
    try:
        for where, length in pieces(address, left):
            done = len(data) - left
            piece = data[done : done + length]
            await task.cpu.store(where, piece, user=False)
            left -= length
    except (FatalSignal, OutOfMemory):
        pass
    return left


async def put_user(task: Task, address: VirtAddr, word: int) -> None:
    """Store 8 bytes in the program's memory.  Raises FatalSignal, and OutOfMemory."""
    data = word.to_bytes(WORD, "little")
    await task.cpu.store(address, data, user=False)


async def strnlen_user(task: Task, address: VirtAddr) -> int:
    """The length of a string in the program's memory, its NUL included.

    Raises FatalSignal, and OutOfMemory.
    """
    length = 0
    while True:
        room = PAGE_SIZE - ((address + length) & ~PAGE_MASK)
        data = await task.cpu.load(VirtAddr(address + length), room, user=False)
        if b"\0" in data:
            return length + data.index(b"\0") + 1
        length += room
