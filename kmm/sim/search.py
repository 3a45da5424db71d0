"""Many runs of one program: until one fails, all are covered, or the budget is spent.

The search is silent; it reports through `progress`, and a caller that returns False
from there, or presses Ctrl-C, ends it.  What was covered is reported either way.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, frozen

from .failure import Failure
from .machine import Machine, Watcher
from .slices import Slices, at_once
from .strategies import Strategy

Boot = Callable[[], Machine]


def with_watchers(boot: Boot, *watchers: Watcher) -> Boot:
    """The same machines, looked at from their first step on."""

    def watched_boot() -> Machine:
        machine = boot()
        machine.watchers += watchers
        return machine

    return watched_boot


@define
class Coverage:
    """What a search has done so far."""

    executions: int = 0  # runs made to their end
    given_up: int = 0  # runs left early, because they could show nothing new
    steps: int = 0  # scheduling points, replayed ones included
    failures: int = 0


Progress = Callable[[Coverage], bool]


def keep_going(_: Coverage) -> bool:
    return True


@frozen
class SearchResult:
    """The outcome of a search.

    `verdict` is `bug` (a run failed), `proved` (every run was covered, and none
    failed) or `survived` (neither: the budget was spent, or somebody stopped it).
    """

    verdict: str
    coverage: Coverage
    failure: Failure | None  # of the first failing run
    choices: tuple[int, ...]  # of the first failing run, else of the last one
    # If not everything was covered: "interrupt" by Ctrl-C, else "budget", be it of
    # executions or whatever made `progress` say no (time, or a report).
    stopped: str | None = None


def search(
    boot: Boot,
    strategy: Strategy,
    *,
    budget: int | None = None,
    stop_at_failure: bool = True,
    progress: Progress = keep_going,
) -> SearchResult:
    """Run `strategy` on fresh machines from `boot`.

    `budget` is a number of executions.  Ctrl-C (KeyboardInterrupt) is not passed on.
    """
    return at_once(
        searching(
            boot,
            strategy,
            budget=budget,
            stop_at_failure=stop_at_failure,
            progress=progress,
        )
    )


def searching(
    boot: Boot,
    strategy: Strategy,
    *,
    budget: int | None = None,
    stop_at_failure: bool = True,
    progress: Progress = keep_going,
) -> Slices[SearchResult]:
    """As `search`, in slices of a run each."""
    coverage = Coverage()
    failure: Failure | None = None
    choices: tuple[int, ...] = ()
    stopped: str | None = None
    try:
        while strategy.next_run():
            if budget is not None and coverage.executions >= budget:
                stopped = "budget"
                break
            machine, complete = run_once(boot, strategy)
            coverage.steps += len(machine.choices)
            if complete:
                coverage.executions += 1
            else:
                coverage.given_up += 1
            if failure is None and complete:
                choices = tuple(machine.choices)
            if machine.failure is not None:
                coverage.failures += 1
                failure = failure or machine.failure
                if stop_at_failure:
                    break
            if not progress(coverage):
                stopped = "budget"
                break
            yield
    except KeyboardInterrupt:
        stopped = "interrupt"
    everything = strategy.exhaustive and stopped is None
    verdict = verdict_of(failure, everything)
    return SearchResult(verdict, coverage, failure, choices, stopped)


def verdict_of(failure: Failure | None, everything: bool) -> str:
    """The word for a search that met `failure`, or none, and covered `everything`."""
    if failure is not None:
        return "bug"
    return "proved" if everything else "survived"


def run_once(boot: Boot, strategy: Strategy) -> tuple[Machine, bool]:
    """One run; the machine as the run left it, and whether it went to its end."""
    machine = boot()
    machine.fast_forward(strategy.prefix)
    complete = machine.run(strategy)
    strategy.ended(machine, complete)
    machine.close()
    return machine, complete
