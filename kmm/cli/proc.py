"""`kmm proc`: the files of /proc and /sys, at one moment of a run."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from contextlib import closing
from typing import Any

from attrs import frozen

from ..designs import KernelSpec
from ..fs.proc import NoSuchFile, contents, read
from ..mm.kernel import Kernel
from ..report.outcome import kernel_json, plural
from ..scenarios import Race, ScheduleToken, play
from .exits import OK, Usage
from .naming import chosen
from .output import deliver
from .replay import replayed

USUAL_RACE, USUAL_KERNEL = "exec-stack", "2.6.34"
ROOTS = ("/proc", "/sys")


@frozen
class When:
    """When a run is looked at: before its step number `step`, from 1."""

    race: Race
    kernel: KernelSpec
    token: ScheduleToken | None  # None: a race's start
    step: int

    @property
    def choices(self) -> tuple[int, ...]:
        """The steps that come before."""
        return self.token.choices[: self.step - 1] if self.token else ()


def proc_command(options: Namespace) -> int:
    path, schedule = options.path, options.schedule
    if schedule is None and is_schedule(path):
        path, schedule = None, path
    moment = moment_of(options, schedule)
    with closing(
        play.machine_at(moment.race, moment.kernel, moment.choices)
    ) as machine:
        k = machine.model
        assert isinstance(k, Kernel), "what the threads of a race share"
        found = listing(k) if path is None else file(k, path)
    if options.json:
        name = (options.kernel or moment.kernel.name).partition(",")[0]
        deliver(json.dumps({**moment_json(moment, name), **found}) + "\n", None)
    else:
        deliver(text_of(found), None)
    return OK


def is_schedule(word: str | None) -> bool:
    """Whether the first word is no path but what should come second."""
    if word is None or word.startswith(ROOTS):
        return False
    return word.count("/") == 3 or os.access(word, os.F_OK)


def moment_of(options: Namespace, schedule: str | None) -> When:
    """The moment that the options name.  Raises Usage."""
    if schedule is None:
        if options.step is not None:
            raise Usage("--step is of a run, so it needs a schedule; see kmm proc -h")
        start = Namespace(**vars(options))
        start.race = options.race or USUAL_RACE
        start.kernel = options.kernel or USUAL_KERNEL
        race, kernel = chosen(start)
        return When(race, race.kernel(kernel), None, 1)
    if options.race or options.kernel or options.design or options.trigger:
        raise Usage(
            "--race, --kernel, --design and --trigger are for the start of a race; a "
            "schedule names its own"
        )
    run = replayed(schedule)
    assert run.token is not None, "a replay is recorded"
    last = len(run.token.choices) + 1
    step = options.step or (last if run.at is None else run.at + 1)
    if step > last:
        raise Usage(
            f"--step {step} is beyond the end: the run has {plural(last - 1, 'step')}, "
            f"and {last} is after the last"
        )
    return When(run.race, run.kernel, run.token, step)


def file(k: Kernel, path: str) -> dict[str, Any]:
    try:
        return {"path": path, "text": read(k, path)}
    except NoSuchFile as error:
        raise Usage(f"{error} (kmm proc lists all)") from None


def listing(k: Kernel) -> dict[str, Any]:
    return {
        "files": [
            {"path": path, "title": entry.title} for path, entry in contents(k).items()
        ]
    }


def moment_json(moment: When, kernel_name: str) -> dict[str, Any]:
    return {
        "race": moment.race.name,
        "kernel": kernel_json(moment.kernel, kernel_name),
        "schedule": str(moment.token) if moment.token else None,
        "step": moment.step,
    }


def text_of(found: dict[str, Any]) -> str:
    """A file as it is, or a line for each of a listing."""
    if "text" in found:
        text: str = found["text"]
        return text
    rows = found["files"]
    width = max(len(row["path"]) for row in rows)
    return "".join(f"{row['path']:{width}}  {row['title']}\n" for row in rows)
