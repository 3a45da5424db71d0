"""The textbook: lessons, what they claim, and how far a reader has come.

A lesson is a folder (`lessons/` in this project, or a plug-in's): prose with the code
it speaks of, questions to answer before a run, a run to look at, the fixes to switch on
and off, and exercises.  What it claims is made by running it, and the tests hold it to
that.

Reading order: `lesson` (what a lesson is), `parse` (from its files), `library` (which
there are), `code` (the source that it shows), `claims` (runs, and whether they end as
it says), `text` and `tables` (a lesson for a pipe or a screen reader), `progress`.
"""

from .lesson import Lesson
from .library import find_lesson, lessons, parts

__all__ = ["Lesson", "find_lesson", "lessons", "parts"]
