"""Two kernels side by side, in the form of the letter's three tables.

A row has a figure of each kernel, the baseline's first, and says how much the second
gained on it.  Gains are worked out as the letter did: over the baseline where lower is
better, over the patched kernel where higher is.  So a gain is never above 100 %, and
the two directions are one formula seen from both ends.  Today's mmtests divides by the
baseline in either, and says 3.84 where the letter has 3.69.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import isfinite, isnan, nan
from statistics import mean, pstdev
from typing import Any, Literal, get_args

from attrs import Attribute, field, frozen
from attrs.validators import in_, min_len

Better = Literal["lower", "higher"]
BETTER: tuple[Better, ...] = get_args(Better)

SIMULATED = "Simulated, by the model's clocks; no machine was measured."
MISSING = "n/a"
MOST = 1e15  # what a figure may be


class NotATable(ValueError):
    """A document that does not hold tables; the text says where and why."""


def check_figures(_: object, field: Attribute[Any], values: Sequence[float]) -> None:
    if not all(isnan(value) or 0 <= value <= MOST for value in values):
        raise ValueError(f"{field.name} are not from 0 to {MOST:.0e}, nor NaN")


@frozen
class Row:
    """One thing that was measured on both kernels; NaN where it was not."""

    name: str
    better: Better = field(validator=in_(BETTER))
    # The baseline's, the patched kernel's.
    values: tuple[float, float] = field(validator=check_figures)

    @property
    def delta(self) -> float | None:
        """The gain in per cent, negative for a loss.

        None where there is none to be had: a figure is missing, or the one that is
        divided by is 0, or next to it.
        """
        baseline, patched = self.values
        if self.better == "lower":
            return percent(baseline - patched, baseline)
        return percent(patched - baseline, patched)


def percent(part: float, whole: float) -> float | None:
    share = part / whole * 100 if whole else nan
    return share if isfinite(share) else None


@frozen
class Table:
    """What is printed below one title."""

    title: str
    columns: tuple[str, str]  # the baseline's name, the patched kernel's
    rows: Sequence[Row] = field(converter=tuple[Row, ...], validator=min_len(1))
    simulated: bool = False


def summary(
    name: str,
    runs: tuple[Sequence[float], Sequence[float]],
    better: Better = "lower",
) -> tuple[Row, Row]:
    """The two rows of a thing that was measured in several runs of each kernel.

    They are the mean, and the standard deviation of these very runs and not of all that
    might have been made: 356, 356, 356 and 357 deviate by 0.43, as the letter has it.
    Each kernel needs one run at least; else ValueError.
    """
    means = (average(runs[0]), average(runs[1]))
    deviations = (deviation(runs[0]), deviation(runs[1]))
    return (
        Row(f"{name} mean", better, means),
        Row(f"{name} stddev", "lower", deviations),
    )


# Both are exact up to one rounding at the end, so that equal runs deviate by 0.


def average(runs: Sequence[float]) -> float:
    return float(mean(runs)) if all(map(isfinite, runs)) else nan


def deviation(runs: Sequence[float]) -> float:
    return float(pstdev(runs)) if all(map(isfinite, runs)) else nan


def is_curve(table: Table) -> bool:
    """Whether rows are steps along an axis: named by numbers that rise."""
    try:
        steps = [float(row.name) for row in table.rows]
    except ValueError:
        return False
    rising = all(a < b for a, b in pairwise(steps))
    return len(steps) > 1 and rising


# As text.


def table_text(table: Table) -> str:
    """Rows of `name  baseline ( 0.00%)  patched (delta%)`."""
    names = [row.name for row in table.rows]
    columns = [
        names_column(names),
        column(table.columns[0], [(row.values[0], own(row)) for row in table.rows]),
        column(table.columns[1], [(row.values[1], row.delta) for row in table.rows]),
    ]
    lines = [table.title]
    lines += ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
    if table.simulated:
        lines += ["", SIMULATED]
    return "\n".join(lines)


def own(row: Row) -> float | None:
    """What the baseline gains on itself."""
    return None if isnan(row.values[0]) else 0.0


def names_column(names: Sequence[str]) -> list[str]:
    width = max(map(len, names))
    return [f"{name:{width}}" for name in ("", *names)]


def column(heading: str, cells: Sequence[tuple[float, float | None]]) -> list[str]:
    """The heading and the cells, all of one width; points stand below points."""
    figures = [figure_text(value) for value, _ in cells]
    deltas = [f"({delta_text(delta)})" for _, delta in cells]
    figure_width = max(map(len, figures))
    delta_width = max(map(len, deltas))
    width = max(len(heading), figure_width + 1 + delta_width)
    written = [
        f"{figure:>{figure_width}} {delta:{delta_width}}"
        for figure, delta in zip(figures, deltas, strict=True)
    ]
    return [f"{cell:>{width}}" for cell in (heading, *written)]


def figure_text(value: float) -> str:
    return MISSING if isnan(value) else f"{value:.2f}"


def delta_text(delta: float | None) -> str:
    """Six characters at least, e.g. ` 0.99%`; what rounds to 0 has no sign."""
    if delta is None:
        return f"{MISSING:>6}"
    if abs(delta) >= 1e6:  # a baseline next to nothing
        return f"{delta:.1e}%"
    return f"{delta:z5.2f}%"


# As JSON.


def table_json(table: Table) -> dict[str, Any]:
    """What `tables_in` reads, and the gains."""
    return {
        "title": table.title,
        "columns": list(table.columns),
        "simulated": table.simulated,
        "rows": [
            {
                "name": row.name,
                "better": row.better,
                "values": [None if isnan(value) else value for value in row.values],
                "delta": row.delta,
            }
            for row in table.rows
        ],
    }


def tables_in(document: object) -> list[Table]:
    """The tables of a JSON document.  Raises NotATable.

    Keys that are not needed are passed over.
    """
    return [table_in(found, where) for found, where in objects_in(document)]


def objects_in(document: object) -> list[tuple[object, str]]:
    """What is one object or a list of them, each with where it stands.

    Raises NotATable.
    """
    if not isinstance(document, list):
        return [(document, "the table")]
    if not document:
        raise NotATable("the list has no tables in it")
    return [(found, f"table {number}") for number, found in enumerate(document, 1)]


def table_in(found: object, where: str) -> Table:
    title = words(wanted(found, "title", where), f"the title of {where}")
    columns = pair(wanted(found, "columns", where), f"columns of {where}", "names")
    rows = wanted(found, "rows", where)
    if not isinstance(rows, list) or not rows:
        raise NotATable(f"rows of {where} is not a list of at least one row")
    simulated = isinstance(found, Mapping) and found.get("simulated", False)
    if not isinstance(simulated, bool):
        raise NotATable(f"simulated of {where} is neither true nor false")
    return Table(
        title,
        (
            words(columns[0], f"the first column of {where}"),
            words(columns[1], f"the second column of {where}"),
        ),
        [row_in(row, f"row {number} of {where}") for number, row in enumerate(rows, 1)],
        simulated,
    )


def row_in(found: object, where: str) -> Row:
    name = words(wanted(found, "name", where), f"the name of {where}")
    where = f"{where} ({name!r})"
    better = wanted(found, "better", where)
    if better not in BETTER:
        raise NotATable(f"better of {where} is {better!r}, and not lower or higher")
    values = pair(wanted(found, "values", where), f"values of {where}", "numbers")
    return Row(name, better, (number_in(values[0], where), number_in(values[1], where)))


def wanted(found: object, key: str, where: str) -> object:
    if not isinstance(found, Mapping):
        raise NotATable(f"{where} is not an object")
    if key not in found:
        raise NotATable(f"{where} has no {key!r}")
    return found[key]


def words(found: object, what: str) -> str:
    """Text that stays on its line."""
    if not isinstance(found, str) or not found.strip() or not found.isprintable():
        raise NotATable(f"{what} is not a line of text")
    return found


def pair(found: object, what: str, of: str) -> list[object]:
    if not isinstance(found, list) or len(found) != 2:
        raise NotATable(f"{what} is not a list of two {of}")
    return found


def number_in(found: object, where: str) -> float:
    """A figure, null being one that was not measured."""
    if found is None:
        return nan
    if isinstance(found, int | float) and not isinstance(found, bool):
        if 0 <= found <= MOST:
            return float(found)
        if isinstance(found, float) and isnan(found):
            return nan
    raise NotATable(
        f"{where} has a value that is not a number from 0 to {MOST:.0e}, nor null"
    )
