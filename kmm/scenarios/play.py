"""What one can do with a race: run it, hunt in it, prove it, replay it.

The command line and the screen both call these, so neither can do what the other
cannot.  Searches are silent and report through `progress`; each can be had in slices
too (`hunting`, `looking_ahead`), for who has something else to do meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from attrs import evolve, frozen

from ..designs import KernelSpec, parse_kernel
from ..sim.estimate import Estimate
from ..sim.failure import Report
from ..sim.machine import Machine
from ..sim.recording import Recording, record, record_choices
from ..sim.scene import Rewound
from ..sim.schedule import ScheduleError
from ..sim.search import (
    Boot,
    Coverage,
    Progress,
    SearchResult,
    keep_going,
    search,
    searching,
)
from ..sim.sharing import shared_search
from ..sim.shrink import finding_witness
from ..sim.slices import Slices, at_once
from ..sim.steering import Steering
from ..sim.strategies import SourceDpor, Strategy
from . import find_race
from .race import Race, ScheduleToken
from .watching import Watch, as_failure, reports_of


@frozen
class Played:
    """A race that has been run, once or many times, and what came of it."""

    race: Race
    kernel: KernelSpec  # with the answers that the race insists on
    strategy: str
    verdict: str  # "bug", "proved" or "survived"
    coverage: Coverage
    recording: Recording | None  # of the failing run, made easy to read; or of the only
    stopped: str | None = None  # as `SearchResult.stopped`
    # What the recorded run shows besides; with `strict`, what all runs have shown.
    reports: tuple[Report, ...] = ()
    strict: bool = False
    # How many executions a search that was not finished would have taken, as it seems.
    estimate: Estimate | None = None
    states: int | None = None  # that are known, if equal ones were merged
    bound: int | None = None  # what a run costs at most, as its strategy counts
    # Whether the recorded run is known to be the least that fails alike (`sim.shrink`).
    is_least: bool = False
    at: int | None = None  # the moment of the recorded run that was asked for

    @property
    def token(self) -> ScheduleToken | None:
        """The recorded run as text."""
        if self.recording is None:
            return None
        return ScheduleToken(
            self.race.name,
            self.kernel,
            self.recording.choices,
            self.recording.fingerprint,
            self.at,
        )


def nobody_asks() -> None:
    """The usual `found`, which does nothing when a failing run has been found."""


def run(race: Race, kernel: KernelSpec, strategy: Strategy) -> Played:
    """One run, the first that `strategy` makes, recorded as it is made."""
    strategy.next_run()
    recording = record(race.booter(kernel), strategy)
    played = once(race, kernel, strategy.name, recording)
    is_part = recording.failure is None and bool(recording.moments[-1].able)
    return evolve(played, at=len(recording.steps)) if is_part else played


def hunt(
    race: Race,
    kernel: KernelSpec,
    strategy: Strategy,
    *,
    budget: int | None = None,
    progress: Progress = keep_going,
    strict: bool = False,
    workers: Executor | None = None,
    found: Callable[[], None] = nobody_asks,
) -> Played:
    """Search until a run fails, and then for the least that fails alike.

    That may take some seconds, before which `found` is called.  `Played.is_least` says
    whether the recorded run is known to be the least.

    A strategy that covers everything and finds nothing has proved the race.  With
    `strict`, a data race or an order of locks that may deadlock is a failure too.  With
    `workers`, they share the exhaustive search of `dpor`, whatever the strategy.
    """
    return at_once(
        hunting(
            race,
            kernel,
            strategy,
            budget=budget,
            progress=progress,
            strict=strict,
            workers=workers,
            found=found,
        )
    )


def hunting(
    race: Race,
    kernel: KernelSpec,
    strategy: Strategy,
    *,
    budget: int | None = None,
    progress: Progress = keep_going,
    strict: bool = False,
    workers: Executor | None = None,
    found: Callable[[], None] = nobody_asks,
) -> Slices[Played]:
    """As `hunt`, in slices of about a run each; what is `strict` or shared is one."""
    if workers is not None:
        strategy = SourceDpor()
    boot = race.booter(kernel)
    if strict:
        caught = search_strictly(boot, strategy, budget=budget, progress=progress)
    else:
        quick = race.rewinder(kernel)
        if workers is None:
            result = yield from searching(
                quick, strategy, budget=budget, progress=progress
            )
        else:
            make_boot = RaceBoot(race.name, kernel.text, race.checked)
            result = shared_search(make_boot, workers, budget=budget, progress=progress)
        caught = yield from with_witness(quick, result, found)
        if caught.recording is not None:
            caught = evolve(caught, reports=reports_of(boot, caught.recording))
    result = caught.result
    return Played(
        race,
        race.kernel(kernel),
        strategy.name,
        result.verdict,
        result.coverage,
        caught.recording,
        result.stopped,
        caught.reports,
        strict,
        estimate=None if workers else estimate_of(strategy, result),
        states=strategy.states,
        bound=strategy.bound,
        is_least=caught.is_least,
    )


@frozen
class Caught:
    """What a search has come to, and the run to be shown of it, if there is one."""

    result: SearchResult
    recording: Recording | None = None
    reports: tuple[Report, ...] = ()
    is_least: bool = False


def with_witness(
    boot: Boot, result: SearchResult, found: Callable[[], None]
) -> Slices[Caught]:
    """The least run that fails alike, as far as it can be found."""
    if result.failure is None:
        return Caught(result)
    found()
    try:
        witness = yield from finding_witness(boot, result.choices, result.failure)
    except KeyboardInterrupt:  # somebody is in a hurry: as it was found, then
        recording = record_choices(boot, result.choices)
        return Caught(evolve(result, stopped="interrupt"), recording)
    recording = record_choices(boot, witness.choices)
    return Caught(result, recording, is_least=witness.is_least)


def search_strictly(
    boot: Boot, strategy: Strategy, *, budget: int | None, progress: Progress
) -> Caught:
    """Search until a run fails or shows anything else that is wrong.

    What is shown is found as it is: a report may rest on what earlier runs did, so its
    run is not exchanged for a lesser one.
    """
    watch = Watch.new()

    def go_on(coverage: Coverage) -> bool:
        return progress(coverage) and not watch.reports

    with watch.over(boot) as watched:
        result = search(watched, strategy, budget=budget, progress=go_on)
    recording = None
    if watch.reports:
        result = evolve(result, verdict="bug", stopped=None)
        recording = as_failure(boot, watch.reports[0])
    elif result.failure is not None:
        recording = record_choices(boot, result.choices)
    return Caught(result, recording, watch.reports)


def estimate_of(strategy: Strategy, result: SearchResult) -> Estimate | None:
    """How many runs there would be, of a search that was stopped on its way."""
    on_its_way = result.stopped and result.failure is None
    return strategy.estimate() if on_its_way and result.coverage.executions else None


def replay(
    race: Race, token: ScheduleToken, operations: Sequence[str] | None = None
) -> Played:
    """The run of a token again; `operations` is what each step did, where it is known.

    Raises ScheduleError where it does not fit any more.
    """
    if token.race != race.name:
        raise ScheduleError(
            f"this is a schedule of {token.race}, which is another race than "
            f"{race.name}"
        )
    if operations is not None and len(operations) != len(token.choices):
        raise ScheduleError(
            f"the schedule has {len(token.choices)} steps, but there are "
            f"{len(operations)} operations beside it: it was altered"
        )
    boot = race.booter(token.kernel)
    recording = record_choices(boot, token.choices, operations, is_part=token.is_part)
    if recording.fingerprint != token.check:
        raise ScheduleError(differs(recording.fingerprint, token, operations))
    return evolve(once(race, token.kernel, "replay", recording), at=token.at)


def differs(check: str, token: ScheduleToken, operations: Sequence[str] | None) -> str:
    """What is wrong with a schedule that can be followed to its end."""
    checks = f"check {check}, expected {token.check}"
    if operations is not None:
        return f"every step does what it was to do, so the check was altered ({checks})"
    return (
        f"the schedule can be followed, but the operations are not those that it was "
        f"made for ({checks}): it comes from another version of kmm, or was altered; "
        f"a file from `kmm hunt --json -o FILE` would tell which step differs"
    )


def machine_at(race: Race, kernel: KernelSpec, choices: Sequence[int]) -> Machine:
    """The machine itself, after the first steps of a run that has been made before.

    For those who want to see more of it than a recording keeps: `Machine.model` is the
    kernel.  The caller closes it.
    """
    machine = race.boot(kernel)
    machine.fast_forward(choices)
    return machine


@frozen
class RaceBoot:
    """Makes what makes a race's machines, from names that can go to other processes."""

    race: str
    kernel: str  # its text
    checked: bool = False

    def __call__(self) -> Boot:
        race = evolve(find_race(self.race), checked=self.checked)
        return race.rewinder(parse_kernel(self.kernel))


