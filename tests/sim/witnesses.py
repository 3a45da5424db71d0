"""The least of all failing runs, by enumeration, to hold searches for it against."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from random import Random

from attrs import define, frozen
from sim.programs import threads
from sim.random_programs import Actor, Program, Scene, random_program, text_of
from sim.traces import TracedBoot, TracedMachine, every_run, guess_interleavings

from kmm.sim.failure import Corruption, Failure
from kmm.sim.order import Block, blocks_of, choices_of, cost
from kmm.sim.schedule import encode
from kmm.sim.shrink import least_of_all
from kmm.sim.turns import Allowance, FewTurns

ENOUGH = 10**9  # steps

Kind = tuple[str, str, bool]  # what failures are told apart by


def checked(program: Program, divisor: int) -> TracedBoot:
    """The program, which fails at its end if what was seen adds up to a multiple."""

    def boot() -> TracedMachine:
        scene = Scene()
        actors = [Actor(scene, number) for number in range(len(program))]

        def check() -> None:
            seen = sum(actor.seen for actor in actors)
            if (seen + sum(cell.value for cell in scene.cells)) % divisor == 0:
                raise Corruption("a multiple")

        bodies = [a.run(todo) for a, todo in zip(actors, program, strict=True)]
        return TracedMachine(threads(*bodies), check)

    return boot


def least_by_enumeration(
    boot: TracedBoot, limit: int
) -> list[tuple[Failure, list[Block]]] | None:
    """Each failure with its least run; None if there are too many interleavings."""
    least: dict[Kind, tuple[Failure, list[Block]]] = {}
    for number, machine in enumerate(every_run(boot)):
        if number == limit:
            return None
        failure = machine.failure
        if failure is None or not machine.choices:
            continue
        kind = failure.kind, failure.message, failure.thread is None
        blocks = blocks_of(machine.choices)
        if kind not in least or cost(blocks) < cost(least[kind][1]):
            least[kind] = failure, blocks
    return list(least.values())


@frozen
class Case:
    """A program that can fail, and one of the ways in which it does."""

    number: int  # with the seed, makes the program again
    program: Program
    boot: TracedBoot
    failure: Failure
    least: list[Block]

    @property
    def by_turns(self) -> list[Block]:
        found = FewTurns(self.boot, self.failure, Allowance(ENOUGH)).search(ENOUGH)
        return found[0] if found else []

    @property
    def by_traces(self) -> list[Block]:
        found = least_of_all(self.boot, self.failure, Allowance(ENOUGH))
        return found[0] if found else []

    def __str__(self) -> str:
        return (
            f"program {self.number}, {self.failure.message}\n{text_of(self.program)}\n"
            f"least: {encode(choices_of(self.least))}, "
            f"by turns: {encode(choices_of(self.by_turns))}, "
            f"by traces: {encode(choices_of(self.by_traces))}"
        )


def failing_cases(seed: int, limit: int) -> Iterator[Case]:
    """An endless supply, each of at most so many interleavings."""
    for number in count():
        chance = Random(f"{seed}/{number}")
        program = random_program(chance)
        boot = checked(program, chance.choice((3, 7, 31)))
        # Most programs that are far too large are told by a few random runs.
        if guess_interleavings(boot) > limit:
            continue
        for failure, least in least_by_enumeration(boot, limit) or []:
            yield Case(number, program, boot, failure, least)


@define
class Tally:
    """What was compared; a fuzzer that compares nothing also finds nothing."""

    failures: int = 0
    deadlocks: int = 0
    at_the_end: int = 0
    most_switches: int = 0
    mismatches: int = 0

    def add(self, case: Case) -> bool:
        """Count the case; say whether it was as it should be."""
        self.failures += 1
        self.deadlocks += case.failure.kind == "deadlock"
        self.at_the_end += case.failure.thread is None
        self.most_switches = max(self.most_switches, len(case.least) - 1)
        right = case.by_turns == case.by_traces == case.least
        self.mismatches += not right
        return right

    def __str__(self) -> str:
        return (
            f"{self.failures:,} failures compared ({self.deadlocks:,} deadlocks, "
            f"{self.at_the_end:,} found at the end), with up to {self.most_switches} "
            f"switches; {self.mismatches:,} mismatches"
        )
