"""The schedule of one kernel on another: as far as it fits, and then on its own.

A schedule names who goes on, step by step.  Another kernel takes other steps on its
way, so at some point the thread that is named may have to wait, or have ended.  Called
by `session` when somebody chooses another kernel.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ..sim.machine import Machine
from ..sim.recording import Recording, record
from ..sim.search import Boot
from ..sim.thread import KThread


@frozen
class Fit:
    """How well a schedule that was made for one kernel went with another."""

    of: str  # the kernel that it was made for
    alike: int  # steps, from the first on, that did the same
    left_at: int | None  # steps after which a choice could not be made; None if never
    reason: str = ""  # why not


class Follower:
    """Makes the choices of a schedule where they are possible.

    The first that is not is remembered; it and others like it are passed over.  When
    the schedule is over, each thread runs on for as long as it can.
    """

    def __init__(self, choices: Sequence[int]) -> None:
        self.left = list(reversed(choices))
        self.last = -1
        self.left_at: int | None = None
        self.reason = ""

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        possible = {thread.index: thread for thread in enabled}
        while self.left:
            wanted = self.left.pop()
            if wanted in possible:
                self.last = wanted
                return possible[wanted]
            self._leave(machine, why_not(machine.threads[wanted]))
        self._leave(machine, "the schedule is over, but the threads are not")
        if self.last not in possible:
            self.last = enabled[0].index
        return possible[self.last]

    def _leave(self, machine: Machine, reason: str) -> None:
        if self.left_at is None:
            self.left_at, self.reason = len(machine.choices), reason


def why_not(thread: KThread) -> str:
    if thread.pending is None:
        return f"{thread.name} has ended"
    return f"{thread.name} must wait for {thread.pending.key}"


def follow(boot: Boot, schedule: Recording, of: str) -> tuple[Recording, Fit]:
    """Run the schedule of `schedule`, made on the kernel `of`, on another kernel."""
    follower = Follower(schedule.choices)
    recording = record(boot, follower)
    left_at, reason = follower.left_at, follower.reason
    if left_at is None and follower.left:
        left_at = len(recording.steps)
        reason = "the run is over, but the schedule is not"
    return recording, Fit(of, alike(schedule, recording), left_at, reason)


def alike(one: Recording, other: Recording) -> int:
    """How many steps, from the first on, were the same operation of the same thread."""
    count = 0
    for ours, theirs in zip(one.steps, other.steps, strict=False):
        if (ours.thread, ours.kind, ours.target) != (
            theirs.thread,
            theirs.kind,
            theirs.target,
        ):
            break
        count += 1
    return count
