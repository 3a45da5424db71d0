"""What is this?  An object at one moment, explained: its bits, its fields, its place.

`things` has what there is in sight; `entries`, `vmas`, `pages` and `locks` explain one
kind each (`lock_facts` has what is known of locks beforehand); `places` says where in
the kernel's source an object is at home.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...sim.recording import Step
from ..lines import Line
from ..pictures.seen import Seen, dim, title
from .entries import entry_lines, tlb_lines, upper_lines
from .locks import lock_lines
from .pages import page_lines
from .places import place_lines, term_lines
from .things import Thing
from .things import things as things
from .vmas import anon_vma_lines, field_lines, vma_lines

# What else steps have to do with, by what its name begins with.
OTHERS = {
    "interrupts pending": "what has been sent to that CPU and waits for its answer",
    "pagevecs of": "the pages that a CPU has collected for the LRU lists",
    "frame ": "the contents of a frame of memory, taken as a whole",
}
# The words of the glossary that help with each kind.
TERMS = {
    "pte": ("entry", "page table", "page-table lock", "P", "R/W", "A", "D"),
    "upper": ("entry", "page table", "paging-structure cache"),
    "tlb": ("translation lookaside buffer", "TLB shootdown", "cpu_vm_mask"),
    "vma": ("VMA", "vm_pgoff", "mmap_sem", "anon_vma_chain"),
    "anon_vma": ("anon_vma", "anon_vma_chain", "anonymous"),
    "page": ("struct page", "reference", "frame", "pinned", "LRU list"),
    "lock": ("spinlock", "mmap_sem", "page-table lock"),
}


def explain(seen: Seen, thing: Thing) -> list[Line]:
    """Everything that can be said of one thing, for a box of any width."""
    return [
        *what_it_is(seen, thing),
        *field_lines(thing),
        *history(seen, thing),
        *place_lines(thing.kind, step_of(seen, thing)),
        *term_lines(TERMS.get(thing.kind, ())),
    ]


def what_it_is(seen: Seen, thing: Thing) -> Iterator[Line]:
    yield title(thing.name)
    match thing.kind:
        case "pte":
            yield from entry_lines(seen, thing)
        case "upper":
            yield from upper_lines(seen, thing)
        case "tlb":
            yield from tlb_lines(seen, thing)
        case "vma":
            yield from vma_lines(seen, thing)
        case "anon_vma":
            yield from anon_vma_lines(seen, thing)
        case "page":
            yield from page_lines(seen, thing)
        case "lock":
            yield from lock_lines(seen, thing)
        case _:
            yield from other_lines(thing)


def other_lines(thing: Thing) -> Iterator[Line]:
    yield Line(
        "Something that several CPUs may touch, so each touch is a step.", hang=2
    )
    for begins, text in OTHERS.items():
        if thing.name.startswith(begins):
            yield Line(f"It is {text}.", look="loud", hang=2)


def history(seen: Seen, thing: Thing) -> Iterator[Line]:
    """Who last had to do with it."""
    steps = [step for step in seen.recording.steps[: seen.at] if thing.has(step.target)]
    if steps:
        last = steps[-1]
        who = seen.thread(last.thread)
        yield dim(f"Last touched at step {last.number + 1}, by {who} ({last.kind}).")


def step_of(seen: Seen, thing: Thing) -> Step | None:
    """The last step, if it had to do with it."""
    step = seen.step
    return step if step is not None and thing.has(step.target) else None
