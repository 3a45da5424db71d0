"""The classroom's exercises: their tasks, in the order of the course.

Hints and solutions stay where they are: `kmm exercise hint` and `solution` give them to
who asks.
"""

from __future__ import annotations

from collections.abc import Iterator

from kmm.course import Lesson, lessons
from kmm.exercises import Exercise, exercises

from .prose import linked


def exercises_page() -> str:
    chunks = [
        "# The exercises",
        "A student hands in a small file, and it is judged by a proof or by the run "
        "that breaks it; [The classroom](classroom.md) says how.\n"
        "`kmm exercise list` shows how far you have come.",
    ]
    for exercise in exercises():
        chunks += section(exercise)
    return "\n\n".join(chunks) + "\n"


def section(exercise: Exercise) -> Iterator[str]:
    yield f"## {exercise.title}"
    titles = {lesson.name: lesson.title for lesson in lessons()}
    lesson = titles.get(exercise.lesson)
    after = (
        f"After the lesson [{lesson}](lessons/{exercise.lesson}.md). " if lesson else ""
    )
    yield (
        f"{after}To hand in: `{exercise.file}` ({exercise.kind}), {exercise.points} "
        f"points. Begin with `kmm exercise start {exercise.name}`."
    )
    yield linked(exercise.task.strip())
    told = [check for check in exercise.checks if not check.hidden]
    yield "What is checked:"
    yield "\n".join(f"- {check.title}" for check in told)


def exercises_of(lesson: Lesson) -> list[Exercise]:
    return [one for one in exercises() if one.lesson == lesson.name]
