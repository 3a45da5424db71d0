"""What history knows of each race on each kernel, and what running them adds to it.

S: sometimes.  N: never.  The first table is what the mails, the commits and models of
the time say; a dot is where they say nothing.  The second has an answer for each dot,
found by running them; docs/races.md tells about them.
"""

from __future__ import annotations

KERNELS = ("2.6.34", "v2", "v3", "v4", "v5", "v6", "2.6.35", "2.6.36")

KNOWN = """
exec-stack               S . N S N N N N
exec-stack-peek          S . N S S S N N
vma-adjust               S N N N N N S N
boundary-shift           S . N N . N S N
boundary-shift-child     S S N N S S S N
stack-growth             S . N N . N S N
fork-copy                N N N N N N N N
hole-punch               S N N N N . S N
mremap-move              N N N N N N N N
mremap-peek              S S S S S S S S
mremap-merge             . . . . . . . .
ksm-walk                 S . . . . . S N
lock-order               N . . . . N N N
lock-order-newest-first  S S S S S S S S
retry-livelock           . S . . S N . N
stale-entry-reuse        . S . . . . . .
anon-vma-lifetime        S S S S S S S S
anon-vma-pinned          N N N N N N N N
migration-wait           N N N N N N N N
tlb-stale                S S S S S S S S
tlb-flushed              N N N N N N N N
"""

FOUND = """
exec-stack               . S . . . . . .
exec-stack-peek          . S . . . . . .
boundary-shift           . N . . N . . .
stack-growth             . N . . N . . .
hole-punch               . . . . . N . .
mremap-merge             S S S S S S S S
ksm-walk                 . N N N N N . .
lock-order               . N N N N . . .
retry-livelock           N . N N . . N .
stale-entry-reuse        S . N N N N N N
anon-vma-window          S S S S S S S S
tlb-lazy                 N N N N N N N N
"""

Cell = tuple[str, str]  # a race and a kernel


def cells(table: str) -> dict[Cell, str]:
    """The answers of a table, `bug` or `proved`."""
    words = {"S": "bug", "N": "proved"}
    found = {}
    for line in table.strip().splitlines():
        race, *answers = line.split()
        for kernel, answer in zip(KERNELS, answers, strict=True):
            if answer in words:
                found[race, kernel] = words[answer]
    return found


EXPECTED = {**cells(KNOWN), **cells(FOUND)}
