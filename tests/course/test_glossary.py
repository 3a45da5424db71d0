"""The words of the course."""

from __future__ import annotations

from pathlib import Path

import pytest

from kmm.course import glossary
from kmm.course.glossary import explained, read_glossary


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "glossary.toml").write_text(text, encoding="utf-8")
    return path


def test_terms_are_in_alphabetical_order_and_the_first_folder_wins(
    tmp_path: Path,
) -> None:
    ours = folder(tmp_path / "ours", '"VMA" = "A range."\n"anon_vma" = "A list."\n')
    theirs = folder(tmp_path / "theirs", '"VMA" = "Another."\n"page" = "Bytes."\n')
    assert list(read_glossary([ours, theirs]).items()) == [
        ("anon_vma", "A list."),
        ("page", "Bytes."),
        ("VMA", "A range."),
    ]


@pytest.mark.parametrize("text", ["not toml [", '"page" = 3\n'])
def test_what_cannot_be_read_has_no_terms(tmp_path: Path, text: str) -> None:
    assert read_glossary([folder(tmp_path / "broken", text)]) == {}
    assert read_glossary([tmp_path / "not there"]) == {}


def test_a_term_that_is_missing_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = folder(tmp_path / "ours", '"page" = "Bytes."\n')
    monkeypatch.setattr(glossary, "glossary", lambda: read_glossary([ours]))
    assert explained("frame", "page") == {"page": "Bytes."}
