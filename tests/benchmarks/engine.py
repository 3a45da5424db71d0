"""What the run loop costs: scheduling points a second, and the time to start.

    python tests/benchmarks/engine.py [--json]

Two threads announce the same operation in turn, under three schedulers: a bare
trampoline, the least that can resume two coroutines; `Machine`, which also asks who
can go on, lets a chooser choose, and remembers; and `Machine` with random choices.
The coroutines are the same, once with a single frame between the scheduler and the
trap and once with as many as a thread of the race exec-stack has on average.

The figures are the best of some rounds, in processor time.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec

from kmm.sim.machine import Chooser, Machine
from kmm.sim.strategies import RandomWalk
from kmm.sim.thread import Body, KThread
from kmm.sim.trap import WRITE, Op, trap

POINTS = 20_000  # in one round, of both threads
ROUNDS = 25
FRAMES = (1, 9)
STARTS = 15


# The threads.


async def play(points: int) -> None:
    ball = Op(WRITE, "ball")
    for _ in range(points):
        await trap(ball)


async def call_down(frames: int, points: int) -> None:
    """Play, with so many more frames on the stack."""
    if frames == 0:
        await play(points)
    else:
        await call_down(frames - 1, points)


def player(frames: int) -> Body:
    """A thread that is in `frames` coroutines when it traps."""
    points = POINTS // 2
    return play(points) if frames == 1 else call_down(frames - 2, points)


# The schedulers.


def trampoline(frames: int) -> float:
    """Processor time of a round in which the coroutines are simply resumed."""
    one, other = player(frames), player(frames)
    current = KThread("player", 1, 0, one)
    for body in (one, other):
        body.send(None)  # type: ignore[arg-type]  # None starts it
    resume_one, resume_other = one.send, other.send
    started = time.process_time()
    try:
        while True:
            resume_one(current)
            resume_other(current)
    except StopIteration:
        took = time.process_time() - started
    other.close()
    return took


class InTurn:
    """One step each, for threads that never wait."""

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread:
        return enabled[len(machine.choices) % len(enabled)]


def machine(frames: int, chooser: Chooser) -> float:
    """Processor time of a round under `Machine`."""
    threads = [KThread("player", i, i, player(frames)) for i in range(2)]
    ping_pong = Machine(threads, max_steps=POINTS + 1)
    started = time.process_time()
    ping_pong.run(chooser)
    took = time.process_time() - started
    assert ping_pong.failure is None
    assert len(ping_pong.choices) == POINTS
    return took


SCHEDULERS: dict[str, Callable[[int], float]] = {
    "trampoline": trampoline,
    "machine in turn": lambda frames: machine(frames, InTurn()),
    "machine at random": lambda frames: machine(frames, RandomWalk(0)),
}


def points_per_second() -> dict[str, dict[str, int]]:
    """For each scheduler and number of frames."""
    best: dict[str, dict[str, float]] = {name: {} for name in SCHEDULERS}
    # Rounds of all take turns, so that a busy machine does not hit only one of them.
    for _ in range(ROUNDS):
        for name, scheduler in SCHEDULERS.items():
            for frames in FRAMES:
                before = best[name].get(str(frames), float("inf"))
                best[name][str(frames)] = min(before, scheduler(frames))
    return {
        name: {frames: round(POINTS / took) for frames, took in times.items()}
        for name, times in best.items()
    }


# Starting.


def start_up() -> dict[str, float]:
    """Milliseconds of a bare Python, and of one that prints kmm's version."""
    commands = {"python": ["-c", "pass"], "kmm": ["-m", "kmm", "--version"]}
    best = dict.fromkeys(commands, float("inf"))
    for _ in range(STARTS):
        for name, arguments in commands.items():
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True
            )
            best[name] = min(best[name], time.perf_counter() - started)
    return {name: round(seconds * 1000, 1) for name, seconds in best.items()}


# The report.


def report(speeds: dict[str, dict[str, int]]) -> str:
    lines = [f"{'points a second':20}" + "".join(f"{n:>10} frame(s)" for n in FRAMES)]
    bare = speeds["trampoline"]
    for name, row in speeds.items():
        cells = [f"{row[n]:>12,} {row[n] / bare[n]:6.2f}" for n in map(str, FRAMES)]
        lines.append(f"{name:20}{''.join(cells)}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    speeds = points_per_second()
    starts = start_up() if find_spec("kmm.__main__") else None
    if options.json:
        version = platform.python_version()
        print(
            json.dumps(
                {
                    "python": version,
                    "points_per_second": speeds,
                    "start_milliseconds": starts,
                }
            )
        )
        return
    print(f"Python {platform.python_version()}")
    print(report(speeds))
    if starts:
        print(f"start: python {starts['python']} ms, kmm --version {starts['kmm']} ms")
    else:
        print("start: there is no command yet")


if __name__ == "__main__":
    main()
