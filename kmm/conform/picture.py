"""Pictures of physical memory: what each frame was used for, in runs.

A picture is a list of runs [first pfn, length, letter]: F is free, N is no memory at
all, A, K, C and M are pages on the LRU (of programs, KSM's, of files, of shared
memory), other letters are the kernel's own.  Beside it is what /proc/buddyinfo said.
"""

from __future__ import annotations

from typing import Any

from ..designs import find_kernel
from ..mm.boot import start_kernel
from ..mm.kernel import Config, Kernel
from ..mm.mm_types import PG_buddy
from ..mm.mmzone import MAX_ORDER
from ..mm.vmstat import free_blocks_by_order
from .recorded import Malformed

MOST_FRAMES = 1 << 24  # 64 GByte

Run = list[Any]  # first pfn, length, letter


def check_picture(name: str, picture: object) -> None:
    """Raises Malformed."""
    if not isinstance(picture, list) or not picture:
        raise Malformed(f"{name} should be a list of runs")
    upto = 0
    for run in picture:
        if not isinstance(run, list) or len(run) != 3:
            raise Malformed(f"{name}: {run!r} is not a start, a length and a letter")
        start, length, letter = run
        if not isinstance(start, int) or not isinstance(length, int) or length < 1:
            raise Malformed(f"{name}: {run!r} has no start and length")
        if start < upto or start + length > MOST_FRAMES or not isinstance(letter, str):
            raise Malformed(f"{name}: {run!r} is out of order or out of bounds")
        upto = start + length


def check_buddyinfo(name: str, buddyinfo: object) -> None:
    """Raises Malformed."""
    if not isinstance(buddyinfo, dict):
        raise Malformed(f"{name} should map zones to numbers of free blocks")
    for zone, blocks in buddyinfo.items():
        if not isinstance(blocks, list) or len(blocks) != MAX_ORDER:
            raise Malformed(f"{name}: zone {zone} should have {MAX_ORDER} numbers")


def runs_of(picture: list[Run], letters: str) -> list[range]:
    """The frames with one of these letters, as ranges."""
    return [
        range(start, start + length)
        for start, length, letter in picture
        if letter in letters
    ]


def boot_from(picture: list[Run], cpus: int = 1) -> Kernel:
    """A kernel whose free frames are those of a picture; all others are in use."""
    frames = max(start + length for start, length, letter in picture if letter != "N")
    config = Config(cpus=cpus, frames=frames, min_free_kbytes=0)
    return start_kernel(config, find_kernel("2.6.34"), runs_of(picture, "F"))


def free_frames(k: Kernel) -> list[tuple[int, int]]:
    """The runs of frames that the buddy allocator has: first pfn, length."""
    runs: list[tuple[int, int]] = []
    for page in k.mem_map.in_order():
        if not page.flags & PG_buddy:
            continue
        pfn, length = int(page.pfn), 1 << page.private
        if runs and sum(runs[-1]) == pfn:
            pfn, length = runs[-1][0], runs[-1][1] + length
            runs.pop()
        runs.append((pfn, length))
    return runs


def free_in(picture: list[Run]) -> list[tuple[int, int]]:
    """The same of a picture.  Runs of the same letter may touch."""
    runs: list[tuple[int, int]] = []
    for frames in runs_of(picture, "F"):
        start, length = frames.start, len(frames)
        if runs and sum(runs[-1]) == start:
            start, length = runs[-1][0], runs[-1][1] + length
            runs.pop()
        runs.append((start, length))
    return runs


def buddyinfo(k: Kernel) -> dict[str, list[int]]:
    """Free blocks by order, for each zone."""
    return {zone.name: free_blocks_by_order(zone) for zone in k.zones}
