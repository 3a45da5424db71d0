"""The reader as the scheduler: whose turn it is, step by step, and what can come of it.

A run that somebody makes begins where they stand in a recording.  It is kept as a
machine that waits for the next choice, so a step costs no more than itself.  Used by
`session`.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, frozen

from ..designs import KernelSpec
from ..report.outcome import plural
from ..scenarios import play
from ..scenarios.race import Race
from ..sim.recording import Recording
from ..sim.search import SearchResult
from ..sim.slices import Slices
from ..sim.steering import Steering

LETTERS = "ABCDEFGH"  # of threads, as in schedules
MOST_JUDGED = 20_000  # executions of a search from one moment


@define
class OwnRun:
    """A run whose choices are the reader's, from one of its moments on."""

    race: Race
    kernel: KernelSpec
    steering: Steering
    begun_at: int  # choices that were not the reader's

    @staticmethod
    def begin(race: Race, kernel: KernelSpec, choices: Sequence[int]) -> OwnRun:
        return OwnRun(race, kernel, play.steer(race, kernel, choices), len(choices))

    @property
    def choices(self) -> tuple[int, ...]:
        return tuple(self.steering.machine.choices)

    @property
    def is_over(self) -> bool:
        return self.steering.is_over or not self.steering.able()

    def choose(self, thread: int) -> bool:
        """Let a thread take its step; False if it cannot."""
        if thread not in [able.index for able in self.steering.able()]:
            return False
        self.steering.choose(thread)
        return True

    def finish(self) -> None:
        """Let the rest go on one after the other."""
        while able := self.steering.able():
            self.steering.choose(able[0].index)

    def recording(self) -> Recording:
        return self.steering.recording()


@frozen
class Outlook:
    """What can still happen after a moment of a run."""

    choices: tuple[int, ...]  # up to that moment
    result: SearchResult

    def text(self, recording: Recording) -> str:
        """In a sentence, for whoever is to choose next."""
        runs = plural(self.result.coverage.executions, "execution")
        if self.result.failure is not None:
            return (
                f"A failure can still be reached from here ({self.next_of(recording)})."
            )
        if self.result.verdict == "proved":
            return f"Nothing can fail any more, whoever goes next: proved by {runs}."
        return f"{runs} from here did not fail; that is no proof."

    def next_of(self, recording: Recording) -> str:
        """Who goes next in a run that fails: a hint."""
        if not self.result.choices:
            return "it has failed"
        thread = self.result.choices[0]
        info = recording.threads[thread]
        return f"for example by {LETTERS[thread]}: CPU {info.cpu}, {info.comm}"


def look_ahead(
    race: Race, kernel: KernelSpec, choices: tuple[int, ...]
) -> Slices[Outlook]:
    """Search on from a moment, which may take seconds."""
    result = yield from play.looking_ahead(race, kernel, choices, budget=MOST_JUDGED)
    return Outlook(choices, result)
