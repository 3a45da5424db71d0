"""Does the test suite notice each single-rule error in kmm/hw?

    python tests/tools/mutate_walker.py [--only WORDS] [--list] [--processes 2]

Each mutant of `mutants.py` is put into a copy of the sources, and the tests of kmm/hw
and of the recorded cases are run until one fails.  A mutant that survives is a rule
that nothing tests.  Exits 1 if there is one, or if a mutant's text is not found.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1])]

from tools.mutants import MUTANTS, Mutant  # noqa: E402

ROOT = Path(__file__).parents[2]
COPIED = (
    "kmm",
    "tests/building.py",
    "tests/page_tables.py",
    "tests/hw",
    "tests/conform",
    "pyproject.toml",
)
PATIENCE = 120  # seconds for a stage
# Cheap tests first; the grid only as a last resort.
STAGES = (
    [
        "tests/hw",
        "--ignore=tests/hw/test_access_grid.py",
        "--ignore=tests/hw/test_mutants.py",
    ],
    ["tests/conform"],
    ["tests/hw/test_access_grid.py"],
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="mutants with these words in them")
    parser.add_argument("--list", action="store_true", help="print their names")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    wanted = [mutant for mutant in MUTANTS if options.only in mutant.name]
    if options.list:
        print("\n".join(f"{mutant.file:10} {mutant.name}" for mutant in wanted))
        return 0
    return try_all(wanted, options.processes)


UNCHANGED = Mutant("nothing is changed", "paging.py", "", "")


def try_all(wanted: list[Mutant], processes: int) -> int:
    if killer(UNCHANGED):
        raise SystemExit("the tests fail without any mutant: mend that first")
    started, done, survived = time.perf_counter(), 0, list[str]()
    with ThreadPoolExecutor(processes) as pool:
        tries = {pool.submit(killer, mutant): mutant for mutant in wanted}
        try:
            for ended in as_completed(tries):
                name, by = tries[ended].name, ended.result()
                done += 1
                print(f"{by or 'SURVIVED':32} {name}", flush=True)
                if not by:
                    survived.append(name)
        except KeyboardInterrupt:
            for one in tries:
                one.cancel()
    seconds = time.perf_counter() - started
    print(
        f"{done} of {len(wanted)} mutants tried, {done - len(survived)} killed, "
        f"{len(survived)} survived; {seconds:.0f} s"
    )
    return 1 if survived else 0


def killer(mutant: Mutant) -> str:
    """The tests that notice a mutant; "" if none does."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        copy_sources(place)
        source = place / "kmm" / "hw" / mutant.file
        text = source.read_text(encoding="utf-8")
        if mutant is not UNCHANGED and text.count(mutant.old) != 1:
            raise SystemExit(
                f"{mutant.name}: its text is not there once: {mutant.old!r}"
            )
        if mutant is not UNCHANGED:
            text = text.replace(mutant.old, mutant.new)
        source.write_text(text, encoding="utf-8")
        for tests in STAGES:
            if not passes(place, tests):
                return tests[0]
    return ""


def copy_sources(place: Path) -> None:
    for name in COPIED:
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target)
        else:
            shutil.copy(ROOT / name, target)


def passes(place: Path, tests: list[str]) -> bool:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    try:
        ran = subprocess.run(
            [*command, *tests],
            cwd=place,
            env={"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""},
            capture_output=True,
            check=False,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return False  # a walk that never ends is noticed as well
    return ran.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
