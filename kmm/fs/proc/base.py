"""The processes, and what /proc/PID/status says of each.

Linux: fs/proc/base.c, fs/proc/array.c and, for the sizes, task_mem in
fs/proc/task_mmu.c.
"""

from __future__ import annotations

from ...hw.memory import PAGE_SHIFT
from ...mm.kernel import Kernel
from ...mm.mm_types import (
    MM_ANONPAGES,
    MM_FILEPAGES,
    MM_SWAPENTS,
    VM_EXEC,
    VM_GROWSDOWN,
    VM_WRITE,
    Mm,
    Task,
    VmArea,
)
from ...mm.vma import vma_pages

KB_SHIFT = PAGE_SHIFT - 10  # from pages to kB


def tasks_of(k: Kernel) -> dict[int, Task]:
    """The tasks by pid, kernel threads included; the idle ones have none.

    A kernel thread that a scenario has put on a CPU by itself counts as well.
    """
    running = (task for task in k.running if task.pid and task.exit_code is None)
    found = {task.pid: task for task in running} | k.tasks
    return {pid: found[pid] for pid in sorted(found)}


def proc_pid_status(k: Kernel, task: Task) -> str:
    """Who it is and how large; a kernel thread has no size.

    Left out: its state, which depends on whom the search lets go on, its owner, its
    signals, and the peaks VmPeak and VmHWM.
    """
    parent = task.parent.pid if task.parent else 0
    lines = [
        f"Name:\t{task.comm}",
        f"Tgid:\t{task.pid}",
        f"Pid:\t{task.pid}",
        f"PPid:\t{parent}",
    ]
    if task.mm is not None:
        sizes = task_mem(task.mm)
        lines += [f"{name}:\t{size:8} kB" for name, size in sizes.items()]
    return "\n".join([*lines, "Threads:\t1", ""])


def task_mem(mm: Mm) -> dict[str, int]:
    """Sizes of an address space, in kB.

    Those of VMAs are added up, where Linux keeps sums (total_vm, shared_vm, stack_vm
    and exec_vm).  Nobody knows here where a program's own text is, so it counts among
    the libraries'.
    """
    total = sum(vma_pages(vma) for vma in mm.mmap)
    shared = sum(vma_pages(vma) for vma in mm.mmap if vma.vm_file)
    stack = sum(vma_pages(vma) for vma in mm.mmap if is_stack(vma))
    text = sum(vma_pages(vma) for vma in mm.mmap if is_text(vma))
    rss = mm.rss_stat
    pages = {
        "VmSize": total,
        "VmLck": mm.locked_vm,
        "VmRSS": rss[MM_FILEPAGES] + rss[MM_ANONPAGES],
        "VmData": total - shared - stack,
        "VmStk": stack,
        "VmExe": 0,
        "VmLib": text,
        "VmPTE": mm.nr_ptes,
        "VmSwap": rss[MM_SWAPENTS],
    }
    return {name: number << KB_SHIFT for name, number in pages.items()}


def is_stack(vma: VmArea) -> bool:
    return vma.vm_file is None and bool(vma.vm_flags & VM_GROWSDOWN)


def is_text(vma: VmArea) -> bool:
    """Executed and not written, from a file."""
    executed = vma.vm_flags & (VM_EXEC | VM_WRITE) == VM_EXEC
    return vma.vm_file is not None and executed
