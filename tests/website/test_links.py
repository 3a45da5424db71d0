from __future__ import annotations

import pytest
from website.links import DeadLink, files_of, page_of, retargeted
from website.names import ROOT


@pytest.mark.parametrize(
    ("link", "document", "place"),
    [
        ("races.md#exec-stack", "docs/memory.md", "races.md#exec-stack"),
        ("../README.md", "docs/memory.md", "index.md"),
        ("../CONTRIBUTING.md#tests", "docs/memory.md", "contributing.md#tests"),
        ("docs/design.md#rooms", "CONTRIBUTING.md", "design.md#rooms"),
        ("../kmm/hw/tlb.py", "docs/hardware.md", "reference/kmm.hw.tlb.md"),
        ("../kmm/hw", "docs/hardware.md", "reference/kmm.hw.md"),
        ("../lessons/exec_stack", "docs/races.md", "lessons/exec-stack.md"),
        ("../pyproject.toml", "docs/races.md", "files/pyproject.toml"),
        ("https://example.org/a.md", "docs/races.md", "https://example.org/a.md"),
        ("#below", "docs/races.md", "#below"),
    ],
)
def test_a_link_leads_to_what_stands_for_its_target(
    link: str, document: str, place: str
) -> None:
    assert retargeted(f"see [this]({link}).", document) == f"see [this]({place})."


def test_what_is_shown_as_code_is_no_link() -> None:
    text = "```\n[this](nowhere.md)\n```\n"
    assert retargeted(text, "docs/races.md") == text


def test_a_link_to_what_is_not_there_is_an_error() -> None:
    with pytest.raises(DeadLink, match=r"docs/races.md links to nowhere.md"):
        retargeted("see [this](nowhere.md)", "docs/races.md")


def test_files_that_are_no_pages_come_along() -> None:
    text = "![a](../LICENSE) [b](races.md) [c](../kmm/hw/tlb.py)"
    assert list(files_of(text, "docs/design.md")) == [ROOT / "LICENSE"]


def test_every_lesson_and_document_is_a_page_of_its_own() -> None:
    paths = [*ROOT.glob("docs/*.md"), *(ROOT / "lessons").glob("*/lesson.md")]
    places = [path.parent if path.name == "lesson.md" else path for path in paths]
    names = [page_of(path.relative_to(ROOT).as_posix()) for path in places]
    assert None not in names
    assert len(set(names)) == len(names)
