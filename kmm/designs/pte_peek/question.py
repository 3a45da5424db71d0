"""The question `pte-peek`, and the function in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import Page, VmArea
from ..question import Answer


@frozen(kw_only=True)
class PtePeek(Answer):
    """Does remove_migration_pte look at an entry before it has the lock?"""

    question: ClassVar[str] = "pte-peek"
    asks: ClassVar[str] = (
        "Does remove_migration_pte look at an entry before it has the lock?"
    )

    # The new page, a VMA, an address in it, and the old page.  Both are locked, and so
    # is the list by which the VMA was found.
    remove_migration_pte: Callable[
        [Kernel, Page, VmArea, VirtAddr, Page], Awaitable[int]
    ]
