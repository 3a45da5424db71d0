"""`kmm.lesson`: a chapter of the textbook, as Markdown in a notebook."""

from __future__ import annotations

from collections.abc import Iterator

from ..course import Lesson, find_lesson
from ..course.code import excerpt
from ..course.lesson import (
    Block,
    Code,
    Console,
    Motion,
    Prose,
    Question,
    Table,
    Toggle,
)
from ..course.text import lesson_text, toggle_text
from .calls import replay
from .runs import Run

WIDTH = 80


class Chapter:
    """A lesson.  `print` gives it as `kmm lesson NAME` does."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson

    @property
    def name(self) -> str:
        return self._lesson.name

    @property
    def title(self) -> str:
        return self._lesson.title

    @property
    def abstract(self) -> str:
        return self._lesson.abstract

    def run(self) -> Run:
        """The run that it shows.  Raises ValueError if it shows none."""
        if self._lesson.motion is None:
            raise ValueError(f"the lesson {self.name} shows no run")
        return replay(self._lesson.transcript)

    def __repr__(self) -> str:
        return f"<kmm lesson {self._lesson.number}: {self.title}>"

    def __str__(self) -> str:
        return lesson_text(self._lesson, WIDTH)

    def _repr_markdown_(self) -> str:
        lesson = self._lesson
        chunks = [f"# {lesson.number}. {lesson.title}", lesson.abstract]
        for section in lesson.sections:
            chunks.append(f"## {section.heading}")
            for block in section.blocks:
                chunks += markdown(lesson, block)
        return "\n\n".join(chunks)


def markdown(lesson: Lesson, block: Block) -> Iterator[str]:
    match block:
        case Prose(text) | Table(text):
            yield text
        case Code(name):
            yield f"`{name}`:"
            yield fenced("\n".join(excerpt(block).lines), "python")
        case Question(asks, options):
            yield asks
            yield "\n".join(f"{n}. {o.text}" for n, o in enumerate(options, start=1))
        case Motion():
            yield fenced(lesson.transcript.read_text(encoding="utf-8"))
        case Toggle():
            yield fenced(toggle_text(block))
        case Console(command, output):
            yield fenced(f"$ {command}\n{output}")


def fenced(text: str, language: str = "text") -> str:
    """A block of code; its fence is longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def lesson(name: str | int) -> Chapter:
    """A lesson by its name, or its number: `kmm lesson NAME`."""
    return Chapter(find_lesson(str(name)))
