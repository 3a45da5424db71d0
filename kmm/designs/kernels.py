"""Kernels by name: one answer to each question.

A kernel is named for where it stands in history, and has two fixes whatever its time,
so that each race is seen by itself:

- `pte-peek=locked` (486cf46f3f9b, Linux 3.1): migration looks at an entry under its
  lock only.  No kernel of 2010 had that.
- `anon-vma-pin=refcount` (3f6c82728f4e and 67b9509b2c68, Linux 2.6.35): migration takes
  a reference to a page's anon_vma.  They came with compaction, on which the letter was
  tested.

So what is called 2.6.34 here is Linux 2.6.34 with these, and with compaction.  Without
these it is `2.6.34,pte-peek=unlocked,anon-vma-pin=rcu-only`.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from attrs import evolve, frozen

from . import (
    anon_vma_pin,
    call_rules,
    exec_stack,
    pte_peek,
    rmap_walk,
    take_all_locks,
    tlb_flush,
)
from .anon_vma_pin import AnonVmaPin
from .call_rules import CallRules
from .exec_stack import ExecStack
from .pte_peek import PtePeek
from .question import Answer
from .rmap_walk import RmapWalk
from .take_all_locks import TakeAllLocks
from .tlb_flush import TlbFlush

# Every question, in the order in which they are listed, with its answers by name.
QUESTIONS: Mapping[str, Mapping[str, Answer]] = {
    "rmap-walk": {a.name: a for a in rmap_walk.ANSWERS},
    "exec-stack": {a.name: a for a in exec_stack.ANSWERS},
    "take-all-locks": {a.name: a for a in take_all_locks.ANSWERS},
    "anon-vma-pin": {a.name: a for a in anon_vma_pin.ANSWERS},
    "pte-peek": {a.name: a for a in pte_peek.ANSWERS},
    "tlb-flush": {a.name: a for a in tlb_flush.ANSWERS},
    "call-rules": {a.name: a for a in call_rules.ANSWERS},
}


@frozen
class KernelSpec:
    """A named kernel, or one with some answers replaced."""

    name: str
    title: str
    rmap_walk: RmapWalk
    exec_stack: ExecStack
    take_all_locks: TakeAllLocks
    anon_vma_pin: AnonVmaPin
    pte_peek: PtePeek
    tlb_flush: TlbFlush
    call_rules: CallRules
    replaced: tuple[str, ...] = ()  # the questions whose answers are not the name's

    @property
    def answers(self) -> dict[str, Answer]:
        found = (
            self.rmap_walk,
            self.exec_stack,
            self.take_all_locks,
            self.anon_vma_pin,
            self.pte_peek,
            self.tlb_flush,
            self.call_rules,
        )
        return {answer.question: answer for answer in found}

    @property
    def text(self) -> str:
        """Name and replaced answers, as in `v6,pte-peek=unlocked`."""
        answers = self.answers
        return ",".join([self.name, *(f"{q}={answers[q].name}" for q in self.replaced)])

    def with_answer(self, question: str, name: str) -> KernelSpec:
        """The same kernel with another answer to one question.

        Raises UnknownName.
        """
        if question not in QUESTIONS:
            raise UnknownName("question", question, list(QUESTIONS))
        if name not in QUESTIONS[question]:
            raise UnknownName(f"answer to {question}", name, list(QUESTIONS[question]))
        if self.answers[question].name == name:
            return self
        replaced = tuple(sorted({*self.replaced, question}))
        answer: dict[str, Any] = {question.replace("-", "_"): QUESTIONS[question][name]}
        return evolve(self, replaced=replaced, **answer)


ROOM = 240  # characters, for the names that an error lists


class UnknownName(ValueError):
    """A name that nothing has; says what comes near, and what there is instead."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        near = get_close_matches(name, known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        super().__init__(f"no {what} is called {name!r}{hint}; there is {some(known)}")


