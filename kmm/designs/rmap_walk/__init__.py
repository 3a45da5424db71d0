"""rmap-walk: how do walks of the reverse map and changes to VMAs agree?

The modules carry their tags in the catalogue of fixes, so that the folder lists them
in the order in which history met them.  `locked_adjust` is no answer, but a function
that three of them share.
"""

from .a1_local_lock import LOCAL_LOCK
from .a2_seqcount import SEQCOUNT
from .a3_trylock_retry import TRYLOCK_RETRY
from .a4_heavy_lock import HEAVY_LOCK
from .a5_root_order import ROOT_ORDER
from .a7_root_lock import ROOT_LOCK
from .question import RmapWalk

ANSWERS = (LOCAL_LOCK, SEQCOUNT, TRYLOCK_RETRY, HEAVY_LOCK, ROOT_ORDER, ROOT_LOCK)

__all__ = [
    "ANSWERS",
    "HEAVY_LOCK",
    "LOCAL_LOCK",
    "ROOT_LOCK",
    "ROOT_ORDER",
    "SEQCOUNT",
    "TRYLOCK_RETRY",
    "RmapWalk",
]
