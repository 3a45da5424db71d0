"""Pictures of a moment, each a function from what is seen to lines of text.

`seen` is what they are made of.  Then a module each: `page_table`, `frames`, `rmap`,
`tlbs`, `locks`, `ksm`, `lru`, `timelines`.  None needs a terminal, none takes more than
80 columns, and none says anything by colour alone.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from ...mm.observe import State
from ..lines import Line
from ..tables import memory_lines
from .frames import frames
from .ksm import ksm_trees
from .locks import locks
from .lru import lru_lists
from .page_table import page_tables
from .rmap import reverse_mapping
from .seen import Run as Run
from .seen import Seen as Seen
from .timelines import timelines
from .tlbs import tlbs


@frozen
class Picture:
    """One picture.  `draw` takes what is seen and the columns that there are."""

    name: str
    title: str
    draw: Callable[[Seen, int], list[Line]]
    # Whether a moment has anything of this kind.  If none has, the picture says so.
    has: Callable[[State], bool] = bool
    nothing: str = ""
    needs_memory: bool = True
    follows: bool = True  # whether what is marked is to be brought into sight

    def lines(self, seen: Seen, width: int) -> list[Line]:
        if self.needs_memory and seen.state is None:
            return [Line("This race shows no memory.", look="dim")]
        if not self.is_in(seen.run):
            return [Line(self.nothing, look="dim")]
        return self.draw(seen, width)

    def is_in(self, run: Run) -> bool:
        """Whether any moment of a run has something to be seen here."""
        if self.name not in run.pictures:
            states = [moment.state for moment in run.recording.moments]
            run.pictures[self.name] = not self.needs_memory or any(
                isinstance(state, State) and self.has(state) for state in states
            )
        return run.pictures[self.name]


def all_memory(seen: Seen, width: int) -> list[Line]:
    """Everything in words, whatever it is."""
    return memory_lines(seen.state, seen.changed) if seen.state else []


PICTURES = (
    Picture("memory", "Memory, in words", all_memory),
    Picture("page-table", "Page tables, and the last walk", page_tables),
    Picture("frames", "Frames of memory, by owner", frames),
    Picture(
        "rmap",
        "VMAs and anon_vmas, and where reverse mapping is",
        reverse_mapping,
        lambda state: bool(state.anon_vmas),
        "No VMA has an anon_vma in this run.",
    ),
    Picture(
        "tlbs",
        "TLBs beside the page tables",
        tlbs,
        lambda state: any(cpu.tlb for cpu in state.cpus),
        "No CPU remembers a translation in this run.",
    ),
    Picture("locks", "Locks and wait queues", locks, needs_memory=False),
    Picture(
        "ksm",
        "KSM's trees",
        ksm_trees,
        lambda state: bool(state.ksm.scanned or state.ksm.stable),
        "There is no KSM in this run: no memory may be merged.",
    ),
    Picture(
        "lru",
        "LRU lists and pagevecs",
        lru_lists,
        lambda state: (
            any(pfns for zone in state.zones for _, pfns in zone.lru)
            or any(state.pagevecs)
        ),
        "No page is on an LRU list in this run.",
    ),
    Picture(
        "timelines",
        "The run: a lane a CPU, and one a lock",
        timelines,
        needs_memory=False,
        follows=False,
    ),
)


def find_picture(name: str) -> Picture:
    """Raises KeyError if there is none of that name."""
    return {picture.name: picture for picture in PICTURES}[name]


def next_picture(run: Run, name: str) -> Picture:
    """The one after this one that has something to show, and round again."""
    here = PICTURES.index(find_picture(name))
    others = [*PICTURES[here + 1 :], *PICTURES[: here + 1]]
    return next(picture for picture in others if picture.is_in(run))
