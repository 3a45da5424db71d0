"""Sequence counters: readers find out that somebody has written meanwhile.

Linux: include/linux/seqlock.h.
"""

from __future__ import annotations

from .trap import READ, WAIT, WRITE, GateOp, Op, trap


class SeqCount:
    """seqcount_t: readers that never keep a writer waiting, and may read again.

    Odd while somebody writes.  Writers are kept apart by some other lock.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.sequence = 0

    def admits(self, op: Op) -> bool:
        return op.kind is not WAIT or self.sequence % 2 == 0

    async def write_begin(self) -> None:
        await trap(GateOp(WRITE, self.name, self, sleeps=False))
        self.sequence += 1

    async def write_end(self) -> None:
        await trap(GateOp(WRITE, self.name, self, sleeps=False))
        self.sequence += 1

    async def read_begin(self) -> int:
        """Spin until nobody writes; the sequence number then."""
        await trap(GateOp(WAIT, self.name, self, sleeps=False))
        return self.sequence

    async def read_retry(self, begun: int) -> bool:
        """Whether somebody has written since; what was read is worth nothing then."""
        await trap(GateOp(READ, self.name, self, sleeps=False))
        return self.sequence != begun

    def __str__(self) -> str:
        return f"{self.sequence}" + (", being written" if self.sequence % 2 else "")
