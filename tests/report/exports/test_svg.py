"""A picture of a moment, and as pixels."""

from __future__ import annotations

import re
import struct
from xml.etree import ElementTree

import pytest
from report.exported import PLAYED, failing, run, whole

from kmm.report.exports import ExportError
from kmm.report.exports.png import png_picture
from kmm.report.exports.svg import COLUMNS, PALE, svg_picture
from kmm.report.interleaving import drawing_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(which: str, at: int | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(svg_picture(run(PLAYED[which](), at)))


def texts(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("which", PLAYED)
@pytest.mark.parametrize("at", [0, None])
def test_nothing_stands_outside_of_the_picture(which: str, at: int | None) -> None:
    picture = drawn(which, at)
    width, height = float(picture.get("width", 0)), float(picture.get("height", 0))
    for text in picture.iter(f"{SVG}text"):
        x, y = float(text.get("x", 0)), float(text.get("y", 0))
        assert x + len(text.text or "") * 0.6 * 12 <= width
        assert y <= height
    for box in picture.iter(f"{SVG}rect"):
        if "x" in box.attrib:
            assert float(box.get("x", 0)) + float(box.get("width", 0)) <= width
            assert float(box.get("y", 0)) + float(box.get("height", 0)) <= height


def test_the_picture_asks_for_nothing_from_elsewhere() -> None:
    text = svg_picture(run(failing()))
    assert "href" not in text
    assert text.count("http") == 1  # the name of the format


def test_what_comes_after_the_moment_is_pale() -> None:
    recording = whole(failing())
    lines = drawing_of(recording, COLUMNS).body
    pale = [
        text.text
        for text in drawn("failing", 76).iter(f"{SVG}text")
        if text.get("fill-opacity") == str(PALE)
    ]
    assert pale == [line for number, line in lines if number is None or number > 76]
    bold = [
        text.text
        for text in drawn("failing", 76).iter(f"{SVG}text")
        if text.get("font-weight") == "bold"
    ]
    assert [line for line in bold if line in dict(lines).values()] == [
        line for number, line in lines if number == 76
    ]


def test_memory_is_that_of_the_moment() -> None:
    assert "vma#1  0x7fffffffe000 to 0x7ffffffff000" in texts(drawn("failing", 0))
    assert "vma#1  0x7fffffff8000 to 0x7fffffff9000" in texts(drawn("failing", 79))
    assert "0x7fffffff8000  migration entry (page 0xc)" in texts(drawn("failing", 79))


def test_each_entry_that_leads_to_a_page_is_an_edge_with_a_head() -> None:
    picture = drawn("with two address spaces")
    # Five links of chains, two entries, and the mapping of one page.
    assert len(list(picture.iter(f"{SVG}path"))) == 8
    assert len(list(picture.iter(f"{SVG}polygon"))) == 8


def test_an_edge_from_an_entry_to_its_page_goes_below_the_anon_vmas() -> None:
    picture = drawn("failing", 79)
    boxes = [box for box in picture.iter(f"{SVG}rect") if "x" in box.attrib]
    (name,) = [t for t in picture.iter(f"{SVG}text") if t.text == "anon_vma#1"]
    (around,) = [
        b for b in boxes if float(b.get("x", 0)) == float(name.get("x", 0)) - 8
    ]
    bottom = float(around.get("y", 0)) + float(around.get("height", 0))
    (edge,) = [
        path.get("d", "")
        for path in picture.iter(f"{SVG}path")
        if path.get("stroke-dasharray") == "5 4"
    ]
    level = re.search(r"([\d.]+)H", edge)
    assert level is not None
    assert float(level[1]) > bottom


def test_a_png_without_the_library_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr("kmm.report.exports.png.import_module", missing)
    with pytest.raises(ExportError, match=r"pip install 'kmm-lab\[png\]'"):
        png_picture(run(failing()))


def test_a_png_where_there_are_no_fonts_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Blank:
        @staticmethod
        def svg_to_bytes(**_: object) -> bytes:
            return b"the same whatever is written"

    monkeypatch.setattr("kmm.report.exports.png.import_module", lambda _: Blank)
    with pytest.raises(ExportError, match="no fonts"):
        png_picture(run(failing()))


def test_a_png_is_twice_as_wide_as_the_svg() -> None:
    pytest.importorskip("resvg_py")
    data = png_picture(run(failing()))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    picture = drawn("failing")
    expected = (float(picture.get(side, 0)) * 2 for side in ("width", "height"))
    assert (width, height) == pytest.approx(tuple(expected), abs=2)
