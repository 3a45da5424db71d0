"""Files that do something when they are written to.

Linux: kernel/sysctl.c, mm/ksm.c, and mm/compaction.c (2.6.35) for both files that
compact.  Whoever writes does the work, as on Linux: it is awaited by a kernel thread of
the model, which stands for the process that writes to the file.
"""

from __future__ import annotations

import re

from ...mm.compaction import compact_node, compact_nodes
from ...mm.errno import EACCES, EINVAL, ENOENT
from ...mm.kernel import Kernel
from ...mm.ksm import run_store
from .root import paths

COMPACT_MEMORY = "/proc/sys/vm/compact_memory"
COMPACT_NODE = re.compile(r"/sys/devices/system/node/node(\d+)/compact")
KSM = "/sys/kernel/mm/ksm/"


async def write(k: Kernel, path: str, text: str) -> int:
    """Write to a file; 0, or -ENOENT, -EACCES, -EINVAL.

    Takes what the file's work takes, and may sleep.
    """
    if path == COMPACT_MEMORY:
        await compact_nodes(k)  # whatever is written
        return 0
    node = COMPACT_NODE.fullmatch(path)
    if node is not None and int(node[1]) < len(k.nodes):
        await compact_node(k, int(node[1]))
        return 0
    if path.removeprefix(KSM) in ("run", "pages_to_scan", "sleep_millisecs"):
        return await write_ksm(k, path.removeprefix(KSM), text)
    return -EACCES if path in paths(k) else -ENOENT


async def write_ksm(k: Kernel, name: str, text: str) -> int:
    """One of KSM's settings, a number in decimal; 0 or -EINVAL."""
    if not text.strip().isdecimal():
        return -EINVAL
    value = int(text)
    if name == "run":
        return await run_store(k, value)
    setattr(k.ksm, name, value)
    return 0
