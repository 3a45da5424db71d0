"""Which locks are held where a field is used: what Eraser kept, with a memory.

Two uses of a field, one of which stores it, are safe if a lock is held at both; then
no schedule can bring them together.  Whether one does in the runs at hand is a matter
of luck, so a lock or a mark that is left out is looked for here without waiting for it:
a function that used a field under a lock that others too hold where they use it, or
that announced what it did, and now does neither, could meet any of them.

What functions do of their own accord is learned from runs of the model as it is
(`Locksets`).  A page that is not anybody's yet needs no lock, so only what a function
has done always is held against it.

Savage and others, "Eraser: a dynamic data race detector for multithreaded programs",
SOSP 1997.  Rules learned from runs: Lochmann and others, "LockDoc", EuroSys 2019.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field, frozen


@frozen(order=True)
class Use:
    """What a function does to a field, and how it is protected."""

    target: str  # the class and the field: Zone.nr_free_pages
    function: str  # kmm/mm/page_alloc.py:buffered_rmqueue
    write: bool
    announced: bool
    locks: tuple[str, ...]  # the classes of those that are held alone, in order
    shared: tuple[str, ...] = ()  # and of those that others may hold as well

    def shares_no_lock(self, other: Use) -> bool:
        """Whether no lock keeps the two apart; two shared holds do not."""
        return {*self.locks, *self.shared}.isdisjoint(other.locks) and set(
            self.locks
        ).isdisjoint(other.shared)

    def conflicts(self, other: Use) -> bool:
        return self.target == other.target and (self.write or other.write)

    def is_like(self, other: Use) -> bool:
        """Whether the same function does the same, be it protected or not."""
        return (self.target, self.function, self.write) == (
            *(other.target, other.function),
            other.write,
        )


@define
class Locksets:
    """The uses that are known."""

    by_target: dict[str, list[Use]] = field(factory=dict)

    @staticmethod
    def of(uses: Iterable[Use]) -> Locksets:
        by_target: dict[str, list[Use]] = {}
        for use in sorted(set(uses)):
            by_target.setdefault(use.target, []).append(use)
        return Locksets(by_target)

    def exposed(self, use: Use, *, announced_too: bool) -> Use | None:
        """Whom a use can meet that its like never could; None if nobody.

        An announced use can do no harm by itself, but with others it makes a whole that
        a lock keeps together; `announced_too` says whether it counts.
        """
        if use.announced and not announced_too:
            return None
        known = self.by_target.get(use.target, [])
        alike = [one for one in known if one.is_like(use)]
        if not alike:
            return None
        for other in known:
            if not use.conflicts(other) or not use.shares_no_lock(other):
                continue
            if not any(
                one.shares_no_lock(other) and (announced_too or not one.announced)
                for one in alike
            ):
                return other
        return None
