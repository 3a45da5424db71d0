"""boundary-shift-child, but the boundary moves down: who gives is visited first.

A walk that knows either VMA as it was or as it will be finds the page.  Between the two
stores that move the boundary, it is in neither.
"""

from __future__ import annotations

from functools import partial

from attrs import evolve

from kmm.mm.mmap import PROT_READ, PROT_WRITE
from kmm.scenarios.adjust import BOUNDARY_SHIFT_CHILD, set_up
from kmm.scenarios.process import SceneProcess


async def move_boundary_down(child: SceneProcess) -> None:
    """The lower VMA's last page gets the upper one's rights, and joins it."""
    await child.mprotect(1, 1, PROT_READ | PROT_WRITE)
    await child.read_back(1)


SCENARIO = evolve(
    BOUNDARY_SHIFT_CHILD,
    name="exercise.boundary-hole.down",
    title="a boundary moves down in a forked child, past a page that is migrating",
    set_up=partial(
        set_up,
        pages=3,
        written=1,
        split_at=2,
        program=move_boundary_down,
        forked=True,
    ),
)
