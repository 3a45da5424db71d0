"""The kernel's locks, each a preemption point to take and another to give back.

A thread that wants a lock announces it and is not chosen until it can have it, so a
waiter is simply a thread whose next operation is not possible yet.  Whether it spins
or sleeps meanwhile changes what it may hold (`Held.atomic`), not the order of things.

    async with anon_vma.lock:
        ...

gives the lock back at the end of the block, but not when a BUG ends the thread: an
oops leaves its locks held, as in the kernel.

Left out: the order in which waiters arrived.  Any of them may be next, which allows
every order that a queue allows, and some that it does not.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from attrs import Attribute

from .access import Named, atomic_add, atomic_add_unless
from .failure import ModelFailure
from .thread import Held, KThread
from .trap import (
    ACQUIRE,
    READ,
    RELEASE,
    SHARE,
    TRY,
    UNSHARE,
    WAIT,
    Gate,
    GateOp,
    Kind,
    Op,
    trap,
)


def drop(current: KThread, lock: Held) -> None:
    """Note that a thread no longer holds a lock; raise ModelFailure if it never did."""
    if lock not in current.held:
        raise ModelFailure(
            "BUG: bad unlock balance detected!",
            f"{current.name} gives back {lock.name}, which it does not hold",
        )
    current.held.remove(lock)


class NestedOp(GateOp):
    """Taking a lock while another of its class may be held, for a reason.

    It changes nothing but what `lockdep` thinks of it.
    """

    __slots__ = ("outer", "subclass")

    def __init__(
        self,
        kind: Kind,
        key: str,
        gate: Gate,
        *,
        subclass: int = 0,
        outer: Held | None = None,
    ) -> None:
        super().__init__(kind, key, gate, sleeps=isinstance(gate, Mutex | RwSem))
        self.subclass = subclass
        self.outer = outer


class ExclusiveLock(Held):
    """A lock with one holder at a time."""

    CACHES = ("to_lock", "to_unlock")  # see `sim.checkpoint`
    __slots__ = ("name", "owner", "to_lock", "to_unlock")

    sleeps = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.owner: KThread | None = None
        self.to_lock = GateOp(ACQUIRE, name, self, sleeps=self.sleeps)
        self.to_unlock = GateOp(RELEASE, name, self, sleeps=False)

    def admits(self, op: Op) -> bool:
        return op.kind < ACQUIRE or self.owner is None

    async def lock(self) -> None:
        current = await trap(self.to_lock)
        self.owner = current
        current.held.append(self)

    async def lock_nested(self, subclass: int) -> None:
        """Take it where another lock of its class is held, which comes first always.

        spin_lock_nested: `subclass` is the depth, 1 for the second (0 is `lock`).
        """
        await self._take(NestedOp(ACQUIRE, self.name, self, subclass=subclass))

    async def lock_nest_lock(self, outer: Held) -> None:
        """Take one of many locks of its class; `outer` keeps others from doing so too.

        spin_lock_nest_lock: in which order they are taken is nobody's business then.
        """
        await self._take(NestedOp(ACQUIRE, self.name, self, outer=outer))

    async def _take(self, op: Op) -> None:
        current = await trap(op)
        self.owner = current
        current.held.append(self)

    async def trylock(self) -> bool:
        """Take the lock if it is free; say whether it was."""
        current = await trap(GateOp(TRY, self.name, self, sleeps=False))
        if self.owner is not None:
            return False
        self.owner = current
        current.held.append(self)
        return True

    async def unlock(self) -> None:
        current = await trap(self.to_unlock)
        drop(current, self)
        self.owner = None

    async def wait_free(self) -> None:
        """Spin until the lock is seen free once, without taking it.

        For loops that have failed to get it, and would only fail again before.
        """
        await trap(GateOp(WAIT, self.name, self, sleeps=False))

    def nested(self, subclass: int) -> NestedSide:
        """`async with lock.nested(1):`"""
        return NestedSide(self, subclass)

    # The blocks hand on what waits, rather than wait for it themselves: a frame between
    # a thread and its trap costs time at every step.

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self.lock()

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            await self.unlock()

    def __str__(self) -> str:
        return "free" if self.owner is None else f"held by {self.owner.name}"


class NestedSide:
    """The block form of lock_nested."""

    def __init__(self, lock: ExclusiveLock, subclass: int) -> None:
        self.lock = lock
        self.subclass = subclass

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self.lock.lock_nested(self.subclass)

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            await self.lock.unlock()


class SpinLock(ExclusiveLock):
    """spinlock_t: its holder must not sleep."""

    __slots__ = ()

    atomic = True


async def atomic_dec_and_lock(
    struct: Named, field: Attribute[int], lock: SpinLock
) -> bool:
    """Take one from a counter; if it comes to 0, say so, and hold the lock.

    (lib/dec_and_lock.c.)  The lock is taken only if the counter is 1 at first.
    """
    if await atomic_add_unless(struct, field, -1, unless=1):
        return False
    await lock.lock()
    if await atomic_add(struct, field, -1) == 0:
        return True
    await lock.unlock()
    return False


class Mutex(ExclusiveLock):
    """A lock to sleep for: struct mutex.

    A lock bit is one too; it can also be looked at, and waited for without taking it.
    """

    __slots__ = ()

    sleeps = True

    async def is_locked(self) -> bool:
        """A look at one moment; it may have changed by the next line."""
        await trap(GateOp(READ, self.name, self, sleeps=False))
        return self.owner is not None

    async def wait_unlocked(self) -> None:
        """Sleep until the lock is seen free once."""
        await trap(GateOp(WAIT, self.name, self, sleeps=True))


class BitLock(Mutex):
    """A bit of a word that serves as a lock, such as PG_locked.

    There is no room beside a bit for what `lockdep` has to know of a lock, so it does
    not follow these, here as in Linux.
    """

    __slots__ = ()

    tracked = False


class RwSem(Held):
    """rw_semaphore: many readers or one writer, all of whom may sleep."""

    CACHES = ("to_read", "to_write")  # see `sim.checkpoint`
    __slots__ = ("name", "readers", "to_read", "to_write", "writer")

    def __init__(self, name: str) -> None:
        self.name = name
        self.writer: KThread | None = None
        self.readers: list[KThread] = []
        self.to_write = GateOp(ACQUIRE, name, self, sleeps=True)
        self.to_read = GateOp(SHARE, name, self, sleeps=True)

    def admits(self, op: Op) -> bool:
        if op.kind is ACQUIRE:
            return self.writer is None and not self.readers
        return op.kind is not SHARE or self.writer is None

    async def down_write(self, subclass: int = 0) -> None:
        """Take it alone; `subclass` is 1 where another of its class is held already."""
        op: Op = self.to_write
        if subclass:
            op = NestedOp(ACQUIRE, self.name, self, subclass=subclass)
        current = await trap(op)
        self.writer = current
        current.held.append(self)

    async def up_write(self) -> None:
        current = await trap(GateOp(RELEASE, self.name, self, sleeps=False))
        drop(current, self)
        self.writer = None

    async def down_read(self) -> None:
        current = await trap(self.to_read)
        self.readers.append(current)
        current.held.append(self)

    async def up_read(self) -> None:
        current = await trap(GateOp(UNSHARE, self.name, self, sleeps=False))
        drop(current, self)
        self.readers.remove(current)

    @property
    def for_write(self) -> WriteSide:
        """`async with mm.mmap_sem.for_write:`"""
        return WriteSide(self)

    @property
    def for_write_nested(self) -> WriteSide:
        """The same inside of another of its class (SINGLE_DEPTH_NESTING)."""
        return WriteSide(self, 1)

    @property
    def for_read(self) -> ReadSide:
        """`async with mm.mmap_sem.for_read:`"""
        return ReadSide(self)

    def __str__(self) -> str:
        if self.writer is not None:
            return f"written by {self.writer.name}"
        if self.readers:
            return f"read by {', '.join(t.name for t in self.readers)}"
        return "free"


class WriteSide:
    """The block form of down_write and up_write."""

    def __init__(self, sem: RwSem, subclass: int = 0) -> None:
        self.sem = sem
        self.subclass = subclass

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self.sem.down_write(self.subclass)

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            await self.sem.up_write()


class ReadSide:
    """The block form of down_read and up_read."""

    def __init__(self, sem: RwSem) -> None:
        self.sem = sem

    def __aenter__(self) -> Coroutine[Any, Any, None]:
        return self.sem.down_read()

    async def __aexit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is None:
            await self.sem.up_read()
