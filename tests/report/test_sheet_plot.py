"""Sheets drawn in a terminal, and as SVG."""

from __future__ import annotations

from xml.etree import ElementTree

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from report.tables import any_sheets, sheet, unhurried

from kmm.report.bench import SIMULATED
from kmm.report.sheet import Sheet
from kmm.report.sheet_plot import sheet_plot
from kmm.report.sheet_svg import plots_svg

SVG = "{http://www.w3.org/2000/svg}"


@unhurried
@given(any_sheets(), st.integers(60, 120))
def test_no_line_is_wider_than_asked(one: Sheet, width: int) -> None:
    for line in sheet_plot(one, width).splitlines():
        assert len(line) <= width
        assert line == line.rstrip()


def test_figures_that_grow_are_bars_of_one_scale_that_rise() -> None:
    one = sheet(("flat", [1, 1]), ("steep", [1, 1000]), beside="VMAs", counts=[1, 1])
    _, _, _, flat, still, _, low, high, *_ = sheet_plot(one).splitlines()
    lengths = [line.count("#") for line in (flat, still, low, high)]
    assert lengths[0] == lengths[1] == lengths[2] < lengths[3]
    assert len(high) == 80
    assert high.endswith(" 1000.0")


def test_rates_are_what_is_gained_on_the_first_answer() -> None:
    one = sheet(("old", [100, 100]), ("new", [125, 50]))
    lines = sheet_plot(one).splitlines()
    assert lines[0] == "SMALL: gain on old"
    assert lines[3] == "new"
    loss, gain = (line.split("|") for line in (lines[5], lines[4]))
    assert loss[0].count("#") > 0 == loss[1].count("#")
    assert gain[1].count("#") > 0 == gain[0].count("#")


def test_counts_are_not_drawn() -> None:
    one = evolve(sheet(("old", [1, 2])), unit="")
    assert sheet_plot(one) == ""
    assert "<rect x" not in plots_svg([one])


@unhurried
@given(st.lists(any_sheets(), min_size=1, max_size=2))
def test_any_sheets_make_a_drawing_that_stays_on_its_paper(sheets: list[Sheet]) -> None:
    found = ElementTree.fromstring(plots_svg(sheets))
    height, width = float(found.attrib["height"]), float(found.attrib["width"])
    for element in found.iter(f"{SVG}rect"):
        if "x" in element.attrib:
            left, long = float(element.attrib["x"]), float(element.attrib["width"])
            assert 0 <= left <= left + long <= width
            assert 0 <= float(element.attrib["y"]) <= height
    said = [text.text for text in found.iter(f"{SVG}text")].count(SIMULATED)
    assert said == sum(one.simulated for one in sheets if one.unit)
