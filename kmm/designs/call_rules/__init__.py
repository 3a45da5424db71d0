"""call-rules: what do mmap and its kin do where kernels differ?"""

from .k0_2_6_34 import LINUX_2_6_34
from .k1_6_x import LINUX_6_X
from .question import CallRules

ANSWERS = (LINUX_2_6_34, LINUX_6_X)

__all__ = ["ANSWERS", "LINUX_2_6_34", "LINUX_6_X", "CallRules"]
