"""Programs whose memory may be merged, and ksmd, which goes round when it is told."""

from __future__ import annotations

from areas import Area, area
from building import alone, boot, settle

from kmm.mm.kernel import Kernel
from kmm.mm.ksm import ksm_do_scan
from kmm.mm.madvise import MADV_MERGEABLE

FRAMES = 256
EVERYTHING = 10_000  # more pages than any test has: one whole round

Counters = tuple[int, int, int]


def areas(*letters: str, cpus: int = 1, **config: int) -> list[Area]:
    """Processes whose pages may be merged, with a letter for each page."""
    k = boot("2.6.34", frames=FRAMES, cpus=cpus, **config)
    made = []
    for each in letters:
        one = area(k, len(each))
        assert one.advise(MADV_MERGEABLE) == 0
        one.fill_all(each)
        made.append(one)
    settle(k)
    return made


def scan(k: Kernel, rounds: int = 1) -> None:
    """Let ksmd go round."""
    for _ in range(rounds):
        alone(one_round(k), k)
        settle(k)


async def one_round(k: Kernel) -> None:
    async with k.ksm.thread_mutex:
        await ksm_do_scan(k, EVERYTHING)


def counters(k: Kernel) -> Counters:
    """Shared, sharing and unshared, as in /sys/kernel/mm/ksm."""
    return k.ksm.pages_shared, k.ksm.pages_sharing, k.ksm.pages_unshared


def merged(*letters: str, **config: int) -> list[Area]:
    """The same processes after ksmd has been twice round."""
    made = areas(*letters, **config)
    scan(made[0].k, 2)
    return made
