"""The question `exec-stack`, and the functions in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from ...fs.exec import BinPrm
from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import Page, VmArea
from ..question import Answer


@frozen(kw_only=True)
class ExecStack(Answer):
    """How does exec move a stack whose pages may be migrating?"""

    question: ClassVar[str] = "exec-stack"
    asks: ClassVar[str] = "How does exec move a stack whose pages may be migrating?"

    # Before the old program goes: the temporary stack.
    bprm_mm_init: Callable[[Kernel, str, list[bytes]], Awaitable[BinPrm]]
    # After it has gone: the stack moves.  shift_arg_pages has mmap_sem for writing, the
    # shift is in bytes.
    setup_arg_pages: Callable[[Kernel, BinPrm, VirtAddr], Awaitable[int]]
    shift_arg_pages: Callable[[Kernel, VmArea, int], Awaitable[int]]
    # Not exec's alone: what unmaps any anonymous page, for a migration or for reclaim;
    # and what moves one table's entries, for mremap as well.
    try_to_unmap_anon: Callable[[Kernel, Page, int], Awaitable[int]]
    move_ptes: Callable[
        [Kernel, VmArea, VirtAddr, VmArea, VirtAddr, int], Awaitable[None]
    ]
