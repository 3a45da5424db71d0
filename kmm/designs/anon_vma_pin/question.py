"""The question `anon-vma-pin`, and the functions in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from ...mm.kernel import Kernel
from ...mm.mm_types import AnonVma, Page
from ..question import Answer


@frozen(kw_only=True)
class AnonVmaPin(Answer):
    """What keeps an anon_vma alive while its page is in flight?"""

    question: ClassVar[str] = "anon-vma-pin"
    asks: ClassVar[str] = "What keeps an anon_vma alive while its page is in flight?"

    # The anon_vma of a page that is mapped, and None if it was found not to be.  With
    # the page locked, in an RCU read section, which lasts until after unpin_anon_vma.
    pin_anon_vma: Callable[[Kernel, Page], Awaitable[AnonVma | None]]
    unpin_anon_vma: Callable[[AnonVma], Awaitable[None]]
