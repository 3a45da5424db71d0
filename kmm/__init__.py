"""kmm: how Linux moves memory under running programs, and why doing so raced.

The rooms, in reading order; each one imports only from those before it.

`sim`        time and interleaving: kernel threads, locks, schedules, searches
`hw`         the x86 MMU: physical memory, paging modes, the page walk, TLBs, CPUs
`mm`         Linux's memory manager: pages, VMAs, faults, rmap, migration, shootdown
`kernel`     processes: a CPU goes from one task to another; signals, open files
`fs`         exec: argument pages, the temporary stack, its relocation; files, pipes
`designs`    the rival historic answers to each question, one small module each
`scenarios`  the races, as litmus tests
`conform`    recorded behaviour of real hardware, and the model held against it
`workloads`  what each answer costs
`report`     the oops, the drawing of a race, JSON
`course`     the textbook: lessons, and whether what they claim is so
`exercises`  a fix that somebody writes, judged by a proof or a counterexample
`tui`, `cli` two faces over the same calls
`api`        a third, for programs and notebooks: what `import kmm` has
`web`        the first of them in a browser, with nothing installed

Three names that are used throughout:

- *the letter* is Mel Gorman's mail to linux-mm of 6 May 2010, "Fix migration races in
  rmap_walk() V6", from which the project grew;
- *the series* is those patches in all seven versions, 26 April to 7 May;
- *the catalogue of fixes* is ours: it numbers what was proposed or merged then, in the
  order of history, with a letter for each question.  E7 is `designs/exec_stack/e07_*`;
  `kmm list designs -v` says whose each was.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # typing has it too, and takes a while to import
if TYPE_CHECKING:
    from .api import Bench as Bench
    from .api import Moment as Moment
    from .api import Run as Run
    from .api import Stress as Stress
    from .api import Table as Table
    from .api import Walk as Walk
    from .api import bench as bench
    from .api import decode as decode
    from .api import designs_of as designs_of
    from .api import diff as diff
    from .api import hunt as hunt
    from .api import kernels as kernels
    from .api import lesson as lesson
    from .api import lessons as lessons
    from .api import matrix as matrix
    from .api import prove as prove
    from .api import questions as questions
    from .api import races as races
    from .api import replay as replay
    from .api import run as run
    from .api import stress as stress
    from .api import walk as walk

# What programs and notebooks use (docs/python.md).
API = (
    *("Bench", "Moment", "Run", "Stress", "Table", "Walk"),
    *("run", "hunt", "prove", "replay", "matrix", "diff", "walk", "decode"),
    *("stress", "bench"),
    *("races", "kernels", "questions", "designs_of", "lessons", "lesson"),
)


if not TYPE_CHECKING:  # to which any name would be one of these

    def __getattr__(name: str) -> object:
        """Load `kmm.api` when a name of it is first used: it needs the whole model."""
        if name not in API:
            raise AttributeError(f"module 'kmm' has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("kmm.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *API})
