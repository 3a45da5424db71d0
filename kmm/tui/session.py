"""What is being looked at: a race, a kernel, a recorded run of it, and a moment.

Plain values, which can be had without a terminal.  Stepping is moving an index: moment
0 is before the first step, moment n is after n steps.  How a session begins is in
`opening`, and what is said of it in `telling` and `standing`.
"""

from __future__ import annotations

from attrs import define, evolve, field, frozen

from ..designs import KernelSpec
from ..fs.proc.root import contents
from ..mm.kernel import Kernel
from ..report.changes import Change, changes_between
from ..report.words import Names
from ..scenarios.play import Played, machine_at
from ..scenarios.race import Race, ScheduleToken
from ..sim.recording import Moment, Recording, Step
from .follow import Fit, follow
from .foreign import Foreign
from .lines import Line
from .logbook import LogEntry
from .narration import brief
from .pictures import PICTURES, Picture, Run, Seen, find_picture, next_picture
from .steered import Outlook, OwnRun
from .stops import EVENTS, Stop, Taken, offered, stops_at, taken
from .tables import lock_lines


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
    """A recording and a place in it.  Made by `opening`."""

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

    def restart(self, fresh: Session) -> None:
        """Show the run of another session, and keep its schedule."""
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

    @property
    def is_off_schedule(self) -> bool:
        """Whether a choice before this moment could not be made as scheduled."""
        return (
            self.fit is not None
            and self.fit.left_at is not None
            and (self.at > self.fit.left_at)
        )

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
