"""What a lesson is: sections in an order that readers come to know, made of blocks.

A block is prose, or something that the reader does: look at a function, answer a
question, watch a run, switch a fix on and off, or see what a command prints.  All are
plain values; `parse` reads them from a lesson's files, and the screen and `text` show
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from attrs import frozen

# The headings of a lesson, in this order.  The last is a file of its own.
KNOW = "What you will know"
IDEA = "The idea"
CODE = "The code"
PREDICT = "Predict"
MOTION = "In motion"
TOGGLE = "Each fix"
PROOF = "The proof"
COST = "The cost"
REAL = "The real world"
EXERCISES = "Exercises"
HEADINGS = (
    KNOW,
    IDEA,
    CODE,
    PREDICT,
    MOTION,
    TOGGLE,
    PROOF,
    COST,
    REAL,
    EXERCISES,
)
# What a lesson can do without, if it has no fix to switch and nothing to prove.
OPTIONAL = (TOGGLE, PROOF, COST)


@frozen
class Prose:
    """Markdown: paragraphs and lists, a sentence a line."""

    text: str


@frozen
class Table:
    """A Markdown table."""

    text: str


@frozen
class Code:
    """A function or class of the model, shown whole."""

    name: str  # dotted, e.g. kmm.mm.rmap.rmap_walk_anon
    mark: str = ""  # part of the one line to look at; "" if there is none


@frozen
class Option:
    """One answer to a question."""

    text: str
    is_right: bool
    why: str  # what is said to a reader who has chosen it


@frozen
class Question:
    """Asked before the reader sees what happens.  One option is right."""

    asks: str
    options: tuple[Option, ...]

    @property
    def right(self) -> int:
        """The index of the right option."""
        return next(n for n, option in enumerate(self.options) if option.is_right)


@frozen
class Motion:
    """A run to step through."""

    race: str  # a race, or the lesson's own: lesson.page-walk
    kernel: str  # a kernel's text
    how: str  # one of claims.HOW


@frozen
class Toggle:
    """A race, and how it ends on each of some kernels."""

    race: str
    expected: tuple[tuple[str, str], ...]  # a kernel's text, and the verdict there


@frozen
class Console:
    """A command, and what it prints (kept up to date by a script)."""

    command: str
    output: str


Block = Prose | Table | Code | Question | Motion | Toggle | Console
B = TypeVar("B", bound=Block)


@frozen
class Section:
    """One of HEADINGS, and what stands below it."""

    heading: str
    blocks: tuple[Block, ...]


@frozen
class Lesson:
    """One chapter.  `name` is what progress files and commands know it by."""

    name: str
    title: str
    abstract: str  # one sentence
    needs: tuple[str, ...]  # names of lessons to be read before
    sections: tuple[Section, ...]
    folder: Path
    part: str = ""
    number: int = 0  # in the course, from 1

    def section(self, heading: str) -> Section | None:
        """The section under a heading, if the lesson has it."""
        return next((s for s in self.sections if s.heading == heading), None)

    def blocks(self, kind: type[B]) -> Iterator[B]:
        """All its blocks of a kind, in order."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, kind):
                    yield block

    @property
    def motion(self) -> Motion | None:
        """The run that it shows, if it shows one."""
        return next(self.blocks(Motion), None)

    @property
    def transcript(self) -> Path:
        """Where the report of that run is kept."""
        return self.folder / "transcript.txt"
