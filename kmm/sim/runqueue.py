"""A CPU of a timed run: its clock, the threads that share it, and whose its time was.

`timed` decides what happens when; here is what that is decided by.  All times are in
cycles, since the start of the run.  Each cycle of a CPU is somebody's: once it is said
whose the last ones were (`account`), `user`, `system`, `in_irq` and `idle` sum to its
clock.
"""

from __future__ import annotations

from attrs import define, field

from .thread import KThread

NEVER = 1 << 62


@define(eq=False)
class Entity:
    """A thread, as who has a share of its CPU.  (struct sched_entity)"""

    thread: KThread
    rq: RunQueue
    vruntime: int = 0  # of its CPU's time, what it has had, or is taken to have had
    user: int = 0
    system: int = 0
    in_user: bool = False
    left: int = 0  # of what it computes
    started: int = 0
    ended: int | None = None
    spinning: bool = False
    nvcsw: int = 0  # how often it gave its CPU away
    nivcsw: int = 0  # and how often that was taken from it

    @property
    def preemptible(self) -> bool:
        """Whether its CPU can be taken: not in the kernel, nor in an instruction."""
        return self.in_user and not self.thread.held


@define(eq=False)
class RunQueue:
    """A CPU, and the threads that it is shared by.  (struct rq)"""

    number: int
    now: int = 0  # up to when what it did is known
    since: int = 0  # up to when it is known whose time that was
    user: int = 0
    system: int = 0  # switches as well
    in_irq: int = 0
    idle: int = 0
    switches: int = 0
    min_vruntime: int = 0  # of those who want it; it never goes back
    current: Entity | None = None
    last: Entity | None = None  # whose registers the CPU has
    ready: list[Entity] = field(factory=list)
    slice_end: int = 0
    irq: Entity | None = None  # who answers when it is interrupted
    irq_at: int = NEVER  # when there was something to answer
    event: int = NEVER  # when it will do something

    @property
    def load(self) -> int:
        """How many threads want this CPU."""
        return len(self.ready) + (self.current is not None)

    def next_event(self) -> int:
        """When this CPU next does something that others can notice."""
        now, current = self.now, self.current
        if current is None or current.spinning:
            at = NEVER
        elif not current.left:
            at = now
        else:
            at = now + current.left
            if self.ready and current.preemptible:
                at = min(at, max(now, self.slice_end))
        return min(at, max(now, self.irq_at))

    def is_slice_over(self) -> bool:
        """Whether it is another thread's turn."""
        current = self.current
        return (
            self.now >= self.slice_end
            and bool(self.ready)
            and current is not None
            and current.preemptible
        )

    def pass_time(self, at: int) -> None:
        """Up to `at` nothing happened here: it was idle, or spun, or computed."""
        passed, current = at - self.now, self.current
        if passed > 0:
            self.now = at
            if current is not None and current.left:
                current.left -= passed
        self.account()

    def account(self) -> None:
        """Whoever has this CPU has had it since last time."""
        current, passed = self.current, self.now - self.since
        self.since = self.now
        if current is None:
            self.idle += passed
            return
        current.vruntime += passed
        if current.in_user:
            self.user += passed
            current.user += passed
        else:
            self.system += passed
            current.system += passed

    def update_min_vruntime(self) -> None:
        """What somebody who comes now is taken to have had."""
        current = self.current
        least = NEVER if current is None else current.vruntime
        for entity in self.ready:
            least = min(least, entity.vruntime)
        if self.min_vruntime < least < NEVER:
            self.min_vruntime = least
