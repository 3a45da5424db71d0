"""`kmm lesson --glossary`."""

from __future__ import annotations

import pytest
from cli.running import kmm

from kmm.course import glossary

WORDS = {"anon_vma": "A list of VMAs.", "VMA": "A range of addresses."}


@pytest.fixture(autouse=True)
def words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kmm.cli.lesson.glossary", lambda: WORDS)


def test_every_word_is_printed_with_its_sentence() -> None:
    ran = kmm("lesson", "--glossary")
    assert ran.code == 0
    assert ran.out == "anon_vma: A list of VMAs.\nVMA: A range of addresses.\n"


def test_as_json_it_is_one_object() -> None:
    assert kmm("lesson", "--glossary", "--json").json == WORDS


def test_the_real_one_can_be_read() -> None:
    assert isinstance(glossary.glossary(), dict)
