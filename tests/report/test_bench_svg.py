"""Tables drawn as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from report.tables import any_tables, letter, table, unhurried

from kmm.report.bench import SIMULATED, Table, delta_text
from kmm.report.sheet_svg import plots_svg

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*tables: Table) -> ElementTree.Element:
    return ElementTree.fromstring(plots_svg(tables))


def texts(found: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in found.iter(f"{SVG}text")]


def numbers(found: ElementTree.Element, *names: str) -> list[float]:
    return [
        float(element.attrib[name])
        for element in found.iter()
        for name in names
        if name in element.attrib and not element.attrib[name].endswith("%")
    ]


@unhurried
@given(st.lists(any_tables(), min_size=1, max_size=3))
def test_any_tables_make_a_drawing_that_stays_on_its_paper(tables: list[Table]) -> None:
    found = drawn(*tables)
    width, height = float(found.attrib["width"]), float(found.attrib["height"])
    assert all(0 <= x <= width for x in numbers(found, "x", "x1", "x2", "cx"))
    assert all(0 <= y <= height for y in numbers(found, "y", "y1", "y2", "cy"))
    simulated = sum(one.simulated for one in tables)
    assert texts(found).count(SIMULATED) == simulated


@unhurried
@given(any_tables())
def test_every_row_has_its_percentage_beside_its_bar(one: Table) -> None:
    found = drawn(evolve(one, rows=[evolve(row, name="row") for row in one.rows]))
    labels = [delta_text(row.delta).strip() for row in one.rows]
    shown = texts(found)
    names = [place for place, text in enumerate(shown) if text == "row"]
    assert [shown[place + 1] for place in names[-len(labels) :]] == labels
    assert len(list(found.iter(f"{SVG}rect"))) == 1 + len(labels)


def test_losses_end_where_gains_begin() -> None:
    _, loss, gain = drawn(table(("a", 1, 2), ("b", 2, 1))).iter(f"{SVG}rect")
    end = float(loss.attrib["x"]) + float(loss.attrib["width"])
    assert abs(end - float(gain.attrib["x"])) < 0.2
    assert loss.attrib["fill"] != gain.attrib["fill"]
    width = float(loss.attrib["width"])
    assert abs(width - 2 * float(gain.attrib["width"])) < 1


def test_the_letters_curve_has_two_lines_of_eight_marks() -> None:
    found = drawn(letter()["SYSBENCH"])
    lines = [line.attrib["points"].split() for line in found.iter(f"{SVG}polyline")]
    assert sorted(map(len, lines)) == [2, 2, 8, 8]  # two in the legend
    assert len(list(found.iter(f"{SVG}circle"))) == 8 + 1  # and in the legend
    assert "50,000" in texts(found)
    assert set("12345678") <= set(texts(found))


def test_a_gap_cuts_the_line() -> None:
    whole = table(("1", 1, 1), ("2", 1, 1), ("3", 1, 1), ("4", 1, 1))
    cut = evolve(
        whole,
        rows=[
            evolve(row, values=(float("nan"), 1)) if row.name == "2" else row
            for row in whole.rows
        ],
    )
    lines = [line.attrib["points"] for line in drawn(cut).iter(f"{SVG}polyline")]
    assert sorted(len(points.split()) for points in lines) == [1, 2, 2, 2, 4]


def test_what_names_mean_to_xml_is_escaped() -> None:
    one = evolve(table(("<a> & b", 1, 2)), title='"T" <script>')
    assert "<a> & b" in texts(drawn(one))
    assert "<script>" not in plots_svg([one])


def test_names_are_left_out_where_there_is_no_room_for_all() -> None:
    one = table(*((str(n), 1, 2) for n in range(100)), better="higher")
    shown = [text for text in texts(drawn(one)) if text.isdigit()]
    assert 10 < len(shown) < 60
