"""What timed runs cost: simulated work in a second of the host.

    python tests/benchmarks/timed.py [--rounds N] [--json]

Each load is a few programs on four CPUs with clocks (`TimedMachine`): they fault, fork,
exec and give their CPU to one another.  Beside it, its threads run on the bare run
loop: the same coroutines with the same answers, resumed in the order that the timed run
found, with no clocks, prices and run queues.  The ratio of the two is what the clocks
cost, and can be compared between machines; the rest is the kernel's code.

The figures are the best of some rounds, in processor time.
"""

from __future__ import annotations

import argparse
import json
import platform
import time

from attrs import define, field, frozen

from kmm.designs import find_kernel
from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.mm.kernel import Config
from kmm.sim.machine import Machine
from kmm.sim.thread import KThread
from kmm.sim.trap import Op
from kmm.workloads.cycles import usual_table
from kmm.workloads.userland import Program, System, User, boot

CPUS = 4
FRAMES = 16_384  # 64 MiB
PAGES = 64


@frozen
class Rate:
    """What was done in one round."""

    steps: int
    seconds: float  # of processor time
    bare_seconds: float
    done: dict[str, int]

    @property
    def of_bare(self) -> float:
        """How fast it was, beside the bare run loop."""
        return self.bare_seconds / self.seconds


# Loads.


async def faults(user: User) -> int:
    """Memory that is touched for the first time, and given back."""
    for _ in range(40):
        area = await user.mmap(PAGES)
        for page in range(PAGES):
            await user.touch(VirtAddr(area + page * PAGE_SIZE))
    return 0


async def forks(user: User) -> int:
    """Children that copy a few pages of their parent's."""
    area = await user.mmap(PAGES)
    await user.memset(area, PAGES, 1)

    async def child(it: User) -> int:
        await it.memset(area, 8, 2)
        return 0

    for _ in range(40):
        await user.fork(child, next_cpu(user))
        await user.wait()
    return 0


async def execs(user: User) -> int:
    """Children that become another program."""

    async def child(it: User) -> int:
        await it.execve("/bin/echo", [b"echo", b"hello"])
        return 0

    for _ in range(60):
        await user.fork(child, next_cpu(user))
        await user.wait()
    return 0


async def sleeps(user: User) -> int:
    """Programs that give their CPU away all the time."""
    for n in range(1500):
        await user.sleep(2000 + n % 7)
        await user.compute(500)
    return 0


def next_cpu(user: User) -> int:
    """For a child, so that its place depends on no clock."""
    return (user.task.cpu.number + 1) % CPUS


LOADS: dict[str, Program] = {
    "faults": faults,
    "forks": forks,
    "execs": execs,
    "sleeps": sleeps,
}


def begun(program: Program) -> System:
    """Two programs for each CPU, about to start."""
    config = Config(cpus=CPUS, frames=FRAMES, min_free_kbytes=None)
    system = boot(find_kernel("2.6.36"), config, usual_table())
    for number in range(2 * CPUS):
        system.start("load", program, cpu=number % CPUS)
    return system


# The two ways to run a load.


@define(eq=False)
class Order:
    """Whose step each was (a watcher)."""

    indexes: list[int] = field(factory=list)

    def before(self, machine: Machine, thread: KThread) -> None:
        self.indexes.append(thread.index)

    def after(self, machine: Machine, thread: KThread, op: Op) -> None:
        pass


def timed(program: Program, watcher: Order | None = None) -> tuple[System, float]:
    system = begun(program)
    if watcher is not None:
        system.machine.watchers.append(watcher)
    started = time.process_time()
    system.machine.run_until(system.table.cycles(1000))
    took = time.process_time() - started
    assert system.machine.failure is None, system.machine.failure
    return system, took


def bare(program: Program, order: Order) -> float:
    """The same steps, each of which is nothing but a coroutine that is resumed."""
    machine = begun(program).machine
    resume, threads = machine._resume, machine.threads
    started = time.process_time()
    for index in order.indexes:
        thread = threads[index]
        resume(thread, thread)
    took = time.process_time() - started
    assert all(t.pending is None or t.daemon for t in threads)
    return took


def measured(rounds: int) -> dict[str, Rate]:
    best: dict[str, Rate] = {}
    orders: dict[str, Order] = {}
    for name, program in LOADS.items():
        orders[name] = Order()
        timed(program, orders[name])
    for _ in range(rounds):
        for name, program in LOADS.items():
            system, took = timed(program)
            beside = bare(program, orders[name])
            if name in best:
                took = min(took, best[name].seconds)
                beside = min(beside, best[name].bare_seconds)
            best[name] = Rate(system.machine.steps, took, beside, done_by(system))
    return best


def done_by(system: System) -> dict[str, int]:
    return {
        "faults": system.k.vm_events["pgfault"],
        "forks": system.counts.get("forks", 0),
        "execs": system.counts.get("execs", 0),
        "switches": sum(rq.switches for rq in system.machine.rqs),
    }


# The report.


def as_json(rates: dict[str, Rate]) -> str:
    figures = {
        name: {
            "steps_per_second": round(rate.steps / rate.seconds),
            "of_bare": round(rate.of_bare, 3),
            **{
                f"{what}_per_second": round(n / rate.seconds)
                for what, n in rate.done.items()
            },
        }
        for name, rate in rates.items()
    }
    return json.dumps({"python": platform.python_version(), "rates": figures})


def report(rates: dict[str, Rate]) -> str:
    whats = next(iter(rates.values())).done
    lines = [
        f"{'a second':8} {'steps':>9} {'of bare':>8}"
        + "".join(f"{what:>10}" for what in whats)
    ]
    for name, rate in rates.items():
        done = "".join(f"{rate.done[what] / rate.seconds:10,.0f}" for what in whats)
        steps = rate.steps / rate.seconds
        lines.append(f"{name:8} {steps:9,.0f} {rate.of_bare:8.2f}{done}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    rates = measured(options.rounds)
    if options.json:
        print(as_json(rates))
        return
    print(f"Python {platform.python_version()}")
    print(report(rates))


if __name__ == "__main__":
    main()
