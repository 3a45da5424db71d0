"""What is exported: a recorded run, and which of its moments is meant.

Every module of this package takes one, and makes the contents of a file.
"""

from __future__ import annotations

from attrs import field, frozen

from ...mm.observe import State
from ...scenarios.play import Played
from ...sim.recording import Recording, Step
from ..changes import Change, changes_between
from ..words import Names


class ExportError(Exception):
    """What was asked for cannot be made; one line says why, and the way out."""


@frozen
class ExportedRun:
    """Made by `exported`."""

    played: Played
    recording: Recording
    at: int  # the moment: after so many steps
    names: Names = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "names", Names(self.recording))

    @property
    def title(self) -> str:
        return f"{self.played.race.name} on {self.played.kernel.text}"

    @property
    def is_at_end(self) -> bool:
        return self.at == len(self.recording.steps)

    @property
    def state(self) -> State | None:
        """Memory at the moment; None of a race that has none."""
        return self.state_at(self.at)

    def state_at(self, moment: int) -> State | None:
        state = self.recording.moments[moment].state
        return state if isinstance(state, State) else None

    def changes(self, step: Step) -> list[Change]:
        """What a step changed that is worth stopping at."""
        before, after = self.recording.moments[step.number : step.number + 2]
        found = changes_between(before, after, self.recording.threads)
        return [change for change in found if change.is_loud]


def exported(played: Played, at: int | None = None) -> ExportedRun:
    """The run, at `at` or else at the moment that its schedule names or its end.

    Raises ExportError.
    """
    recording = played.recording
    if recording is None:
        raise ExportError("no run failed, so there is none to export; try `kmm run`")
    last = len(recording.steps)
    if at is not None and not 0 <= at <= last:
        raise ExportError(f"the run has {last} steps, so it has no moment {at}")
    if at is None:
        at = last if played.at is None else played.at
    return ExportedRun(played, recording, at)
