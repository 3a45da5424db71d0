"""How long a kernel endures the letter's recipe, and how it ended.

A run follows from its recipe alone, seed included: the same recipe fails at the same
step.  So the way to a failure is had by running it again, and writing down the last
steps only (`tail`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import closing

from attrs import evolve, frozen

from ..mm.audit import check_always
from ..sim.failure import Failure, ModelFailure
from ..sim.sharing import processes
from ..sim.slices import Slices, at_once
from .stress import Recipe, set_up
from .userland import System

SLICE = 0.001  # seconds of virtual time between two looks at how far it is
TICK = 0.5  # seconds between two looks at whether somebody wants it to end

# What the kernel counts, of that what tells how much was done (/proc/vmstat).
EVENTS = ("pgfault", "pgmajfault", "pgmigrate_success", "pswpin", "pswpout")

Progress = Callable[[System], bool]  # False stops the run


@frozen
class StressResult:
    """What became of a recipe."""

    recipe: Recipe
    verdict: str  # bug, or survived
    seconds: float  # of virtual time
    steps: int
    counts: dict[str, int]  # what the programs did
    events: dict[str, int]
    failure: Failure | None = None
    stopped: str | None = None  # "interrupt", if somebody stopped it

    @property
    def works(self) -> dict[str, int]:
        """All that was done, by name."""
        return {**self.counts, **self.events}


def nobody_looks(system: System) -> bool:
    """Nobody wants to know how far it is."""
    return True


def nobody_counts(done: int, of: int) -> None:
    """Nor how many runs are done."""


def run(
    recipe: Recipe,
    duration: float,
    progress: Progress = nobody_looks,
    *,
    check: bool = False,
    tick: float = SLICE,
) -> StressResult:
    """Run a recipe for so many seconds of virtual time, or until it fails.

    `progress` is told after each tick of it, and may stop it; `check` looks then
    whether all counts and lists of the kernel add up.
    """
    return at_once(running(recipe, duration, progress, check=check, tick=tick))


def running(
    recipe: Recipe,
    duration: float,
    progress: Progress = nobody_looks,
    *,
    check: bool = False,
    tick: float = SLICE,
) -> Slices[StressResult]:
    """As `run`, in slices of a tick each."""
    system = set_up(recipe)
    stopped: str | None = None
    with closing(system.machine):
        try:
            for _ in slices(system, duration, tick):
                if check and system.machine.failure is None:
                    system.machine.failure = found_wrong(system)
                if not progress(system):
                    stopped = "interrupt"
                    break
                yield
        except KeyboardInterrupt:
            stopped = "interrupt"
        result = result_of(recipe, system, stopped)
    is_over = result.failure or stopped
    return result if is_over else evolve(result, seconds=duration)


def slices(system: System, duration: float, tick: float = SLICE) -> Iterator[int]:
    """Let it run, a little at a time; the number of each slice that was run."""
    table, machine = system.table, system.machine
    number, end = 0, table.cycles(duration)
    while machine.failure is None and table.cycles(number * tick) < end:
        number += 1
        machine.run_until(min(end, table.cycles(number * tick)))
        yield number


def found_wrong(system: System) -> Failure | None:
    """What does not add up at this moment."""
    try:
        check_always(system.k)
    except ModelFailure as error:
        return Failure(error.kind, error.message, details=error.details)
    return None


def result_of(recipe: Recipe, system: System, stopped: str | None) -> StressResult:
    machine = system.machine
    return StressResult(
        recipe,
        "bug" if machine.failure else "survived",
        round(system.table.seconds(machine.at), 9),
        machine.steps,
        dict(sorted(system.counts.items())),
        {event: system.k.vm_events[event] for event in EVENTS},
        machine.failure,
        stopped,
    )


# Many seeds.


def endure(job: tuple[Recipe, float]) -> StressResult:
    """One run of a table, wherever it is made."""
    return run(*job)


def over_seeds(
    recipes: Sequence[Recipe],
    seeds: int,
    duration: float,
    workers: int | None = None,
    progress: Callable[[int, int], None] = nobody_counts,
) -> list[list[StressResult | None]]:
    """For each recipe, what became of it with the seeds 0, 1, 2 and so on.

    None for what was not run, because it was interrupted.  The same for any number of
    workers, which are processes; without any, all are run here.
    """
    jobs = [
        (evolve(recipe, seed=seed), duration)
        for recipe in recipes
        for seed in range(seeds)
    ]
    found: dict[int, StressResult] = {}
    try:
        for number, result in in_any_order(jobs, workers):
            if result.stopped:
                raise KeyboardInterrupt
            found[number] = result
            progress(len(found), len(jobs))
    except KeyboardInterrupt:
        pass  # what is missing says so
    flat = [found.get(number) for number in range(len(jobs))]
    return [flat[start : start + seeds] for start in range(0, len(jobs), seeds)]


def in_any_order(
    jobs: Sequence[tuple[Recipe, float]], workers: int | None
) -> Iterator[tuple[int, StressResult]]:
    """The jobs' results as they come, each with the job's number."""
    if workers is None:
        yield from enumerate(map(endure, jobs))
        return
    with processes(min(workers, len(jobs))) as pool:
        futures = {pool.submit(endure, job): n for n, job in enumerate(jobs)}
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, TICK, return_when=FIRST_COMPLETED)
            for future in done:
                yield futures[future], future.result()
