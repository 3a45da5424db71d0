"""The letter's recipe: how to break a kernel whose walks and whose exec race.

1. A compilation runs in a loop.
2. Four processes make a mapping each:
   a) forks a hundred children, each of which faults the mapping;
   b) forks a hundred children, each of which punches a hole in the mapping and faults
      what remains;
   c) forks a hundred children, each of which execs echo;
   d) has one of 1.5 times the size of memory, and sets it to a value, for ever.
3. Memory is compacted all the time, through /proc/sys/vm/compact_memory.  As the letter
   says, move_pages and memory hot-remove would do as well (`triggers`).

A program checks what it reads from its memory: what is there is what it wrote.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from ..designs import KernelSpec
from ..hw.memory import PAGE_SHIFT, PAGE_SIZE, VirtAddr
from ..kernel.syscalls import sys_munmap
from ..mm.kernel import Config
from ..scenarios.exec_stack import main
from .cycles import Table, usual_table
from .triggers import TRIGGERS
from .userland import Program, System, User, boot

MIB = 1 << 20
PARTS = "abcd"

# The first program of this kind had 24 MiB.  A child needs several slices to fill that,
# so that all have part of it at a time; of a mapping that is as small a share of 64 MiB
# as this was of the letter's memory, each would be done before the next has the CPU.
# But a, b and c must fit into memory, with something left for others.
MAPPING = 24 * MIB
SHARE = 10  # of memory, at most

ECHO = 600_000  # cycles that echo computes, give or take a tenth
MOMENT = 0.001  # seconds
COMPILE = 0.2  # seconds that a compiler computes, at most
COMPILER_PAGES = 256  # that it fills: 1 MiB


# Compaction that goes over 4 GiB without a rest comes by a page some hundred times a
# second: a million frames take it 5 ms, and the pages that it moves as long again.  A
# machine with less memory has as much of it with a pause, and time for other things.
PAUSE = 0.01  # seconds

# Address randomisation lowers a stack by up to 0x3fffff pages on x86-64: half of that.
# The new place needs page tables of its own, which are made while exec moves the stack.
STACK_SHIFT = 1 << 21


@frozen
class Recipe:
    """What is run."""

    spec: KernelSpec
    memory: int = 64 * MIB  # bytes
    cpus: int = 4
    mapping: int | None = None  # bytes that a, b and c map each; None: the letter's
    children: int = 100  # of each of a, b and c
    holes: int = 1  # that each of b's punches
    only: str = PARTS
    jobs: int = 4  # compilers at a time; 0 is no compilation
    trigger: str = "compaction"
    pause: float = PAUSE  # between one time and the next; 0 is the letter's own
    block_order: int = 9  # of a pageblock, as on x86-64: 512 pages
    seed: int = 0
    table: Table = field(factory=usual_table)

    @property
    def frames(self) -> int:
        return self.memory >> PAGE_SHIFT

    @property
    def pages(self) -> int:
        """Of the mapping that a, b and c have."""
        size = self.mapping or min(MAPPING, self.memory // SHARE)
        return size >> PAGE_SHIFT

    @property
    def swap_slots(self) -> int:
        """All that programs ask for, if a, b and c have all of their children."""
        return 2 * self.frames + 3 * self.children * self.pages


def small(spec: KernelSpec) -> Recipe:
    """A machine on which the races are met soon: few pages, which move often.

    Compaction goes by pageblocks, and does nothing in memory that is but a few of them;
    so these are small as well.  Without compilations there are only the pages of a, b
    and c to move, and their CPUs are free.
    """
    return Recipe(
        spec,
        memory=4 * MIB,
        mapping=MIB // 4,
        children=8,
        jobs=0,
        pause=2e-5,
        block_order=4,
    )


def set_up(recipe: Recipe) -> System:
    """The machine, with everything about to start."""
    config = Config(
        cpus=recipe.cpus,
        frames=recipe.frames,
        swap_slots=recipe.swap_slots,
        nodes=2 if recipe.trigger == "move_pages" else 1,
        pageblock_order=recipe.block_order,
        min_free_kbytes=None,
        stack_shift=STACK_SHIFT,
    )
    system = boot(recipe.spec, config, recipe.table, recipe.seed, misses=True)
    parts: dict[str, Program] = {
        "make": lambda user: make(user, recipe),
        "stress-a": lambda user: forks(user, recipe, faults_all),
        "stress-b": lambda user: forks(user, recipe, punches_holes),
        "stress-c": lambda user: forks(user, recipe, execs_echo),
        recipe.trigger: TRIGGERS[recipe.trigger](recipe.pause),
    }
    if "d" in recipe.only:
        system.start("stress-d", lambda user: sets_for_ever(user, recipe))
    for name, program in parts.items():
        if is_wanted(recipe, name):
            system.start(name, late(program, recipe))
    return system


def is_wanted(recipe: Recipe, name: str) -> bool:
    if name == "make":
        return recipe.jobs > 0
    return not name.startswith("stress-") or name[-1] in recipe.only


def late(program: Program, recipe: Recipe) -> Program:
    """Memory is full before anything else begins: with d, the machine is swapping.

    Nobody begins at just the same moment as another.
    """

    async def body(user: User) -> int:
        await user.sleep(user.chance.randrange(recipe.table.cycles(MOMENT)))
        while "d" in recipe.only and not user.k.vm_events["pswpout"]:
            await user.sleep(recipe.table.cycles(MOMENT))
        return await program(user)

    return body


Child = Callable[[VirtAddr, Recipe], Program]


async def forks(user: User, recipe: Recipe, child: Child) -> int:
    """Map some memory, fill it, and fork children, round after round."""
    pages = recipe.pages
    area = await user.mmap(pages)
    while True:
        await user.memset(area, pages, 1 + user.chance.randrange(255))
        started = 0
        for _ in range(recipe.children):
            pid = await user.fork(child(area, recipe))
            started += pid > 0
        for _ in range(started):
            await user.wait()
        user.system.count(f"rounds of {user.task.comm}")


def faults_all(area: VirtAddr, recipe: Recipe) -> Program:
    async def program(child: User) -> int:
        await child.memset(area, recipe.pages, 0)
        return 0

    return program


def punches_holes(area: VirtAddr, recipe: Recipe) -> Program:
    """Each is somewhere, of some size; what remains is filled and looked at."""

    async def program(child: User) -> int:
        pages = recipe.pages
        left = set(range(pages))
        for _ in range(recipe.holes):
            start = child.chance.randrange(pages)
            length = 1 + child.chance.randrange(max(1, pages // 4))
            hole = range(start, min(pages, start + length))
            where, size = VirtAddr(area + start * PAGE_SIZE), len(hole) * PAGE_SIZE
            await child.call(sys_munmap(child.k, child.task, where, size))
            child.system.count("holes")
            left.difference_update(hole)
            addresses = [VirtAddr(area + n * PAGE_SIZE) for n in sorted(left)]
            value = 1 + child.chance.randrange(255)
            for address in addresses:
                await child.memset(address, 1, value)
            for address in addresses:
                await child.expect(address, value)
        return 0

    return program


def execs_echo(area: VirtAddr, recipe: Recipe) -> Program:
    async def program(child: User) -> int:
        argv = [b"echo", b"hello"]
        sp = await child.execve("/bin/echo", argv)
        await main(child.k, child.task, sp, argv)
        await child.compute(child.chance.randrange(ECHO * 9 // 10, ECHO * 11 // 10))
        return 0

    return program


async def sets_for_ever(user: User, recipe: Recipe) -> int:
    pages = recipe.frames * 3 // 2
    area = await user.mmap(pages)
    while True:
        await user.memset(area, pages, 1 + user.chance.randrange(255))
        user.system.count(f"rounds of {user.task.comm}")


async def make(user: User, recipe: Recipe) -> int:
    """Make -j: as many compilers as there may be at a time, for ever."""
    running = 0
    while True:
        if running < recipe.jobs and await user.fork(compiler(user)) > 0:
            running += 1
        elif running:
            await user.wait()
            running -= 1
            user.system.count("compilations")


def compiler(user: User) -> Program:
    """It becomes another program, fills its heap bit by bit, and computes."""
    cycles = round(user.chance.random() * user.system.table.cycles(COMPILE))

    async def program(child: User) -> int:
        await child.execve("/usr/bin/cc1", [b"cc1", b"-O2", b"file.c"])
        heap = await child.mmap(COMPILER_PAGES)
        for page in range(COMPILER_PAGES):
            await child.touch(VirtAddr(heap + page * PAGE_SIZE))
            await child.compute(cycles // COMPILER_PAGES)
        return 0

    return program
