"""What this is, the keys, and the words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from ...course.glossary import glossary
from ..keys import KEYS, Key
from ..lines import CHANGED, CURRENT, FATAL, Line
from .box import Box

COLUMN = 17  # what is explained stands left of this

WORDS = {
    "page": "a frame of memory, 4096 bytes; the kernel keeps a struct page for each",
    "pte": "page-table entry: which page an address leads to; pgd, pud and pmd are "
    "entries of the levels above",
    "rw, young, dirty": "bits of a pte: may be written, has been used, was written",
    "VMA": "a range of a program's addresses that are treated alike",
    "vm_pgoff": "the index of the page at a VMA's start; a page's own index less this "
    "is its place in the VMA",
    "rmap": "reverse mapping: from a page to every address that it is mapped at",
    "anon_vma": "the list of VMAs that reverse mapping looks through for a page",
    "count": "how many references keep a page from being freed",
    "mapcount": "how many page-table entries map a page",
    "migration": "moving a page to another frame while programs use it",
    "migration entry": "stands in a pte while its page is being moved; whoever "
    "touches it waits for the page lock",
    "PG_locked": "the page lock; a migration holds it from its start to its end",
    "mmap_sem": "the lock of an address space: many readers, or one writer",
    "RCU": "read sections: what they may look at is not freed before they end",
    "step": "one operation of one CPU on something that another CPU can see",
    "schedule": "who goes on for how many steps: 45a25b is 45 of the first thread, "
    "then 25 of the second",
    "event": "a step at which another CPU goes on, or memory or a page lock changes",
}

READING = (
    "The panes: what each CPU runs (1, 2), memory, in words or as a picture (3), "
    "locks (4), the log (5)."
)
MARKS = {
    CURRENT: "the line that a CPU runs next",
    CHANGED: "the line that it just ran, and what that changed",
    FATAL: "where something is wrong",
}
PROMISE = (
    "The run is recorded, so going back is exact, and nothing that you press breaks it."
)


class Help(Box[None]):
    """The keys of the screen that it was asked for on, and the words of all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1", "answer", "close", key_display="esc"),
    ]

    def __init__(
        self, heading: str, keys: Sequence[Key], reading: Sequence[Line] = ()
    ) -> None:
        super().__init__()
        self.heading, self.keys, self.reading = heading, keys, reading

    def lines(self) -> Sequence[Line]:
        return [
            *self.reading,
            Line("Keys", look="title"),
            *explained({key.shown: key.help for key in self.keys}),
            Line("Words", look="title"),
            *explained({**WORDS, **of_the_course()}),
        ]


def of_the_course() -> dict[str, str]:
    """The words that only the lessons explain."""
    known = {word for words in WORDS for word in words.split(", ")}
    return {term: text for term, text in glossary().items() if term not in known}


def race_help() -> Help:
    """Of the screen that shows a race."""
    reading = [Line(READING), *explained(MARKS), Line(PROMISE)]
    return Help("kmm: a race, step by step", KEYS, reading)


def explained(table: dict[str, str]) -> Iterator[Line]:
    for name, text in table.items():
        yield Line(f"{name:{COLUMN - 1}} {text}", hang=COLUMN)
