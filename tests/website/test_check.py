"""A link that leads nowhere, and anything that would be fetched, is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from website.check import problems

GOOD = """<html><head><link rel="stylesheet" href="a.css"></head><body id="top">
<a href="https://example.org/">outside, if one clicks</a> <a href="#top">up</a>
<a href="b/c.html#there">there</a> <img src="p.svg"> <a href="mailto:a@b">mail</a>
%s</body></html>"""


def site(folder: Path, more: str = "") -> Path:
    (folder / "b").mkdir()
    (folder / "a.html").write_text(GOOD % more)
    (folder / "b" / "c.html").write_text('<p id="there">x</p><a href="../a.html">a</a>')
    (folder / "a.css").write_text("p { background: url(p.svg) }")
    (folder / "p.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    return folder


def test_a_whole_site_has_no_problems(tmp_path: Path) -> None:
    assert problems(site(tmp_path)) == []


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ('<a href="d.html">d</a>', "leads nowhere: d.html"),
        ('<a href="b/c.html#here">c</a>', "leads nowhere: b/c.html#here"),
        ('<a href="#below">c</a>', "leads nowhere: #below"),
        ('<img src="q.svg">', "leads nowhere: q.svg"),
        ('<script src="https://x.org/a.js"></script>', "fetches https://x.org/a.js"),
        ('<img src="//x.org/a.png">', "fetches //x.org/a.png"),
        ('<link href="http://x.org/a.css">', "fetches http://x.org/a.css"),
        ('<p style="background: url(https://x.org/b)">', "fetches https://x.org/b"),
    ],
)
def test_a_planted_error_is_noticed(tmp_path: Path, more: str, problem: str) -> None:
    assert problems(site(tmp_path, more)) == [f"a.html: {problem}"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("more.css", '@import "https://x.org/a.css";'),
        ("font.svg", "<style>@font-face { src: url('https://x.org/f') }</style>"),
    ],
)
def test_what_a_style_sheet_or_picture_loads_is_noticed(
    tmp_path: Path, name: str, text: str
) -> None:
    (site(tmp_path) / name).write_text(text)
    (problem,) = problems(tmp_path)
    assert problem.startswith(f"{name}: fetches https://x.org/")
