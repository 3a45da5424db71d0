"""Memory as a grid: a character for each frame says whose it is.

Compaction can be watched in it: pages go from the LRU into its hands, and turn up at
the other end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from attrs import frozen

from ...mm.observe import PageView, State, ZoneView
from ..lines import CHANGED, CURRENT, FATAL, Line, Span
from .seen import Seen, dim, living, title

PER_ROW = 32  # frames, if there is room for them
NUMBER = 8  # columns for the number of a row's first frame

FREE, KEPT, BOOT, TABLE, KSM, FILE = ".", ",", "#", "T", "K", "F"
SHARED, NOBODY, LIMBO = "+", "o", "?"
ISOLATED, MOVING, LOST = "I", "M", FATAL
LOCKED, HERE = "l", "<"  # beside a frame

LEGEND = {
    FREE: "free",
    KEPT: "free, kept by a CPU",
    BOOT: "the kernel's own from boot on",
    TABLE: "page table",
    KSM: "a page of KSM",
    FILE: "a file's",
    SHARED: "mapped by several",
    NOBODY: "in use, mapped by nobody",
    LIMBO: "on its way from a free list, or to one",
    ISOLATED: "in use, and on no LRU list: somebody has isolated it",
    MOVING: "being moved: a migration entry names it",
    LOST: "a migration entry names it, and nobody moves it",
}


@frozen
class Cell:
    """One frame."""

    pfn: int
    what: str  # a key of LEGEND, or the number of the address space that maps it
    beside: str  # CHANGED, LOCKED, HERE or a space

    @property
    def is_plain(self) -> bool:
        """Whether it may be left out where many are alike."""
        return self.what in (FREE, KEPT, BOOT, LIMBO) and self.beside == " "


def frames(seen: Seen, width: int) -> list[Line]:
    state = seen.state
    if state is None:
        return []
    cells = cells_of(seen, state)
    lines = []
    for zone in state.zones:
        last = zone.end - 1
        lines.append(title(f"{zone.name}: frames {zone.start:#x} to {last:#x}"))
        lines += grid(zone, cells, width)
    lines += legend(state, cells)
    lines += remarkable(state, cells)
    for zone in state.zones:
        lines += free_blocks(zone)
    return lines


@frozen
class Known:
    """Which frames are what, by sets of their numbers."""

    free: set[int]
    kept: set[int]
    own: set[int]
    moving: set[int]
    going: set[int]  # to an LRU list
    owners: dict[int, str]


def known_of(state: State) -> Known:
    zones, entries = state.zones, [e for mm in state.mms for e in mm.entries]
    blocks = [(head, v.order) for z in zones for v in z.free for head in v.heads]
    return Known(
        {pfn for head, order in blocks for pfn in range(head, head + (1 << order))},
        {pfn for zone in zones for pfns in zone.cpu_lists for pfn in pfns},
        {pfn for zone in zones for pfn in zone.reserved},
        {entry.pfn for entry in entries if entry.kind == "migration entry"},
        {pfn for collected in state.pagevecs for _, pfn in collected},
        owners_of(state),
    )


def cells_of(seen: Seen, state: State) -> dict[int, Cell]:
    known, here = known_of(state), page_of_step(seen)
    pages: dict[int, PageView] = {page.pfn: page for page in state.pages}
    found = {}
    for zone in state.zones:
        for pfn in range(zone.start, zone.end):
            page = pages.get(pfn)
            what = what_it_is(pfn, page, known)
            found[pfn] = Cell(pfn, what, beside(seen, pfn, page, here))
    return found


def what_it_is(pfn: int, page: PageView | None, known: Known) -> str:
    if pfn in known.moving:
        return MOVING if page and page.locked_by else LOST
    if pfn in known.free:
        return FREE
    if pfn in known.kept:
        return KEPT
    if page is None:
        return BOOT if pfn in known.own else LIMBO
    if is_isolated(page, known.going):
        return ISOLATED
    return in_use(page, known.owners.get(pfn, ""))


def beside(seen: Seen, pfn: int, page: PageView | None, here: int | None) -> str:
    """What stands beside a frame's character."""
    name = f"page {pfn:#x}"
    if seen.mark(name, f"PG_locked of {name}") == CHANGED:
        return CHANGED
    if page is not None and page.locked_by:
        return LOCKED
    return HERE if here == pfn else " "


def page_of_step(seen: Seen) -> int | None:
    """The frame that the last step had to do with."""
    target = seen.step.target if seen.step else ""
    words = target.rpartition("page ")[2] or target
    number = words.removeprefix("frame ").partition(".")[0]
    is_frame = "page 0x" in target or target.startswith("frame ")
    return int(number, 16) if is_frame else None


def is_isolated(page: PageView, going: set[int]) -> bool:
    """Whether a page that could be reclaimed is on no list, and on the way to none."""
    could = page.use in ("anonymous", "file", "KSM") and page.count > 0
    return could and "lru" not in page.flags and page.pfn not in going


def in_use(page: PageView, owner: str) -> str:
    if page.count == 0:
        return LIMBO
    uses = {"page table": TABLE, "KSM": KSM}
    if page.use in uses:
        return uses[page.use]
    return owner or (FILE if page.use == "file" else NOBODY)


def owners_of(state: State) -> dict[int, str]:
    """Who maps each frame: the last digit of the address space's number, or `+`."""
    maps: dict[int, set[str]] = {}
    for mm in state.mms:
        for entry in mm.entries:
            if entry.kind == "page":
                maps.setdefault(entry.pfn, set()).add(mm.name)
    return {
        pfn: digit(min(names)) if len(names) == 1 else SHARED
        for pfn, names in maps.items()
    }


