"""Every race on every kernel: who loses to what.

A cell of the table is a search to its end, or to the first run that fails.  Cells do
not depend on each other, so they are spread over processes; the table is the same
however many there are.  What has been worked out is kept by content: the model's own
source, the race, the kernel and the budget decide a cell, and if none of them has
changed it need not be worked out again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from attrs import asdict, evolve, frozen

from ..designs import KernelSpec, parse_kernel
from ..sim.schedule import context_switches
from ..sim.search import Coverage
from ..sim.sharing import processes
from ..sim.slices import Slices, at_once
from ..sim.strategies import SourceDpor
from . import find_race
from .play import hunting
from .race import Race

# Executions after which a cell is left open; a proof takes a few thousand at most.
BUDGET = 200_000

# The rooms whose code decides how a search ends.
DECIDING = ("sim", "hw", "mm", "fs", "kernel", "designs", "scenarios")

NOT_RUN = "not run"
HERE = 0  # workers: the cells are worked out in this process


@frozen
class Job:
    """What a cell takes to be worked out; goes to other processes as it is."""

    race: str
    kernel: str  # a name, or name,question=answer,...
    budget: int
    seconds: float | None = None


@frozen
class Cell:
    """What came of a race on a kernel."""

    race: str
    kernel: str
    verdict: str  # bug, proved, survived, or "not run"
    failure_kind: str | None = None
    message: str | None = None
    executions: int = 0
    steps: int = 0  # of the whole search
    schedule_steps: int | None = None  # of the witness
    context_switches: int | None = None
    schedule: str | None = None
    stopped: str | None = None
    seconds: float = 0.0  # that it took when it was worked out
    same_as: str | None = None  # a kernel with the same answers, whose cell this is
    cached: bool = False


# How many cells are done, of how many; called now and then.
CellsDone = Callable[[int, int], None]

TICK = 0.2  # seconds between two such calls


def nobody_looks(done: int, total: int) -> None:
    """The table grows in silence."""


def matrix(
    races: Sequence[Race],
    kernels: Sequence[KernelSpec],
    *,
    budget: int = BUDGET,
    seconds: float | None = None,
    workers: Executor | int | None = None,
    store: Store | None = None,
    progress: CellsDone = nobody_looks,
) -> list[Cell]:
    """A cell for each race and kernel, in the order of the table.

    `workers` is how many processes work them out, one a CPU by default; or who does;
    or HERE.
    `seconds` is a limit for each cell, on top of `budget`.  Ctrl-C ends it: cells that
    are not done by then say so.
    """
    jobs = [
        Job(race.name, kernel.text, budget, seconds)
        for race in races
        for kernel in kernels
    ]
    first = firsts(jobs)
    wanted = list(dict.fromkeys(first.values()))
    found: dict[Job, Cell] = {}
    try:
        for done in work_out(wanted, workers, store):
            found.update(done)
            progress(len(found), len(wanted))
    except KeyboardInterrupt:
        pass  # what has been found by now is reported
    return [for_job(job, first[job], found) for job in jobs]


def firsts(jobs: Sequence[Job]) -> dict[Job, Job]:
    """For each job the first that is the same, the race's own answers considered."""
    seen: dict[tuple[str, ...], Job] = {}
    first = {}
    for job in jobs:
        race = find_race(job.race)
        answers = race.kernel(parse_kernel(job.kernel)).answers.values()
        key = (job.race, *(answer.name for answer in answers))
        first[job] = seen.setdefault(key, job)
    return first


def for_job(job: Job, first: Job, found: Mapping[Job, Cell]) -> Cell:
    if first not in found:
        return Cell(job.race, job.kernel, NOT_RUN, stopped="interrupt")
    same_as = first.kernel if first != job else None
    return evolve(found[first], kernel=job.kernel, same_as=same_as)


def work_out(
    jobs: Sequence[Job], workers: Executor | int | None, store: Store | None
) -> Iterator[dict[Job, Cell]]:
    """Jobs with their cells as they are done; nothing, if some time has passed."""
    known = {job: store.load(job) if store else None for job in jobs}
    yield {job: cell for job, cell in known.items() if cell is not None}
    left = [job for job, cell in known.items() if cell is None]
    if not left:
        return
    if workers == HERE:
        yield from one_by_one(left, store)
        return
    with pool_of(workers, len(left)) as pool:
        futures = {pool.submit(run, job): job for job in left}
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, TICK, return_when=FIRST_COMPLETED)
            found = {futures[future]: future.result() for future in done}
            if store:
                store.save_all(found)
            yield found


def one_by_one(jobs: Sequence[Job], store: Store | None) -> Iterator[dict[Job, Cell]]:
    """The same with nobody's help."""
    for job in jobs:
        found = {job: run(job)}
        if found[job].stopped == "interrupt":
            raise KeyboardInterrupt
        if store:
            store.save_all(found)
        yield found


def pool_of(
    workers: Executor | int | None, most: int
) -> AbstractContextManager[Executor]:
    if isinstance(workers, Executor):
        return nullcontext(workers)
    return processes(min(workers or os.cpu_count() or 1, most))


def run(job: Job) -> Cell:
    """Work one cell out."""
    return at_once(working_out(job))


def working_out(job: Job) -> Slices[Cell]:
    """As `run`, in slices of about an execution each."""
    race, kernel = find_race(job.race), parse_kernel(job.kernel)
    started = time.perf_counter()
    late = False

    def go_on(_: Coverage) -> bool:
        nonlocal late
        late = job.seconds is not None and time.perf_counter() - started > job.seconds
        return not late

    played = yield from hunting(
        race, kernel, SourceDpor(), budget=job.budget, progress=go_on
    )
    recording = played.recording
    failure = recording.failure if recording else None
    return Cell(
        job.race,
        job.kernel,
        played.verdict,
        failure.kind if failure else None,
        failure.message if failure else None,
        played.coverage.executions,
        played.coverage.steps,
        len(recording.steps) if recording else None,
        context_switches(recording.choices) if recording else None,
        str(played.token) if recording else None,
        "seconds" if late else played.stopped,
        round(time.perf_counter() - started, 3),
    )


# What is kept.


@cache
def fingerprint_of_the_model() -> str:
    """Changes with any source file that may decide how a search ends."""
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    for room in DECIDING:
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@frozen
class Store:
    """A folder with a file for each cell that has been worked out."""

    folder: Path
    fresh: bool = False  # whether what is there is ignored, and made anew

    def path(self, job: Job) -> Path:
        text = "\n".join(
            [fingerprint_of_the_model(), job.race, job.kernel, str(job.budget)]
        )
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.json"

    def load(self, job: Job) -> Cell | None:
        """The cell, if it is there and can be read."""
        if self.fresh:
            return None
        try:
            values: dict[str, Any] = json.loads(self.path(job).read_text("utf-8"))
            cell = Cell(**values)
        except (OSError, ValueError, TypeError):
            return None
        return evolve(cell, race=job.race, kernel=job.kernel, cached=True)

    def save_all(self, cells: Mapping[Job, Cell]) -> None:
        """Keep all cells but those that time has cut short."""
        for job, cell in cells.items():
            if cell.stopped != "seconds":
                self.save(job, cell)

    def save(self, job: Job, cell: Cell) -> None:
        """Keep a cell; if that cannot be done, it will be worked out again."""
        target = self.path(job)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(cell), file)
            Path(name).replace(target)
        except OSError:
            return


def usual_folder() -> Path:
    """Where this user's programs keep what they can do without."""
    # Unlike Path.home, this does not fail for who has none; then nothing is kept.
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return Path(base) / "kmm" / "matrix"
