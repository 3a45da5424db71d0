"""One moment of a run: memory, what the last step changed, and who stands where.

All is drawn from the recording.  Only `walk` and `proc` make the run again, up to here,
since they look at more than a recording keeps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..conform.machine import ways
from ..designs import UnknownName
from ..fs.proc import NoSuchFile, contents, read
from ..hw.memory import VirtAddr
from ..hw.paging import Tables
from ..hw.watch import watch
from ..mm.kernel import Kernel
from ..mm.mm_types import Mm
from ..mm.observe import State
from ..report.changes import Change, changes_between
from ..report.exports.run import ExportedRun
from ..report.exports.svg import where
from ..report.graph import graph_of
from ..scenarios.play import Played, machine_at
from ..sim.recording import Recording
from ..tui.pictures import PICTURES, Run, Seen, find_picture
from . import html
from .graph import graph_html
from .table import Table
from .text import Text
from .walks import Walk, access_letter, in_64_bits

WIDTH = 80


class Moment:
    """The machine after `number` steps of a run; 0 is before the first."""

    def __init__(self, played: Played, recording: Recording, number: int) -> None:
        self._played, self.recording, self.number = played, recording, number

    @property
    def state(self) -> object:
        """What was recorded of memory."""
        return self.recording.moments[self.number].state

    @property
    def happened(self) -> str:
        """What the last step did, in a sentence."""
        return where(ExportedRun(self._played, self.recording, self.number))

    @property
    def changes(self) -> Table:
        """What the last step changed."""
        rows = [
            {"what": change.what, "before": change.before, "after": change.after}
            for change in self._changes()
        ]
        title = f"what step {self.number} changed"
        return Table(title, rows, ["what", "before", "after"])

    def _changes(self) -> list[Change]:
        if self.number == 0:
            return []
        before, after = self.recording.moments[self.number - 1 : self.number + 1]
        return changes_between(before, after, self.recording.threads)

    def picture(self, name: str = "memory") -> Text:
        """A picture of the screen as text: page-table, frames, rmap, tlbs, locks ..."""
        try:
            picture = find_picture(name)
        except KeyError:
            known = [each.name for each in PICTURES]
            raise UnknownName("picture", name, known) from None
        changed = frozenset(change.name for change in self._changes())
        seen = Seen(Run(self.recording), self.number, changed)
        lines = [f"{line.mark} {line.text}" for line in picture.lines(seen, WIDTH - 2)]
        return Text(f"{picture.title}, after {self.number} steps", "\n".join(lines))

    # From the run made again up to here.

    def walk(
        self,
        address: int,
        *,
        mm: str | None = None,
        access: str = "read",
        user: bool = True,
    ) -> Walk:
        """A page walk at this moment, in the tables of an address space.

        Without a name, of the first that has a VMA there.  What the walk sets in the
        tables is seen by nobody else.
        """
        with self._kernel() as k:
            cpu, space = k.cpus[0], find_space(k, mm, address)
            cpu.tables = Tables(cpu.memory, space.pgd)
            how = ways(3 if user else 0, access_letter(access), False)
            return Walk(watch(cpu, VirtAddr(in_64_bits(address)), how))

    def proc(self, path: str | None = None) -> Text:
        """A file of /proc or /sys; without a path, which there are."""
        with self._kernel() as k:
            if path is None:
                return Text("files", "\n".join(contents(k)))
            try:
                return Text(path, read(k, path))
            except NoSuchFile as error:
                raise ValueError(str(error)) from None

    @contextmanager
    def _kernel(self) -> Iterator[Kernel]:
        choices = self.recording.choices[: self.number]
        machine = machine_at(self._played.race, self._played.kernel, choices)
        try:
            if not isinstance(machine.model, Kernel):
                raise ValueError(f"{self._played.race.name} has no memory")
            yield machine.model
        finally:
            machine.close()

    # How it shows itself.

    def __repr__(self) -> str:
        last = len(self.recording.steps)
        return f"<kmm moment: {self._played.race.name}, after {self.number} of {last}>"

    def __str__(self) -> str:
        return f"{self.happened}\n\n{self.picture()}"

    def _repr_html_(self) -> str:
        parts = [html.text(self.happened, "p")]
        if isinstance(self.state, State):
            parts.append(graph_html(graph_of(self.state)))
        changed = self.changes
        if len(changed):
            parts.append(changed._repr_html_())
        return html.whole(*parts)


def find_space(k: Kernel, name: str | None, address: int) -> Mm:
    """An address space by its name, or by what is in it.  Raises UnknownName."""
    spaces = {mm.name: mm for mm in k.mms.values()}
    if name is None:
        covering = (
            mm
            for mm in spaces.values()
            if any(vma.vm_start <= address < vma.vm_end for vma in mm.mmap)
        )
        return next(covering, next(iter(spaces.values())))
    if name not in spaces:
        raise UnknownName("address space", name, list(spaces))
    return spaces[name]
