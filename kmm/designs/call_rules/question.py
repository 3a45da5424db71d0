"""The question `call-rules`, and the functions in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from attrs import frozen

from ...mm.kernel import Kernel
from ...mm.mm_types import Mm, VmArea
from ...mm.move_pages import PageToNode
from ..question import Answer


@frozen(kw_only=True)
class CallRules(Answer):
    """What do mmap and its kin do where kernels differ?"""

    question: ClassVar[str] = "call-rules"
    asks: ClassVar[str] = "What do mmap and its kin do where kernels differ?"

    # With mmap_sem for writing, but for do_pages_move, which takes it for reading.
    expand_in_place: Callable[[Kernel, VmArea, int, int, int], Awaitable[bool]]
    shrink_in_place: Callable[[Kernel, Mm, int, int, int], Awaitable[int]]
    accounted_flags: Callable[[VmArea, int], int]
    do_pages_move: Callable[
        [Kernel, Mm, Sequence[PageToNode], bool], Awaitable[tuple[int, dict[int, int]]]
    ]
    mremap_to: Callable[[Kernel, Mm, int, int, int, int], Awaitable[int]]
