"""`kmm run`, `kmm hunt` and `kmm prove`: one run of a race, or many."""

from __future__ import annotations

import time
from argparse import Namespace
from concurrent.futures import BrokenExecutor

from ..scenarios import play
from ..sim.state import Unmergeable
from .executors import workers
from .exits import GivenUp, Usage
from .naming import chosen
from .output import check_output
from .progress import Meter, nobody_knows
from .reporting import check_export, report
from .strategies import BOUNDED, STRATEGIES

# Executions of a hunt that has no end of its own, if nobody says how many.
ENDLESS_BUDGET = 10_000


def run_command(options: Namespace) -> int:
    race, kernel = chosen(options)
    check_output(options.output)
    check_export(options)
    usual = "round-robin" if options.seed is None else "random"
    strategy = STRATEGIES[options.strategy or usual].make(options)
    started = time.perf_counter()
    played = play.run(race, kernel, strategy)
    return report(options, played, time.perf_counter() - started)


def hunt_command(options: Namespace) -> int:
    return search(options, announce="hunting")


def prove_command(options: Namespace) -> int:
    return search(options, announce="proving")


def search(options: Namespace, *, announce: str) -> int:
    """Hunt and prove: the same search, with other defaults."""
    race, kernel = chosen(options)
    check_output(options.output)
    check_export(options)
    named = STRATEGIES[strategy_of(options)]
    if options.bound is not None and not named.is_bounded:
        raise Usage(f"--bound is for {' and '.join(BOUNDED)}: choose a --strategy")
    how, budget = named.make(options), options.budget
    if named.is_endless and not (options.budget or options.seconds):
        budget = ENDLESS_BUDGET
    started = time.perf_counter()
    with (
        Meter(
            f"{announce} {race.name}",
            options.seconds,
            quiet=options.quiet,
            guess=how.estimate if is_by_one(options) else nobody_knows,
        ) as meter,
        workers(options) as executor,
    ):
        try:
            played = play.hunt(
                race,
                kernel,
                how,
                budget=budget,
                progress=meter.update,
                strict=options.strict,
                workers=executor,
                found=meter.look_for_least,
            )
        except Unmergeable as error:
            raise Usage(f"{error}, so equal states are not known: use dpor") from None
        except BrokenExecutor:
            raise GivenUp("a worker was killed: try fewer --workers") from None
    return report(options, played, time.perf_counter() - started)


def strategy_of(options: Namespace) -> str:
    """The name of that to search with.

    What workers can share is the exhaustive search.  Raises Usage.
    """
    if is_by_one(options):
        name: str = options.strategy
        return name
    if options.strict:
        raise Usage("--strict looks at all runs in one process: leave out --workers")
    if options.strategy not in ("dpor", "portfolio"):
        raise Usage(f"--workers share the search by dpor, not by {options.strategy}")
    return "dpor"


def is_by_one(options: Namespace) -> bool:
    """Whether one process does it all."""
    return options.workers is None and options.executor is None
