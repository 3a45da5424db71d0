"""rmap-walk: how do walks of the reverse map and changes to VMAs agree?"""

from .a1_local_lock import LOCAL_LOCK
from .question import RmapWalk

ANSWERS = (LOCAL_LOCK,)

__all__ = ["ANSWERS", "LOCAL_LOCK", "RmapWalk"]