def some(names: list[str]) -> str:
    """Names in a row, or the first of them and how many more there are."""
    shown = list(names)
    while len(shown) > 1 and len(", ".join(shown)) > ROOM:
        shown.pop()
    left = len(names) - len(shown)
    return ", ".join(shown) + (f" and {left} more (see kmm list)" if left else "")


def _kernel(
    name: str,
    title: str,
    rmap_walk_answer: RmapWalk,
    exec_stack_answer: ExecStack,
    take_all_locks_answer: TakeAllLocks,
) -> KernelSpec:
    """A kernel that differs from the others in three answers only."""
    return KernelSpec(
        name,
        title,
        rmap_walk_answer,
        exec_stack_answer,
        take_all_locks_answer,
        anon_vma_pin.REFCOUNT,
        pte_peek.LOCKED,
        tlb_flush.FLUSH,
        call_rules.LINUX_2_6_34,
    )


KERNELS: Mapping[str, KernelSpec] = {
    spec.name: spec
    for spec in (
        _kernel(
            "2.6.34",
            "Linux 2.6.34, May 2010",
            rmap_walk.LOCAL_LOCK,
            exec_stack.UNPROTECTED,
            take_all_locks.NEWEST_FIRST,
        ),
        _kernel(
            "v2",
            "version 2 of the series, 27 April 2010",
            rmap_walk.TRYLOCK_RETRY,
            exec_stack.LAZY_CLEANUP,
            take_all_locks.NEWEST_FIRST,
        ),
        _kernel(
            "v3",
            "version 3 of the series, 29 April 2010",
            rmap_walk.HEAVY_LOCK,
            exec_stack.SKIP_SINGLE_VMA,
            take_all_locks.NEWEST_FIRST,
        ),
        _kernel(
            "v4",
            "version 4 of the series, 3 May 2010",
            rmap_walk.HEAVY_LOCK,
            exec_stack.TEMPORARY_VMA_NEW_FIRST,
            take_all_locks.NEWEST_FIRST,
        ),
        _kernel(
            "v5",
            "version 5 of the series, 5 May 2010",
            rmap_walk.TRYLOCK_RETRY,
            exec_stack.TEMPORARY_VMA,
            take_all_locks.NEWEST_FIRST,
        ),
        _kernel(
            "v6",
            "version 6 of the series, 6 May 2010",
            rmap_walk.ROOT_ORDER,
            exec_stack.TEMPORARY_VMA,
            take_all_locks.OLDEST_FIRST,
        ),
        _kernel(
            "2.6.35",
            "Linux 2.6.35, August 2010",
            rmap_walk.LOCAL_LOCK,
            exec_stack.SKIP_TEMPORARY,
            take_all_locks.NEWEST_FIRST,
        ),
        _kernel(
            "2.6.36",
            "Linux 2.6.36, October 2010",
            rmap_walk.ROOT_LOCK,
            exec_stack.SKIP_TEMPORARY,
            take_all_locks.ROOT_MARK,
        ),
    )
}

# What must be known of all of them, for a listing.
FOR_ALL = (
    "Each has two fixes whatever its time, so that each race is seen by itself: "
    "pte-peek=locked (486cf46f3f9b, Linux 3.1) and "
    "anon-vma-pin=refcount (3f6c82728f4e and 67b9509b2c68, Linux 2.6.35)."
)

ALIASES: Mapping[str, str] = {"vanilla": "2.6.34", "fixraces": "v6"}


def find_kernel(name: str) -> KernelSpec:
    """A kernel by name or alias.  Raises UnknownName."""
    spec = KERNELS.get(ALIASES.get(name, name))
    if spec is None:
        raise UnknownName("kernel", name, [*KERNELS, *ALIASES])
    return spec


def parse_kernel(text: str) -> KernelSpec:
    """The kernel of a text such as `v6,pte-peek=unlocked`.  Raises UnknownName."""
    name, *replaced = text.split(",")
    spec = find_kernel(name)
    for pair in replaced:
        question, _, answer = pair.partition("=")
        spec = spec.with_answer(question, answer)
    return spec
