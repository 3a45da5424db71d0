"""An exhaustive search that is shared out among workers.

The search goes in rounds.  In each, workers take one task after the other: a part of
the tree of all runs, of which they make a limited number (`strategies.subtree`).  When
all tasks of a round are done, what they hand back is put together in their order: which
threads have yet to go on from which points.  That makes the tasks of the next round.

Nothing depends on who does a task, or when.  So the outcome is the same for any number
of workers, down to the run that fails and the number of executions.  That number is as
a rule the one that a search by itself needs; parts that are walked at the same time
might spare each other less than those that are walked one after the other.

Workers are those of any executor that `concurrent.futures` describes, as processes on
this machine are, or on many.  What goes to them is small: the way to a point.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from multiprocessing import active_children, get_context
from typing import Any

from attrs import define, evolve, frozen

from .failure import Failure
from .search import (
    Boot,
    Coverage,
    Progress,
    SearchResult,
    keep_going,
    search,
    verdict_of,
)
from .strategies.subtree import Mark, Path, Subtree, Task

# Makes what makes machines, in the process where it is called.  It goes to other
# processes, and those that are equal make the same.
MakeBoot = Callable[[], Boot]

LIMIT = 200  # runs of a task
MOST_WORKERS = 61  # more than any machine needs, and as many as every system allows


@frozen
class Done:
    """What came of a task."""

    coverage: Coverage
    failure: Failure | None  # of the first run that failed
    choices: tuple[int, ...]
    path: Path
    marks: tuple[Mark, ...]


@define
class Crossing:
    """A point of the tree, and who has to do with it, as masks."""

    planned: int = 0
    taken: int = 0


def shared_search(
    make_boot: MakeBoot,
    executor: Executor,
    *,
    limit: int = LIMIT,
    budget: int | None = None,
    stop_at_failure: bool = True,
    progress: Progress = keep_going,
) -> SearchResult:
    """As `search` with SourceDpor, by the workers of `executor`.

    `budget` is looked at after each round.  Ctrl-C (KeyboardInterrupt) is not passed
    on; tasks that have not begun by then are cancelled.
    """
    coverage = Coverage()
    first: Done | None = None
    last: tuple[int, ...] = ()
    stopped: str | None = None
    crossings: dict[Path, Crossing] = {}
    tasks = [Task()]
    while tasks and stopped is None:
        work = partial(do, make_boot, limit=limit, stop_at_failure=stop_at_failure)
        done, stopped = do_all(work, executor, tasks, coverage, progress)
        for one in done:
            add(coverage, one.coverage)
            if one.failure is not None and first is None:
                first = one
        last = done[-1].choices if done else last
        if first is not None and stop_at_failure:
            break
        tasks = next_tasks(crossings, done)
        if tasks and budget is not None and coverage.executions >= budget:
            stopped = stopped or "budget"
    failure = first.failure if first else None
    everything = stopped is None and not tasks
    choices = first.choices if first else last
    return SearchResult(
        verdict_of(failure, everything), coverage, failure, choices, stopped
    )


def do_all(
    work: Callable[[Task], Done],
    executor: Executor,
    tasks: Sequence[Task],
    coverage: Coverage,
    progress: Progress,
) -> tuple[list[Done], str | None]:
    """What came of tasks, in their order; and why not all are done, if they are not."""
    futures: list[Future[Done]] = []
    so_far = evolve(coverage)
    stopped: str | None = None
    try:
        for task in tasks:  # one by one, to know them if Ctrl-C comes meanwhile
            futures.append(executor.submit(work, task))  # noqa: PERF401
        for future in as_completed(futures):
            add(so_far, future.result().coverage)
            if not progress(so_far):
                stopped = "budget"
                break
    except KeyboardInterrupt:
        stopped = "interrupt"
    for future in futures:
        future.cancel()
    return [f.result() for f in futures if f.done() and not f.cancelled()], stopped


def add(total: Coverage, more: Coverage) -> None:
    total.executions += more.executions
    total.given_up += more.given_up
    total.steps += more.steps
    total.failures += more.failures


def next_tasks(crossings: dict[Path, Crossing], done: Sequence[Done]) -> list[Task]:
    """Put together what tasks hand back, and share out who has yet to go on."""
    touched: set[Path] = set()
    for one in done:
        for mark in one.marks:
            path = one.path[: mark.position]
            crossing = crossings.setdefault(path, Crossing())
            crossing.planned |= mark.planned
            crossing.taken |= mark.taken
            touched.add(path)
    return [
        task for path in sorted(touched) for task in shared_out(path, crossings[path])
    ]


def shared_out(path: Path, crossing: Crossing) -> Iterator[Task]:
    """A task for each thread that has yet to go on from a point."""
    thread = 0
    while left := (crossing.planned & ~crossing.taken) >> thread:
        thread += (left & -left).bit_length() - 1
        yield Task(path, thread, crossing.taken)
        crossing.taken |= 1 << thread


# What a worker does.


def do(make_boot: MakeBoot, task: Task, *, limit: int, stop_at_failure: bool) -> Done:
    """One task; if it is to stop at a failure, the first run that fails is its last."""
    part = Subtree(task, limit)
    found = search(boot_of(make_boot), part, stop_at_failure=stop_at_failure)
    marks = tuple(part.marks())
    return Done(found.coverage, found.failure, found.choices, part.path, marks)


KNOWN = threading.local()  # what was made last, by whoever works in this thread


def boot_of(make_boot: MakeBoot) -> Boot:
    """What makes machines: what made them for the task before, if it will do."""
    if getattr(KNOWN, "make_boot", None) != make_boot:
        KNOWN.make_boot, KNOWN.boot = make_boot, make_boot()
    boot: Boot = KNOWN.boot
    return boot


class Workers(ProcessPoolExecutor):
    """Processes that begin with Ctrl-C held back, till they know what to do with it."""

    def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(*args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(*args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def processes(number: int | None = None) -> Iterator[Executor]:
    """Workers on this machine, one a CPU by default; none outlives an interruption."""
    context = get_context("spawn")
    number = min(number or os.cpu_count() or 1, MOST_WORKERS)
    pool = Workers(number, context, initializer=leave_ctrl_c_to_others)
    try:
        yield pool
        pool.shutdown(cancel_futures=True)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in active_children():
            process.terminate()
        raise


def leave_ctrl_c_to_others() -> None:
    """In a process that works for another: that one decides what becomes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
