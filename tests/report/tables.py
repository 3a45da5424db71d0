"""The letter's tables, and any others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import nan
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from kmm.report.bench import BETTER, MOST, Better, Row, Table, tables_in
from kmm.report.sheet import Line, Sheet

LETTER = Path(__file__).parent / "data" / "letter.json"

unhurried = settings(deadline=None)  # drawing takes its time on a busy machine

figures = st.floats(0, MOST)
lines = st.text(
    st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=40
).filter(str.isprintable)
rows = st.builds(
    Row,
    lines,
    st.sampled_from(BETTER),
    st.tuples(figures | st.just(nan), figures | st.just(nan)),
)


@st.composite
def any_tables(draw: st.DrawFn) -> Table:
    """Half of them curves: rows named 1, 2, 3 and so on."""
    found = draw(st.lists(rows, min_size=1, max_size=12))
    if draw(st.booleans()):
        found = [Row(str(n), row.better, row.values) for n, row in enumerate(found)]
    columns = draw(st.tuples(lines, lines))
    return Table(draw(lines), columns, found, draw(st.booleans()))


def letter() -> dict[str, Table]:
    """The three, by title."""
    tables = tables_in(json.loads(LETTER.read_text()))
    return {table.title: table for table in tables}


def table(*named: tuple[str, float, float], better: Better = "lower") -> Table:
    """A small one: rows of name, baseline and patched."""
    made = [Row(name, better, (a, b)) for name, a, b in named]
    return Table("SMALL", ("old", "new"), made)


@st.composite
def any_sheets(draw: st.DrawFn) -> Sheet:
    """Of gains, of figures with something counted beside them, or of counts alone."""
    number = draw(st.integers(1, 5))
    some = st.lists(figures | st.just(nan), min_size=number, max_size=number)
    kind = draw(st.sampled_from(["gains", "beside", "counts"]))
    answers = [
        Line(name, draw(some), draw(some) if kind == "beside" else (), failure)
        for name, failure in draw(
            st.lists(st.tuples(lines, st.just("") | lines), min_size=1, max_size=8)
        )
    ]
    return Sheet(
        draw(lines),
        "" if kind == "counts" else draw(lines),
        draw(st.just("") | lines),
        draw(st.lists(lines, min_size=number, max_size=number)),
        answers,
        draw(st.sampled_from(BETTER)),
        draw(st.integers(0, 6)),
        draw(lines) if kind == "beside" else "",
        draw(st.booleans()),
    )


def sheet(
    *named: tuple[str, Sequence[float]],
    beside: str = "",
    counts: Sequence[float] = (),
    better: Better = "higher",
) -> Sheet:
    """A small one: rows of a name and a figure for 1 and for 10 children."""
    made = [Line(name, values, counts) for name, values in named]
    return Sheet("SMALL", "a ms", "children", ("1", "10"), made, better, 1, beside)
