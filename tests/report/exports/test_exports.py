from __future__ import annotations

import pytest
from attrs import evolve
from report.exported import PLAYED, failing

from kmm.report.exports import EXPORTS, ExportError, export, exported

IN_WORDS = [name for name in EXPORTS if name != "png"]


@pytest.mark.parametrize("which", PLAYED)
@pytest.mark.parametrize("form", IN_WORDS)
def test_every_export_is_text_that_ends_its_last_line(form: str, which: str) -> None:
    text = export(form, PLAYED[which]())
    assert isinstance(text, str)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("form", IN_WORDS)
def test_a_run_that_has_not_begun_can_be_exported(form: str) -> None:
    played = failing()
    recording = played.recording
    assert recording is not None
    begun = evolve(recording, steps=(), moments=recording.moments[:1], failure=None)
    assert export(form, evolve(played, recording=begun))


@pytest.mark.parametrize("form", IN_WORDS)
def test_the_same_run_makes_the_same_bytes(form: str) -> None:
    assert export(form, failing()) == export(form, failing())


@pytest.mark.parametrize("form", IN_WORDS)
def test_only_what_shows_a_moment_differs_from_moment_to_moment(form: str) -> None:
    differs = export(form, failing(), 10) != export(form, failing(), 80)
    assert differs == EXPORTS[form].of_moment


def test_the_moment_is_that_of_the_schedule_and_else_the_end() -> None:
    last = len(exported(failing()).recording.steps)
    assert exported(failing()).at == last
    assert exported(evolve(failing(), at=7)).at == 7
    assert exported(evolve(failing(), at=7), 0).at == 0


def test_a_moment_that_is_not_in_the_run_is_refused_with_the_number_of_steps() -> None:
    with pytest.raises(ExportError, match=r"has 105 steps, so it has no moment 106"):
        exported(failing(), 106)


def test_a_search_that_found_no_run_has_none_to_export() -> None:
    with pytest.raises(ExportError, match="no run failed"):
        exported(evolve(failing(), recording=None))
