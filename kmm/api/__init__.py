"""kmm in a program, and in a notebook: the commands as functions.

`import kmm` has these names at its top, and loads this room when one is first used.
What a function returns says what it is in a line (`repr`), in full as text (`print`),
and in a notebook as a picture or a table (`_repr_html_`).  docs/python.md shows them.

Names and arguments are those of the command line: `kmm hunt exec-stack --kernel v6`
is `kmm.hunt("exec-stack", kernel="v6")`.  Bad input raises ValueError, with the line
that the command would print.

Reading order: `html` (what a notebook shows), `table`, `text` and `graph`, `calls`
(run, hunt, prove, replay), `runs` (what they return), `moments` (one moment of a run),
`walks`, `listings` (what there is), `chapters` (lessons), `workloads` (the letter's
recipe and its tables), `errors`.
"""

from .calls import hunt, prove, replay, run
from .chapters import lesson
from .listings import designs_of, diff, kernels, lessons, matrix, questions, races
from .moments import Moment
from .runs import Run
from .table import Table
from .walks import Walk, decode, walk
from .workloads import Bench, Stress, bench, stress

__all__ = [
    "Bench",
    "Moment",
    "Run",
    "Stress",
    "Table",
    "Walk",
    "bench",
    "decode",
    "designs_of",
    "diff",
    "hunt",
    "kernels",
    "lesson",
    "lessons",
    "matrix",
    "prove",
    "questions",
    "races",
    "replay",
    "run",
    "stress",
    "walk",
]
