"""Hold the searches for the least failing run against enumeration.

    python tests/tools/fuzz_witnesses.py --failures 5000 --seed 1

Both the search by turns and that by traces must find the very run that is the least of
all interleavings of a random program.  Programs with too many are skipped and others
made instead, so `--failures` is the number that is really compared.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sim.witnesses import Tally, failing_cases


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--failures", type=int, default=5000, help="to compare")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=4000, help="interleavings")
    options = parser.parse_args()
    tally = Tally()
    started = time.perf_counter()
    for case in islice(failing_cases(options.seed, options.limit), options.failures):
        if not tally.add(case):
            print(f"seed {options.seed}, {case}\n", flush=True)
    print(f"{tally}; {time.perf_counter() - started:.0f} s")
    return int(tally.mismatches > 0)


if __name__ == "__main__":
    sys.exit(main())
