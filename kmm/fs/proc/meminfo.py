"""Where all memory is, and where more could go.

Linux: fs/proc/meminfo.c, and swap_show in mm/swapfile.c.  The files are meminfo and
swaps.
"""

from __future__ import annotations

from ...mm.kernel import Kernel
from ...mm.mm_types import PG_reserved
from ...mm.vmstat import global_page_state
from .base import KB_SHIFT

SWAP_DEVICE = "/dev/swap"
SWAP_PRIORITY = -1  # of the first device, unless another is asked for

HUGE_PAGE_KB = 2048
HUGE_PAGE_LINES = ("Total", "Free", "Rsvd", "Surp")


def meminfo_proc_show(k: Kernel) -> str:
    """Lines of sizes in kB.  What the model does not have is 0."""
    lines = [
        f"{name + ':':16}{pages << KB_SHIFT:8} kB" for name, pages in sizes(k).items()
    ]
    lines += [f"{f'HugePages_{name}:':16}{0:8}" for name in HUGE_PAGE_LINES]
    lines.append(f"{'Hugepagesize:':16}{HUGE_PAGE_KB:8} kB")
    lines += [f"{f'DirectMap{size}:':16}{0:8} kB" for size in ("4k", "2M")]
    return "\n".join([*lines, ""])


def sizes(k: Kernel) -> dict[str, int]:
    """In pages, by the names of the lines, in their order."""

    def state(item: str) -> int:
        return max(0, global_page_state(k, item))

    swapcache = len(k.swapper_space.page_tree)
    active = {kind: state(f"nr_active_{kind}") for kind in ("anon", "file")}
    inactive = {kind: state(f"nr_inactive_{kind}") for kind in ("anon", "file")}
    reclaimable = state("nr_slab_reclaimable")
    unreclaimable = state("nr_slab_unreclaimable")
    return {
        "MemTotal": totalram_pages(k),
        "MemFree": sum(zone.nr_free_pages for zone in k.zones),
        "Buffers": 0,
        "Cached": max(0, state("nr_file_pages") - swapcache),
        "SwapCached": swapcache,
        "Active": sum(active.values()),
        "Inactive": sum(inactive.values()),
        "Active(anon)": active["anon"],
        "Inactive(anon)": inactive["anon"],
        "Active(file)": active["file"],
        "Inactive(file)": inactive["file"],
        "Unevictable": state("nr_unevictable"),
        "Mlocked": state("nr_mlock"),
        "SwapTotal": k.swap.total_swap_pages,
        "SwapFree": k.swap.nr_swap_pages,
        "Dirty": state("nr_dirty"),
        "Writeback": state("nr_writeback"),
        "AnonPages": state("nr_anon_pages"),
        "Mapped": state("nr_mapped"),
        "Shmem": state("nr_shmem"),
        "Slab": reclaimable + unreclaimable,
        "SReclaimable": reclaimable,
        "SUnreclaim": unreclaimable,
        "KernelStack": 0,
        "PageTables": state("nr_page_table_pages"),
        "NFS_Unstable": 0,
        "Bounce": 0,
        "WritebackTmp": 0,
        "CommitLimit": 0,
        "Committed_AS": 0,
        "VmallocTotal": 0,
        "VmallocUsed": 0,
        "VmallocChunk": 0,
    }


def totalram_pages(k: Kernel) -> int:
    """All pages but those that the kernel has kept, or that were taken away."""
    kept = sum(bool(page.flags & PG_reserved) for page in k.mem_map.values())
    return sum(zone.spanned_pages for zone in k.zones) - kept


def swap_show(k: Kernel) -> str:
    """The swap device, if there is one; sizes in kB, without the header's slot."""
    lines = ["Filename\t\t\t\tType\t\tSize\tUsed\tPriority"]
    if k.swap.slots:
        size = k.swap.total_swap_pages << KB_SHIFT
        used = k.swap.inuse_pages << KB_SHIFT
        lines.append(
            f"{SWAP_DEVICE.ljust(40)}partition\t{size}\t{used}\t{SWAP_PRIORITY}"
        )
    return "\n".join([*lines, ""])
