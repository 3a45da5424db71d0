"""What there is, and how it compares: `kmm list`, `kmm matrix` and `kmm diff`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from ..cli.executors import workers as workers_of
from ..cli.listing import lesson_rows
from ..designs import KERNELS, QUESTIONS, UnknownName, parse_kernel
from ..report import listing
from ..report.difference import difference, difference_text
from ..report.matrix import LEGEND, matrix_json, matrix_text, short
from ..scenarios import RACES, find_race
from ..scenarios.matrix import BUDGET, HERE, Cell, Store, usual_folder
from ..scenarios.matrix import matrix as worked_out
from . import html
from .errors import plainly
from .table import Table
from .text import Text

WIDTH = 80


def races() -> Table:
    """The races: `kmm list races`."""
    return Table("races", listing.races(), ["name", "title", "asks"])


def kernels() -> Table:
    """The named kernels: `kmm list kernels`.  A row has every answer of one."""
    columns = ["name", "title", "rmap-walk", "exec-stack"]
    return Table("kernels", listing.kernels(), columns)


def questions() -> Table:
    """What history had rival answers to."""
    rows = [
        {
            "name": name,
            "asks": next(iter(answers.values())).asks,
            "answers": list(answers),
        }
        for name, answers in QUESTIONS.items()
    ]
    return Table("questions", rows, ["name", "asks", "answers"])


def designs_of(question: str) -> Table:
    """The rival answers to one question: `kmm list designs`."""
    if question not in QUESTIONS:
        raise UnknownName("question", question, list(QUESTIONS))
    rows = [row for row in listing.designs() if row["question"] == question]
    return Table(f"answers to {question}", rows, ["name", "title", "closes", "costs"])


def lessons() -> Table:
    """The textbook's chapters: `kmm lesson`."""
    return Table("lessons", lesson_rows(), ["number", "name", "title", "abstract"])


class Matrix(Table):
    """Races and kernels; a row is a cell, and it shows itself as the whole table."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        rows: list[dict[str, Any]] = matrix_json(cells)["cells"]
        columns = ["race", "kernel", "verdict", "executions", "context_switches"]
        super().__init__("every race on every kernel", rows, columns)
        self._cells = list(cells)

    def verdict(self, race: str, kernel: str) -> str:
        """Of one cell.  Raises KeyError."""
        found = {(cell.race, cell.kernel): cell.verdict for cell in self._cells}
        return found[race, kernel]

    def __str__(self) -> str:
        return matrix_text(self._cells, WIDTH)

    def _repr_html_(self) -> str:
        kernels = list(dict.fromkeys(cell.kernel for cell in self._cells))
        rows: dict[str, list[str]] = {}
        for cell in self._cells:
            row = rows.setdefault(cell.race, [html.text(cell.race)])
            color = html.TONES.get(cell.verdict, "inherit")
            row.append(html.bold(short(cell), color))
        return html.whole(
            html.table(["race", *kernels], rows.values()), html.pre(LEGEND)
        )


def matrix(
    races: Sequence[str] = (),
    kernels: Sequence[str] = (),
    *,
    budget: int | None = None,
    seconds: float | None = None,
    workers: int | None = None,
    executor: str | None = None,
    cache: bool = True,
) -> Matrix:
    """Search every race on every kernel, or on those that are named.

    In this process, unless there are to be `workers`, or an `executor`.
    """
    who = Namespace(workers=workers, executor=executor)
    with plainly(), workers_of(who) as pool:
        asked = [find_race(name) for name in races or RACES]
        cells = worked_out(
            asked,
            [parse_kernel(name) for name in kernels or KERNELS],
            budget=budget or BUDGET,
            seconds=seconds,
            workers=pool or HERE,
            store=Store(usual_folder()) if cache else None,
        )
    return Matrix(cells)


class Diff(Text):
    """Two kernels or designs side by side, with - and + as in a patch."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        colors = {"-": html.RED, "+": html.GREEN}
        lines = [
            html.text(line, "span", f"color:{colors.get(line[:1], 'inherit')}")
            for line in self.splitlines()
        ]
        style = f"{html.MONO};overflow-x:auto;white-space:pre"
        return html.whole(
            html.text(self.caption, "p"),
            html.element("pre", "\n".join(lines), style=style),
        )


def diff(a: str, b: str, *, verbose: bool = False) -> Text:
    """The functions in which two kernels or two designs differ: `kmm diff`."""
    return Diff(f"{a} and {b}", difference_text(difference(a, b), WIDTH, verbose))
