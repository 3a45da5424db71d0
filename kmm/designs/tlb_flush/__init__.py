"""tlb-flush: are CPUs told to forget what the page tables no longer say?"""

from .question import TlbFlush
from .t0_omit import OMIT
from .t1_flush import FLUSH

ANSWERS = (OMIT, FLUSH)

__all__ = ["ANSWERS", "FLUSH", "OMIT", "TlbFlush"]
