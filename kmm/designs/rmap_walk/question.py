"""The question `rmap-walk`, and the functions in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import Page, VmArea
from ...mm.rmap import RmapOne
from ..question import Answer


@frozen(kw_only=True)
class RmapWalk(Answer):
    """How do walks of the reverse map and changes to VMAs agree?"""

    question: ClassVar[str] = "rmap-walk"
    asks: ClassVar[str] = "How do walks of the reverse map and changes to VMAs agree?"

    rmap_walk_anon: Callable[[Kernel, Page, RmapOne], Awaitable[int]]
    vma_adjust: Callable[
        [Kernel, VmArea, VirtAddr, VirtAddr, int, VmArea | None], Awaitable[int]
    ]
