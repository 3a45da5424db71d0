"""Who goes next: one small module a strategy.

A strategy makes runs until it has no more to make.  For each it names the choices to
start with (`prefix`, taken without asking), then chooses one step at a time.
"""

from .base import Strategy
from .bounded import Bounded
from .delays import Delays
from .enumeration import Enumeration
from .merging import Merging
from .pct import Pct
from .portfolio import Portfolio
from .pos import Pos
from .preemptions import Preemptions
from .random_walk import RandomWalk
from .replay import Replay
from .round_robin import RoundRobin
from .source_dpor import SourceDpor
from .surw import Surw

__all__ = [
    "Bounded",
    "Delays",
    "Enumeration",
    "Merging",
    "Pct",
    "Portfolio",
    "Pos",
    "Preemptions",
    "RandomWalk",
    "Replay",
    "RoundRobin",
    "SourceDpor",
    "Strategy",
    "Surw",
]
