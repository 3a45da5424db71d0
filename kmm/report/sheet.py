"""Rival answers side by side: a row for each, and a column for each size of a load.

The letter's tables (`bench`) have two kernels as columns; here there may be eight, and
they are the rows.  In brackets stands what was counted beside a figure, or what the
answer gains on the first row, worked out as the letter does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

from attrs import field, frozen
from attrs.validators import in_, min_len

from .bench import (
    BETTER,
    MISSING,
    SIMULATED,
    Better,
    NotATable,
    Row,
    number_in,
    wanted,
    words,
)

MOST_DIGITS = 6  # behind the point
LEAST_GAP = 2  # columns of blanks between two cells
WIDTH = 80  # for an answer that has no figures, since it failed


@frozen
class Line:
    """What one answer came to."""

    name: str
    values: Sequence[float]  # by column; NaN where there is none
    counts: Sequence[float] = ()  # beside the values, or none at all
    failure: str = ""  # why there are not all of them


@frozen
class Sheet:
    """What is printed below one title."""

    title: str
    unit: str  # of the values; "" if each column says what it counts
    across: str  # what a column's name is a number of; "" if it is a name
    columns: Sequence[str] = field(converter=tuple[str, ...], validator=min_len(1))
    lines: Sequence[Line] = field(converter=tuple[Line, ...], validator=min_len(1))
    better: Better = field(validator=in_(BETTER))
    digits: int = 2  # of a value, behind the point
    beside: str = ""  # what is counted; "" if it is what the answer gains
    simulated: bool = True

    @property
    def gains(self) -> bool:
        """Whether a row is held against the first."""
        return bool(self.unit) and not self.beside

    def row(self, line: Line, column: int) -> Row:
        """One figure beside the first answer's."""
        first = self.lines[0].values[column]
        return Row(line.name, self.better, (first, line.values[column]))

    @property
    def heading(self) -> str:
        """The title, with what the figures are and what is in brackets."""
        if not self.unit:
            return self.title
        return f"{self.title}, {self.unit} ({self.beside or 'gain'})"


# As text.


def sheet_text(sheet: Sheet) -> str:
    lines = [sheet.heading, *rows_of(sheet)]
    if sheet.simulated:
        lines += ["", SIMULATED]
    return "\n".join(lines)


def rows_of(sheet: Sheet) -> list[str]:
    names = [sheet.across, *(line.name for line in sheet.lines)]
    width = max(map(len, names))
    columns = [cells_of(sheet, number) for number in range(len(sheet.columns))]
    found = []
    for name, line, cells in zip(
        names, (None, *sheet.lines), zip(*columns, strict=True), strict=True
    ):
        if line is not None and all(map(isnan, line.values)) and line.failure:
            gap = " " * LEAST_GAP
            text = shortened(line.failure, WIDTH - width - LEAST_GAP)
            found.append(f"{name:{width}}{gap}{text}")
        else:
            found.append("".join([f"{name:{width}}", *cells]).rstrip())
    return found


def cells_of(sheet: Sheet, column: int) -> list[str]:
    """A column's name and its cells, all of one width; points stand below points."""
    values = [value_text(line.values[column], sheet.digits) for line in sheet.lines]
    beside = [beside_text(sheet, line, column) for line in sheet.lines]
    left, right = max(map(len, values)), max(map(len, beside))
    cells = [
        f"{value:>{left}}{' ' * bool(right)}{what:{right}}"
        for value, what in zip(values, beside, strict=True)
    ]
    name = sheet.columns[column]
    width = max(len(name), len(cells[0])) + LEAST_GAP
    return [f"{cell:>{width}}" for cell in (name, *cells)]


def value_text(value: float, digits: int) -> str:
    return MISSING if isnan(value) else f"{value:.{digits}f}"


def beside_text(sheet: Sheet, line: Line, column: int) -> str:
    if isnan(line.values[column]):
        return ""
    if sheet.gains:
        delta = sheet.row(line, column).delta
        return "" if delta is None else f"({gain_text(delta)})"
    return f"({line.counts[column]:,.0f})" if line.counts else ""


def gain_text(delta: float) -> str:
    """Five characters at least; what rounds to 0 has no sign."""
    return f"{delta:z5.2f}%" if abs(delta) < 10 else f"{delta:.1f}%"


def shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."


# As JSON.


def sheet_json(sheet: Sheet) -> dict[str, Any]:
    """What `sheet_in` reads, and the gains."""
    return {
        "title": sheet.title,
        "unit": sheet.unit,
        "across": sheet.across,
        "columns": list(sheet.columns),
        "better": sheet.better,
        "digits": sheet.digits,
        "beside": sheet.beside,
        "simulated": sheet.simulated,
        "answers": [line_json(sheet, line) for line in sheet.lines],
    }


def line_json(sheet: Sheet, line: Line) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": line.name,
        "values": [known(value) for value in line.values],
        "failure": line.failure or None,
    }
    if line.counts:
        found["counts"] = [known(count) for count in line.counts]
    if sheet.gains:
        columns = range(len(sheet.columns))
        found["deltas"] = [sheet.row(line, column).delta for column in columns]
    return found


def known(value: float) -> float | None:
    return None if isnan(value) else value


def is_sheet(found: object) -> bool:
    """Whether an object of JSON has answers, and not two kernels."""
    return isinstance(found, Mapping) and "answers" in found


def sheet_in(found: object, where: str) -> Sheet:
    """Raises NotATable."""
    columns = wanted(found, "columns", where)
    if not isinstance(columns, list) or not columns:
        raise NotATable(f"columns of {where} is not a list of at least one name")
    answers = wanted(found, "answers", where)
    if not isinstance(answers, list) or not answers:
        raise NotATable(f"answers of {where} is not a list of at least one answer")
    better = wanted(found, "better", where)
    if better not in BETTER:
        raise NotATable(f"better of {where} is {better!r}, and not lower or higher")
    digits, simulated = (wanted(found, name, where) for name in ("digits", "simulated"))
    if not isinstance(digits, int) or not 0 <= digits <= MOST_DIGITS:
        raise NotATable(f"digits of {where} is not a number from 0 to {MOST_DIGITS}")
    if not isinstance(simulated, bool):
        raise NotATable(f"simulated of {where} is neither true nor false")
    return Sheet(
        words(wanted(found, "title", where), f"the title of {where}"),
        words_or_none(found, "unit", where),
        words_or_none(found, "across", where),
        [words(name, f"a column of {where}") for name in columns],
        [
            line_in(answer, f"answer {number} of {where}", len(columns))
            for number, answer in enumerate(answers, 1)
        ],
        better,
        digits,
        words_or_none(found, "beside", where),
        simulated,
    )


def words_or_none(found: object, key: str, where: str) -> str:
    text = wanted(found, key, where)
    return words(text, f"{key} of {where}") if text else ""


def line_in(found: object, where: str, columns: int) -> Line:
    name = words(wanted(found, "name", where), f"the name of {where}")
    values = numbers_in(wanted(found, "values", where), f"values of {where}", columns)
    counts: Sequence[float] = ()
    if isinstance(found, Mapping) and "counts" in found:
        counts = numbers_in(found["counts"], f"counts of {where}", columns)
    return Line(name, values, counts, words_or_none(found, "failure", where))


def numbers_in(found: object, what: str, number: int) -> list[float]:
    if not isinstance(found, list) or len(found) != number:
        raise NotATable(f"{what} is not a list of {number} numbers")
    return [number_in(value, what) for value in found]
