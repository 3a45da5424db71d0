"""Delay bounding: how often somebody is passed over.

The threads stand in a circle.  Left alone, the first goes on until it has to wait or
ends, then the next in the circle that can go on, and so on: one run.  To **delay** a
thread is to pass it over, once, although it could go on, and every departure from that
one run is made of delays.  To stop a thread so that the next one goes on takes one
delay; to reach the one after that takes two.

So a delay buys less than a preemption does (`preemptions`): of three threads that can
go on when a fourth has ended, a preemption bound tries all for nothing, a delay bound
one.  There are fewer runs within a bound, and their number does not grow with that of
the threads.  In return, a bug may need more delays than it needs preemptions, and how
many depends on who stands beside whom.

Emmi, Qadeer and Rakamaric, "Delay-bounded scheduling", POPL 2011.
"""

from __future__ import annotations

from .bounded import Able, Bounded


class Delays(Bounded):
    """Every run in which few threads are passed over."""

    name = "delays"

    def price(self, last: int, thread: int, able: Able) -> int:
        """The threads that can go on and stand between `last` and `thread`."""
        circle = sorted(able, key=lambda who: (who < last, who))
        return circle.index(thread)
