"""One run, exactly as it was written down."""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import Machine
from ..schedule import ScheduleError
from ..thread import KThread
from .base import Strategy


class Replay(Strategy):
    """Follows `choices` to the letter; raises ScheduleError where they do not fit."""

    name = "replay"

    def __init__(self, choices: Sequence[int]) -> None:
        self.choices = choices
        self.runs = 0

    def next_run(self) -> bool:
        self.runs += 1
        return self.runs == 1

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        step = len(machine.choices)
        names = " or ".join(t.name for t in enabled)
        if step == len(self.choices):
            raise ScheduleError(
                f"the schedule ends after {step} steps, but {names} can still run: "
                f"was it cut off?"
            )
        wanted = self.choices[step]
        for thread in enabled:
            if thread.index == wanted:
                return thread
        raise ScheduleError(
            f"the schedule stops fitting at step {step}: {self._why(machine, wanted)}; "
            f"{names} could go on"
        )

    def ended(self, machine: Machine, complete: bool) -> None:
        self.check_length(len(machine.choices))

    def check_length(self, steps: int) -> None:
        """Complain if the run was over before the schedule was."""
        extra = len(self.choices) - steps
        if extra:
            raise ScheduleError(
                f"the run ends after {steps} steps, but the schedule has {extra} "
                f"more: it was made by another program"
            )

    @staticmethod
    def _why(machine: Machine, wanted: int) -> str:
        if wanted >= len(machine.threads):
            return f"there is no thread number {wanted}"
        thread = machine.threads[wanted]
        if thread.pending is None:
            return f"{thread.name} has ended"
        return f"{thread.name} must wait for {thread.pending.key}"
