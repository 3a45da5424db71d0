"""Linux 2.6.34: the rules of the period.

mremap to a fixed place unmaps what is there before it looks whether there is anything
to move.  A mapping that grows in place stays apart from a neighbour that it comes to
touch.
"""

from __future__ import annotations

from ...mm.move_pages import do_pages_move
from ...mm.mprotect import accounted_flags
from ...mm.mremap import expand_in_place, mremap_to, shrink_in_place
from .question import CallRules

LINUX_2_6_34 = CallRules(
    name="2.6.34",
    title="the rules of May 2010",
    tag="K0",
    source="mm/mremap.c; Linux 2.6.34",
    closes="nothing",
    costs="nothing",
    story=__doc__,
    expand_in_place=expand_in_place,
    shrink_in_place=shrink_in_place,
    accounted_flags=accounted_flags,
    do_pages_move=do_pages_move,
    mremap_to=mremap_to,
)
