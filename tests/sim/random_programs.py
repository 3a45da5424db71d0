"""Random programs, rich in locks, in waiting and in ways to go wrong.

They are small enough for every interleaving to be run, and thereby to tell whether a
cleverer search loses any of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random

from attrs import define, field, frozen
from sim.programs import AllFree, Cell, Either, Flag, copy, threads
from sim.traces import TracedBoot, TracedMachine

from kmm.sim.failure import Corruption
from kmm.sim.locks import Mutex, RwSem
from kmm.sim.rcu import Rcu
from kmm.sim.wait import WaitQueue

# Programs.


@frozen
class Statement:
    """What a thread does, to the object `which` of its kind, and what inside that."""

    verb: str
    which: int = 0
    inside: tuple[Statement, ...] = ()

    def __str__(self) -> str:
        body = f" {{ {'; '.join(map(str, self.inside))} }}" if self.inside else ""
        return f"{self.verb} {self.which}{body}"


Program = tuple[tuple[Statement, ...], ...]  # the statements of each thread

# Verbs that programs of one flavour are made of.  Those in BLOCKS have a body.
FLAVOURS = (
    "read write hold hold hold",
    "read write hold hold try peek settle",
    "read write share share own hold",
    "read write raise lower await hold peek try",
    "read write sleep wake hold peek",
    "read write rcu rcu grace hold",
    "read write if hold try share own peek settle raise await fail",
    "read write if hold share rcu grace sleep wake fail",
    "read write copy copy hold fail",
    "read write copy raise lower either await hold",
    "read put put look hold try copy",
)
BLOCKS = {"hold", "try", "share", "own", "rcu", "if"}
UNDER_RCU = ("read", "write", "peek")  # what does not sleep


def random_program(chance: Random) -> Program:
    """Two or three threads; the more of them, the shorter."""
    verbs = chance.choice(FLAVOURS).split()
    count = chance.choice((2, 3))
    longest = 7 if count == 2 else 4
    return tuple(
        tuple(random_statements(chance, verbs, chance.randint(3, longest)))
        for _ in range(count)
    )


def random_statements(
    chance: Random, verbs: Sequence[str], steps: int, held: frozenset[int] = frozenset()
) -> Iterator[Statement]:
    """Statements that take about so many steps; `held` is not taken once more."""
    while steps > 0:
        verb = chance.choice(verbs)
        which = chance.choice((0, 0, 1))
        if verb not in BLOCKS:
            steps -= 1
            yield Statement(verb, which)
        elif verb == "if" or which not in held:
            size = chance.randint(1, max(1, steps - 2))
            steps -= size + 2
            allowed = UNDER_RCU if verb == "rcu" else verbs
            inside = random_statements(chance, allowed, size, held | {which})
            yield Statement(verb, which, tuple(inside))


# Running them.


@define(eq=False)
class Scene:
    """The objects that the threads share."""

    cells: list[Cell] = field(factory=lambda: [Cell("cell0"), Cell("cell1")])
    locks: list[Mutex] = field(factory=lambda: [Mutex("lock0"), Mutex("lock1")])
    sems: list[RwSem] = field(factory=lambda: [RwSem("sem0"), RwSem("sem1")])
    flags: list[Flag] = field(factory=lambda: [Flag("flag0"), Flag("flag1")])
    under: list[int] = field(
        factory=lambda: [0, 0]
    )  # each under the lock of its number
    ready: Cell = field(factory=lambda: Cell("ready"))
    queue: WaitQueue = field(factory=lambda: WaitQueue("queue"))
    rcu: Rcu = field(factory=Rcu)


class Actor:
    """Runs one thread's statements; `seen` depends on all that it has observed."""

    def __init__(self, scene: Scene, number: int) -> None:
        self.scene = scene
        self.seen = number

    def observe(self, value: int) -> None:
        self.seen = (31 * self.seen + value + 1) % 1009

    async def run(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            await VERBS[statement.verb](self, statement)

    # Memory.

    async def read(self, it: Statement) -> None:
        self.observe(await self.scene.cells[it.which].read())

    async def write(self, it: Statement) -> None:
        await self.scene.cells[it.which].write(self.seen)

    async def copy(self, it: Statement) -> None:
        cells = self.scene.cells
        await copy(cells[it.which], cells[1 - it.which])

    async def branch(self, it: Statement) -> None:
        if self.seen % 2:
            await self.run(it.inside)

    async def fail(self, it: Statement) -> None:
        await self.read(it)
        if self.seen % 3 == 0:
            raise Corruption(f"saw {self.seen}")

    # Locks.

    async def hold(self, it: Statement) -> None:
        async with self.scene.locks[it.which]:
            await self.run(it.inside)

    async def attempt(self, it: Statement) -> None:
        lock = self.scene.locks[it.which]
        taken = await lock.trylock()
        self.observe(taken)
        if taken:
            await self.run(it.inside)
            await lock.unlock()

    async def peek(self, it: Statement) -> None:
        self.observe(await self.scene.locks[it.which].is_locked())

    async def settle(self, it: Statement) -> None:
        await self.scene.locks[it.which].wait_unlocked()

    async def share(self, it: Statement) -> None:
        async with self.scene.sems[it.which].for_read:
            await self.run(it.inside)

    async def own(self, it: Statement) -> None:
        async with self.scene.sems[it.which].for_write:
            await self.run(it.inside)

    async def put(self, it: Statement) -> None:
        """Store under a lock what nobody announces."""
        async with self.scene.locks[it.which]:
            self.scene.under[it.which] = (self.scene.under[it.which] + 1) % 2
            await self.scene.cells[it.which].read()

    async def look(self, it: Statement) -> None:
        """Wait for what is stored under the one lock, or under the other."""
        scene = self.scene
        await AllFree(scene.locks, lambda: any(scene.under)).wait()

    # Waiting.

    async def either(self, it: Statement) -> None:
        await Either(self.scene.flags).wait()

    async def put_up(self, it: Statement) -> None:
        await self.scene.flags[it.which].put(True)

    async def take_down(self, it: Statement) -> None:
        await self.scene.flags[it.which].put(False)

    async def await_flag(self, it: Statement) -> None:
        await self.scene.flags[it.which].wait()

    async def sleep(self, it: Statement) -> None:
        queue = self.scene.queue
        while True:
            sleeper = await queue.prepare_to_wait()
            if await self.scene.ready.read():
                break
            await queue.schedule(sleeper)
        await queue.finish_wait(sleeper)

    async def wake(self, it: Statement) -> None:
        await self.scene.ready.write(1)
        await self.scene.queue.wake_up()

    async def rcu(self, it: Statement) -> None:
        async with self.scene.rcu:
            await self.run(it.inside)

    async def grace(self, it: Statement) -> None:
        await self.scene.rcu.synchronize()


VERBS: dict[str, Callable[[Actor, Statement], Awaitable[None]]] = {
    "read": Actor.read,
    "write": Actor.write,
    "if": Actor.branch,
    "fail": Actor.fail,
    "hold": Actor.hold,
    "try": Actor.attempt,
    "peek": Actor.peek,
    "settle": Actor.settle,
    "copy": Actor.copy,
    "put": Actor.put,
    "look": Actor.look,
    "either": Actor.either,
    "share": Actor.share,
    "own": Actor.own,
    "raise": Actor.put_up,
    "lower": Actor.take_down,
    "await": Actor.await_flag,
    "sleep": Actor.sleep,
    "wake": Actor.wake,
    "rcu": Actor.rcu,
    "grace": Actor.grace,
}


def booter(program: Program) -> TracedBoot:
    """Makes fresh machines that run the program."""

    def boot() -> TracedMachine:
        scene = Scene()
        actors = [Actor(scene, number) for number in range(len(program))]

        def observe() -> object:
            return [cell.value for cell in scene.cells], [a.seen for a in actors]

        bodies = [
            actor.run(statements)
            for actor, statements in zip(actors, program, strict=True)
        ]
        return TracedMachine(threads(*bodies), observe=observe)

    return boot


def text_of(program: Program) -> str:
    """A line for each thread."""
    return "\n".join("; ".join(map(str, statements)) for statements in program)
