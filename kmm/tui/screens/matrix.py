"""Every race on every kernel, as a table whose cells open: a witness, or a proof.

What is known from before is there at once; the rest is worked out cell by cell, the one
that is opened first.  Cells are `kmm.scenarios.matrix`'s, and kept where `kmm matrix`
keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.coordinate import Coordinate
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from ...designs import KERNELS, parse_kernel
from ...report.matrix import short
from ...report.outcome import plural
from ...scenarios import RACES, find_race
from ...scenarios.matrix import (
    BUDGET,
    NOT_RUN,
    Cell,
    Job,
    Store,
    usual_folder,
    working_out,
)
from ...scenarios.play import replay
from ...scenarios.race import ScheduleToken
from ...sim.slices import Slices
from ..background import background
from ..keys import MATRIX_KEYS
from ..lines import Line
from ..messages import CellFound
from ..opening import session_of
from .box import Box
from .help import Help
from .stepper import HEIGHTS, WIDTHS, Stepper

LEGEND = (
    "S n: some run fails, the shortest found has n context switches.  "
    "N n: never, proved by n executions.  -: not worked out yet."
)

CELL = 7  # columns: "N 2,747"


class Cells(DataTable[Text], inherit_bindings=False):
    """Moves by arrows and vim keys."""

    DEFAULT_CSS = """
    Cells { height: 1fr; scrollbar-size: 1 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "select_cursor", "open", key_display="enter"),
        Binding("up,k", "cursor_up", show=False),
        Binding("down,j", "cursor_down", show=False),
        Binding("right,l", "cursor_right", show=False),
        Binding("left,h", "cursor_left", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("home,g", "scroll_home", show=False),
        Binding("end,G", "scroll_end", show=False),
    ]


class Matrix(Screen[None]):
    """The table, and a line about the cell that the cursor is at."""

    DEFAULT_CSS = """
    Matrix #head { height: 2; padding: 0 1; background: $panel; }
    Matrix #cell { height: 2; padding: 0 1; background: $panel; }
    """
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        *(key.binding for key in MATRIX_KEYS if key.action),
    ]
    AUTO_FOCUS = "Cells"

    def __init__(self, store: Store | None = None) -> None:
        super().__init__()
        self.store = store or Store(usual_folder())
        self.races, self.kernels = list(RACES), list(KERNELS)
        self.cells: dict[tuple[str, str], Cell] = {}
        self.is_searching = False

    def compose(self) -> ComposeResult:
        yield Static(LEGEND, id="head", markup=False)
        yield Cells(zebra_stripes=False)
        yield Static("", id="cell", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        table = self.query_one(Cells)
        table.fixed_columns = 1
        table.add_column("race", key="race")
        for kernel in self.kernels:
            table.add_column(kernel, key=kernel, width=CELL)
        for race in self.races:
            known = {kernel: self.known(race, kernel) for kernel in self.kernels}
            texts = [Text(race), *(told(cell) for cell in known.values())]
            table.add_row(*texts, key=race)
        table.move_cursor(row=0, column=1)

    def known(self, race: str, kernel: str) -> Cell | None:
        """A cell that was worked out before."""
        cell = self.store.load(Job(race, kernel, BUDGET))
        if cell is not None:
            self.cells[race, kernel] = cell
        return cell

    # The cell that the cursor is at.

    @property
    def here(self) -> tuple[str, str]:
        at = self.query_one(Cells).cursor_coordinate
        return self.races[at.row], self.kernels[max(at.column - 1, 0)]

    def on_data_table_cell_highlighted(self) -> None:
        self.query_one("#cell", Static).update(self.line_about(self.here))

    def line_about(self, place: tuple[str, str]) -> str:
        race, kernel = place
        asks = find_race(race).asks
        cell = self.cells.get(place)
        return f"{race} on {kernel}: {outcome(cell)}\n{asks}"

    def on_data_table_cell_selected(self) -> None:
        place = self.here
        cell = self.cells.get(place)
        if cell is None:
            self.notify(f"Searching {place[0]} on {place[1]} ...", timeout=2)
            self.find([place], open_it=True)
        else:
            self.open(cell)

    def open(self, cell: Cell) -> None:
        """A witness opens to be stepped through, a proof says what it rests on."""
        if cell.schedule is None:
            _ = self.app.push_screen(Proof(cell))
            return
        token = ScheduleToken.parse(cell.schedule)
        played = replay(find_race(token.race), token)
        session = session_of(played, "the witness of this cell")
        _ = self.app.push_screen(Stepper(session))

    # Working out.

    def action_run_all(self) -> None:
        if self.is_searching:
            self.notify("It is being worked out; the cells appear as they are found.")
            return
        missing = [
            (race, kernel)
            for race in self.races
            for kernel in self.kernels
            if (race, kernel) not in self.cells
        ]
        if not missing:
            self.notify("Every cell is known.")
            return
        self.notify(f"Working out {plural(len(missing), 'cell')}, one by one.")
        self.is_searching = True
        self.find(missing)

    @background(group="cells")
    def find(
        self, places: Sequence[tuple[str, str]], *, open_it: bool = False
    ) -> Slices[None]:
        """Beside the screen; each cell is kept as soon as it is found."""
        for number, (race, kernel) in enumerate(places, start=1):
            job = Job(race, kernel, BUDGET)
            cell = yield from working_out(job)
            self.store.save_all({job: cell})
            is_last = number == len(places)
            self.post_message(CellFound(cell, open_it=open_it, is_last=is_last))

    def on_cell_found(self, message: CellFound) -> None:
        cell = message.cell
        self.cells[cell.race, cell.kernel] = cell
        place = Coordinate(
            self.races.index(cell.race), self.kernels.index(cell.kernel) + 1
        )
        self.query_one(Cells).update_cell_at(place, told(cell))
        self.on_data_table_cell_highlighted()
        if message.open_it:
            self.open(cell)
        elif message.is_last:
            self.is_searching = False

    def action_help(self) -> None:
        _ = self.app.push_screen(Help("kmm: who loses to what", MATRIX_KEYS))

    def action_leave(self) -> None:
        _ = self.dismiss(None)


def told(cell: Cell | None) -> Text:
    """A cell in a few characters; a failure is bold."""
    if cell is None:
        return Text("-")
    return Text(short(cell), style="bold" if cell.verdict == "bug" else "")


def outcome(cell: Cell | None) -> str:
    if cell is None or cell.verdict == NOT_RUN:
        return "not worked out yet; enter searches it"
    runs = plural(cell.executions, "execution")
    if cell.verdict == "proved":
        return f"never, proved by {runs}"
    if cell.verdict == "bug":
        return f"{cell.message} ({plural(cell.context_switches or 0, 'switch')})"
    return f"not seen in {runs}"


class Proof(Box[None]):
    """What a proof rests on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,space,enter", "answer", "close", key_display="esc"),
    ]

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell
        self.heading = f"{cell.race} on {cell.kernel}"

    def lines(self) -> Sequence[Line]:
        cell = self.cell
        race = find_race(cell.race)
        bounds = ", ".join(f"{name} {size}" for name, size in race.bounds.items())
        kernel = race.kernel(parse_kernel(cell.kernel))
        answers = ", ".join(f"{q}={a.name}" for q, a in kernel.answers.items())
        return [
            Line(race.asks, look="loud"),
            Line(outcome(cell)),
            Line(f"{plural(cell.steps, 'step')} in all; bounds: {bounds}"),
            Line(answers, look="dim", hang=2),
            Line(""),
            Line(f"kmm prove {cell.race} --kernel {cell.kernel}"),
        ]
