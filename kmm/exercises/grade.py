"""A class: many submissions of one exercise, judged side by side.

Each is judged as `kmm exercise check` judges one.  What cannot be read, or does not
come to an end, has its row like the others.  Results may be kept in a file, a line of
JSON each, as they are made; with that file one begins again where one stopped, but for
submissions that have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event
from typing import Any

from attrs import frozen

from .desk import DeskError, read_submission
from .exercise import Exercise
from .marks import as_json, marks
from .nursery import Nursery
from .sandbox import WATCHDOG, Judgement, judge

Row = dict[str, Any]  # as `marks.as_json`, with who handed it in


@frozen
class Handed:
    """One submission: whose, and where."""

    student: str
    path: Path


def handed_in(paths: Sequence[Path], exercise: Exercise) -> Iterator[Handed]:
    """The submissions among files and folders.

    A folder is a student's own, if it has a file by the exercise's name; else each
    folder in it that has one is a student's, and each file of that kind.
    """
    for path in paths:
        if not path.is_dir():
            yield Handed(path.stem, path)
        elif (path / exercise.file).exists():
            yield Handed(path.resolve().name, path / exercise.file)
        else:
            yield from inside(path, exercise)


def inside(folder: Path, exercise: Exercise) -> Iterator[Handed]:
    suffix = Path(exercise.file).suffix
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (path / exercise.file).exists():
            yield Handed(path.name, path / exercise.file)
        elif path.is_file() and path.suffix == suffix:
            yield Handed(path.stem, path)


@frozen
class Rules:
    """How a class is judged."""

    exercise: Exercise
    seed: int | None = None
    hidden: Path | None = None
    tells: bool = False  # whether of hidden checks, too, all is told
    watchdog: float = WATCHDOG  # seconds


def nobody_counts(_: int) -> None:
    """The usual `told`."""


def grade(
    handed: Sequence[Handed],
    rules: Rules,
    *,
    workers: int,
    kept: Path | None = None,
    told: Callable[[int], object] = nobody_counts,
) -> list[Row]:
    """A row for each submission, in their order.  Raises DeskError if `kept` is none.

    `told` is called with how many are done.  Ctrl-C ends it at once; what was judged
    until then is kept.
    """
    known = known_rows(kept)
    rows: dict[int, Row] = {}
    over = Event()
    with Nursery(rules.exercise) as nursery, ThreadPoolExecutor(workers) as pool:
        asked = {
            pool.submit(row_of, one, rules, known, nursery, over.is_set): place
            for place, one in enumerate(handed)
        }
        try:
            for future in as_completed(asked):
                row = future.result()
                rows[asked[future]] = row
                keep(kept, row, known)
                told(len(rows))
        except BaseException:
            over.set()
            pool.shutdown(cancel_futures=True)
            raise
    return [rows[place] for place in sorted(rows)]


def row_of(
    handed: Handed,
    rules: Rules,
    known: Mapping[str, Row],
    nursery: Nursery,
    unwanted: Callable[[], bool],
) -> Row:
    """Of one submission, whatever it is.  Raises Stopped."""
    try:
        text = read_submission(handed.path)
    except DeskError as error:
        return row(handed, rules, "", Judgement(complaint=str(error)))
    digest = digest_of(text, rules)
    before = known.get(f"{handed.student}/{digest}")
    if before is not None:
        return before
    judgement = judge(
        rules.exercise,
        text,
        nursery=nursery,
        seed=rules.seed,
        hidden=rules.hidden,
        unwanted=unwanted,
        watchdog=rules.watchdog,
    )
    return row(handed, rules, digest, judgement)


def missing(folder: Path, rules: Rules) -> Row:
    """The row of somebody who has handed in nothing that could be judged."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    found = f"; what was, is {', '.join(names[:5])}" if names else ""
    complaint = f"no {rules.exercise.file} was handed in{found}"
    nobody = Handed(folder.resolve().name, folder)
    return row(nobody, rules, "", Judgement(complaint=complaint))


def row(handed: Handed, rules: Rules, digest: str, judgement: Judgement) -> Row:
    found = as_json(marks(rules.exercise, judgement), hidden=rules.tells)
    return {
        "student": handed.student,
        "file": str(handed.path),
        "digest": digest,
        **found,
    }


def digest_of(text: str, rules: Rules) -> str:
    """Changes when a submission does, or what is asked of it."""
    asked = [repr(check) for check in rules.exercise.checks]
    whole = json.dumps([text, asked, rules.seed, rules.tells])
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def known_rows(path: Path | None) -> dict[str, Row]:
    """What was judged before.  A last line that was cut off counts for nothing."""
    found: dict[str, Row] = {}
    if path is None or not path.exists():
        return found
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DeskError(f"cannot read {path}: {error}") from None
    for line in lines:
        try:
            values = json.loads(line)
            found[f"{values['student']}/{values['digest']}"] = values
        except (ValueError, LookupError, TypeError):
            continue
    return found


def keep(path: Path | None, row: Row, known: Mapping[str, Row]) -> None:
    if (
        path is None
        or not row["digest"]
        or f"{row['student']}/{row['digest']}" in known
    ):
        return
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    except OSError as error:
        raise DeskError(f"cannot write {path}: {error.strerror}") from None
