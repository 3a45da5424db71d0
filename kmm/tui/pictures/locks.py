"""Locks and wait queues: who holds what since when, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator

from ...report.changes import lock_holders, thread_name
from ...report.words import function
from ..lines import CHANGED, CURRENT, FATAL, Line
from ..tables import known_locks, lock_waiters
from .seen import Seen, dim, title

TAKES = ("acquire", "share", "try")
GIVES = ("release", "unshare")


def locks(seen: Seen, width: int) -> list[Line]:
    held = lock_holders(seen.moment, seen.recording.threads)
    wanted = lock_waiters(seen.moment, seen.recording.threads)
    lines = [title("Held")]
    lines += holding_lines(seen, wanted)
    if not held:
        lines.append(dim("no lock is held"))
    lines.append(title("Waiting: for a lock, or on a wait queue"))
    waits = list(waiting_lines(seen))
    lines += waits or [dim("nobody waits")]
    free = [lock for lock in known_locks(seen.moment.state) if lock not in held]
    if free:
        lines.append(title("Free"))
        lines.append(dim(", ".join(free), 0))
    return lines


def holding_lines(seen: Seen, wanted: dict[str, list[str]]) -> Iterator[Line]:
    """Each thread with its locks, in the order in which it took them."""
    for index, locks_held in enumerate(seen.moment.held):
        if locks_held:
            info = seen.recording.threads[index]
            yield Line(f"CPU {info.cpu}: {thread_name(info)}", look="loud")
        for depth, lock in enumerate(locks_held):
            since, where = taken_at(seen, index, lock)
            goes = since if since else None
            waiters = ", ".join(wanted.get(lock, []))
            text = f"{' ' * 2 * (depth + 1)}{lock}, {where}"
            if waiters:
                text += f"; {waiters} waits"
            mark = seen.mark(lock)
            if waiters and mark != CHANGED:
                mark = CURRENT
            yield Line(text, mark, hang=2 * depth + 4, goes=goes)


def taken_at(seen: Seen, thread: int, lock: str) -> tuple[int, str]:
    """The moment from which a thread has had a lock, and in which function."""
    given_back = 0  # times that it was taken and given back again since
    for step in reversed(seen.recording.steps[: seen.at]):
        if (step.thread, step.target) != (thread, lock):
            continue
        if step.kind in GIVES:
            given_back += 1
        elif step.kind in TAKES and given_back:
            given_back -= 1
        elif step.kind in TAKES:
            how = " shared" if step.kind == "share" else ""
            at = step.number + 1
            return at, f"taken{how} at step {at} in {function(step)}()"
    return 0, "since before the run"


def waiting_lines(seen: Seen) -> Iterator[Line]:
    """Each thread that waits, for what, and along whom that goes on."""
    for index, blocked in enumerate(seen.moment.blocked):
        if blocked:
            chain = list(chain_from(seen, index))
            is_circle = chain[-1] in chain[:-1]
            text = " -> ".join(chain)
            end = "  a circle: nobody will ever go on" if is_circle else ""
            yield Line(text + end, FATAL if is_circle else CURRENT, hang=4)


def chain_from(seen: Seen, thread: int) -> Iterator[str]:
    """A thread, what it waits for, who has that, what that one waits for, ..."""
    been: list[int] = []
    now: int | None = thread
    while now is not None:
        yield seen.thread(now)
        op = seen.moment.about_to[now]
        if now in been or not seen.moment.blocked[now] or op is None:
            return
        been.append(now)
        wanted = op.partition(" ")[2]
        yield wanted
        holders = (n for n, held in enumerate(seen.moment.held) if wanted in held)
        now = next(holders, None)
