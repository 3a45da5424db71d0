"""The races, as litmus tests: a question, the threads, and an outcome that is a bug.

Reading order: `race`, `process` and `compaction` (what races are made of), then one
module a race.  `RACES` lists them.
"""

from collections.abc import Mapping

from ..designs import UnknownName
from .exec_stack import EXEC_STACK, EXEC_STACK_PEEK
from .race import Race, ScheduleToken
from .tlb import TLB_FLUSHED, TLB_LAZY, TLB_STALE

RACES: Mapping[str, Race] = {
    race.name: race
    for race in (EXEC_STACK, EXEC_STACK_PEEK, TLB_STALE, TLB_FLUSHED, TLB_LAZY)
}


def find_race(name: str) -> Race:
    """A race by name.  Raises UnknownName."""
    if name not in RACES:
        raise UnknownName("race", name, list(RACES))
    return RACES[name]


__all__ = ["RACES", "Race", "ScheduleToken", "find_race"]
