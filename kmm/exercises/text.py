"""Marks and lists as plain text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..report.outcome import filled
from .exercise import OF_CODE, Check, Exercise, Finding
from .marks import Marks

PASSED, FAILED = "pass", "FAIL"
HIDDEN = "(hidden: no more is told)"


def marks_text(found: Marks, width: int = 80, *, hidden: bool = False) -> str:
    """The verdict on each check, the first counterexample, and the score."""
    exercise = found.exercise
    blocks = [f"{exercise.name}: {exercise.title}"]
    if found.judgement.complaint is not None:
        blocks.append(filled(found.judgement.complaint, width))
    else:
        rows = found.rows
        lines = [row_text(r.check, r.finding, width, hidden=hidden) for r in rows]
        blocks.append("\n".join(lines))
        blocks += shown(found, width, hidden=hidden)
    blocks.append(score(found))
    return "\n\n".join(blocks) + "\n"


def row_text(check: Check, finding: Finding, width: int, *, hidden: bool) -> str:
    """A check in two lines: what it asks, and why it passed or did not."""
    word = PASSED if finding.passed else FAILED
    why = finding.why if hidden or not check.hidden else HIDDEN
    head = filled(f"{word}  {check.title}", width, indent=" " * 6)
    return f"{head}\n{filled('      ' + why, width, indent=' ' * 6)}"


def shown(found: Marks, width: int, *, hidden: bool) -> Iterator[str]:
    """The run that breaks the first check that failed, if a run does."""
    for row in found.rows:
        finding = row.finding
        if finding.passed or finding.schedule is None or not finding.drawing:
            continue
        if row.check.hidden and not hidden:
            continue
        yield filled(f"{row.check.name}: {finding.why}", width)
        yield finding.drawing
        yield f"The same run again:\n\n  {again(found.exercise, finding)}"
        return


def again(exercise: Exercise, finding: Finding) -> str:
    if exercise.kind in (*OF_CODE, "litmus"):
        return f"kmm exercise replay {exercise.file} {finding.schedule}"
    return f"kmm replay {finding.schedule}"


def score(found: Marks) -> str:
    return f"Score: {found.points:g}/{found.exercise.points}"


def list_text(exercises: tuple[Exercise, ...], best: Mapping[str, float]) -> str:
    """The exercises, the points for each, and how many are done."""
    lines = []
    done = 0
    for exercise in exercises:
        points = best.get(exercise.name)
        is_done = points is not None and points >= exercise.points
        done += is_done
        mark = "x" if is_done else "~" if points else " "
        earned = f"{points or 0:g}/{exercise.points}"
        lines.append(
            f"  [{mark}] {exercise.name:18} {earned:>7}  {exercise.kind:9} "
            f"{exercise.title}"
        )
    total = len(exercises)
    share = f" ({100 * done // total} %)" if total else ""
    lines += ["", f"{done}/{total}{share} done.  `kmm exercise start NAME` begins one."]
    return "\n".join(lines) + "\n"
