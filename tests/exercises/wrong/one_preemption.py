"""Runs that do not break version 6, or that take the CPU away too often."""

from __future__ import annotations

from exercises.submissions import starter
from exercises.wrong import Wrong

NAME = "one-preemption"
RACE = "boundary-shift-child/v6"

WRONG = {
    "the boundary moves too late": Wrong(starter(NAME), "breaks", "the run goes well"),
    "the run that a search finds": Wrong(
        f"{RACE}/53a4d44a33b11a1b/57dc", "preemptions", "3 preemptions"
    ),
    "the child begins before it is asked": Wrong(
        f"{RACE}/53a1b4d44a35b17a17b/e21d", "preemptions", "2 preemptions"
    ),
    "a race that is easier": Wrong(
        "boundary-shift/2.6.34/10a20b/0000",
        None,
        "should be one of boundary-shift-child on v6",
    ),
}
