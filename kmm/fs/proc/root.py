"""The files by their paths, and how to read one.

Linux: fs/proc/root.c.  Called by `kmm proc`, by the screen, and by `write` to know
which paths there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial

from attrs import frozen

from ...mm.kernel import Kernel
from ...mm.mm_types import Task
from . import meminfo, sysctl, vmstat
from .base import proc_pid_status, tasks_of
from .task_mmu import pagemap_read, show_maps, show_smaps


@frozen
class Entry:
    """One file."""

    show: Callable[[], str]
    title: str  # what is in it, in a few words


class NoSuchFile(LookupError):
    """A path that nothing has; says what comes near."""

    def __init__(self, path: str, known: list[str]) -> None:
        near = get_close_matches(path, known, n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"no file is called {path!r}{hint}")


# By name: what makes the text, and the title.
IN_PROC: Mapping[str, tuple[Callable[[Kernel], str], str]] = {
    "buddyinfo": (vmstat.frag_show, "free blocks by order"),
    "meminfo": (meminfo.meminfo_proc_show, "where memory is, in kB"),
    "pagetypeinfo": (vmstat.pagetypeinfo_show, "free blocks by migratetype"),
    "swaps": (meminfo.swap_show, "swap devices"),
    "vmstat": (vmstat.vmstat_show, "counters"),
    "zoneinfo": (vmstat.zoneinfo_show, "zones and their watermarks"),
}

IN_SYS: Mapping[str, tuple[Callable[[Kernel], str], str]] = {
    "kernel/debug/extfrag/extfrag_index": (
        vmstat.extfrag_show,
        "why a block cannot be had",
    ),
    "kernel/debug/extfrag/unusable_index": (
        vmstat.unusable_show,
        "free memory in too small blocks",
    ),
}

# Of each process.
IN_PID: Mapping[str, tuple[Callable[[Kernel, Task], str], str]] = {
    "maps": (show_maps, "its VMAs"),
    "pagemap": (pagemap_read, "where each of its pages is"),
    "smaps": (show_smaps, "its VMAs, and what they hold"),
    "status": (proc_pid_status, "its sizes"),
}


def read(k: Kernel, path: str) -> str:
    """What is in a file.  Raises NoSuchFile."""
    files = contents(k)
    if path not in files:
        raise NoSuchFile(path, list(files))
    return files[path].show()


def paths(k: Kernel) -> list[str]:
    """The files that there are now; those of processes come and go."""
    return list(contents(k))


def contents(k: Kernel) -> dict[str, Entry]:
    """The files by path, in the order of a listing."""
    files = {
        f"/proc/{name}": Entry(partial(show, k), title)
        for name, (show, title) in IN_PROC.items()
    }
    for name, (value, title) in sysctl.VM.items():
        path = f"/proc/sys/vm/{name}"
        files[path] = Entry(partial(sysctl.show, k, value), title)
    for pid, task in tasks_of(k).items():
        for name, (show_task, title) in IN_PID.items():
            shown = f"{task.comm}: {title}"
            files[f"/proc/{pid}/{name}"] = Entry(partial(show_task, k, task), shown)
    for name, (show, title) in IN_SYS.items():
        files[f"/sys/{name}"] = Entry(partial(show, k), title)
    for name, (value, title) in sysctl.KSM.items():
        path = f"/sys/kernel/mm/ksm/{name}"
        files[path] = Entry(partial(sysctl.show, k, value), title)
    return files
