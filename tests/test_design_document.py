"""docs/design.md says of each decision what was given up, and names what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tools import rooms
from tools.refresh_outputs import ROOT

DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "reading-guide.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return DESIGN.split(f"\n## {title}\n")[1].split("\n## ")[0]


DECISIONS = re.findall(
    r"^\*\*(.*?)\*\*(.*?)(?=\n\n|\Z)", section("Decisions"), re.M | re.S
)


@pytest.mark.parametrize(("title", "body"), DECISIONS, ids=[it[0] for it in DECISIONS])
def test_each_decision_says_what_was_given_up(title: str, body: str) -> None:
    assert body.count("\n*Given up:* ") == 1


def test_no_decision_is_left_out_of_the_test_above() -> None:
    assert len(DECISIONS) == section("Decisions").count("*Given up:*") > 20


def test_the_programs_that_it_names_exist() -> None:
    named = re.findall(r"`(?:python|pytest) (tests/[\w/]+\.py)", DESIGN)
    assert named
    assert [path for path in named if not Path(ROOT, path).is_file()] == []


def test_its_links_lead_to_sections_that_it_has() -> None:
    titles = re.findall(r"^##+ (.*)$", DESIGN, re.M)
    places = {
        re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles
    }
    assert {*re.findall(r"\]\(#([^)]+)\)", DESIGN)} <= places


def test_the_reading_guide_cites_it_by_titles_that_it_has() -> None:
    cited = re.findall(r"\[design\.md\]\(design\.md\), \"([^\"]+)\"", GUIDE)
    assert cited
    assert [title for title in cited if title not in DESIGN] == []


def test_the_table_lists_each_room_after_all_that_it_imports() -> None:
    listed = re.findall(r"`kmm/(\w+)/`", section("Rooms"))
    assert sorted(listed) == sorted(rooms.rooms())
    taken = rooms.imports()
    for place, room in enumerate(listed):
        assert taken[room] <= {*listed[:place]}