def digit(name: str) -> str:
    return name[-1]


def grid(zone: ZoneView, cells: dict[int, Cell], width: int) -> Iterator[Line]:
    """Rows of frames, `|` where a pageblock begins, and over it the block's type.

    Rows in which there is nothing to see are put together.
    """
    per_row = frames_per_row(zone, width)
    first = zone.start - zone.start % zone.block
    rest: list[Cell] = []  # of rows that are put together
    for start in range(first, zone.end, per_row):
        row = [
            cells[pfn]
            for pfn in range(max(start, zone.start), min(start + per_row, zone.end))
        ]
        is_dull = len({cell.what for cell in row}) == 1 and row[0].is_plain
        if is_dull and all(cell.is_plain for cell in row) and zone.block > per_row:
            rest += row
            continue
        yield from put_together(rest)
        rest = []
        if zone.block <= per_row or start == first or not start % zone.block:
            yield block_names(zone, start, per_row)
        yield grid_row(zone, row)
    yield from put_together(rest)


def frames_per_row(zone: ZoneView, width: int) -> int:
    """As many as fit, in whole pageblocks if those are small."""
    per_row = PER_ROW
    while per_row > 4 and NUMBER + room_for(per_row, zone.block) > width:
        per_row //= 2
    return per_row


def room_for(frames: int, block: int) -> int:
    return 2 * frames + max(frames // block, 1)


def block_names(zone: ZoneView, start: int, per_row: int) -> Line:
    """What the pageblocks of a row are for, each at its place."""
    first = zone.start - zone.start % zone.block
    text = " " * NUMBER
    room = 2 * min(zone.block, per_row) + 1
    upto = min(start + per_row, zone.end)
    for pfn in range(start, upto, zone.block):
        kind = zone.blocks[(pfn - first) // zone.block]
        text += kind[: room - 1].ljust(room)
    return dim(text.rstrip())


def put_together(cells: list[Cell]) -> Iterator[Line]:
    counts = Counter(cell.what for cell in cells)
    if cells:
        told = ", ".join(f"{count} {LEGEND[what]}" for what, count in counts.items())
        yield dim(f"{cells[0].pfn:#x} to {cells[-1].pfn:#x}: {told}")


def grid_row(zone: ZoneView, cells: list[Cell]) -> Line:
    text = f"{cells[0].pfn:#x}".ljust(NUMBER)
    spans = []
    for cell in cells:
        if cell is cells[0] or cell.pfn % zone.block == 0:
            text += "|" if cell.pfn % zone.block == 0 else " "
        at = len(text)
        if look := look_of(cell):
            spans.append(Span(at, at + 2, look))
        text += cell.what + cell.beside
    mark = CHANGED if any(cell.beside == CHANGED for cell in cells) else " "
    return Line(text.rstrip(), mark, spans=tuple(spans))


def look_of(cell: Cell) -> str:
    """What its character says already, for the eye."""
    if cell.what == LOST:
        return FATAL
    if cell.beside == CHANGED:
        return CHANGED
    if cell.what in (MOVING, ISOLATED) or cell.beside == HERE:
        return CURRENT
    return "dim" if cell.is_plain or cell.what == TABLE else "loud"


def legend(state: State, cells: dict[int, Cell]) -> Iterator[Line]:
    """Of what is there to be seen, and of nothing else."""
    there = Counter(cell.what for cell in cells.values())
    words = [
        f"{digit(mm.name)} mapped by {living(mm)}"
        for mm in state.mms
        if digit(mm.name) in there
    ]
    words += [f"{what} {meaning}" for what, meaning in LEGEND.items() if what in there]
    beside = {cell.beside for cell in cells.values()}
    extra = {
        CHANGED: "the last step changed it",
        LOCKED: "locked",
        HERE: "the last step was about it",
    }
    words += [
        f"{mark} beside: {text}" for mark, text in extra.items() if mark in beside
    ]
    yield dim("; ".join(words))


def remarkable(state: State, cells: dict[int, Cell]) -> Iterator[Line]:
    """In words, what is going on with frames that are not simply free or in use."""
    for page in state.pages:
        what = cells[page.pfn].what
        if what in (MOVING, LOST, ISOLATED) or page.locked_by:
            parts = [LEGEND[what].partition(":")[0]] if what in LEGEND else []
            parts += [f"locked by {page.locked_by}"] if page.locked_by else []
            parts += [f"count {page.count}, mapcount {page.mapcount}"]
            mark = FATAL if what == LOST else " "
            yield Line(f"page {page.pfn:#x}: {'; '.join(parts)}", mark, hang=2)


def free_blocks(zone: ZoneView) -> Iterator[Line]:
    """Free blocks by order, as the buddy allocator lists them."""
    yield title(f"free blocks of {zone.name} (order n: 2 to the n frames)")
    for view in zone.free:
        heads = " ".join(f"{head:#x}" for head in view.heads)
        yield Line(f"order {view.order:2} {view.migratetype:11} {heads}", hang=21)
    for cpu, pfns in enumerate(zone.cpu_lists):
        if pfns:
            kept = " ".join(f"{pfn:#x}" for pfn in pfns)
            yield Line(f"CPU {cpu} keeps for itself: {kept}", hang=4)
    if not zone.free and not any(zone.cpu_lists):
        yield dim("none")
