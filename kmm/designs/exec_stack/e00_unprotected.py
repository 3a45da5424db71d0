"""E0, Linux 2.6.34: nothing ties the move of the stack to the walks of a migration.

`shift_arg_pages` first lowers vm_start and only then moves the entries.  In between,
reverse mapping computes addresses at which nothing is mapped yet.  A migration that
has put its entry in at the old address and looks for it now does not find it, unlocks
the page, and leaves the entry to exec, which moves it along like any other.  The next
touch of the stack is a BUG.

It was met in April 2010 with compaction under test, in a process called `date`.
Memory hot-remove could meet it too.
"""

from __future__ import annotations

from ...fs.exec import bprm_mm_init, setup_arg_pages, shift_arg_pages
from ...mm.mremap import move_ptes
from ...mm.rmap import try_to_unmap_anon
from .question import ExecStack

UNPROTECTED = ExecStack(
    name="unprotected",
    title="no protection",
    tag="E0",
    source="Linux 2.6.34",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    bprm_mm_init=bprm_mm_init,
    setup_arg_pages=setup_arg_pages,
    shift_arg_pages=shift_arg_pages,
    try_to_unmap_anon=try_to_unmap_anon,
    move_ptes=move_ptes,
)
