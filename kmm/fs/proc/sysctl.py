"""Files that hold one number: settings in /proc/sys/vm, and KSM's in /sys.

Linux: kernel/sysctl.c, mm/ksm.c, and mm/swap.c for page-cluster.  What `write` can
change stands here too; here it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...hw.memory import PAGE_SHIFT
from ...mm.compaction import SYSCTL_EXTFRAG_THRESHOLD
from ...mm.kernel import Kernel
from ...mm.mmzone import min_free_kbytes_of
from ...mm.vma import SYSCTL_MAX_MAP_COUNT
from ...mm.vmscan import SWAPPINESS
from .meminfo import totalram_pages

Value = Callable[[Kernel], int]

# By name: the number, and a few words about it.


def min_free_kbytes(k: Kernel) -> int:
    """How much is kept back, in kB, as `boot.init_zones` works it out."""
    kept = k.config.min_free_kbytes
    return min_free_kbytes_of(k.config.frames << 2) if kept is None else kept


def page_cluster(k: Kernel) -> int:
    """How many pages are swapped in at once, as a power of 2 (swap_setup).

    That is what Linux would go by.  Here one page is read at a time.
    """
    megs = totalram_pages(k) >> (20 - PAGE_SHIFT)  # MiB of RAM
    return 2 if megs < 16 else 3


VM: Mapping[str, tuple[Value, str]] = {
    "extfrag_threshold": (
        lambda _: SYSCTL_EXTFRAG_THRESHOLD,
        "above which index to compact",
    ),
    "max_map_count": (lambda _: SYSCTL_MAX_MAP_COUNT, "VMAs that a process may have"),
    "min_free_kbytes": (min_free_kbytes, "how much is kept back"),
    "page-cluster": (page_cluster, "pages swapped in at once, log2"),
    "swappiness": (lambda _: SWAPPINESS, "anonymous memory against files"),
}

KSM: Mapping[str, tuple[Value, str]] = {
    "full_scans": (lambda k: k.ksm.scan.seqnr, "rounds that are over"),
    "pages_shared": (lambda k: k.ksm.pages_shared, "merged pages"),
    "pages_sharing": (lambda k: k.ksm.pages_sharing, "how many that saves"),
    "pages_to_scan": (lambda k: k.ksm.pages_to_scan, "how many before ksmd sleeps"),
    "pages_unshared": (lambda k: k.ksm.pages_unshared, "pages unlike all others"),
    "pages_volatile": (lambda k: k.ksm.pages_volatile, "pages that change too fast"),
    "run": (lambda k: k.ksm.run, "0 stop, 1 merge, 2 unmerge"),
    "sleep_millisecs": (lambda k: k.ksm.sleep_millisecs, "how long ksmd sleeps"),
}


def show(k: Kernel, value: Value) -> str:
    return f"{value(k)}\n"
