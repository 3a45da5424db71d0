"""One run, exactly as it was written down."""

from __future__ import annotations

from collections.abc import Sequence

from ..machine import Machine
from ..schedule import ScheduleError, place_of_step
from ..thread import KThread
from .base import Strategy


class Replay(Strategy):
    """Follows `choices` to the letter; raises ScheduleError where they do not fit.

    `operations` says what each step is to do, where that is known.  The complaint names
    the first step that differs, and what each thread could do there.  With `is_part`
    the run need not be over when the choices are.
    """

    name = "replay"

    def __init__(
        self,
        choices: Sequence[int],
        operations: Sequence[str] | None = None,
        *,
        is_part: bool = False,
    ) -> None:
        self.choices = choices
        self.is_part = is_part
        self.operations = operations
        self.runs = 0

    def next_run(self) -> bool:
        self.runs += 1
        return self.runs == 1

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        step = len(machine.choices)
        if step == len(self.choices) and self.is_part:
            return None
        if step == len(self.choices):
            raise ScheduleError(
                f"the schedule ends after {step} steps, but {who_could(enabled)} can "
                f"still run: was it cut off?"
            )
        wanted = self.choices[step]
        for thread in enabled:
            if thread.index == wanted:
                self._check_operation(step, thread)
                return thread
        raise ScheduleError(
            f"the schedule stops fitting at {place_of_step(self.choices, step)}: "
            f"{self._why(machine, wanted)}{self._meant(step)}; "
            f"{who_could(enabled)} could go on"
        )

    def ended(self, machine: Machine, complete: bool) -> None:
        """Complain if the run was over before the schedule was."""
        steps, failure = len(machine.choices), machine.failure
        extra = len(self.choices) - steps
        if extra:
            how = f" ({failure.message})" if failure else ""
            raise ScheduleError(
                f"the run ends after {steps} steps{how}, but the schedule has {extra} "
                f"more: it was made by another program"
            )

    def _check_operation(self, step: int, thread: KThread) -> None:
        if self.operations is None or repr(thread.pending) == self.operations[step]:
            return
        raise ScheduleError(
            f"the run differs at {place_of_step(self.choices, step)}: {thread.name} is "
            f"about to {thread.pending!r}{self._meant(step)}: the schedule comes from "
            f"another version of kmm, or was altered"
        )

    def _meant(self, step: int) -> str:
        return f", and was to {self.operations[step]}" if self.operations else ""

    @staticmethod
    def _why(machine: Machine, wanted: int) -> str:
        if wanted >= len(machine.threads):
            return f"there is no thread number {wanted}"
        thread = machine.threads[wanted]
        if thread.pending is None:
            return f"{thread.name} has ended"
        return f"{thread.name} must wait to {thread.pending!r}"


def who_could(enabled: Sequence[KThread]) -> str:
    """The threads that can go on, and what each would do."""
    return " or ".join(f"{thread.name} ({thread.pending!r})" for thread in enabled)
