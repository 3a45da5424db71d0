"""take-all-locks: in which order are all anon_vmas of an address space locked?"""

from .l0_newest_first import NEWEST_FIRST
from .l1_oldest_first import OLDEST_FIRST
from .l2_root_mark import ROOT_MARK
from .question import TakeAllLocks

ANSWERS = (NEWEST_FIRST, OLDEST_FIRST, ROOT_MARK)

__all__ = ["ANSWERS", "NEWEST_FIRST", "OLDEST_FIRST", "ROOT_MARK", "TakeAllLocks"]
