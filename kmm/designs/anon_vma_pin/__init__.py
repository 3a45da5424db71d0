"""anon-vma-pin: what keeps an anon_vma alive while its page is in flight?"""

from .n0_rcu_only import RCU_ONLY
from .n1_refcount import REFCOUNT
from .n2_refcount_locked import REFCOUNT_LOCKED
from .question import AnonVmaPin

ANSWERS = (RCU_ONLY, REFCOUNT, REFCOUNT_LOCKED)

__all__ = ["ANSWERS", "RCU_ONLY", "REFCOUNT", "REFCOUNT_LOCKED", "AnonVmaPin"]
