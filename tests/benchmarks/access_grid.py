"""The whole grid of accesses, held against its oracle.

    python tests/benchmarks/access_grid.py [--processes 2]

Prints how many of the 1,916,928 combinations agree, and the first that do not; exits
1 if there are any.  Ctrl-C reports what was covered.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

# The grid and its oracle are among the tests, which are not installed.
sys.path.insert(0, str(Path(__file__).parents[1]))

from hw.access_grid import SIZE, Bench, grid

PARTS = 64  # pieces of the grid that are handed out one by one
SHOWN = 5


def run_part(part: int) -> tuple[int, list[str]]:
    """How many cells a part has, and what is wrong in it."""
    bench = Bench()
    cells = grid(range(part, SIZE, PARTS))
    results = [bench.wrong(cell) for cell in cells]
    return len(results), [wrong for wrong in results if wrong]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    started, cells, wrong = time.perf_counter(), 0, list[str]()
    with ProcessPoolExecutor(options.processes) as pool:
        parts = [pool.submit(run_part, part) for part in range(PARTS)]
        try:
            for part in as_completed(parts):
                number, found = part.result()
                cells, wrong = cells + number, wrong + found
                if sys.stderr.isatty():
                    print(f"\r{cells:,} of {SIZE:,}", end="", file=sys.stderr)
        except KeyboardInterrupt:
            for part in parts:
                part.cancel()
    seconds = time.perf_counter() - started
    for line in wrong[:SHOWN]:
        print(line)
    covered = "the whole grid" if cells == SIZE else f"{cells:,} of {SIZE:,}, stopped"
    print(
        f"{covered}: {cells - len(wrong):,} agree, {len(wrong):,} differ; "
        f"{seconds:.0f} s, {cells / seconds:,.0f} a second"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
