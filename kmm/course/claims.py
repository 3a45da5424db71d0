"""What a lesson claims, made by running it.

A run that a lesson shows is found in one of a few ways (HOW).  Its report is kept in
the lesson's `transcript.txt`, whose last line has its schedule, so that a reader who
opens it need not wait.  `problems` names what a lesson says that is not so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from ..designs import parse_kernel
from ..report.interleaving import lanes
from ..report.oops import oops
from ..report.outcome import filled, how_to_replay
from ..scenarios import RACES, find_race
from ..scenarios.matrix import HERE, Store, matrix
from ..scenarios.play import Played, hunt, once, replay, run
from ..scenarios.race import ScheduleToken
from ..sim.recording import record_choices
from ..sim.schedule import ScheduleError
from ..sim.search import search
from ..sim.strategies import RoundRobin, SourceDpor
from .code import NoSuchCode, excerpt
from .lesson import Code, Lesson, Motion, Toggle

USUAL = 80  # columns
ONE_AFTER_ANOTHER = 10_000  # steps a turn: more than any thread has
REPLAY = re.compile(r"^  kmm replay (?P<token>\S+)$", re.M)


def by_turns(turn: int) -> Callable[[Motion], Played]:
    def play(motion: Motion) -> Played:
        race = find_race(motion.race)
        return run(race, parse_kernel(motion.kernel), RoundRobin(turn))

    return play


def witness(motion: Motion) -> Played:
    """The least run that fails.  Takes as long as the search for it."""
    return hunt(find_race(motion.race), parse_kernel(motion.kernel), SourceDpor())


def first_failure(motion: Motion) -> Played:
    """The first failing run that the search meets, where the least takes too long."""
    race, kernel = find_race(motion.race), parse_kernel(motion.kernel)
    found = search(race.rewinder(race.kernel(kernel)), SourceDpor())
    return once(
        race, kernel, "dpor", record_choices(race.booter(kernel), found.choices)
    )


# The ways to come to a run that is worth a look.
HOW: Mapping[str, Callable[[Motion], Played]] = {
    "witness": witness,
    "one-after-another": by_turns(ONE_AFTER_ANOTHER),
    "round-robin": by_turns(1),
    "first-failure": first_failure,
}


def play_motion(lesson: Lesson, motion: Motion) -> Played:
    """The run that a lesson shows: from its transcript, or else found again."""
    kept = transcript_token(lesson)
    if kept is not None:
        try:
            return replay(find_race(motion.race), kept)
        except ScheduleError:
            pass  # of an earlier version
    return HOW[motion.how](motion)


def transcript_token(lesson: Lesson) -> ScheduleToken | None:
    """The schedule at the end of a lesson's transcript, if it can be read."""
    try:
        text = lesson.transcript.read_text(encoding="utf-8")
        found = REPLAY.findall(text)
        return ScheduleToken.parse(found[-1]) if found else None
    except (OSError, ScheduleError):
        return None


def make_transcript(motion: Motion) -> str:
    """The run as `transcript.txt` keeps it.

    Of one that fails, the steps that matter; of one that goes well, all.
    """
    played = HOW[motion.how](motion)
    recording = played.recording
    if recording is None:
        raise ScheduleError(f"no run of {motion.race} on {motion.kernel} fails")
    failed = recording.failure is not None
    console = oops(recording, played.kernel.name)
    blocks = [
        f"{played.race.name} on {played.kernel.text}",
        filled(played.race.asks, USUAL),
        *([console] if console else []),
        "\n".join(lanes(recording, USUAL, every=not failed)),
        how_to_replay(played, USUAL),
    ]
    return "\n\n".join(blocks) + "\n"


def verdict(race: str, kernel: str, store: Store | None = None) -> str:
    """How a search of a race on one kernel ends.

    `store` keeps the model's races; of a lesson's own it does not know the code.
    """
    kept = store if race in RACES else None
    races, kernels = [find_race(race)], [parse_kernel(kernel)]
    (cell,) = matrix(races, kernels, workers=HERE, store=kept)
    return cell.verdict


def problems(lesson: Lesson, store: Store | None = None) -> Iterator[str]:
    """What a lesson says that is not so, but for what its commands print.

    Takes as long as all its searches together, but for those that `store` has.
    """
    for code in lesson.blocks(Code):
        try:
            excerpt(code)
        except NoSuchCode as error:
            yield str(error)
    motion = lesson.motion
    if motion is not None:
        yield from problems_of_motion(lesson, motion)
    for toggle in lesson.blocks(Toggle):
        for kernel, expected in toggle.expected:
            found = verdict(toggle.race, kernel, store)
            if found != expected:
                yield f"{toggle.race} on {kernel} is {found}, not {expected}"


def problems_of_motion(lesson: Lesson, motion: Motion) -> Iterator[str]:
    if motion.how not in HOW:
        yield f"how = {motion.how!r}: it is one of {', '.join(HOW)}"
        return
    kept = lesson.transcript.read_text("utf-8") if lesson.transcript.exists() else ""
    if kept != make_transcript(motion):
        yield f"{lesson.transcript} is not what the run reports now"
