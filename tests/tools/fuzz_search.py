"""Hold the exhaustive search against plain enumeration, on many random programs.

    python tests/tools/fuzz_search.py --programs 2000 --seed 1

The two must agree on every trace and on every way in which a run can end.  Programs
with too many interleavings to enumerate are skipped and others made instead, so
`--programs` is the number that is really compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sim.fuzz import Tally, comparisons


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=int, default=2000, help="to compare")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--limit", type=int, default=2000, help="most interleavings of a program"
    )
    options = parser.parse_args()
    began = time.perf_counter()
    tally = Tally()
    for case in comparisons(options.programs, options.seed, options.limit):
        tally.add(case)
        if not case.comparison.agrees:
            print(case, flush=True)
    print(tally)
    print(f"{time.perf_counter() - began:.0f} s")
    return 1 if tally.mismatches else 0


if __name__ == "__main__":
    sys.exit(main())
