"""Bits read at the wrong place, and rights mistaken."""

from __future__ import annotations

from exercises.pencil import mistake, number, right

NAME = "decode-entries"


WRONG = {
    "XD is taken for a part of the frame": mistake(
        NAME, "mapped", "frame", hex(number(NAME, "frame") | 1 << 51)
    ),
    "the slot is read where a present entry has its frame": mistake(
        NAME, "swapped", "slot", hex(number(NAME, "slot") >> 3)
    ),
    "the page that was swapped out is taken for the one that moves": mistake(
        NAME, "moving", "moving", right(NAME, "slot")
    ),
    "the kernel is taken for the program": mistake(
        NAME, "fault-1", "fault_1", str(number(NAME, "fault_1") ^ 4)
    ),
    "fork leaves a migration entry writable": mistake(
        NAME, "forked", "forked", hex(number(NAME, "forked") + 2)
    ),
}
