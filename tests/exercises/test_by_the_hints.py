"""Who follows the tasks and hints with a pencil comes to the answers of the model.

Each function here does what they say, from the text that a student gets and no more.
"""

from __future__ import annotations

import re

import pytest
from attrs import define, field

from kmm.exercises import find_exercise
from kmm.exercises.answers import shown, variant

SEEDS = pytest.mark.parametrize("seed", range(1, 7))
PAGES = range(3)


def read(name: str, seed: int) -> tuple[str, dict[str, str]]:
    """What a student gets, and what is asked for: question by key."""
    made = variant(find_exercise(name), seed)
    return made.text, {ask.key: ask.asks for ask in made.asks}


def expected(name: str, seed: int) -> dict[str, str]:
    made = variant(find_exercise(name), seed)
    return {ask.key: shown(ask.answer) for ask in made.asks}


# buddy-by-hand: the free blocks, by their first frame and order.

Blocks = set[tuple[int, int]]


def free_at_first(text: str) -> Blocks:
    listed = text.partition("are free: ")[2].partition(".")[0]
    found = set()
    for block in listed.split(", "):
        first, _, last = block.replace(" alone", "").partition(" to ")
        size = int(last or first) - int(first) + 1
        found.add((int(first), size.bit_length() - 1))
    return found


def take(free: Blocks, order: int) -> tuple[int, int]:
    """Where the block begins, and how often one was split."""
    size, first = min((size, first) for first, size in free if size >= order)
    free.remove((first, size))
    for half in range(order, size):
        free.add((first + (1 << half), half))
    return first, size - order


def give_back(free: Blocks, first: int, order: int) -> tuple[int, int, int]:
    """Where the result begins, its order, and how often two merged."""
    merges = 0
    while (first ^ (1 << order), order) in free:
        free.remove((first ^ (1 << order), order))
        first &= ~(1 << order)
        order, merges = order + 1, merges + 1
    free.add((first, order))
    return first, order, merges


@SEEDS
def test_blocks_are_split_and_merged_as_the_hints_have_it(seed: int) -> None:
    text, _ = read("buddy-by-hand", seed)
    free, taken = free_at_first(text), {}
    for name, order in re.findall(r"(\w) (?:= a block of order (\d)|is given)", text):
        if order:
            first, splits = take(free, int(order))
            taken[name] = (first, int(order))
        else:
            result, size, merges = give_back(free, *taken[name])
    counts = [sum(order == one for _, order in free) for one in range(5)]
    found = {"begins": first, "splits": splits, "merges": merges}
    found |= {"becomes": result, "order": size}
    assert expected("buddy-by-hand", seed) == {
        **{key: shown(value) for key, value in found.items()},
        "counts": " ".join(map(str, counts)),
    }


# decode-entries: bits.


@SEEDS
def test_entries_are_read_as_the_task_has_it(seed: int) -> None:
    text, asks = read("decode-entries", seed)
    entries = {
        int(at, 16): int(entry, 16)
        for at, entry in re.findall(r"(0x7f\w+) +(0x\w+)", text)
    }
    present = [entry for entry in entries.values() if entry & 1]
    absent = [entry for entry in entries.values() if not entry & 1]
    (writable,) = [entry for entry in present if entry >> 1 & 1]
    (moving,) = [entry for entry in absent if (entry >> 1 & 31) >= 30]
    (swapped,) = [entry for entry in absent if entry != moving]
    found = {
        "frame": writable >> 12 & 0xFFFFFFFFF,
        "slot": swapped >> 9,
        "moving": moving >> 9,
        "forked": moving - 2 if moving >> 1 & 31 == 31 else moving,
    }
    for key in ("fault_1", "fault_2", "fault_3"):
        found[key] = error_code(asks[key], entries)
    assert expected("decode-entries", seed) == {k: shown(v) for k, v in found.items()}


def error_code(question: str, entries: dict[int, int]) -> int:
    who, does, address = re.findall(r"The (\w+) (\w+).* at (0x\w+)", question)[0]
    present = entries[int(address, 16)] & 1
    bits = (present, 0), (does == "writes", 1), (who == "program", 2)
    return sum(1 << bit for so, bit in (*bits, (does == "runs", 4)) if so)


# who-maps-it: frames by letter, as in the hints.


@define
class Drawing:
    """Frames by process and page, their anon_vmas, and the pages of each VMA."""

    frames: dict[tuple[str, int], int] = field(factory=dict)
    owners: list[str] = field(factory=list)  # by frame
    bounds: dict[str, set[int]] = field(factory=lambda: {"P": {*PAGES}})
    lists: dict[str, list[str]] = field(factory=lambda: {"P": ["P"]})

    def write(self, who: str, page: int) -> None:
        frame = self.frames.get((who, page))
        if frame is not None and [*self.frames.values()].count(frame) == 1:
            self.owners[frame] = who
            return
        self.frames[who, page] = len(self.owners)
        self.owners.append(who)

    def fork(self, who: str, child: str) -> None:
        for page in PAGES:
            if (who, page) in self.frames:
                self.frames[child, page] = self.frames[who, page]
        self.bounds[child] = {*self.bounds[who]}
        for members in self.lists.values():
            if who in members:
                members.append(child)
        self.lists[child] = [child]

    def unmap(self, who: str, page: int) -> None:
        self.frames.pop((who, page), None)
        self.bounds[who].remove(page)

    def visited(self, who: str, page: int) -> list[str]:
        owner = self.owners[self.frames[who, page]]
        return [one for one in self.lists[owner] if page in self.bounds[one]]

    def found(self, who: str, page: int) -> list[str]:
        frame, visited = self.frames[who, page], self.visited(who, page)
        return [one for one in visited if self.frames.get((one, page)) == frame]


@SEEDS
def test_pages_are_found_as_the_hints_have_it(seed: int) -> None:
    text, _ = read("who-maps-it", seed)
    drawing = Drawing()
    for who, does, what in re.findall(r"\. (\w) (\w+)(?: to)?(?: page)? (\w)", text):
        if does == "forks":
            drawing.fork(who, what)
        elif does == "writes":
            drawing.write(who, int(what))
        else:
            drawing.unmap(who, int(what))
    first, second = re.findall(r"[XY] (?:is )?what (\w) has at page (\d)", text)
    x, y = (first[0], int(first[1])), (second[0], int(second[1]))
    assert expected("who-maps-it", seed) == {
        "x_mapcount": str(len(drawing.found(*x))),
        "x_visited": " ".join(drawing.visited(*x)),
        "x_found": " ".join(drawing.found(*x)),
        "y_anon_vma": drawing.owners[drawing.frames[y]],
        "y_visited": " ".join(drawing.visited(*y)),
        "y_found": " ".join(drawing.found(*y)),
    }
