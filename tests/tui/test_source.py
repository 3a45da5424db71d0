"""The source that the screen shows beside a run."""

from __future__ import annotations

import inspect

from kmm.mm import rmap
from kmm.sim.thread import Place
from kmm.tui.source import function_at, read_source


def place_in(function: object, offset: int) -> Place:
    assert inspect.isfunction(function)
    first = function.__code__.co_firstlineno
    return Place(function.__name__, "kmm/mm/rmap.py", first + offset)


def test_a_place_leads_to_its_function() -> None:
    found = function_at(place_in(rmap.vma_address, 3))
    assert found.lines[0].startswith("async def vma_address(")
    assert found.first == rmap.vma_address.__code__.co_firstlineno
    assert "\n".join(found.lines) == inspect.getsource(rmap.vma_address).rstrip()


def test_the_summary_is_the_first_sentence_of_the_docstring() -> None:
    found = function_at(place_in(rmap.try_to_unmap, 0))
    assert found.summary == "Remove every entry that maps a page."


def test_an_inner_function_is_shown_without_its_indentation() -> None:
    text = read_source("kmm/mm/migrate.py")
    assert text is not None
    line = next(
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if "async def rmap_one" in line
    )
    found = function_at(Place("rmap_one", "kmm/mm/migrate.py", line + 1))
    assert found.lines[0].startswith("async def rmap_one")


def test_a_source_that_is_not_there_gives_no_lines() -> None:
    assert function_at(Place("f", "elsewhere/f.py", 3)).lines == ()
    assert function_at(Place("f", "kmm/mm/nothing.py", 3)).lines == ()
    assert function_at(Place("f", "kmm/mm/rmap.py", 3)).lines == ()
