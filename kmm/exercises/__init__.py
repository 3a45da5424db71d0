"""The classroom: exercises that are judged by proof, or by the run that breaks them.

An exercise is a folder (`lessons/exercises/` in this project, or a plug-in's) with a
task, a starter, hints, a solution and checks.  A submission is one small file.  Most
are code that must run inside the model to be judged, so a process of its own judges
each, and this one believes only what comes of that (docs/classroom.md).

Reading order: `exercise` (what an exercise is), `read` (from its files), `library`
(which there are); `vet` (what a submission may say) and `load` (functions of it);
`answers`, `schedules`, `litmus`, `code` (the kinds of submissions), `asks` (what a
check asks of them) and `holding` (the locks at a place); `canary` (whether the judge is
still sane), `limits`, `judge` (what judges), `template` (the process that it is a copy
of), `nursery` (who starts that), `sandbox` (who believes it, and how far); `marks`
(points), `text`; `desk` (a student's copies), `scores`; `grade` (a class), `formats`,
`classroom50`, `autograder` (a zip for Gradescope); `verify` (whether an exercise is
right itself), `scaffold`.
"""

from .exercise import Check, Exercise
from .library import exercises, find_exercise

__all__ = ["Check", "Exercise", "exercises", "find_exercise"]
