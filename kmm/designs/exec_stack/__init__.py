"""exec-stack: how does exec move a stack whose pages may be migrating?

The modules carry their tags in the catalogue of fixes, so that the folder lists them
in the order in which history met them.
"""

from .e00_unprotected import UNPROTECTED
from .e01_lazy_cleanup import LAZY_CLEANUP
from .e02_hold_lock import HOLD_LOCK
from .e05_skip_single_vma import SKIP_SINGLE_VMA
from .e06_temporary_vma_new_first import TEMPORARY_VMA_NEW_FIRST
from .e07_temporary_vma import TEMPORARY_VMA
from .e08_move_vma import MOVE_VMA
from .e10_skip_temporary import SKIP_TEMPORARY
from .question import ExecStack

ANSWERS = (
    UNPROTECTED,
    LAZY_CLEANUP,
    HOLD_LOCK,
    SKIP_SINGLE_VMA,
    TEMPORARY_VMA_NEW_FIRST,
    TEMPORARY_VMA,
    MOVE_VMA,
    SKIP_TEMPORARY,
)

__all__ = [
    "ANSWERS",
    "HOLD_LOCK",
    "LAZY_CLEANUP",
    "MOVE_VMA",
    "SKIP_SINGLE_VMA",
    "SKIP_TEMPORARY",
    "TEMPORARY_VMA",
    "TEMPORARY_VMA_NEW_FIRST",
    "UNPROTECTED",
    "ExecStack",
]
