"""What an exercise is, and what is found out about a submission."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

# What students hand in, by kind, and the file that it is called.
KINDS: Mapping[str, str] = {
    "answer": "answers.toml",  # questions, with numbers that a seed chooses
    "function": "fix.py",  # one function of the model
    "design": "fix.py",  # an answer to a question of kmm.designs
    "schedule": "schedule.txt",  # a run, as text
    "litmus": "litmus.toml",  # a scene and a program that tell two designs apart
}
OF_CODE = ("function", "design")  # kinds that are Python, and run in the model


@frozen
class Check:
    """One thing that a submission must do, and what that is worth."""

    name: str
    title: str
    asks: str  # one of asks.ASKS
    weight: int
    needs: tuple[str, ...] = ()  # checks that must have passed, else this one fails
    hidden: bool = False  # of its outcome only the title and pass or fail are told
    settings: Mapping[str, Any] = field(factory=dict)  # what `asks` needs to know


@frozen
class Exercise:
    """A task for a student.  `name` is what files and commands know it by."""

    name: str
    title: str
    kind: str  # one of KINDS
    lesson: str  # the lesson that it belongs to
    points: int
    task: str  # Markdown
    checks: tuple[Check, ...]  # those that are hidden last
    hints: tuple[str, ...]  # three: where to look, what to do, nearly the solution
    folder: Path
    settings: Mapping[str, Any] = field(factory=dict)  # what the kind needs to know

    @property
    def file(self) -> str:
        """The name of the file that a student hands in."""
        return KINDS[self.kind]

    @property
    def starter(self) -> Path:
        return self.folder / f"starter{Path(self.file).suffix}"

    @property
    def solution(self) -> Path:
        return self.folder / f"solution{Path(self.file).suffix}"

    @property
    def weight(self) -> int:
        return sum(check.weight for check in self.checks)


@frozen
class Finding:
    """What came of one check.  Plain values: it comes from another process."""

    check: str
    passed: bool
    why: str  # in a sentence
    schedule: str | None = None  # of a run that shows it, as `ScheduleToken` has it
    failure: str | None = None  # the message in which that run ends
    drawing: str = ""  # that run, made again by a second process


class Complaint(Exception):
    """A submission that cannot be judged at all; the message says why."""
