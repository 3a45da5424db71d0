"""Take from files of recorded cases a subset that is small, and has every sort of case.

    python tests/tools/take_recorded_cases.py OUTPUT_DIRECTORY FILE.json.gz...

All cases of a file are gone through in order.  A case is of several sorts at once, and
is taken if fewer than `--each` have been taken of one of them.  So what is rare is
there, wherever it stands in the file.  Files with few cases are taken whole.  The same
files give the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Bits of registers that say how a walk is made, by name.
BITS = {
    "WP": ("cr0", 1 << 16),
    "PSE": ("cr4", 1 << 4),
    "PGE": ("cr4", 1 << 7),
    "SMEP": ("cr4", 1 << 20),
    "SMAP": ("cr4", 1 << 21),
    "NXE": ("efer", 1 << 11),
}

Case = Mapping[str, Any]
Sort = tuple[object, ...]


def settings(case: Case) -> tuple[tuple[str, bool], ...]:
    return tuple((name, bool(case[r] & bit)) for name, (r, bit) in BITS.items())


def outcome(expect: Case) -> object:
    if "val" in expect:
        return "value"
    return "phys" if "phys" in expect else (expect["vec"], expect.get("err"))


def sorts_of_walk(case: Case) -> Iterator[Sort]:
    """What came of which access; under which settings; with which bits in entries."""
    expect, mode = case["expect"], case["mode"]
    who = case["access"], case["cpl"], case["agree"]
    what = mode, case["kind"], outcome(expect), *who
    changes = len(expect["ad"]), len(expect.get("ad_may", {}))
    yield "changes", *what, *changes
    for setting in settings(case):
        yield "setting", mode, *who, case["ac"], "phys" in expect, setting
    for value in case["mem"].values():
        flags = int(value, 16)
        for bit in (*range(13), *range(36, 64)):
            yield "entry", mode, outcome(expect), bit, bool(flags >> bit & 1)


def sorts_of_script(case: Case) -> Iterator[Sort]:
    """What came of which access; and which operation followed which."""
    expect = iter(case["expect"])
    ops = case["ops"]
    for kind, cpl, ac, *_ in ops:
        if kind in "rwxP":
            yield "answer", case["mode"], kind, cpl, ac, outcome(next(expect))
    for first, second, third in zip(ops, ops[1:], ops[2:], strict=False):
        yield "order", first[0], second[0], third[0]
    for setting in settings(case):
        yield "setting", case["mode"], setting


def sorts_of_calls(case: Case) -> Iterator[Sort]:
    """What each memory call returned; and which call followed which."""
    older = "k61" in case or "k612" in case
    yield "compared", case["flavour"], older
    if older:
        return
    for op, step in zip(case["ops"], case["steps"], strict=True):
        value, error, extras, _ = step
        shape = (value < 0, error, tuple(extras))
        yield "result", case["flavour"], op[0], shape
        if op[0] in ("mmap", "mprotect"):
            yield "rights", op[0], op[3], shape
        if op[0] in ("mremap", "madvise"):
            yield "how", op[0], op[-1] if op[0] == "madvise" else op[4], shape
    for first, second in zip(case["ops"], case["ops"][1:], strict=False):
        yield "order", first[0], second[0]


def sorts_of(case: Case) -> Iterator[Sort]:
    if "steps" in case:
        return sorts_of_calls(case)
    return sorts_of_script(case) if "ops" in case else sorts_of_walk(case)


def subset(cases: list[Any], each: int) -> list[Any]:
    taken: Counter[Sort] = Counter()
    kept: list[Any] = []
    for case in cases:
        sorts = set(sorts_of(case))
        if any(taken[sort] < each for sort in sorts):
            taken.update(sorts)
            kept.append(case)
    return kept


def is_many(cases: list[Any]) -> bool:
    """Where there are few, all of them are taken."""
    return len(cases) > 250


def drop_unused(whole: dict[str, Any]) -> None:
    """A compaction is held against what it moved; what it traced besides is large."""
    for part in ("buddy", "compaction"):
        if part in whole:
            whole[part].pop("events", None)
    if "compaction" in whole:
        whole["buddy"] = {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--each", type=int, default=2, help="cases of each sort")
    options = parser.parse_args()
    for path in options.files:
        with gzip.open(path, "rt") as file:
            whole = json.load(file)
        if "cases" not in whole:
            drop_unused(whole)
        elif is_many(whole["cases"]):
            whole["cases"] = subset(whole["cases"], options.each)
        text = json.dumps(whole, separators=(",", ":"))
        output = options.output / path.name
        # No name and no time in the header: the same input gives the same bytes.
        output.write_bytes(gzip.compress(text.encode(), mtime=0))
        number = len(whole.get("cases", ["one"]))
        print(f"{output.name}: {number} cases, {output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
