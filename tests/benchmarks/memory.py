"""What the memory manager costs: booting, faults, forks and migrated pages.

    python tests/benchmarks/memory.py [MEBIBYTES ...]

For each size of simulated memory, in processes of its own: seconds to boot, and real
memory used by then; then operations a second, each the best of some rounds.  In the
last line, how much longer an operation takes at the largest size than at the smallest,
which should be little: nothing may depend on how much memory there is.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable

from kmm.designs import find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.process import Process, start_process
from kmm.kernel.syscalls import sys_madvise
from kmm.mm.boot import start_kernel
from kmm.mm.gfp import GFP_HIGHUSER_MOVABLE
from kmm.mm.kernel import Config, Kernel
from kmm.mm.madvise import MADV_DONTNEED
from kmm.mm.migrate import migrate_pages
from kmm.mm.mm_types import Page
from kmm.mm.page_alloc import alloc_page
from kmm.mm.swap import lru_add_drain
from kmm.mm.vmscan import count_isolated, isolate_lru_page

AREA = VirtAddr(0x7F00_0000_0000)
PAGES = 512
ROUNDS = 5
TURNS = 3


def main() -> None:
    parser = ArgumentParser(description="What the memory manager costs.")
    parser.add_argument("mebibytes", type=int, nargs="*", default=[16, 256, 2048])
    parser.add_argument("--child", action="store_true", help="measure in this process")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.mebibytes[0])))
        return
    results = measure_in_turns(options.mebibytes)
    names = list(results[0])
    print(f"{'MiB':>8}" + "".join(f"{name:>16}" for name in names))
    for size, result in zip(options.mebibytes, results, strict=True):
        cells = "".join(f"{result[name]:>16,.2f}" for name in names)
        print(f"{size:>8}{cells}")
    rates = [name for name in names if name.endswith("/s")]
    ratios = {name: results[0][name] / results[-1][name] for name in rates}
    print("slower by", ", ".join(f"{n}: {ratio:.2f}" for n, ratio in ratios.items()))


def measure_in_turns(sizes: list[int]) -> list[dict[str, float]]:
    """The best of three for each size; the sizes take turns, as others use the machine.

    Best is the most of what is counted in a second, and the least of all else.
    """
    turns = [[measure_apart(size) for size in sizes] for _ in range(TURNS)]
    return [
        {
            name: (max if name.endswith("/s") else min)(found[name] for found in same)
            for name in same[0]
        }
        for same in zip(*turns, strict=True)
    ]


def measure_apart(mebibytes: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", str(mebibytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(mebibytes: int) -> dict[str, float]:
    before = real_memory()
    begun = time.perf_counter()
    config = Config(cpus=2, frames=mebibytes << 8, min_free_kbytes=None)
    k = start_kernel(config, find_kernel("2.6.35"))
    boot = time.perf_counter() - begun
    booted = real_memory() - before
    process = start_process(k, "bench")
    process.map_anonymous(AREA, PAGES)
    faults = best(lambda: touch_all(process), lambda: discard_all(k, process))
    touch_all(process)
    return {
        "boot s": boot,
        "boot MiB": booted,
        "faults/s": PAGES * faults,
        "forks/s": best(lambda: process.fork().exit()),
        "migrated/s": PAGES * best(lambda: migrate_all(k, process)),
    }


def best(work: Callable[[], None], tidy: Callable[[], None] = lambda: None) -> float:
    """How often in a second, at best."""
    rates = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        work()
        rates.append(1 / (time.perf_counter() - begun))
        tidy()
    return max(rates)


def real_memory() -> float:
    """MiB, at the most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def touch_all(process: Process) -> None:
    async def touch() -> None:
        for page in range(PAGES):
            address = VirtAddr(AREA + page * PAGE_SIZE)
            await process.task.cpu.store(address, b"x", user=True)

    process.run(touch())


def discard_all(k: Kernel, process: Process) -> None:
    call = sys_madvise(k, process.task, AREA, PAGES * PAGE_SIZE, MADV_DONTNEED)
    process.run(call)


def migrate_all(k: Kernel, process: Process) -> None:
    async def new_page(k: Kernel, page: Page) -> Page | None:
        return await alloc_page(k, GFP_HIGHUSER_MOVABLE)

    async def migrate() -> None:
        await lru_add_drain(k)
        pages = [page for zone in k.zones for lru in zone.lru for page in lru]
        isolated = []
        for page in pages:
            if await isolate_lru_page(k, page):
                count_isolated(page, +1)
                isolated.append(page)
        await migrate_pages(k, isolated, new_page)

    process.run(migrate())


if __name__ == "__main__":
    main()