def once(race: Race, kernel: KernelSpec, strategy: str, recording: Recording) -> Played:
    """The outcome of a single run."""
    failed = recording.failure is not None
    coverage = Coverage(1, 0, len(recording.steps), int(failed))
    verdict = "bug" if failed else "survived"
    reports = reports_of(race.booter(kernel), recording)
    return Played(
        race,
        race.kernel(kernel),
        strategy,
        verdict,
        coverage,
        recording,
        reports=reports,
    )


# A person chooses.


def steer(race: Race, kernel: KernelSpec, choices: Sequence[int] = ()) -> Steering:
    """A run whose next choices are somebody's, after those of `choices`."""
    return Steering(race.booter(kernel), choices)


def outlook(
    race: Race,
    kernel: KernelSpec,
    choices: Sequence[int],
    *,
    budget: int | None = None,
    progress: Progress = keep_going,
) -> SearchResult:
    """What can still happen after the first steps of a run: a search from there.

    `choices` of the result are those that come after.  "proved" says that whatever is
    chosen from here on, nothing fails.
    """
    return at_once(
        looking_ahead(race, kernel, choices, budget=budget, progress=progress)
    )


def looking_ahead(
    race: Race,
    kernel: KernelSpec,
    choices: Sequence[int],
    *,
    budget: int | None = None,
    progress: Progress = keep_going,
) -> Slices[SearchResult]:
    """As `outlook`, in slices of a run each."""
    scene = race.scene(kernel)

    def advance(machine: Machine) -> None:
        scene.advance(machine)
        machine.choices.clear()
        machine.fast_forward(choices)

    ahead = Rewound(scene.beginning(advance))
    return (yield from searching(ahead, SourceDpor(), budget=budget, progress=progress))
