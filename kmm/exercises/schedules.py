"""Submissions that are a schedule: a run that breaks a kernel, in few steps.

Nothing of a student's runs here: a schedule is a list of choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..designs import UnknownName, parse_kernel
from ..report.outcome import plural
from ..scenarios import find_race
from ..scenarios.found import BrokenPlugin
from ..scenarios.play import Played, replay
from ..scenarios.race import ScheduleToken
from ..sim.schedule import ScheduleError, context_switches
from .exercise import Check, Complaint, Exercise, Finding

LARGEST = 100_000  # characters


def play(text: str, exercise: Exercise) -> Played:
    """The run that a submission is.  Raises Complaint.

    Lines that begin with # say nothing; what stands before the schedule is left out, so
    that a line of `kmm hunt` may be put in as it is.
    """
    lines = [line for line in text[:LARGEST].splitlines() if line.strip()]
    words = [w for line in lines if not line.startswith("#") for w in line.split()]
    if not words:
        raise Complaint("no schedule; it looks like race/kernel/14a22b/check")
    try:
        token = ScheduleToken.parse(words[-1])
        wanted = parse_kernel(exercise.settings["kernel"])
        race = find_race(exercise.settings["race"])
        if (token.race, token.kernel) != (race.name, race.kernel(wanted)):
            raise Complaint(
                f"this is a run of {token.race} on {token.kernel.text}, and should be "
                f"one of {race.name} on {race.kernel(wanted).text}"
            )
        return replay(race, token)
    except (ScheduleError, UnknownName, BrokenPlugin) as error:
        raise Complaint(str(error)) from None


def breaks(played: Played, check: Check) -> Finding:
    """The run ends in a failure, of the kind that is asked for."""
    recording = played.recording
    assert recording is not None
    failure, kind = recording.failure, check.settings.get("failure")
    if failure is None:
        return Finding(check.name, False, "the run goes well", str(played.token))
    if kind is not None and failure.kind != kind:
        why = f"the run fails otherwise: {failure.message}"
        return Finding(check.name, False, why, str(played.token), failure.message)
    return Finding(check.name, True, failure.message)


def at_most(count: int, what: str, played: Played, check: Check) -> Finding:
    """The run breaks the kernel in so many of something, or fewer."""
    if played.verdict != "bug":
        return Finding(check.name, False, "the run goes well, however long it is")
    most: int = check.settings["at_most"]
    why = f"{plural(count, what)}; asked for are at most {most}"
    return Finding(check.name, count <= most, why)


def few_switches(played: Played, check: Check) -> Finding:
    assert played.recording is not None
    count = context_switches(played.recording.choices)
    return at_most(count, "context switch", played, check)


def few_steps(played: Played, check: Check) -> Finding:
    assert played.recording is not None
    return at_most(len(played.recording.steps), "step", played, check)


def few_preemptions(played: Played, check: Check) -> Finding:
    """So often, at most, the CPU is taken from a thread that could have gone on."""
    assert played.recording is not None
    return at_most(played.recording.preemptions, "preemption", played, check)


ASKS: Mapping[str, Callable[[Played, Check], Finding]] = {
    "breaks": breaks,
    "few-switches": few_switches,
    "few-steps": few_steps,
    "few-preemptions": few_preemptions,
}
