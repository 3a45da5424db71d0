"""The races, as litmus tests: a question, the threads, and an outcome that is a bug.

Reading order: `race`, `process`, `migrating` and `running` (what races are made of),
then a module for each kind of race.  `RACES` lists them.
"""

from collections.abc import Mapping

from ..designs import UnknownName
from .adjust import BOUNDARY_SHIFT, BOUNDARY_SHIFT_CHILD, HOLE_PUNCH, VMA_ADJUST
from .exec_stack import EXEC_STACK, EXEC_STACK_PEEK
from .fork_copy import FORK_COPY
from .found import find_elsewhere, names_elsewhere
from .growth import STACK_GROWTH
from .ksm_walk import KSM_WALK
from .lifetime import ANON_VMA_LIFETIME, ANON_VMA_PINNED, ANON_VMA_WINDOW
from .lock_order import LOCK_ORDER, LOCK_ORDER_NEWEST_FIRST, RETRY_LIVELOCK
from .mremap import MREMAP_MERGE, MREMAP_MOVE, MREMAP_PEEK
from .race import Race, ScheduleToken
from .stale_entry import STALE_ENTRY_REUSE
from .tlb import TLB_FLUSHED, TLB_LAZY, TLB_STALE
from .wait import MIGRATION_WAIT

RACES: Mapping[str, Race] = {
    race.name: race
    for race in (
        EXEC_STACK,
        EXEC_STACK_PEEK,
        VMA_ADJUST,
        BOUNDARY_SHIFT,
        BOUNDARY_SHIFT_CHILD,
        STACK_GROWTH,
        FORK_COPY,
        HOLE_PUNCH,
        MREMAP_MOVE,
        MREMAP_PEEK,
        MREMAP_MERGE,
        KSM_WALK,
        LOCK_ORDER,
        LOCK_ORDER_NEWEST_FIRST,
        RETRY_LIVELOCK,
        STALE_ENTRY_REUSE,
        ANON_VMA_PINNED,
        ANON_VMA_LIFETIME,
        ANON_VMA_WINDOW,
        MIGRATION_WAIT,
        TLB_FLUSHED,
        TLB_STALE,
        TLB_LAZY,
    )
}


def find_race(name: str) -> Race:
    """A race by name, or with a trigger as in `exec-stack:hot-remove`.

    Lessons and other packages may have some too (`found`).  Raises UnknownName,
    BrokenPlugin.
    """
    name, _, trigger = name.partition(":")
    race = RACES.get(name) or find_elsewhere(name)
    if race is None:
        raise UnknownName("race", name, [*RACES, *names_elsewhere()])
    return race.triggered_by(trigger) if trigger else race


__all__ = ["RACES", "Race", "ScheduleToken", "find_race"]
