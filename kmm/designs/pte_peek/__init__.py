"""pte-peek: does remove_migration_pte look at an entry before it has the lock?"""

from .p0_unlocked import UNLOCKED
from .p1_locked import LOCKED
from .question import PtePeek

ANSWERS = (UNLOCKED, LOCKED)

__all__ = ["ANSWERS", "LOCKED", "PtePeek"]
