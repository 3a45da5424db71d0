"""execrate: how many execs a second one process makes, or four on a CPU each.

A process becomes another program, which reads its argv and becomes another again, for
half a millisecond.  Nobody forks or ends meanwhile, and nobody moves memory: what is
left is exec, and what an answer to `exec-stack` adds to it.

The stack is moved by six pages, as in the race, where its old place and its new one
share page tables; or as far as address randomisation may, where exec has to make some.
"""

from __future__ import annotations

from attrs import define, evolve, field

from .benchmark import (
    CPUS,
    MACHINE,
    Conditions,
    Result,
    machine_for,
    per_operation,
    run_to_the_end,
)
from .comparison import (
    MILLISECONDS,
    AnonVmaWork,
    Comparison,
    Measure,
    tally_of,
    watched,
    work_done,
)
from .program import become
from .stress import STACK_SHIFT
from .userland import Program, User

DURATION = 0.000_5  # seconds
SHIFTS = {"near": MACHINE.stack_shift, "far": STACK_SHIFT}  # pages


@define
class Rates:
    """What the processes say at their ends."""

    duration: float  # seconds
    work: AnonVmaWork
    rate: float = 0.0  # a millisecond, of all processes
    execs: int = 0
    counts: dict[str, float] = field(factory=dict)  # for each exec; of the last process


def execrate(test: str, conditions: Conditions, duration: float = DURATION) -> Result:
    """So many processes as the test's name says.  Raises RunFailed, TakesTooLong."""
    figures: dict[str, float] = {}
    counts: dict[str, float] = {}
    for name, shift in SHIFTS.items():
        with machine_for(conditions, evolve(MACHINE, stack_shift=shift)) as system:
            rates = Rates(duration, watched(system))
            for cpu in range(int(test)):
                system.start("sh", execs(rates), cpu)
            run_to_the_end(system, f"exec by {test} processes")
        figures[name] = rates.rate
        counts |= {f"{name}: {what}": number for what, number in rates.counts.items()}
    return Result(figures, counts)


def execs(rates: Rates) -> Program:
    async def program(user: User) -> int:
        system, execs = user.system, 0
        await become(user, "/bin/date", [b"date"])
        began, before = system.now, work_done(system, rates.work)
        others = rates.execs
        while system.now - began < system.table.cycles(rates.duration):
            await become(user, "/bin/date", [b"date"])
            execs += 1
            rates.execs += 1
        elapsed = system.table.seconds(system.now - began)
        rates.rate += execs / (MILLISECONDS * elapsed)
        rates.counts = per_operation(
            before, work_done(system, rates.work), rates.execs - others
        )
        return 0

    return program


EXECRATE = Comparison(
    name="execrate",
    question="exec-stack",
    tests=("1", str(CPUS)),
    across="processes",
    measures=(
        Measure("near", "the stack moved by 6 pages", "execs a ms", "higher", 1),
        Measure("far", "the stack moved by 8 GiB", "execs a ms", "higher", 1),
    ),
    run=execrate,
    tallies=(
        tally_of("near", "one exec, the stack moved by 6 pages"),
        tally_of("far", "one exec, the stack moved by 8 GiB"),
    ),
)
