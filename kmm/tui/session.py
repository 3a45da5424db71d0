"""What is being looked at: a race, a kernel, a recorded run of it, and a moment.

Everything that the screen shows is worked out here, as plain values, and can be had
without a terminal.  Stepping is moving an index: moment 0 is before the first step,
moment n is after n steps.
"""

from __future__ import annotations

from attrs import define, evolve, field, frozen

from ..designs import KernelSpec
from ..exercises import Exercise, litmus, schedules
from ..exercises.code import race_for
from ..fs.proc.root import contents
from ..mm.kernel import Kernel
from ..report.changes import Change, changes_between
from ..report.outcome import plural
from ..report.words import Names, describe, kernel_trace
from ..scenarios.play import Played, machine_at
from ..scenarios.race import Race, ScheduleToken
from ..sim.recording import Moment, Recording, Step, record, record_choices
from ..sim.search import search
from ..sim.strategies import RoundRobin, SourceDpor
from ..sim.thread import Place
from .follow import Fit, follow
from .foreign import Foreign, told_kernel
from .lines import CHANGED, FATAL, Line
from .logbook import LogEntry
from .narration import brief, intention, purpose, sentence
from .pictures import PICTURES, Picture, Run, Seen, find_picture, next_picture
from .source import Function, function_at
from .steered import LETTERS, Outlook, OwnRun
from .stops import EVENTS, Stop, Taken, offered, stops_at, taken
from .tables import lock_lines

# What is tried before the screen opens, so that the first run is one worth seeing.
FIRST_TRIES = 30  # executions; some tens of milliseconds

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

ONE_AFTER_ANOTHER = 10_000  # steps a turn: more than any thread here needs


@frozen
class ThreadView:
    """Where one thread is."""

    name: str  # "CPU 1: date:4021"
    role: str  # what it does in this race
    trace: str  # the functions that it is in, outermost first
    standing: str  # what it does next, or why it does nothing
    function: Function | None  # the innermost
    next_line: int | None  # the line at which it stands
    done_line: int | None  # the line that took the last step, if it took it
    is_failed: bool


@frozen
class Shown:
    """A run that was shown, and where in it."""

    kernel: KernelSpec
    recording: Recording
    origin: str
    at: int
    foreign: Foreign | None = None

    def is_same(self, other: Shown) -> bool:
        ours, theirs = self.recording, other.recording
        return (self.kernel, ours.choices) == (other.kernel, theirs.choices)


