"""The question `rmap-walk`, and the functions in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import AnonVma, Page, VmArea
from ...mm.rmap import RmapOne
from ..question import Answer


@frozen(kw_only=True)
class RmapWalk(Answer):
    """How do walks of the reverse map and changes to VMAs agree?"""

    question: ClassVar[str] = "rmap-walk"
    asks: ClassVar[str] = "How do walks of the reverse map and changes to VMAs agree?"

    # Who changes: these do no walk.  vma_adjust serves all that give a VMA new bounds,
    # expand_stack a stack that grows, anon_vma_prepare a VMA's first page,
    # anon_vma_fork fork.  With mmap_sem for writing; expand_stack and anon_vma_prepare
    # for reading.
    vma_adjust: Callable[
        [Kernel, VmArea, VirtAddr, VirtAddr, int, VmArea | None], Awaitable[int]
    ]
    expand_stack: Callable[[Kernel, VmArea, VirtAddr], Awaitable[bool]]
    anon_vma_prepare: Callable[[Kernel, VmArea], Awaitable[None]]
    anon_vma_fork: Callable[[Kernel, VmArea, VmArea], Awaitable[None]]
    # Who walks: page_lock_anon_vma to unmap a page, or to see whether it was used; the
    # others to point migration entries elsewhere, and for whatever is done to a KSM
    # page.  With the page locked, and without mmap_sem; page_lock_anon_vma also for a
    # page that is not.
    page_lock_anon_vma: Callable[[Kernel, Page], Awaitable[AnonVma | None]]
    rmap_walk_anon: Callable[[Kernel, Page, RmapOne], Awaitable[int]]
    rmap_walk_ksm: Callable[[Kernel, Page, RmapOne], Awaitable[int]]
