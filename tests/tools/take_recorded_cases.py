"""Take from files of recorded cases a subset that is small, and has every sort of case.

    python tests/tools/take_recorded_cases.py OUTPUT_DIRECTORY FILE.json.gz...

The cases of a file are gone through in order.  A case is taken if fewer than `--each`
have been taken of its sort: the mode, the control bits that are set, who does what,
what came of it, and which bits the entries have in which it ends.  The same files give
the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CR0_WP = 1 << 16
CR4_USED = 1 << 4 | 1 << 7 | 1 << 20 | 1 << 21  # PSE, PGE, SMEP, SMAP
EFER_NXE = 1 << 11


def registers(case: Mapping[str, Any]) -> tuple[object, ...]:
    bits = case["cr0"] & CR0_WP, case["cr4"] & CR4_USED, case["efer"] & EFER_NXE
    return case["mode"], *bits


def sort_of_walk(case: Mapping[str, Any]) -> tuple[object, ...]:
    expect = case["expect"]
    outcome = "phys" if "phys" in expect else (expect["vec"], expect.get("err"))
    # What the entries say, without where they lead.
    widths = tuple(sorted(value[-3:] for value in case["mem"].values()))
    depth = len(case["mem"]), len(expect["ad"]), bool(expect.get("ad_may"))
    rights = widths[0] if case["agree"] else "disputed"
    how = case["ac"], case["cpl"], case["access"], outcome, depth
    return *registers(case), *how, rights


def sort_of_script(case: Mapping[str, Any]) -> tuple[object, ...]:
    kinds = "".join(sorted({op[0] for op in case["ops"]}))
    faults = sorted({str(answer.get("err")) for answer in case["expect"]})
    return *registers(case), kinds, *faults


def subset(cases: list[Any], each: int, most: int) -> list[Any]:
    taken: Counter[tuple[object, ...]] = Counter()
    kept: list[Any] = []
    for case in cases:
        sort = sort_of_script(case) if "ops" in case else sort_of_walk(case)
        if taken[sort] < each and len(kept) < most:
            taken[sort] += 1
            kept.append(case)
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=1, help="cases of each sort")
    parser.add_argument("--most", type=int, default=3000, help="cases of each file")
    options = parser.parse_args()
    for path in options.files:
        with gzip.open(path, "rt") as file:
            whole = json.load(file)
        whole["cases"] = subset(whole["cases"], options.each, options.most)
        text = json.dumps(whole, separators=(",", ":"))
        output = options.output / path.name
        # No name and no time in the header: the same input gives the same bytes.
        output.write_bytes(gzip.compress(text.encode(), mtime=0))
        print(f"{output.name}: {len(whole['cases'])} cases, {output.stat().st_size:,}")


if __name__ == "__main__":
    main()
