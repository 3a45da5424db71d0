"""Read-copy-update: what readers may still be looking at is not freed.

Linux: include/linux/rcupdate.h.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from .locks import drop
from .thread import Held, KThread
from .trap import SHARE, UNSHARE, WAIT, WRITE, GateOp, Op, trap


class Rcu(Held):
    """Read sections that delay the freeing of what they may be looking at.

    Readers never wait.  `synchronize` sleeps until every section that had begun when
    it was called has ended.  A reader must not sleep (the kernels modelled here have
    no preemptible RCU).
    """

    atomic = True
    tracked = False  # its readers never wait

    def __init__(self) -> None:
        self.name = "rcu"
        self.begun = 0  # sections so far; each is known by its number
        self.sections: list[tuple[int, KThread]] = []

    async def read_lock(self) -> None:
        current = await trap(Op(SHARE, self.name))
        self.begun += 1
        self.sections.append((self.begun, current))
        current.held.append(self)

    async def read_unlock(self) -> None:
        current = await trap(Op(UNSHARE, self.name))
        drop(current, self)
        innermost = max(
            (s for s in self.sections if s[1] is current), key=lambda s: s[0]
        )
        self.sections.remove(innermost)

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self.read_lock()

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            await self.read_unlock()

    async def sections_so_far(self) -> int:
        """The number of the last section begun: who frees something asks this first.

        What is unlinked by then is out of reach of all later sections.
        """
        await trap(Op(WRITE, self.name))
        return self.begun

    async def synchronize(self) -> None:
        """Wait for a grace period: until the sections of now have ended."""
        await trap(Op(WRITE, self.name))
        await trap(GateOp(WAIT, self.name, GracePeriod(self), sleeps=True))


class GracePeriod:
    """The read sections that one call of `synchronize` has to outlive."""

    def __init__(self, rcu: Rcu) -> None:
        self.rcu = rcu
        self.last = rcu.begun

    def admits(self, op: Op) -> bool:
        return all(number > self.last for number, _ in self.rcu.sections)

    def __str__(self) -> str:
        return f"waits for read sections up to {self.last}"
