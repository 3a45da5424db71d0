"""Files that do something when they are written to."""

from __future__ import annotations

import pytest
from building import boot

from kmm.fs.proc.root import read
from kmm.fs.proc.write import write
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_madvise, sys_mmap
from kmm.mm.audit import audit
from kmm.mm.boot import run_on
from kmm.mm.errno import EACCES, EINVAL, ENOENT
from kmm.mm.kernel import Kernel
from kmm.mm.ksm import ksmd
from kmm.mm.madvise import MADV_MERGEABLE
from kmm.mm.swap import lru_add_drain_all

AREA = VirtAddr(0x7F00_0000_0000)


def program(k: Kernel, pages: int) -> Process:
    """A process that has written as many pages."""
    process = start_process(k, "program")
    process.run(sys_mmap(k, process.task, AREA, pages * PAGE_SIZE, 3, 0x32))
    for page in range(pages):
        process.store(VirtAddr(AREA + page * PAGE_SIZE), b"same")
    process.run(lru_add_drain_all(k))
    return process


def counters(k: Kernel) -> dict[str, int]:
    lines = read(k, "/proc/vmstat").splitlines()
    return {name: int(value) for name, value in (line.split() for line in lines)}


@pytest.mark.parametrize(
    "path",
    ["/proc/sys/vm/compact_memory", "/sys/devices/system/node/node0/compact"],
)
def test_whatever_is_written_to_it_memory_is_compacted(path: str) -> None:
    k = boot(frames=1024, pageblock_order=4)
    process = program(k, 40)
    assert process.run(write(k, path, "1")) == 0
    assert counters(k)["compact_pages_moved"] > 0
    for page in range(40):
        assert process.load(VirtAddr(AREA + page * PAGE_SIZE), 4) == b"same"
    audit(k)


def test_ksm_runs_when_it_is_told_to_and_unmerges_everything_at_2() -> None:
    k = boot(frames=256)
    process = program(k, 8)
    process.run(sys_madvise(k, process.task, AREA, 8 * PAGE_SIZE, MADV_MERGEABLE))
    run_on(k, ksmd(k, wakeups=4))
    assert read(k, "/sys/kernel/mm/ksm/pages_sharing") == "0\n"
    assert process.run(write(k, "/sys/kernel/mm/ksm/run", "1\n")) == 0
    run_on(k, ksmd(k, wakeups=4))
    assert read(k, "/sys/kernel/mm/ksm/pages_sharing") == "7\n"
    assert process.run(write(k, "/sys/kernel/mm/ksm/run", "2")) == 0
    assert read(k, "/sys/kernel/mm/ksm/pages_sharing") == "0\n"
    audit(k)


def test_ksm_looks_at_as_many_pages_as_it_is_told_to() -> None:
    k = boot(frames=256)
    assert run_on(k, write(k, "/sys/kernel/mm/ksm/pages_to_scan", "7")) == 0
    assert read(k, "/sys/kernel/mm/ksm/pages_to_scan") == "7\n"


@pytest.mark.parametrize(
    ("path", "text", "error"),
    [
        ("/sys/kernel/mm/ksm/run", "3", EINVAL),
        ("/sys/kernel/mm/ksm/run", "yes", EINVAL),
        ("/sys/kernel/mm/ksm/pages_shared", "0", EACCES),
        ("/proc/meminfo", "0", EACCES),
        ("/proc/nothing", "0", ENOENT),
        ("/sys/devices/system/node/node7/compact", "1", ENOENT),
    ],
)
def test_what_cannot_be_written_says_so(path: str, text: str, error: int) -> None:
    k = boot(frames=256)
    assert run_on(k, write(k, path, text)) == -error
