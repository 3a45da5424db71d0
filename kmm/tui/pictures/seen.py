"""What a picture is made of: a run, and a moment of it.

Called by every picture; made by `kmm.tui.session`.
"""

from __future__ import annotations

from attrs import define, field, frozen

from ...hw.memory import PAGE_SHIFT
from ...mm.observe import EntryView, MmView, PageView, State
from ...mm.pgtable import LEVELS
from ...report.outline import Outline, outline_of
from ...report.words import Names, is_entry
from ...sim.recording import Moment, Recording, Step
from ..lines import CHANGED, Line

ENTRY = "entry "  # what the key of a page-table entry begins with
ENTRY_BYTES = 8
LEVEL_NAMES = tuple(level.linux for level in LEVELS)  # from the top
SHIFTS = tuple(level.shift for level in LEVELS)


@frozen
class Slot:
    """A page-table entry by what it translates, whether it is in use or not."""

    mm: MmView
    level: str  # Linux's name
    address: int  # the first that it translates
    where: int  # of the entry in RAM


@define(eq=False)
class Run:
    """A recording, with what is worked out once for it."""

    recording: Recording
    names: Names = field(init=False)
    pictures: dict[str, bool] = field(factory=dict)  # which have something to show
    _outline: Outline | None = None

    def __attrs_post_init__(self) -> None:
        self.names = Names(self.recording)

    @property
    def outline(self) -> Outline:
        if self._outline is None:
            self._outline = outline_of(self.recording)
        return self._outline


@frozen(eq=False)
class Seen:
    """A moment of a run, and what the step to it changed."""

    run: Run
    at: int
    changed: frozenset[str] = frozenset()  # names of objects, as `changes` has them

    @property
    def recording(self) -> Recording:
        return self.run.recording

    @property
    def outline(self) -> Outline:
        return self.run.outline

    @property
    def moment(self) -> Moment:
        return self.recording.moments[self.at]

    @property
    def state(self) -> State | None:
        state = self.moment.state
        return state if isinstance(state, State) else None

    @property
    def before(self) -> State | None:
        """The state before the last step."""
        if not self.at:
            return None
        state = self.recording.moments[self.at - 1].state
        return state if isinstance(state, State) else None

    @property
    def step(self) -> Step | None:
        """The step that led here."""
        return self.recording.steps[self.at - 1] if self.at else None

    def thread(self, index: int) -> str:
        return self.recording.threads[index].name

    def last_entry_step(self) -> Step | None:
        """The last step that looked at a page-table entry, or stored one."""
        steps = self.recording.steps[: self.at]
        return next((step for step in reversed(steps) if is_entry(step)), None)

    def slot_of(self, target: str) -> Slot | None:
        """What the entry translates that a step had to do with; None of others.

        Also None if its table has gone since.
        """
        if self.state is None or not target.startswith(ENTRY):
            return None
        where = int(target.removeprefix(ENTRY), 16)
        return next(
            (slot for mm in self.state.mms if (slot := slot_at(mm, where))), None
        )

    def page(self, pfn: int) -> PageView | None:
        pages = self.state.pages if self.state else ()
        return next((page for page in pages if page.pfn == pfn), None)

    def mark(self, *names: str) -> str:
        """For a line about objects of these names."""
        return CHANGED if self.changed.intersection(names) else " "


def slot_at(mm: MmView, where: int) -> Slot | None:
    """The entry of an address space that is at a place in RAM."""
    frame, index = where >> PAGE_SHIFT, where % (1 << PAGE_SHIFT) // ENTRY_BYTES
    if frame == mm.pgd:
        return Slot(mm, LEVEL_NAMES[0], index << SHIFTS[0], where)
    for upper in mm.upper:
        if upper.below == frame:
            depth = LEVEL_NAMES.index(upper.level) + 1
            address = upper.address + (index << SHIFTS[depth])
            return Slot(mm, LEVEL_NAMES[depth], address, where)
    return None


def entry_at(mm: MmView, address: int) -> EntryView | None:
    """The bottom-level entry of an address, unless it is empty."""
    return next((entry for entry in mm.entries if entry.address == address), None)


def title(text: str) -> Line:
    return Line(text, look="title")


def dim(text: str, hang: int = 2) -> Line:
    return Line(text, look="dim", hang=hang)


def living(mm: MmView) -> str:
    """An address space, and who lives in it."""
    return (
        f"{mm.name} of {mm.users}" if mm.users else f"{mm.name}, in which nobody lives"
    )
