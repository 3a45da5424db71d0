"""The steps of a run, by what they touched: who saw what, and who met whom.

From a look one can go back to who stored what it found, and to where that came from;
and of all looks at one object one can tell those whose order the schedule decided.
`causes` asks both, to tell why a run failed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from operator import attrgetter

from attrs import evolve

from ..sim.failure import Failure
from ..sim.recording import Step
from .words import describe_if_entry, function

# Kinds of operations (`sim.trap`).
LOCKING = ("acquire", "share", "release", "unshare", "try", "wait")
WRITES = ("write", "try", "release", "acquire")
BOOKKEEPING = (".cpu_vm_mask",)  # fields that are only about whom to interrupt
FRAME = re.compile(r"(?:frame|page) (0x[0-9a-f]+)")
COUNTS = 1 << 12  # numbers below are counts and flags, which are equal by chance

Pair = tuple[Step, Step]  # of two threads, in the order in which they were taken
Meeting = Callable[[Iterable[Step]], Iterator[Pair]]  # those of the looks at one object


def found_busy(step: Step) -> bool:
    """Whether it tried to take a lock and did not get it."""
    return step.kind == "try" and step.before != "free"


def numbers(groups: Iterable[Iterable[Step]]) -> set[int]:
    """The numbers of the steps in these groups."""
    return {step.number for group in groups for step in group}


def changes(step: Step) -> bool:
    """Whether a reader would see that the object was another afterwards.

    Bits of an entry that are not shown do not count; a frame's bytes may be unknown.
    """
    if step.kind not in WRITES or found_busy(step):
        return False
    if step.before == step.after:
        return is_frame(step) and step.after is None
    words = describe_if_entry(step, step.before)
    return not words or words != describe_if_entry(step, step.after)


def is_frame(step: Step) -> bool:
    return step.target.startswith("frame ")


def names_frame(step: Step, value: object, target: str) -> bool:
    """Whether the value is an entry for the frame that `target` has to do with."""
    frame = FRAME.search(target)
    words = describe_if_entry(step, value)
    return frame is not None and words.startswith(f"page {frame[1]} ")


def neighbours(looks: Iterable[Step]) -> Iterator[Pair]:
    """Conflicting looks at one object by two threads that stand next to each other."""
    for one, other in pairwise(looks):
        if one.thread != other.thread and (changes(one) or changes(other)):
            yield one, other


def meetings(looks: Iterable[Step]) -> Iterator[Pair]:
    """The same, but reads may stand between the two, as they make no difference.

    A store comes after the last read of each thread, and what each reads first comes
    after the last store.  For a failure that shows when all have ended: there is no
    last look of a thread from which to go back, so nothing that met may be missing.
    """
    store: Step | None = None
    readers: dict[int, Step] = {}  # since then: the last read of each thread
    for look in looks:
        before = [*readers.values()] if changes(look) else []
        is_next = not readers if changes(look) else look.thread not in readers
        if store is not None and is_next:
            before.append(store)
        yield from ((one, look) for one in before if one.thread != look.thread)
        if changes(look):
            store, readers = look, {}
        else:
            readers[look.thread] = look


class History:
    """The steps of a run, by what they touched.

    A look is an access to data: a read, or a store that changed something.  What a step
    did to a second object is seen as a step of its own, with the same number.
    """

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = steps
        self.touches = [touch for step in steps for touch in touches_of(step)]
        # What orders threads rather than telling them something.
        self.locks = {step.target for step in self.touches if step.kind in LOCKING}
        self.by_object: dict[str, list[Step]] = {}
        for step in self.touches:
            if self.is_look(step):
                self.by_object.setdefault(step.target, []).append(step)

    def is_look(self, step: Step) -> bool:
        """Whether it is about data, and not a store of what was there already.

        A lock's word counts if it is read as data, as PG_locked is.
        """
        if step.target in self.locks:
            return step.kind == "read"
        if step.target.endswith(BOOKKEEPING):
            return False
        return step.kind == "read" or changes(step)

    # What it saw.

    def seen(self, looks: list[Step]) -> set[int]:
        """The looks, who stored what they found, and where that came from."""
        wanted = numbers(self.last_use(look) for look in looks)
        followed: set[int] = set()
        queue = list(looks)
        while queue:
            look = queue.pop()
            if look.number in followed:
                continue
            followed.add(look.number)
            store = self.last_change(look)
            if store is not None:
                wanted.add(store.number)
                queue += self.origin(store)
            if self.is_look(look):
                queue += self.pointer_to(look)
        return wanted | followed

    def before(self, step: Step) -> Iterator[Step]:
        """What was done before it, backwards."""
        end = bisect_left(self.touches, step.number, key=attrgetter("number"))
        return reversed(self.touches[:end])

    def last_change(self, look: Step) -> Step | None:
        """Who put there what was found."""
        for step in self.before(look):
            if step.target == look.target and changes(step):
                return step
        return None

    def pointer_to(self, look: Step) -> list[Step]:
        """Where the thread had read which object, or which frame, to look at."""
        thing, _, field = look.target.partition(".")
        for step in self.before(look):
            if step.thread != look.thread or not self.is_look(step):
                continue
            if field and step.kind == "read" and step.after == thing:
                return [step]
            if is_frame(look) and names_frame(step, step.after, look.target):
                return [step]
        return []

    def origin(self, store: Step) -> list[Step]:
        """Where the thread had found the value that it stored.

        If nowhere else, then in the place itself, unless that held 0.  Small values are
        not followed: they are counts and flags, which are equal by chance.
        """
        value = store.after
        if store.kind != "write" or not isinstance(value, int) or value < COUNTS:
            return []
        for step in self.before(store):
            if step.thread != store.thread or step.target == store.target:
                continue
            if step.before == value and self.is_look(step):
                return [step]
        return [store] if store.before else []

    def last_use(self, look: Step) -> list[Step]:
        """When another thread last made or unmade an entry for the same frame.

        Asked of a frame's bytes, since a CPU may reach them by a translation that it
        remembers, with no look at the entry.  Of anything else only if no step of this
        run has stored what was found.
        """
        if not is_frame(look) and self.last_change(look) is not None:
            return []
        for step in self.before(look):
            if step.thread != look.thread and changes(step):
                values = (step.before, step.after)
                if any(names_frame(step, value, look.target) for value in values):
                    return [step]
        return []

    def other_side(self, step: Step, failure: Failure) -> set[int]:
        """A step that showed a data race, and the one that it raced with."""
        for other in self.before(step):
            if other.thread == step.thread or other.target != step.target:
                continue
            if function(other) in failure.message:
                return {step.number, other.number}
        return {step.number}

    # Who was in between.

    def between(self, wanted: set[int]) -> set[int]:
        """Looks of others right before or after a change, who went on with them.

        Not if the same thread looks again, and that is wanted already.
        """
        steps = [self.steps[number] for number in sorted(wanted)]
        last_told = {step.thread: step.number for step in steps}
        last_at = {(step.thread, step.target): step.number for step in steps}
        found = set()
        for pair in self.pairs():
            for change, look in (pair, pair[::-1]):
                if change.number not in wanted or not changes(change):
                    continue
                if last_at.get((look.thread, look.target), -1) > look.number:
                    continue
                if last_told.get(look.thread, -1) > look.number:
                    found.add(look.number)
        return found

    # Who was overtaken.

    def pairs(self, of_object: Meeting = neighbours) -> list[Pair]:
        """Conflicting looks of two threads, one right after the other.

        In the order of the second, which is when the schedule had decided.
        """
        found = [
            pair
            for target, looks in self.by_object.items()
            if target not in self.locks
            for pair in of_object(looks)
        ]
        return sorted(found, key=lambda pair: pair[1].number)

    def overtaken(self, wanted: set[int]) -> set[int]:
        """The pairs on circles: from a thread to others, and back to it later.

        Who is on a circle came both before and after another thread, so no order of one
        thread after the other gives the same (it is not conflict-serialisable).
        """
        pairs = self.pairs()
        on_circles: list[Pair] = []
        for pair in pairs:
            if wanted.issuperset(numbers([pair])):
                continue  # it is told already
            way = self.way_back(pair, pairs)
            if way:
                on_circles += [pair, *way]
        return numbers(one_a_look(self, on_circles))

    def way_back(self, out: Pair, pairs: list[Pair]) -> list[Pair]:
        """The pairs by which the thread that `out` left was first told of it.

        [] if it never was, or by the same object: then it knows better.
        """
        thread = out[0].thread
        reached: dict[int, tuple[int, list[Pair]]] = {}
        reached[out[1].thread] = (out[1].number, [])
        for pair in pairs:
            one, other = pair
            if one.thread not in reached or one.number < reached[one.thread][0]:
                continue
            way = [*reached[one.thread][1], pair]
            if other.thread == thread:
                return way if other.target != out[0].target else []
            reached.setdefault(other.thread, (other.number, way))
        return []


def touches_of(step: Step) -> list[Step]:
    """What a step did to each of its objects; the values of the others are unknown."""
    others = [
        evolve(step, kind=kind, target=target, before=None, after=None, also=())
        for kind, target in step.also
    ]
    return [step, *others]


def one_a_look(history: History, pairs: list[Pair]) -> list[Pair]:
    """Fields of one structure that a function looks at in one go are one look.

    Of these only the pair is kept whose second step comes first.
    """
    kept: dict[tuple[int, str], Pair] = {}
    go = goes(history.steps)
    for pair in sorted(pairs, key=lambda pair: pair[1].number):
        one = pair[0]
        kept.setdefault((go[one.number], one.target.partition(".")[0]), pair)
    return list(kept.values())


def goes(steps: tuple[Step, ...]) -> dict[int, int]:
    """For each step, the first of the unbroken run of steps in the same function."""
    found: dict[int, int] = {}
    start, before = 0, None
    for step in steps:
        here = (step.thread, function(step))
        if here != before:
            start, before = step.number, here
        found[step.number] = start
    return found
