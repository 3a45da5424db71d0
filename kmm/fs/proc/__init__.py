"""/proc and /sys: what a person at the machine would see of its memory.

Linux: fs/proc/, mm/vmstat.c, and the files that mm/ksm.c and kernel/sysctl.c make.
Each file is text in the kernel's own form, of 2.6.34; what came with compaction is of
2.6.35.  `read` and `paths` are for whoever looks at a machine between two steps: `kmm
proc`, tests, lessons.  Nobody writes here.

Everything here looks at a stopped machine, so there is no preemption point, and no lock
is taken.  What stands in the files need not add up while somebody is at work, as on a
real machine.

Reading order: `root`, then any of the others.
"""

from .base import tasks_of
from .root import Entry, NoSuchFile, contents, paths, read

__all__ = ["Entry", "NoSuchFile", "contents", "paths", "read", "tasks_of"]
