"""/proc and /sys: what a person at the machine would see of its memory.

Linux: fs/proc/, mm/vmstat.c, and the files that mm/ksm.c and kernel/sysctl.c make.
Each file is text in the kernel's own form, of 2.6.34; what came with compaction is of
2.6.35.  (pagemap is a table of what the real one has in binary.)

Reading is for whoever looks at a machine between two steps: `kmm proc`, the screen,
tests.  The machine is stopped, so there is no preemption point, and no lock is taken.
What stands in the files need not add up while somebody is at work, as on a real
machine.  Writing (`write`) is work that a kernel thread of the model does, with locks
and preemption points.

Reading order: `root`, then any of the others, and `write`.
"""

from .base import tasks_of
from .root import Entry, NoSuchFile, contents, paths, read

__all__ = ["Entry", "NoSuchFile", "contents", "paths", "read", "tasks_of"]
