"""A lock: what it protects, who has it, and which come before it and after."""

from __future__ import annotations

from collections.abc import Iterator

from ...report.changes import lock_holders
from ..lines import Line
from ..pictures.seen import Seen, dim
from ..tables import lock_waiters
from .lock_facts import ORDER, about
from .things import Thing


def lock_lines(seen: Seen, thing: Thing) -> Iterator[Line]:
    known = about(thing.name)
    assert known is not None
    key, facts = known
    yield Line(f"A lock ({facts.kind}).", hang=2)
    yield Line(f"It protects {facts.protects}.", hang=2)
    yield Line(f"Taken by {facts.takers}.", hang=2)
    held = lock_holders(seen.moment, seen.recording.threads).get(thing.name)
    waiters = lock_waiters(seen.moment, seen.recording.threads).get(thing.name)
    yield Line(f"Now: held by {held}." if held else "Now: free.", hang=2)
    if waiters:
        yield Line(f"Waiting for it: {', '.join(waiters)}.", hang=2)
    if key in ORDER:
        place = ORDER.index(key)
        before = ", ".join(ORDER[:place]) or "none"
        after = ", ".join(ORDER[place + 1 :]) or "none"
        yield dim(f"Locks that come before it, outer to inner: {before}.")
        yield dim(f"Locks that may be taken while it is held: {after}.")
