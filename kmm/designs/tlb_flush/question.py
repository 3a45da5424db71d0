"""The question `tlb-flush`, and the functions in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from ...hw.memory import VirtAddr
from ...mm.kernel import Kernel
from ...mm.mm_types import Mm, VmArea
from ..question import Answer


@frozen(kw_only=True)
class TlbFlush(Answer):
    """Are CPUs told to forget what the page tables no longer say?"""

    question: ClassVar[str] = "tlb-flush"
    asks: ClassVar[str] = "Are CPUs told to forget what the page tables no longer say?"

    # With interrupts on; see `mm.tlb`, which lists who calls them and why.
    flush_tlb_page: Callable[[Kernel, VmArea, VirtAddr], Awaitable[None]]
    flush_tlb_mm: Callable[[Kernel, Mm], Awaitable[None]]
