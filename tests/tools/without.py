"""A module of kmm without one of its sites (`marks`), for this process alone.

The module is compiled from its mutated syntax when it is imported; no file changes.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from tools.marks import Site, mutated

from kmm.sim.locks import ExclusiveLock, RwSem
from kmm.sim.rcu import Rcu
from kmm.sim.thread import KThread
from kmm.sim.trap import READ, Op, get_current, trap

# What each thread did not take, though it was told to, and has yet to give back.
PRETENDED: WeakKeyDictionary[KThread, list[object]] = WeakKeyDictionary()


def leave_out(site: Site, *, harmless: bool = False) -> None:
    """From now on `site` is not there.  Its module must not be imported yet.

    If it is to be `harmless`, there is one more preemption point instead.
    """
    if site.module in sys.modules:
        raise RuntimeError(f"{site.module} is imported already")
    sys.meta_path.insert(0, Mutator(site, harmless))
    for owner, names in RELEASING:
        for name in names:
            setattr(owner, name, forgiving(getattr(owner, name)))


class Mutator(MetaPathFinder):
    """Finds the one module."""

    def __init__(self, site: Site, harmless: bool) -> None:
        self.site = site
        self.harmless = harmless

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname != self.site.module:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.origin is not None:
            spec.loader = Mutant(self.site, self.harmless, fullname, spec.origin)
        return spec


class Mutant(SourceFileLoader):
    """Compiles it, every time."""

    def __init__(self, site: Site, harmless: bool, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self.site = site
        self.harmless = harmless

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        source = self.get_data(path).decode()
        tree = mutated(source, path, self.site.position, self.harmless)
        code = compile(tree, path, "exec", dont_inherit=True)
        assert isinstance(code, CodeType)
        return code


# Locks that are not taken.


@asynccontextmanager
async def nothing(side: object) -> AsyncIterator[None]:
    """In the place of a lock: `async with nothing(zone.lock):`"""
    await pretend(side)
    yield
    await stop_pretending(side)


async def pretend(lock: object) -> bool:
    """In the place of taking a lock, or of trying to.

    A preemption point, as giving it back is: without the lock others may come before
    what it protects, and after, however short that is.
    """
    await pause()
    PRETENDED.setdefault(await get_current(), []).append(lock)
    return True


async def stop_pretending(lock: object) -> None:
    await pause()
    PRETENDED[await get_current()].remove(lock)


async def pause() -> None:
    """One preemption point more, on something that is nobody's."""
    await trap(Op(READ, "nothing"))


@asynccontextmanager
async def after_pause(lock: AbstractAsyncContextManager[None]) -> AsyncIterator[None]:
    await pause()
    async with lock:
        yield


def lacks_a_lock(thread: KThread) -> bool:
    """Whether it goes on as if it had one."""
    return bool(PRETENDED.get(thread))


def forgiving(release: Callable[[Any], Awaitable[None]]) -> Any:
    """A way to give back a lock, for those too who never had it."""

    async def give_back(lock: Any) -> None:
        pretended = PRETENDED.get(await get_current(), [])
        if any(one is lock for one in pretended):
            await stop_pretending(lock)
        else:
            await release(lock)

    return give_back


RELEASING: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (ExclusiveLock, ("unlock",)),
    (RwSem, ("up_read", "up_write")),
    (Rcu, ("read_unlock",)),
)
