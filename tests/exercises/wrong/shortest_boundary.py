"""Runs that do not break version 6, or make more of it than there is."""

from __future__ import annotations

from exercises.submissions import starter
from exercises.wrong import Wrong

NAME = "shortest-boundary"


WRONG = {
    "it moves too late": Wrong(starter(NAME), "breaks", "the run goes well"),
    "the migration is waited for": Wrong(
        "boundary-shift-child/v6/53a4d44a36b17a17b/2ecf", "steps", "171 steps"
    ),
    "the child begins too early": Wrong(
        "boundary-shift-child/v6/53a1b4d44a32b17a1b/5d51",
        "switches",
        "6 context switches",
    ),
    "a race that is easier": Wrong(
        "boundary-shift/2.6.34/10a20b/0000",
        None,
        "should be one of boundary-shift-child on v6",
    ),
}
