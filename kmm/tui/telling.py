"""A session in sentences: what the last step did, how the run ends, where one is.

`widgets/` and `screens/` show these as they are.
"""

from __future__ import annotations

from ..report.outcome import plural
from ..report.words import Names, describe
from ..sim.recording import Step
from .follow import Fit
from .lines import CHANGED, FATAL, Line
from .narration import purpose, sentence
from .session import Session, Shown
from .steered import LETTERS

FIRST_KEYS = (
    "Press space to step, ] for the next event, s to search, k for another kernel, "
    "? for help."
)
# The kinds of failure, in words.
FAILURES = {
    "bug_on": "the kernel meets what must not be",
    "deadlock": "every thread waits for another one",
    "livelock": "the run does not come to an end",
    "corruption": "a program reads what it did not write",
    "use_after_free": "something is used that has been freed",
    "atomic_sleep": "a thread would sleep while it holds a spinlock",
    "leak": "something was not given back",
    "lock_order": "locks are taken in two orders",
    "data_race": "no lock keeps two accesses to a field apart",
}


def happened(session: Session) -> list[Line]:
    """What the last step did: who, what, what for; most important first."""
    step = session.step
    if step is None:
        return opening_lines(session)
    what = sentence(session.recording, step, session.names)
    lines = [Line(what, look="loud", hang=2), *remarks(session)]
    changes = session.changes()
    width = max((len(change.what) for change in changes), default=0)
    lines += [
        Line(f"{c.what:{width}}  {c.before} -> {c.after}", CHANGED, hang=width + 2)
        for c in changes
    ]
    if not changes:
        lines.append(own_change(step, session.names))
    if text := purpose(step):
        lines.append(Line(text, look="dim", hang=2))
    return lines


def opening_lines(session: Session) -> list[Line]:
    """What stands there before the first step: how to go on, and the race."""
    return [
        Line(f"Nothing has run yet. {FIRST_KEYS}", look="loud", hang=2),
        *remarks(session),
        Line(" ".join(session.race.story.split()), hang=2),
        Line(f"Watch {session.race.watch}", hang=2),
    ]


def remarks(session: Session) -> list[Line]:
    """What else is to be said here: how the run ends, where a schedule is left."""
    lines = []
    fit, failure = session.fit, session.recording.failure
    if session.at == 0:
        lines.append(Line(f"This is {session.origin}; it {ending(session)}."))
    if fit is not None and session.at == fit.alike:
        lines.append(Line(fit_text(session, fit), FATAL, hang=2))
    elif fit is not None and session.at == fit.left_at:
        lines.append(Line(left_text(fit), FATAL, hang=2))
    if session.is_unfinished and session.at == session.last:
        lines += turn_lines(session)
    elif session.at == session.last:
        text = failure.message if failure else "The run is over, and nothing failed."
        lines.append(Line(text, FATAL if failure else " ", "loud"))
    return lines


def turn_lines(session: Session) -> list[Line]:
    """For the scheduler: who can go next, and what is known of what may come."""
    able = [
        f"{LETTERS[index]}: CPU {session.recording.threads[index].cpu}, "
        f"{session.recording.threads[index].comm}"
        for index in session.moment.able
    ]
    lines = [Line(f"Who goes next?  {';  '.join(able)}", look="loud", hang=2)]
    hint = session.outlook_from
    if hint is not None and hint.choices == session.recording.choices:
        lines.append(Line(hint.text(session.recording), hang=2))
    return lines


def fit_text(session: Session, fit: Fit) -> str:
    """How the schedule of another kernel goes with this one."""
    if fit.alike == session.last and fit.left_at is None:
        return f"The run is the same as on {fit.of}, step for step."
    text = f"Up to here all is as on {fit.of}; the next step is another one."
    if fit.left_at is None:
        return f"{text} The schedule fits to its end."
    return f"{text} {left_text(fit)}"


def outlook(session: Session) -> str:
    """What is to come of another kernel's schedule, in a sentence or two."""
    fit = session.fit
    if fit is None or fit.alike <= session.at:
        return ""
    text = f"Up to step {fit.alike} all is as on {fit.of}."
    return text if fit.left_at is None else f"{text} {left_text(fit)}"


def ending(session: Session) -> str:
    """How the run ends, to be put behind "it"."""
    failure = session.recording.failure
    if session.is_unfinished:
        return "waits for your choice"
    if failure is None:
        return "ends well"
    return f"fails at step {session.last}"


def failing_words(session: Session) -> list[str]:
    """The failure, for somebody who does not read oopses."""
    failure = session.recording.failure
    if failure is None:
        return []
    who = f" in {failure.thread}" if failure.thread else ""
    return [
        f"Step {session.last} fails{who}: {FAILURES.get(failure.kind, failure.kind)}.",
        "Going back is exact: undo the last step, and see how it came to this.",
    ]


def position(session: Session) -> str:
    off = ", off the schedule" if session.is_off_schedule else ""
    return f"step {session.at} of {session.last}{off}"


def timeline(session: Session, width: int) -> str:
    """The run as a strip: a digit for the CPU of each step done, dots ahead."""
    steps, cpus = session.recording.steps, session.recording.threads
    width = min(width, session.last)
    cells = []
    for cell in range(width):
        number = cell * session.last // width
        done = number < session.at
        cells.append(str(cpus[steps[number].thread].cpu) if done else ".")
    if session.recording.failure is not None and cells:
        cells[-1] = FATAL
    return "".join(cells)


def moment_at(session: Session, width: int, column: int) -> int:
    """The moment that a column of the timeline stands for."""
    width = min(width, session.last)
    if column >= width - 1:
        return session.last
    return max(column, 0) * session.last // width + 1


def told_run(shown: Shown) -> str:
    """A run in a line."""
    recording = shown.recording
    failure = recording.failure
    end = failure.message if failure else "goes well"
    steps = plural(len(recording.steps), "step")
    return f"{shown.origin} on {shown.kernel.text}: {steps}, {end}"


def left_text(fit: Fit) -> str:
    return (
        f"The schedule of {fit.of} stops fitting after step {fit.left_at}: "
        f"{fit.reason}. Choices that cannot be made are passed over."
    )


def own_change(step: Step, names: Names) -> Line:
    """For a step that changed nothing which the panes show."""
    if step.kind in ("read", "wait"):
        return Line("It only looked: nothing changed.", look="dim")
    return Line(describe(step, names), CHANGED, hang=2)
