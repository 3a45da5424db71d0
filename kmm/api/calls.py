"""`kmm.run`, `hunt`, `prove` and `replay`: the commands of these names.

Searches are silent.  Ctrl-C (in a notebook: interrupting the kernel) ends one, and what
it has covered is returned.
"""

from __future__ import annotations

import os
import time
from argparse import Namespace
from collections.abc import Mapping

from ..cli.executors import workers as workers_of
from ..cli.naming import chosen
from ..cli.replay import replayed
from ..cli.search import ENDLESS_BUDGET, strategy_of
from ..cli.strategies import BOUNDED, STRATEGIES, offered_by
from ..designs import UnknownName
from ..scenarios import play
from ..sim.search import Coverage
from .errors import plainly
from .runs import Run

Design = Mapping[str, str]
AS_NAMED: Design = {}  # the kernel's own answers
ASKS = "person"  # the strategy that asks at the terminal, which a program has not


def run(
    race: str,
    *,
    kernel: str = "2.6.34",
    design: Design = AS_NAMED,
    trigger: str | None = None,
    check: bool = False,
    strategy: str | None = None,
    seed: int | None = None,
) -> Run:
    """One run of a race, the threads taking turns, or by chance with a `seed`."""
    options = named(race, kernel, design, trigger, check)
    name = strategy or ("round-robin" if seed is None else "random")
    known(name, "run")
    with plainly():
        found = play.run(*chosen(options), STRATEGIES[name].make(seeded(seed)))
    return Run(found, seed=seed or 0)


def hunt(
    race: str,
    *,
    kernel: str = "2.6.34",
    design: Design = AS_NAMED,
    trigger: str | None = None,
    check: bool = False,
    strategy: str = "portfolio",
    bound: int | None = None,
    seed: int | None = None,
    budget: int | None = None,
    seconds: float | None = None,
    workers: int | None = None,
    executor: str | None = None,
    strict: bool = False,
) -> Run:
    """Search for a run that fails; of those that fail alike, the least is returned."""
    known(strategy, "hunt")
    options = named(race, kernel, design, trigger, check)
    options.strategy, options.bound, options.seed = strategy, bound, seed
    options.budget, options.seconds = budget, seconds
    options.workers, options.executor, options.strict = workers, executor, strict
    return searched(options)


def prove(
    race: str,
    *,
    kernel: str = "2.6.34",
    design: Design = AS_NAMED,
    trigger: str | None = None,
    check: bool = False,
    strategy: str = "dpor",
    bound: int | None = None,
    budget: int | None = None,
    seconds: float | None = None,
    workers: int | None = None,
    executor: str | None = None,
    strict: bool = False,
) -> Run:
    """Cover every interleaving within the bounds; a run that fails ends it."""
    known(strategy, "prove")
    options = named(race, kernel, design, trigger, check)
    options.strategy, options.bound, options.seed = strategy, bound, None
    options.budget, options.seconds = budget, seconds
    options.workers, options.executor, options.strict = workers, executor, strict
    return searched(options)


def replay(schedule: str | os.PathLike[str], *, check: bool = False) -> Run:
    """The run of a schedule again, or of a file that a command wrote."""
    with plainly():
        return Run(replayed(os.fspath(schedule), checked=check))


def named(
    race: str, kernel: str, design: Design, trigger: str | None, check: bool
) -> Namespace:
    """What was said of the race and the kernel, as the commands have it."""
    pairs = [f"{question}={answer}" for question, answer in design.items()]
    return Namespace(
        race=race, kernel=kernel, design=pairs, trigger=trigger, check=check
    )


def seeded(seed: int | None) -> Namespace:
    return Namespace(seed=seed, bound=None)


def known(strategy: str, command: str) -> None:
    """Raises UnknownName, which is a ValueError."""
    names = [name for name in offered_by(command) if name != ASKS]
    if strategy not in names:
        raise UnknownName("strategy", strategy, names)


def searched(options: Namespace) -> Run:
    started = time.perf_counter()

    def go_on(_: Coverage) -> bool:
        spent = time.perf_counter() - started
        return options.seconds is None or spent < options.seconds

    with plainly():
        race, kernel = chosen(options)
        strategy = STRATEGIES[strategy_of(options)]
        if options.bound is not None and not strategy.is_bounded:
            raise ValueError(f"bound is for {' and '.join(BOUNDED)}")
        budget = options.budget
        if strategy.is_endless and not (budget or options.seconds):
            budget = ENDLESS_BUDGET
        with workers_of(options) as executor:
            found = play.hunt(
                race,
                kernel,
                strategy.make(options),
                budget=budget,
                progress=go_on,
                strict=options.strict,
                workers=executor,
            )
    seconds = time.perf_counter() - started
    return Run(found, seed=options.seed or 0, seconds=seconds)
