"""`kmm.walk` and `kmm.decode`: the hardware alone, as `kmm mmu` has it."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import Any

from ..cli.mmu import level_and_mode, watched
from ..hw.modes import P
from ..hw.watch import LevelSeen, WatchedWalk
from ..report.mmu import (
    asked,
    bits_in_words,
    decode_text,
    outcome_lines,
    walk_json,
    walk_text,
)
from . import html
from .errors import plainly
from .text import Text

LETTERS = {"read": "r", "write": "w", "fetch": "x"}
WIDTH = 80


class Walk:
    """A page walk: the entries that the MMU read, and what came of it."""

    def __init__(self, watched: WatchedWalk) -> None:
        self.watched = watched

    @property
    def physical(self) -> int | None:
        """The physical address; None if the walk ended in a fault."""
        found = self.watched.found
        return None if found is None else int(found.physical(self.watched.address))

    @property
    def fault(self) -> Exception | None:
        return self.watched.fault

    def json(self) -> dict[str, Any]:
        """What `kmm mmu walk` prints with --json."""
        return walk_json(self.watched)

    def __repr__(self) -> str:
        if self.physical is not None:
            end = f"physical address {self.physical:#x}"
        else:
            end = type(self.fault).__name__
        return f"<kmm walk: {asked(self.watched)}: {end}>"

    def __str__(self) -> str:
        return walk_text(self.watched, WIDTH)

    def _repr_html_(self) -> str:
        mode = self.watched.paging.mode
        ended = [html.text(line, "p") for line in outcome_lines(self.watched)]
        return html.whole(
            html.text(f"{mode.title}: {asked(self.watched)}", "p"),
            html.table(
                ["table", "entry", "at", "value", "bits"],
                [level_row(seen) for seen in self.watched.seen],
            ),
            *ended,
        )


def level_row(seen: LevelSeen) -> list[str]:
    level = seen.level
    digits = level.entry_bytes * 2 + 2
    table = "registers" if seen.table is None else f"{level.table} at {seen.table:#x}"
    at = "" if seen.where is None else f"{seen.where:#x}"
    bits = bits_in_words(seen)
    wrong = not seen.entry & P or seen.reserved
    return [
        html.text(table),
        html.text(f"{level.entry} {seen.index:#x}"),
        html.text(at),
        html.text(f"{seen.entry:#0{digits}x}"),
        html.bold(bits, html.RED) if wrong else html.text(bits),
    ]


def walk(
    address: int | None = None,
    *,
    memory: str | os.PathLike[str] | None = None,
    example: str | None = None,
    access: str | None = None,
    user: bool | None = None,
    mode: str | None = None,
    cr3: int | None = None,
    wp: bool | None = None,
    nxe: bool | None = None,
    smep: bool | None = None,
    smap: bool | None = None,
    ac: bool | None = None,
    maxphyaddr: int = 40,
) -> Walk:
    """A page walk, in the tables of an example or of a file; see `kmm mmu walk -h`.

    `access` is read, write or fetch; what is not said is as in the example.
    """
    options = Namespace(
        address=None if address is None else in_64_bits(address),
        memory=None if memory is None else os.fspath(memory),
        example=example,
        access=None if access is None else access_letter(access),
        cpl=None if user is None else 3 * user,
        mode=mode,
        cr3=None if cr3 is None else in_64_bits(cr3),
        wp=wp,
        nxe=nxe,
        smep=smep,
        smap=smap,
        ac=ac,
        maxphyaddr=maxphyaddr,
    )
    with plainly():
        return Walk(watched(options))


def access_letter(access: str) -> str:
    if access not in LETTERS:
        raise ValueError(f"an access is {', '.join(LETTERS)}, not {access!r}")
    return LETTERS[access]


def in_64_bits(number: int) -> int:
    """Raises ValueError if it has more, or is below 0."""
    if not 0 <= number < 1 << 64:
        raise ValueError(f"{number:#x} is not a number of up to 64 bits")
    return number


def decode(
    entry: int,
    *,
    level: str = "pte",
    mode: str = "long",
    nxe: bool = True,
    maxphyaddr: int = 40,
) -> Text:
    """An entry bit by bit; see `kmm mmu decode -h`."""
    options = Namespace(
        entry=in_64_bits(entry), level=level, mode=mode, nxe=nxe, maxphyaddr=maxphyaddr
    )
    with plainly():
        found, its_mode = level_and_mode(options)
    return Text(f"{level} {entry:#x}", decode_text(found, its_mode, entry, WIDTH))
