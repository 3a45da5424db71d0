"""Runs without a deadlock, or with more than it needs."""

from __future__ import annotations

from exercises.submissions import starter
from exercises.wrong import Wrong

NAME = "deadlock-schedule"
ORDERS = "lock-order-newest-first/v6,take-all-locks=newest-first"


WRONG = {
    "nobody waits": Wrong(starter(NAME), "deadlock", "the run goes well"),
    "a switch too many": Wrong(
        f"{ORDERS}/10a3b40a4d38a/83a6", "switches", "4 context switches"
    ),
    "a preemption": Wrong(f"{ORDERS}/3b50a4d38a/fb45", "preemptions", "1 preemption"),
    "on the kernel that has the order": Wrong(
        "lock-order/v6/50a3b4d38a/0000",
        None,
        "should be one of lock-order-newest-first on v6,take-all-locks=newest-first",
    ),
    "no run": Wrong("# none yet\n", None, "no schedule"),
}
