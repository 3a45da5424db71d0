"""An exercise that a student works on: what the screen shows of it.

Plain values, without a terminal: the copy that was begun, what was found out about it
so far, which hints were told.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

from ..exercises import Exercise
from ..exercises.desk import Copy, Watched, start, task_of
from ..exercises.exercise import Check, Finding
from ..exercises.marks import Marks, marks
from ..exercises.sandbox import Judgement
from ..exercises.scores import Scores
from ..exercises.text import FAILED, HIDDEN, PASSED
from .lines import CHANGED, FATAL, Line, Span

UNKNOWN = "...."  # in the place of `pass` or `FAIL`


@define
class Workbench:
    """One exercise, and the student's file if there is one."""

    exercise: Exercise
    scores: Scores
    copy: Copy | None = field(init=False)
    file: Watched | None = field(init=False, default=None)
    text: str = ""  # what was judged last, or is being judged
    findings: list[Finding] = field(factory=list)  # of that, as they come
    found: Marks | None = None  # of all of it
    is_judging: bool = False

    def __attrs_post_init__(self) -> None:
        self.take(self.scores.copy_of(self.exercise))

    def take(self, copy: Copy | None) -> None:
        """Work on this copy; it is judged when it changes."""
        self.copy = copy
        self.file = Watched(copy.path) if copy else None
        if self.file is not None:
            self.file.changed()

    def begin(self, folder: Path) -> None:
        """Lay the exercise out in a folder.  Raises DeskError."""
        copy = start(self.exercise, folder, None)
        self.scores.begun(copy)
        self.take(copy)

    # Judging.

    def judge(self, text: str) -> None:
        """All is to be found out anew, of this text."""
        self.text, self.findings, self.found = text, [], None
        self.is_judging = True

    def judged(self, judgement: Judgement) -> None:
        self.found = marks(self.exercise, judgement)
        self.findings = [row.finding for row in self.found.rows]
        self.is_judging = False
        self.scores.earned(self.exercise, self.found.points)

    def stopped(self) -> None:
        self.is_judging = False

    def runs(self) -> list[tuple[Check, Finding]]:
        """The checks that failed, with a run that shows it, and may be told."""
        by_name = {check.name: check for check in self.exercise.checks}
        return [
            (by_name[one.check], one)
            for one in self.findings
            if one.schedule is not None
            and not one.passed
            and not by_name[one.check].hidden
        ]

    # What is shown.

    @property
    def seed(self) -> int | None:
        return self.copy.seed if self.copy else None

    def task(self) -> str:
        """Markdown, with the numbers of the student's own variant."""
        return task_of(self.exercise, self.seed).partition("\n\n")[2]

    def hints(self) -> list[str]:
        """Those that have been told."""
        return list(self.exercise.hints[: self.scores.hints_told(self.exercise)])

    def points(self) -> str:
        best = self.scores.best().get(self.exercise.name)
        of = f"{self.exercise.points} points"
        return of if best is None else f"best {best:g} of {of}"

    def where(self) -> str:
        """The student's file, or how there comes to be one."""
        if self.copy is None:
            return "Not begun yet: s lays it out in a folder of yours."
        path = self.copy.path.resolve()
        if not path.exists():
            return f"{path} is gone; R puts the starter there again."
        return shorter(path)

    def progress(self) -> Line:
        """How far the judge has come, or what came of it."""
        done, total = len(self.findings), len(self.exercise.checks)
        if self.is_judging:
            how_far = f"{done} of {total} checks done"
            if done == total:
                how_far = "all checks done; now a run that failed is made again"
            return Line(f"Judging: {how_far}.  S stops it.", CHANGED)
        if self.found is None:
            return Line("Not judged yet.  c judges it, and so does every save.")
        complaint = self.found.judgement.complaint
        if complaint is not None:
            return Line(complaint, FATAL, "loud", hang=2)
        score = f"Score: {self.found.points:g}/{self.exercise.points}"
        if self.found.passed:
            return Line(f"{score}.  All checks pass: it is done.", look="loud")
        more = f"  o steps through {self.run_words}." if self.runs() else ""
        return Line(f"{score}.{more}", look="loud")

    @property
    def run_words(self) -> str:
        """What there is to step through."""
        if self.exercise.kind == "schedule":
            return "your run"
        return "a run that shows it"

    def checks(self) -> Iterator[Line]:
        """A check in two lines: what it asks, and what came of that."""
        yield self.progress()
        yield Line("")
        known = {one.check: one for one in self.findings}
        for check in self.exercise.checks:
            yield from self.check_lines(check, known.get(check.name))

    def check_lines(self, check: Check, finding: Finding | None) -> Iterator[Line]:
        if finding is None or (self.found is not None and not self.is_known):
            yield Line(f"{UNKNOWN}  {check.title}", look="dim", hang=6)
            return
        text = f"{PASSED if finding.passed else FAILED}  {check.title}"
        loud = () if finding.passed else (Span(0, len(text), FATAL),)
        yield Line(text, hang=6, spans=loud)  # a mark would be scrolled to
        why = HIDDEN if check.hidden else finding.why
        yield Line(f"      {why}", look="dim", hang=6)

    @property
    def is_known(self) -> bool:
        """Whether the checks were asked at all."""
        return self.found is not None and self.found.judgement.complaint is None


def shorter(path: Path) -> str:
    """A path as people say it."""
    home = Path.home()
    if path.is_relative_to(home) and home != Path("/"):
        return f"~/{path.relative_to(home)}"
    return str(path)
