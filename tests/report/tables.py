"""The letter's tables, and any others."""

from __future__ import annotations

import json
from math import nan
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from kmm.report.bench import BETTER, MOST, Better, Row, Table, tables_in

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
