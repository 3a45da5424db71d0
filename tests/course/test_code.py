"""Code is found by its dotted name, and nothing else."""

from __future__ import annotations

import pytest

from kmm.course.code import NoSuchCode, excerpt
from kmm.course.lesson import Code


def test_a_function_is_shown_whole_with_the_line_to_look_at() -> None:
    found = excerpt(Code("kmm.hw.paging.walk", "if not entry & P"))
    assert found.file == "kmm/hw/paging.py"
    assert found.lines[0].startswith("async def walk(")
    assert found.marked is not None
    assert "if not entry & P" in found.lines[found.marked - found.first]


def test_a_method_and_a_class_with_a_decorator_are_found() -> None:
    assert excerpt(Code("kmm.hw.cpu.Cpu.reach")).lines[0].lstrip().startswith("async")
    assert excerpt(Code("kmm.scenarios.race.Race")).lines[0].startswith("@frozen")


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (Code("os.path.join"), "names nothing in kmm"),
        (Code("kmm.hw.nothing.walk"), "no module"),
        (Code("kmm.hw.paging"), "no module"),
        (Code("kmm.hw.paging.stroll"), "defines no stroll"),
        (Code("kmm.hw.paging.walk", "entry"), "lines, not in 1"),
        (Code("kmm.hw.paging.walk", "no such text"), "0 of its lines"),
    ],
)
def test_what_is_not_there_is_said(code: Code, complaint: str) -> None:
    with pytest.raises(NoSuchCode, match=complaint):
        excerpt(code)
