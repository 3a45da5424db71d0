"""How far a reader has come, in a file that survives upgrades.

`$XDG_STATE_HOME/kmm/progress.json` has, for each lesson by its name, the sections that
were read, the options that were chosen, and which lesson was open last.  What this
version does not know, a lesson that was renamed for example, is kept as it is.  A file
that cannot be read is put aside, not overwritten.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from attrs import define, field

from .lesson import Lesson, Question

VERSION = 1


@define
class Progress:
    """What the file says.  Every change is written at once; else `problem` says why."""

    path: Path
    lessons: dict[str, dict[str, Any]] = field(factory=dict)
    last: str | None = None
    rest: dict[str, Any] = field(factory=dict)  # of a later version
    problem: str | None = None

    # What was done.

    def read(self, lesson: Lesson) -> list[str]:
        """The headings of the sections that were read."""
        found = self.lessons.get(lesson.name, {}).get("read", [])
        return [str(heading) for heading in found] if isinstance(found, list) else []

    def chosen(self, lesson: Lesson, question: Question) -> int | None:
        """The option that was chosen first; None if none was."""
        answers = self.lessons.get(lesson.name, {}).get("answers", {})
        found = answers.get(question.asks) if isinstance(answers, dict) else None
        is_one = isinstance(found, int) and 0 <= found < len(question.options)
        return found if is_one else None

    def is_done(self, lesson: Lesson) -> bool:
        return {s.heading for s in lesson.sections} <= set(self.read(lesson))

    # Doing it.

    def open(self, lesson: Lesson) -> None:
        self.last = lesson.name
        self.save()

    def mark_read(self, lesson: Lesson, heading: str) -> None:
        found = self.read(lesson)
        if heading not in found:
            self.lessons.setdefault(lesson.name, {})["read"] = [*found, heading]
            self.save()

    def choose(self, lesson: Lesson, question: Question, option: int) -> None:
        """The first choice counts."""
        if self.chosen(lesson, question) is None:
            kept = self.lessons.setdefault(lesson.name, {})
            kept.setdefault("answers", {})[question.asks] = option
            self.save()

    def reset(self, lesson: Lesson | None = None) -> None:
        """Forget one lesson, or all; what was known is kept in a file beside it."""
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".bak"))
        if lesson is None:
            self.lessons, self.last = {}, None
        else:
            self.lessons.pop(lesson.name, None)
        self.save()

    def save(self) -> None:
        """Write the file whole, or leave the old one."""
        values = {
            **self.rest,
            "version": VERSION,
            "last": self.last,
            "lessons": self.lessons,
        }
        scratch = self.path.with_suffix(f".{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
            scratch.replace(self.path)
        except OSError as error:
            self.problem = f"progress is not kept: {self.path}: {error.strerror}"


def load_progress(path: Path | None = None) -> Progress:
    """What is known of this reader; nothing, if there is no file."""
    path = path or usual_path()
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        lessons = values.pop("lessons")
        last = values.pop("last", None)
        values.pop("version", None)
        if not all(isinstance(kept, dict) for kept in lessons.values()):
            raise TypeError("a lesson that is no table")
        return Progress(path, lessons, last, values)
    except FileNotFoundError:
        return Progress(path)
    except OSError as error:
        return Progress(
            path, problem=f"progress is not known: {path}: {error.strerror}"
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        aside = path.with_suffix(".broken")
        path.replace(aside)
        return Progress(
            path, problem=f"{path} could not be read; it is {aside.name} now"
        )


def usual_path() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")  # noqa: PTH111
    return Path(base) / "kmm" / "progress.json"
