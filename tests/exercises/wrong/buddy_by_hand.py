"""Halves, buddies and counts that are not what they are taken for."""

from __future__ import annotations

from exercises.pencil import mistake, number, right

NAME = "buddy-by-hand"


def in_pages(counts: str) -> str:
    """Free blocks of each order, as the pages that are in them."""
    return " ".join(str(int(one) << n) for n, one in enumerate(counts.split()))


WRONG = {
    "the upper half is taken": mistake(
        NAME, "begins", "begins", str(number(NAME, "begins") + 1)
    ),
    "a merge is forgotten": mistake(
        NAME, "merges", "merges", str(number(NAME, "merges") - 1)
    ),
    "the result begins where the last block did": mistake(
        NAME, "becomes", "becomes", str(number(NAME, "becomes") + 4)
    ),
    "pages are counted, not blocks": mistake(
        NAME, "counts", "counts", in_pages(right(NAME, "counts"))
    ),
    "one merge too many": mistake(
        NAME, "order", "order", str(number(NAME, "order") + 1)
    ),
}
