"""A run whose choices somebody makes one at a time, written down as it goes.

Who chooses may be a person at the screen or at the command line.  `record` makes whole
runs; this one can be looked at before it is over.
"""

from __future__ import annotations

from collections.abc import Sequence

from .machine import Machine
from .recording import Moment, Recording, Scribe, moment_of, pad, thread_infos
from .search import Boot, with_watchers
from .thread import KThread


class Steering:
    """A machine at the end of its run so far.

    Begins with `choices`, which must be possible: indexes of threads.
    """

    def __init__(self, boot: Boot, choices: Sequence[int] = ()) -> None:
        self.scribe = Scribe()
        self.machine: Machine = with_watchers(boot, self.scribe)()
        self.is_over = False
        for index in choices:
            self.choose(index)

    def able(self) -> list[KThread]:
        """The threads that can go on; none once the run is over."""
        return self.machine.enabled()

    def choose(self, index: int) -> None:
        """Let a thread that is able take its step.

        When nobody is left, the run is over, and is judged as every run is.
        """
        self.machine.step(self.machine.threads[index])
        if not self.machine.enabled() and not self.is_over:
            self.machine.finish()
            self.is_over = True

    def recording(self) -> Recording:
        """The run so far."""
        threads = self.machine.threads
        moments: list[Moment] = [*self.scribe.moments, moment_of(self.machine)]
        return Recording(
            thread_infos(threads),
            tuple(self.scribe.steps),
            tuple(pad(moment, len(threads)) for moment in moments),
            self.machine.failure,
        )

    def close(self) -> None:
        self.machine.close()
