"""How a session begins: with a first run, or with one that was made elsewhere."""

from __future__ import annotations

from ..designs import KernelSpec
from ..exercises import Exercise, litmus, schedules
from ..exercises.code import race_for
from ..scenarios.play import Played
from ..scenarios.race import Race
from ..sim.recording import Recording, record, record_choices
from ..sim.search import search
from ..sim.strategies import RoundRobin, SourceDpor
from .foreign import Foreign, told_kernel
from .session import Session

# What is tried before the screen opens, so that the first run is one worth seeing.
FIRST_TRIES = 30  # executions; some tens of milliseconds

ONE_AFTER_ANOTHER = 10_000  # steps a turn: more than any thread here needs


def open_session(race: Race, kernel: KernelSpec) -> Session:
    """A first run to look at: one that fails if there is one close at hand.

    Else the threads one after another, which every kernel survives.
    """
    kernel = race.kernel(kernel)
    boot = race.rewinder(kernel)
    found = search(boot, SourceDpor(), budget=FIRST_TRIES)
    if found.failure is not None:
        recording = record_choices(boot, found.choices)
        origin = "a run that the search found"
    else:
        recording = record(boot, RoundRobin(ONE_AFTER_ANOTHER))
        origin = "the run in which the threads go one after the other"
    return Session(race, kernel, recording, origin, recording, kernel.text)


def session_of(played: Played, origin: str) -> Session:
    """A run that was made elsewhere; `origin` says where it comes from."""
    recording = played.recording
    assert recording is not None
    session = Session(
        played.race, played.kernel, recording, origin, recording, played.kernel.text
    )
    session.go(played.at or 0)
    if played.token is not None and played.token.is_part:
        session.take_over()  # it was left before its end, and waits for a choice
    return session


def foreign_session(
    exercise: Exercise, text: str, schedule: str, recording: Recording
) -> Session:
    """A run that a judge has made of a submission.  Raises UnknownName."""
    race, kernel = schedule.split("/")[:2]
    shown, model = told_kernel(exercise, kernel)
    return Session(
        race_for(exercise, race),
        shown,
        recording,
        f"a run with your {exercise.file}",
        recording,
        shown.text,
        foreign=Foreign(exercise, text, model),
    )


def data_session(exercise: Exercise, text: str, schedule: str) -> Session:
    """A run of a submission that is data, of which nothing is executed.

    It is made here, and the reader may go on from any moment of it.  Raises Complaint,
    ScheduleError.
    """
    if exercise.kind == "litmus":
        played = litmus.remade(litmus.race_of(text, exercise), schedule)
    else:
        played = schedules.play(text, exercise)
    return session_of(played, f"the run of your {exercise.file}")
