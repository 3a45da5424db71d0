"""What judging takes: a class, one submission, and a save that is watched.

    python tests/benchmarks/classroom.py [class] [check] [watch] [--students 200]

Seconds of the clock depend on what else the machine does, so those of the CPU are shown
beside them, of all processes together; on two idle cores a class takes half of that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).parents[1])]

from exercises.submissions import EXEC, changed, solution, starter  # noqa: E402

from kmm.exercises import exercises, find_exercise  # noqa: E402
from kmm.exercises.desk import solution_of, start, starter_of  # noqa: E402
from kmm.exercises.grade import Handed, Rules, grade  # noqa: E402

LOWER = "    await write_plain(vma, VMA.vm_start, new_start)\n"
DROP = "    await unlink_anon_vmas(second)\n"
# What a class hands in: a third is right, a third has changed nothing, and the rest is
# wrong in ways that take short and long to find.
CLASS = (
    solution(EXEC),
    starter(EXEC),
    changed(EXEC, (DROP, "")),
    solution(EXEC),
    starter(EXEC),
    changed(EXEC, (LOWER, "    vma.vm_start = new_start\n")),
)
SAVES = 7
KMM = (sys.executable, "-m", "kmm", "exercise")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Prints what a block has taken."""
    began, before = time.perf_counter(), cpu_seconds()
    yield
    wall, cpu = time.perf_counter() - began, cpu_seconds() - before
    print(f"{what:44} {wall:7.2f} s of the clock {cpu:7.2f} s of the CPU", flush=True)


def cpu_seconds() -> float:
    """Of this process, and of those that it has waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def of_a_class(folder: Path, students: int) -> None:
    handed = []
    for number, text in enumerate(islice(cycle(CLASS), students)):
        path = folder / f"{number}.py"
        path.write_text(text, encoding="utf-8")
        handed.append(Handed(path.stem, path))
    with timed(f"class: {students} submissions of {EXEC}, 2 at once"):
        rows = grade(handed, Rules(find_exercise(EXEC)), workers=2)
    print(f"  {sum(row['passed'] for row in rows)} passed")


def of_checks(folder: Path) -> None:
    """`kmm exercise check`, from the command to its end."""
    for exercise in exercises():
        seed = 1 if exercise.kind == "answer" else None
        for what, make in (("starter", starter_of), ("solution", solution_of)):
            path = folder / exercise.file
            path.write_text(make(exercise, seed), encoding="utf-8")
            command = [*KMM, "check", str(path), "--exercise", exercise.name]
            with timed(f"check: {exercise.name}, {what}"):
                subprocess.run(command, check=False, stdout=subprocess.DEVNULL)


def of_a_watch(folder: Path) -> None:
    """From a save to the line that says which check failed first."""
    copy = start(find_exercise(EXEC), folder / "watched", None)
    command = [*KMM, "watch", str(copy.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        wait_for(watch.stdout, "Score:")
        taken = []
        for number in range(SAVES):
            time.sleep(0.5)
            began = time.perf_counter()
            text = f"{starter(EXEC)}\n# save {number}\n"
            copy.path.write_text(text, encoding="utf-8")
            wait_for(watch.stdout, "FAIL")
            taken.append(time.perf_counter() - began)
            wait_for(watch.stdout, "Score:")
        watch.terminate()
    print(
        f"watch: from a save to the first failing check, {SAVES} saves: "
        f"least {min(taken):.2f} s, median {median(taken):.2f} s, "
        f"most {max(taken):.2f} s"
    )


def wait_for(lines: Iterator[str], begins: str) -> None:
    next(line for line in lines if line.startswith(begins))


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="*", help="class, check, watch (default: all)")
    parser.add_argument("--students", type=int, default=200)
    options = parser.parse_args()
    wanted = options.what or ["class", "check", "watch"]
    folder = Path(tempfile.mkdtemp())
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    try:
        if "watch" in wanted:
            of_a_watch(folder)
        if "check" in wanted:
            of_checks(folder)
        if "class" in wanted:
            of_a_class(folder, options.students)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
