"""The question `take-all-locks`, and the functions in which its answers differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import ClassVar

from attrs import frozen

from ...mm.kernel import Kernel
from ...mm.mm_types import AnonVma, Mm
from ..question import Answer


@frozen(kw_only=True)
class TakeAllLocks(Answer):
    """In which order does mm_take_all_locks lock the anon_vmas of an address space?"""

    question: ClassVar[str] = "take-all-locks"
    asks: ClassVar[str] = (
        "In which order does mm_take_all_locks lock the anon_vmas of an address space?"
    )

    # With mmap_sem for writing; the other two with mm_all_locks_mutex besides.
    mm_take_all_locks: Callable[[Kernel, Mm], Awaitable[None]]
    vm_lock_anon_vma: Callable[[Mm, AnonVma], Awaitable[None]]
    vm_unlock_anon_vma: Callable[[AnonVma], Awaitable[None]]
