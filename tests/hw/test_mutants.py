"""The mutation check can be run: every mutant still fits the sources."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools.mutants import MUTANTS, Mutant

import kmm.hw


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_that_a_mutant_replaces_is_there_once(mutant: Mutant) -> None:
    source = Path(kmm.hw.__file__).parent / mutant.file
    assert source.read_text(encoding="utf-8").count(mutant.old) == 1
    assert mutant.old != mutant.new


def test_there_are_no_two_mutants_alike() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    changes = {(mutant.file, mutant.old, mutant.new) for mutant in MUTANTS}
    assert len(changes) == len(MUTANTS)
