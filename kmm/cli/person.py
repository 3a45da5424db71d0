"""`kmm run RACE --strategy person`: whoever sits there chooses who goes on.

A question a step goes to standard error, and a line is read from standard input: a
thread's letter, or how many steps and a letter as in schedules (`12a`), or nothing for
who went last.  `q`, or the end of the input, leaves the run where it is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from ..report.words import place
from ..sim.machine import Machine
from ..sim.schedule import LETTERS
from ..sim.strategies import Strategy
from ..sim.thread import KThread

ANSWER = re.compile(r"(?P<steps>[1-9]\d{0,5})?(?P<letter>[a-z])", re.ASCII)
HOW = "a letter, steps and a letter (12a), enter for who went last, q to stop"


class Person(Strategy):
    """Asks, wherever more than one thread can go on."""

    name = "person"

    def __init__(self) -> None:
        self.runs = 0
        self.last: int | None = None  # the thread that went last
        self.left = 0  # steps that it still has

    def next_run(self) -> bool:
        self.runs += 1
        return self.runs == 1

    def choose(self, machine: Machine, enabled: Sequence[KThread]) -> KThread | None:
        able = {thread.index: thread for thread in enabled}
        if self.left and self.last in able:
            self.left -= 1
        elif len(able) == 1:
            self.last, self.left = enabled[0].index, 0
        elif not self.ask(len(machine.choices), able):
            return None
        assert self.last is not None
        return able[self.last]

    def ask(self, step: int, able: dict[int, KThread]) -> bool:
        """Until an answer can be followed; False if the run is to stop here."""
        print(f"step {step + 1}:", *map(told, able.values()), sep="\n", file=sys.stderr)
        while True:
            print("who? ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            answer = line.strip().lower()
            if answer == "q" or not line:
                return False
            if not answer and self.last in able:
                return True
            found = ANSWER.fullmatch(answer)
            thread = LETTERS.index(found["letter"]) if found else None
            if found and thread in able:
                self.last, self.left = thread, int(found["steps"] or 1) - 1
                return True
            print(f"{answer!r}: {HOW}", file=sys.stderr)


def told(thread: KThread) -> str:
    """Who it is, what it would do, and where."""
    where = place(thread.call_trace())
    at = f" in {where.function}()" if where else ""
    who = f"CPU {thread.cpu}, {thread.comm}"
    return f"  {LETTERS[thread.index]}: {who}: {thread.pending!r}{at}"
