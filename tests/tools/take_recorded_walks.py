"""Take from recorded page walks those that the model covers.

    python tests/tools/take_recorded_walks.py FILE.json.gz... -o OUTPUT.json.gz

The files hold cases that were run on three x86 emulators.  Kept are those in 4-level
mode on which the three agree, without SMEP and SMAP.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path
from typing import Any

CR4_SMEP, CR4_SMAP = 1 << 20, 1 << 21


def is_covered(case: dict[str, Any]) -> bool:
    plain = not case["cr4"] & (CR4_SMEP | CR4_SMAP)
    return case["mode"] == "long" and plain and bool(case["agree"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    kept = []
    for path in options.files:
        with gzip.open(path, "rt") as file:
            kept += [case for case in json.load(file)["cases"] if is_covered(case)]
    fields = ("cr0", "cr3", "efer", "cpl", "access", "vaddr", "mem", "expect")
    cases = [{name: case[name] for name in fields} for case in kept]
    text = json.dumps({"cases": cases}, separators=(",", ":"))
    # No name and no time in the header: the same input gives the same bytes.
    options.output.write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{len(cases)} cases, {options.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
