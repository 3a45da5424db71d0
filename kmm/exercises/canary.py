"""Whether the process that judges is still what it was before it met the submission.

Vetted code has no way to reach the explorer.  Should there be one after all, it would
leave traces, and two things are looked at before the submission is loaded and after it
was judged:

- every function and class of kmm: that it is the same object, with the same code;
- two searches whose outcome is known: a kernel that must fail still does, in the same
  run, and a race that is proved still is, by the same number of executions and steps.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from attrs import frozen

from ..designs import parse_kernel
from ..scenarios import find_race
from ..sim.search import SearchResult, search
from ..sim.strategies import SourceDpor

# Race, kernel, and how the search must end.
BIRDS = (
    ("exec-stack", "2.6.34", "bug"),
    ("migration-wait", "2.6.34", "proved"),
)


class Tampered(Exception):
    """The judge is not what it was: nothing that it has found is worth anything."""


@frozen
class Canary:
    """What was seen before."""

    code: frozenset[tuple[Any, ...]]
    results: tuple[SearchResult, ...]

    @staticmethod
    def new() -> Canary:
        results = tuple(sing(race, kernel) for race, kernel, _ in BIRDS)
        verdicts = [result.verdict for result in results]
        if verdicts != [verdict for _, _, verdict in BIRDS]:
            raise Tampered(f"kmm is broken before anything was judged: {verdicts}")
        return Canary(frozenset(code_of_kmm()), results)

    def check(self) -> None:
        """Raises Tampered."""
        lost = self.code - frozenset(code_of_kmm())
        if lost:
            names = sorted({f"{one[0]}.{one[1]}" for one in lost})
            raise Tampered(f"the judge was changed: {', '.join(names[:3])}")
        for (race, kernel, _), before in zip(BIRDS, self.results, strict=True):
            if sing(race, kernel) != before:
                raise Tampered(f"{race} on {kernel} does not end as it did before")


def sing(race: str, kernel: str) -> SearchResult:
    boot = find_race(race).rewinder(parse_kernel(kernel))
    return search(boot, SourceDpor())


def code_of_kmm() -> Iterator[tuple[Any, ...]]:
    """Everything that modules of kmm define, by what it is made of.

    Data that changes as the model runs, caches and counters, is not among it.
    """
    for name, module in list(sys.modules.items()):
        if name.startswith("kmm.") and module is not None:
            for key, value in list(vars(module).items()):
                if isinstance(value, FunctionType):
                    yield (name, key, *marks(value))
                elif isinstance(value, type) and value.__module__ == name:
                    yield (name, key, id(value))
                    yield from members(name, value)


def members(module: str, owner: type) -> Iterator[tuple[Any, ...]]:
    for key, value in list(vars(owner).items()):
        inner = getattr(value, "__func__", value)
        if isinstance(inner, FunctionType):
            yield (module, f"{owner.__name__}.{key}", *marks(inner))
        else:
            yield (module, f"{owner.__name__}.{key}", id(value))


def marks(function: FunctionType) -> tuple[Any, ...]:
    """What a function does depends on these, and on what it calls."""
    return (
        id(function),
        id(function.__code__),
        repr(function.__defaults__),
        repr(function.__kwdefaults__),
        tuple(vars(function)),
    )
