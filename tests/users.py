"""A process with files: its calls, one at a time, and the memory that they use."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from areas import AREA
from attrs import define
from building import boot, settle

from kmm.fs.audit import audit_files
from kmm.fs.namei import sys_link, sys_unlink
from kmm.fs.open import sys_creat, sys_open
from kmm.fs.pipe import sys_pipe
from kmm.fs.ramfs import init_rootfs
from kmm.fs.read_write import sys_read, sys_write
from kmm.fs.vfs import Inode, vfs_of
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.files import O_RDWR, sys_close
from kmm.kernel.process import Process, start_process
from kmm.mm.audit import audit
from kmm.mm.kernel import Kernel
from kmm.mm.mm_types import File, Task
from kmm.sim.search import Boot, SearchResult, search
from kmm.sim.strategies import SourceDpor

T = TypeVar("T")

PAGES = 20  # at AREA, of each user
NOWHERE = 0x1000


@define(eq=False)
class User:
    """A process whose program may use PAGES pages at AREA, and its stack above."""

    process: Process

    @property
    def k(self) -> Kernel:
        return self.process.k

    @property
    def task(self) -> Task:
        return self.process.task

    def run(self, body: Coroutine[Any, Any, T]) -> T:
        return self.process.run(body)

    def fork(self, cpu: int | None = None) -> User:
        return User(self.process.fork(cpu))

    def open(self, path: str, flags: int = O_RDWR) -> int:
        return self.run(sys_open(self.k, self.task, path, flags))

    def creat(self, path: str) -> int:
        return self.run(sys_creat(self.k, self.task, path))

    def close(self, fd: int) -> int:
        return self.run(sys_close(self.k, self.task, fd))

    def link(self, old: str, new: str) -> int:
        return self.run(sys_link(self.k, self.task, old, new))

    def unlink(self, path: str) -> int:
        return self.run(sys_unlink(self.k, self.task, path))

    def pipe(self, flags: int = 0) -> tuple[int, int]:
        fds = self.run(sys_pipe(self.k, self.task, flags))
        assert isinstance(fds, tuple)
        return fds

    def write(self, fd: int, data: bytes) -> int:
        """Put the data into memory, and write them from there."""
        for start in range(0, len(data), PAGE_SIZE):
            self.process.store(VirtAddr(AREA + start), data[start : start + PAGE_SIZE])
        return self.run(sys_write(self.k, self.task, fd, AREA, len(data)))

    def read(self, fd: int, count: int) -> bytes | int:
        """What was read, or the error."""
        done = self.run(sys_read(self.k, self.task, fd, AREA, count))
        if done < 0:
            return done
        data = b""
        for start in range(0, done, PAGE_SIZE):
            length = min(PAGE_SIZE, done - start)
            data += self.process.load(VirtAddr(AREA + start), length)
        return data

    def file(self, fd: int) -> File:
        assert self.task.files is not None
        return self.task.files.fd[fd]

    def fds(self) -> list[int]:
        return sorted(self.task.files.fd) if self.task.files is not None else []

    def audit(self) -> None:
        settle(self.k)
        audit(self.k)
        audit_files(self.k)


def user(k: Kernel | None = None, cpu: int = 0, **config: int) -> User:
    """A new process, and a kernel with an empty file system unless there is one."""
    if k is None:
        k = boot("2.6.36", **{"frames": 64, **config})
        init_rootfs(k)
    process = start_process(k, "user", cpu)
    process.map_anonymous(AREA, PAGES)
    process.task.sp = VirtAddr(AREA + PAGES * PAGE_SIZE)
    return User(process)


def inode_of(k: Kernel, name: str) -> Inode | None:
    """What a name stands for, with nobody else about."""
    dentry = vfs_of(k).chain(name).first
    return dentry.d_inode if dentry is not None else None


def inode(k: Kernel, name: str) -> Inode:
    found = inode_of(k, name)
    assert found is not None
    return found


def proof(boot_race: Boot, budget: int = 20_000) -> SearchResult:
    """All interleavings, as far as they differ."""
    return search(boot_race, SourceDpor(), budget=budget)