@define
class Session:
    """A recording and a place in it.  Made by `open_session`."""

    race: Race
    kernel: KernelSpec
    recording: Recording
    origin: str  # where the recording comes from, in words
    schedule: Recording  # what is run again when the kernel changes ...
    schedule_of: str  # ... and the kernel that it was made for
    fit: Fit | None = None  # if the recording follows another kernel's schedule
    at: int = 0
    foreign: Foreign | None = None  # if the recording is of code that is not here
    own: OwnRun | None = None  # that the reader makes, if the recording is of it
    outlook_from: Outlook | None = None  # the last that was asked for
    runs: list[Shown] = field(factory=list)  # that were shown before this one
    stops: list[Stop] = field(factory=list)  # breakpoints
    picture: str = PICTURES[0].name  # which one is shown
    run: Run = field(init=False)
    _changes: dict[int, list[Change]] = field(init=False, factory=dict)
    _log: list[LogEntry] = field(init=False, factory=list)  # as far as it was asked for

    def __attrs_post_init__(self) -> None:
        self.run = Run(self.recording)

    @property
    def names(self) -> Names:
        return self.run.names

    # Which run is shown.

    def show(
        self,
        kernel: KernelSpec,
        recording: Recording,
        origin: str,
        fit: Fit | None = None,
        foreign: Foreign | None = None,
    ) -> None:
        """Look at another run, from its start."""
        self.keep()
        self.own, self.foreign = None, foreign
        self.kernel = kernel
        self.recording, self.origin, self.fit = recording, origin, fit
        self.run = Run(recording)
        self._changes, self._log = {}, []
        self.at = 0

    def keep(self) -> None:
        """Remember the run that is shown, to come back to it."""
        shown = Shown(self.kernel, self.recording, self.origin, self.at, self.foreign)
        if self.recording.steps:
            self.runs = [one for one in self.runs if not one.is_same(shown)] + [shown]

    def go_back_to(self, shown: Shown) -> None:
        """Show a run again that was shown before, at the moment that was left."""
        self.show(shown.kernel, shown.recording, shown.origin, foreign=shown.foreign)
        self.go(shown.at)

    # The reader as the scheduler.

    def choose(self, thread: int) -> bool:
        """Let a thread take the next step; False if it cannot.

        If that is what the recording does too, this only goes on in it.  Else a run of
        the reader's own begins here.
        """
        if thread not in self.moment.able:
            return False
        if self.at < self.last and self.recording.steps[self.at].thread == thread:
            self.go(self.at + 1)
            return True
        self.take_over()
        assert self.own is not None
        self.own.choose(thread)
        self.show_own()
        return True

    def take_over(self) -> None:
        """Begin a run of one's own at this moment, unless it is there already."""
        choices = self.recording.choices[: self.at]
        if self.own is None or self.own.choices != choices:
            self.keep()
            self.own = OwnRun.begin(self.race, self.kernel, choices)

    def let_the_rest_run(self) -> None:
        """End one's own run: the threads go on one after the other."""
        self.take_over()
        assert self.own is not None
        at = self.at
        self.own.finish()
        self.show_own()
        self.go(at)

    def show_own(self) -> None:
        """Look at the reader's run, at its end."""
        assert self.own is not None
        self.recording = self.own.recording()
        self.origin, self.fit = "your own run", None
        self.run = Run(self.recording)
        self._changes, self._log = {}, []
        self.at = self.last

    @property
    def is_unfinished(self) -> bool:
        """Whether the run is the reader's, and waits for a choice."""
        return self.own is not None and not self.own.is_over

    def adopt(self, played: Played) -> None:
        """Show what a search has found, and keep its schedule."""
        assert played.recording is not None
        self.schedule, self.schedule_of = played.recording, played.kernel.text
        self.show(
            played.kernel, played.recording, "the failing run that the search found"
        )

    def switch(self, kernel: KernelSpec) -> None:
        """Run the same schedule on another kernel, and go to where things differ.

        Earlier moments are the same in both, so whoever stands at one stays there.
        """
        here = self.at
        kernel = self.race.kernel(kernel)
        boot = self.race.booter(kernel)
        recording, fit = follow(boot, self.schedule, self.schedule_of)
        origin = f"the schedule of {fit.of} on {kernel.text}"
        is_home = fit.of == kernel.text  # where there is nothing to be told of it
        self.show(kernel, recording, origin, None if is_home else fit)
        self.go(min(here, fit.alike))

    def other_kernel(self) -> KernelSpec | None:
        """The kernel of the run that was shown before this one, if it is another."""
        shown = [one for one in reversed(self.runs) if one.foreign is None]
        kernels = [one.kernel for one in shown]
        return next((kernel for kernel in kernels if kernel != self.kernel), None)

    def followed_on(self, kernel: KernelSpec) -> tuple[str, Recording]:
        """The run that is shown, by its schedule on another kernel; this one stays."""
        kernel = self.race.kernel(kernel)
        boot = self.race.booter(kernel)
        recording, _ = follow(boot, self.recording, self.kernel.text)
        return kernel.text, recording

    def restart(self) -> None:
        """The run that this kernel is opened with."""
        fresh = open_session(self.race, self.kernel)
        self.schedule, self.schedule_of = fresh.schedule, fresh.schedule_of
        self.show(fresh.kernel, fresh.recording, fresh.origin)

    @property
    def token(self) -> ScheduleToken:
        """The run as text, as `kmm replay` takes it."""
        recording = self.recording
        return ScheduleToken(
            self.race.name, self.kernel, recording.choices, recording.fingerprint
        )

    @property
    def model_kernel(self) -> KernelSpec:
        """The kernel that is shown, without code that is not the model's."""
        return self.foreign.kernel if self.foreign is not None else self.kernel

    @property
    def commands(self) -> list[str]:
        """What shows this moment again, as one types it."""
        if self.foreign is not None:
            return [f"kmm exercise replay {self.foreign.file} {self.token}"]
        token = str(self.moment_token)
        return [f"kmm --open {token}", f"kmm replay {token}"]

    @property
    def moment_token(self) -> ScheduleToken:
        """The moment that is shown, as text."""
        return evolve(self.token, at=self.at)

    def files(self) -> dict[str, str]:
        """/proc and /sys at this moment, by path.

        The run is made again up to here, since recordings do not keep all of that.
        """
        choices = self.recording.choices[: self.at]
        machine = machine_at(self.race, self.kernel, choices)
        k = machine.model
        found: dict[str, str] = {}
        if isinstance(k, Kernel):
            found = {path: entry.show() for path, entry in contents(k).items()}
        machine.close()
        return found

    # Which moment.

    @property
    def last(self) -> int:
        return len(self.recording.steps)

    @property
    def is_at_failure(self) -> bool:
        return self.recording.failure is not None and self.at == self.last

    @property
    def is_at_end(self) -> bool:
        """Whether nothing can come after this moment."""
        return self.at == self.last and not self.is_unfinished

    @property
    def moment(self) -> Moment:
        return self.recording.moments[self.at]

    @property
    def step(self) -> Step | None:
        """The step that led here."""
        return self.recording.steps[self.at - 1] if self.at else None

    def go(self, moment: int) -> None:
        """Go to a moment, or as near to it as there is one."""
        self.at = min(max(moment, 0), self.last)

    def next_event(self) -> int:
        """The next moment after this one at which something worth a look happened."""
        return next(
            (n for n in range(self.at + 1, self.last) if self.is_event(n)), self.last
        )

    def previous_event(self) -> int:
        """The last moment before this one at which something worth a look happened."""
        return next((n for n in range(self.at - 1, 0, -1) if self.is_event(n)), 0)

    def is_event(self, moment: int) -> bool:
        """Whether the step to `moment` changed memory, or was another thread's."""
        steps = self.recording.steps
        if moment in (0, self.last):
            return True
        if moment > 1 and steps[moment - 1].thread != steps[moment - 2].thread:
            return True
        return any(change.is_loud for change in self.changes(moment))

    # Stops.

    def taken(self, moment: int) -> Taken:
        return taken(self.recording, self.names, moment, self.changes(moment))

    def toggle_stop(self, stop: Stop) -> None:
        if stop in self.stops:
            self.stops.remove(stop)
        else:
            self.stops.append(stop)

    def stops_offered(self) -> list[Stop]:
        """What there is to stop at: what is set, what is here, and events."""
        here = list(offered(self.taken(self.at))) if self.at else []
        events = [Stop("event", event) for event in EVENTS]
        return list(dict.fromkeys([*self.stops, *here, *events]))

    def next_stop(self) -> int:
        """The next moment at which something is to stop; the end if there is none."""
        ahead = range(self.at + 1, self.last)
        return next((n for n in ahead if self.is_stop(n)), self.last)

    def previous_stop(self) -> int:
        return next((n for n in range(self.at - 1, 0, -1) if self.is_stop(n)), 0)

    def is_stop(self, moment: int) -> bool:
        found = self.taken(moment)
        return any(stops_at(stop, found) for stop in self.stops)

    def last_writes(self) -> list[tuple[int, Change]]:
        """Every field that has changed so far, with its last change, newest first."""
        found: dict[str, tuple[int, Change]] = {}
        for moment in range(self.at, 0, -1):
            for change in self.changes(moment):
                found.setdefault(change.what, (moment, change))
        return list(found.values())

    # What there is to see at it.

    def changes(self, moment: int | None = None) -> list[Change]:
        """What the step to `moment` (or to this one) changed."""
        at = self.at if moment is None else moment
        if at == 0:
            return []
        if at not in self._changes:
            moments = self.recording.moments
            self._changes[at] = changes_between(
                moments[at - 1], moments[at], self.recording.threads
            )
        return self._changes[at]

    @property
    def changed_names(self) -> set[str]:
        """The objects that the step to this moment changed."""
        return {change.name for change in self.changes()}

    def happened(self) -> list[Line]:
        """What the last step did: who, what, what for; most important first."""
        step = self.step
        if step is None:
            return self.opening_lines()
        lines = [Line(sentence(self.recording, step, self.names), look="loud", hang=2)]
        lines += self.remarks()
        changes = self.changes()
        width = max((len(change.what) for change in changes), default=0)
        lines += [
            Line(f"{c.what:{width}}  {c.before} -> {c.after}", CHANGED, hang=width + 2)
            for c in changes
        ]
        if not changes:
            lines.append(own_change(step, self.names))
        if text := purpose(step):
            lines.append(Line(text, look="dim", hang=2))
        return lines

    def opening_lines(self) -> list[Line]:
        """What stands there before the first step: how to go on, and the race."""
        return [
            Line(f"Nothing has run yet. {FIRST_KEYS}", look="loud", hang=2),
            *self.remarks(),
            Line(" ".join(self.race.story.split()), hang=2),
            Line(f"Watch {self.race.watch}", hang=2),
        ]

    def remarks(self) -> list[Line]:
        """What else is to be said here: how the run ends, where a schedule is left."""
        lines = []
        fit, failure = self.fit, self.recording.failure
        if self.at == 0:
            lines.append(Line(f"This is {self.origin}; it {self.ending}."))
        if fit is not None and self.at == fit.alike:
            lines.append(Line(self.fit_text(fit), FATAL, hang=2))
        elif fit is not None and self.at == fit.left_at:
            lines.append(Line(left_text(fit), FATAL, hang=2))
        if self.is_unfinished and self.at == self.last:
            lines += self.turn_lines()
        elif self.at == self.last:
            text = (
                failure.message if failure else "The run is over, and nothing failed."
            )
            lines.append(Line(text, FATAL if failure else " ", "loud"))
        return lines

    def turn_lines(self) -> list[Line]:
        """For the scheduler: who can go next, and what is known of what may come."""
        able = [
            f"{LETTERS[index]}: CPU {self.recording.threads[index].cpu}, "
            f"{self.recording.threads[index].comm}"
            for index in self.moment.able
        ]
        lines = [Line(f"Who goes next?  {';  '.join(able)}", look="loud", hang=2)]
        outlook = self.outlook_from
        if outlook is not None and outlook.choices == self.recording.choices:
            lines.append(Line(outlook.text(self.recording), hang=2))
        return lines

    def fit_text(self, fit: Fit) -> str:
        """How the schedule of another kernel goes with this one."""
        if fit.alike == self.last and fit.left_at is None:
            return f"The run is the same as on {fit.of}, step for step."
        text = f"Up to here all is as on {fit.of}; the next step is another one."
        if fit.left_at is None:
            return f"{text} The schedule fits to its end."
        return f"{text} {left_text(fit)}"

    @property
    def outlook(self) -> str:
        """What is to come of another kernel's schedule, in a sentence or two."""
        fit = self.fit
        if fit is None or fit.alike <= self.at:
            return ""
        text = f"Up to step {fit.alike} all is as on {fit.of}."
        return text if fit.left_at is None else f"{text} {left_text(fit)}"

    @property
    def ending(self) -> str:
        """How the run ends, to be put behind "it"."""
        failure = self.recording.failure
        if self.is_unfinished:
            return "waits for your choice"
        if failure is None:
            return "ends well"
        return f"fails at step {self.last}"

    def failing_words(self) -> list[str]:
        """The failure, for somebody who does not read oopses."""
        failure = self.recording.failure
        if failure is None:
            return []
        who = f" in {failure.thread}" if failure.thread else ""
        return [
            f"Step {self.last} fails{who}: {FAILURES.get(failure.kind, failure.kind)}.",
            "Going back is exact: undo the last step, and see how it came to this.",
        ]

    @property
    def is_off_schedule(self) -> bool:
        """Whether a choice before this moment could not be made as scheduled."""
        return (
            self.fit is not None
            and self.fit.left_at is not None
            and (self.at > self.fit.left_at)
        )

    @property
    def position(self) -> str:
        off = ", off the schedule" if self.is_off_schedule else ""
        return f"step {self.at} of {self.last}{off}"

    def timeline(self, width: int) -> str:
        """The run as a strip: a digit for the CPU of each step done, dots ahead."""
        steps, cpus = self.recording.steps, self.recording.threads
        width = min(width, self.last)
        cells = []
        for cell in range(width):
            number = cell * self.last // width
            done = number < self.at
            cells.append(str(cpus[steps[number].thread].cpu) if done else ".")
        if self.recording.failure is not None and cells:
            cells[-1] = FATAL
        return "".join(cells)

    def moment_at(self, width: int, column: int) -> int:
        """The moment that a column of the timeline stands for."""
        width = min(width, self.last)
        if column >= width - 1:
            return self.last
        return max(column, 0) * self.last // width + 1

    # Pictures of it.

    @property
    def seen(self) -> Seen:
        return Seen(self.run, self.at, frozenset(self.changed_names))

    def drawn(self, width: int) -> list[Line]:
        """The picture that is chosen, for so many columns."""
        return find_picture(self.picture).lines(self.seen, width)

    def next_picture(self) -> None:
        self.picture = next_picture(self.run, self.picture).name

    @property
    def pictures(self) -> list[Picture]:
        """Those that have something to show in this run."""
        return [picture for picture in PICTURES if picture.is_in(self.run)]

    def memory(self) -> list[Line]:
        return PICTURES[0].lines(self.seen, 0)

    def locks(self) -> list[Line]:
        return lock_lines(self.moment, self.recording.threads, self.changed_names)

    def log(self) -> list[LogEntry]:
        """The steps so far."""
        ahead = self.recording.steps[len(self._log) : self.at]
        self._log += [self.log_entry(step) for step in ahead]
        return self._log[: self.at]

    def log_entry(self, step: Step) -> LogEntry:
        cpu = self.recording.threads[step.thread].cpu
        column = self.recording.column_of(step.thread)
        return LogEntry(step.number + 1, column, cpu, brief(step, self.names))

    def threads(self) -> list[ThreadView]:
        """Where each thread is that has a pane or a column of its own."""
        return [self.thread(index) for index in self.recording.columns]

    def thread(self, index: int) -> ThreadView:
        """Where one of the threads is."""
        info, moment = self.recording.threads[index], self.moment
        trace = kernel_trace(moment.standing[index])
        step, failure = self.step, self.recording.failure
        did_it = step is not None and step.thread == index
        name = f"{info.comm}:{info.pid}"
        failed = self.is_at_failure and failure is not None and failure.thread == name
        if failed and failure is not None:
            trace = kernel_trace(failure.trace)
        # A thread that has ended is shown where it took its last step.
        innermost = trace[0] if trace else self.last_place(index)
        done = kernel_trace(step.trace)[:1] if step is not None and did_it else ()
        function = self.function_at(innermost) if innermost else None
        # The line that took the step may be in a function that has returned since.
        in_sight = bool(done) and function == self.function_at(done[0])
        return ThreadView(
            name=f"CPU {info.cpu}: {name}",
            role="answers interrupts" if info.daemon else self.race.threads[index],
            trace=" > ".join(place.function for place in reversed(trace)),
            standing=self.standing(index, failed=failed),
            function=function,
            next_line=innermost.line if trace and innermost else None,
            done_line=done[0].line if in_sight else None,
            is_failed=failed,
        )

    def function_at(self, place: Place) -> Function:
        """Of the model, or of a submission."""
        if self.foreign is not None and place.file == self.foreign.file:
            return self.foreign.function_at(place)
        return function_at(place)

    def standing(self, index: int, *, failed: bool) -> str:
        """What a thread does next, or why it does nothing."""
        if failed:
            return "failed here"
        op = self.moment.about_to[index]
        if op is None:
            return "has ended"
        if self.moment.blocked[index]:
            return f"must wait for {op.partition(' ')[2]}"
        return f"next: {intention(op, self.names)}"

    def why_not(self, index: int) -> str:
        """Why a thread cannot take the next step."""
        if self.is_at_failure:
            return "the run has failed"
        if self.moment.about_to[index] is None:
            return "it has ended"
        return self.standing(index, failed=False)

    def last_place(self, index: int) -> Place | None:
        """Where a thread that has ended took its last step."""
        for step in reversed(self.recording.steps[: self.at]):
            if step.thread == index and kernel_trace(step.trace):
                return kernel_trace(step.trace)[0]
        return None


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
