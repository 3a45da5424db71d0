"""Recorded sequences of memory calls, and the VMAs that each left behind.

A program made sixteen calls in an arena of 64 pages.  After each were written down:
what it returned, the signal that a touch ended in, and every VMA of the arena; and at
the end, how many pages of each VMA were in memory.

Recorded on Linux 6.18, and compared with 6.1 and 6.12.  Cases in which these differ are
skipped; the others are held against the model under `call-rules=6.x`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from ..designs import find_kernel
from ..hw.memory import PAGE_SHIFT, PAGE_SIZE, VirtAddr
from ..kernel.exit import do_exit
from ..kernel.process import Process, start_process
from ..kernel.syscalls import (
    sys_fork,
    sys_madvise,
    sys_mlock,
    sys_mmap,
    sys_mprotect,
    sys_mremap,
    sys_munlock,
    sys_munmap,
)
from ..mm.boot import start_kernel
from ..mm.fault import FatalSignal
from ..mm.filemap import new_mapping
from ..mm.kernel import Config, Kernel
from ..mm.mm_types import (
    VM_EXEC,
    VM_MAYSHARE,
    VM_READ,
    VM_WRITE,
    File,
    Task,
    VmArea,
)
from ..mm.observe import entries_of
from ..mm.pgtable import pte_present, vm_normal_page
from .recorded import Case, Malformed, Skip
from .shape import operations

ARENA = VirtAddr(0x7F00_0000_0000)
FILE_PAGES = 64
FRAMES = 512

RET = b"\xc3"  # what a touch writes: an instruction, so that it can be executed

OLDER_KERNELS = ("k61", "k612")

# How many numbers follow the name of an operation.
OPERATIONS = {
    "mmap": 6,
    "munmap": 3,
    "mprotect": 4,
    "mremap": 5,
    "madvise": 3,
    "mlock": 2,
    "munlock": 2,
    "touch": 2,
    "fork": 0,
}

# One line of the arena: first page, page after the last, rights, offset, kind.
Line = list[Any]


def check(case: Case) -> None:
    """Raises Malformed."""
    ops, steps = operations(case)
    for place, (op, step) in enumerate(zip(ops, steps, strict=True)):
        if not isinstance(op, list) or not op or op[0] not in OPERATIONS:
            raise Malformed(f"operation {place}: {op!r} is none that is known")
        numbers = op[1:]
        if len(numbers) != OPERATIONS[op[0]] or not all(
            isinstance(n, int) and -(1 << 20) < n < 1 << 20 for n in numbers
        ):
            raise Malformed(f"operation {place}: {op!r} does not have its numbers")
        if not isinstance(step, list) or len(step) != 4:
            raise Malformed(f"step {place} is not a list of four")
    if not isinstance(case.get("final", []), list):
        raise Malformed("final should be a list")


@define(eq=False)
class Arena:
    """The program of one case."""

    k: Kernel
    process: Process
    file: File

    @property
    def task(self) -> Task:
        return self.process.task

    def address(self, page: int, misalign: int = 0) -> int:
        return ARENA + page * PAGE_SIZE + misalign

    def run(self, op: list[Any]) -> list[Any]:
        """One operation, and what is written down of it."""
        call: Callable[..., list[Any]] = getattr(self, op[0])
        return [*call(*op[1:]), self.lines()]

    def lines(self) -> list[Line]:
        """The VMAs of the arena."""
        mm = self.task.mm
        assert mm is not None
        return [line_of(vma, self.file) for vma in mm.mmap]

    def result(self, value: int, *, is_address: bool = False) -> list[Any]:
        if value < 0:
            return [-1, -value, {}]
        return [(value - ARENA) >> PAGE_SHIFT if is_address else value, 0, {}]

    # The operations, by the names that files use.

    def mmap(
        self, page: int, length: int, prot: int, flags: int, filepage: int, off: int
    ) -> list[Any]:
        call = sys_mmap(
            self.k,
            self.task,
            self.address(page, off),
            length * PAGE_SIZE,
            prot,
            flags,
            self.file if filepage >= 0 else None,
            max(0, filepage) * PAGE_SIZE,
        )
        return self.result(self.process.run(call), is_address=True)

    def munmap(self, page: int, length: int, off: int) -> list[Any]:
        where = self.address(page, off)
        call = sys_munmap(self.k, self.task, where, length * PAGE_SIZE)
        return self.result(self.process.run(call))

    def mprotect(self, page: int, length: int, prot: int, off: int) -> list[Any]:
        where = self.address(page, off)
        call = sys_mprotect(self.k, self.task, where, length * PAGE_SIZE, prot)
        return self.result(self.process.run(call))

    def mremap(self, page: int, old: int, new: int, flags: int, to: int) -> list[Any]:
        call = sys_mremap(
            self.k,
            self.task,
            self.address(page),
            old * PAGE_SIZE,
            new * PAGE_SIZE,
            flags,
            self.address(to),
        )
        return self.result(self.process.run(call), is_address=True)

    def madvise(self, page: int, length: int, advice: int) -> list[Any]:
        where = self.address(page)
        call = sys_madvise(self.k, self.task, where, length * PAGE_SIZE, advice)
        return self.result(self.process.run(call))

    def mlock(self, page: int, length: int) -> list[Any]:
        where = self.address(page)
        call = sys_mlock(self.k, self.task, where, length * PAGE_SIZE)
        return self.result(self.process.run(call))

    def munlock(self, page: int, length: int) -> list[Any]:
        where = self.address(page)
        call = sys_munlock(self.k, self.task, where, length * PAGE_SIZE)
        return self.result(self.process.run(call))

    def touch(self, page: int, how: int) -> list[Any]:
        """Read, write, or execute what a write has put there."""
        where = VirtAddr(self.address(page))
        try:
            if how == 1:
                self.process.store(where, RET)
                return [0, 0, {}]
            value = self.process.load(where, 1)
            if how == 0:
                return [0, 0, {"v": value[0]}]
            if value != RET:
                return [0, 0, {"skip": 1}]
            self.process.fetch(where, 1)
        except FatalSignal as signal:
            at = (signal.address - ARENA) >> PAGE_SHIFT
            return [signal.signal, signal.si_code, {"at": at}]
        return [0, 0, {}]

    def fork(self) -> list[Any]:
        """A child that ends at once."""
        child = self.process.run(sys_fork(self.k, self.task))
        assert isinstance(child, Task)
        self.process.run(do_exit(self.k, child, 0))
        return [0, 0, {}]


def line_of(vma: VmArea, file: File) -> Line:
    """A VMA as the files have it."""
    first = (vma.vm_start - ARENA) >> PAGE_SHIFT
    last = (vma.vm_end - ARENA) >> PAGE_SHIFT
    if vma.vm_file is None:
        return [first, last, rights(vma), 0, "anon"]
    kind = "memfd" if vma.vm_file is file else "shm"
    return [first, last, rights(vma), vma.vm_pgoff, kind]


def rights(vma: VmArea) -> str:
    """As in /proc/PID/maps."""
    letters = ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x"))
    text = "".join(c if vma.vm_flags & bit else "-" for bit, c in letters)
    return text + ("s" if vma.vm_flags & VM_MAYSHARE else "p")


def start() -> Arena:
    """A program with nothing mapped, and a file of 64 pages."""
    rules = find_kernel("2.6.34").with_answer("call-rules", "6.x")
    k = start_kernel(Config(cpus=1, frames=FRAMES), rules)
    mapping = new_mapping(k, "memfd")
    mapping.size = FILE_PAGES * PAGE_SIZE
    return Arena(k, start_process(k, "arena", cpu=0), File("memfd", mapping))


def hold(case: Case) -> tuple[str, str, str] | None:
    """Make the calls of one case; the first answer that differs, if one does."""
    if any(kernel in case for kernel in OLDER_KERNELS):
        raise Skip("6.1, 6.12 and 6.18 differ")
    arena = start()
    for place, (op, step) in enumerate(zip(case["ops"], case["steps"], strict=True)):
        got = arena.run(op)
        if got != step:
            return f"operation {place}, {in_words(op)}", said(step), said(got)
    resident = [(line["vma"], line["rss_kb"]) for line in case.get("final", [])]
    got_resident = resident_of(arena)
    if resident != got_resident:
        return "pages in memory at the end", str(resident), str(got_resident)
    return None


def resident_of(arena: Arena) -> list[tuple[str, int]]:
    """How many kB of each VMA are in memory."""
    mm = arena.task.mm
    assert mm is not None
    found = []
    for vma in mm.mmap:
        first, last, perms, pgoff, kind = line_of(vma, arena.file)
        pages = [
            vm_normal_page(arena.k, pte)
            for address, pte in entries_of(arena.k, mm)
            if vma.vm_start <= address < vma.vm_end and pte_present(pte)
        ]
        kb = sum(4 for page in pages if page is not None)
        found.append((f"{first}-{last} {perms} {pgoff:x} {kind}", kb))
    return found


def in_words(op: list[Any]) -> str:
    return f"{op[0]}({', '.join(map(str, op[1:]))})"


def said(step: list[Any]) -> str:
    value, error, extras, lines = step
    vmas = " ".join(f"{a}-{b}:{perms}:{off}:{kind}" for a, b, perms, off, kind in lines)
    return f"{value} {error} {extras or ''} [{vmas}]"
