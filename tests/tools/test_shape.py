"""What is said of kmm's shape is measured as it says, and drawn as it is imported."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import grimp
import pytest
from tools import rooms, shape

import kmm
from kmm.report.difference import difference, difference_text

MODULE = '''\
"""Two lines of prose,
and these are they."""

from __future__ import annotations

import types  # said beside it


@types.coroutine
def trap(op: int, *rest):
    """Not counted as the function's,
    but as prose."""

    return (yield op)  # here a thread is suspended


class Queue:
    def _next(self, after):
        for each in self.each:
            # Not a trap: nobody awaits it.
            yield each
'''


def source(text: str, path: str = "module.py") -> shape.Source:
    return shape.Source(Path(path), text, ast.parse(text))


def test_the_figures_of_a_module_that_can_be_counted_by_hand() -> None:
    found = shape.figures([source(MODULE)])
    assert (found.files, found.lines) == (1, 21)
    assert found.file == shape.Spread(21, 21, 21)
    assert found.function == shape.Spread(3.5, 4, 4)
    assert found.prose == shape.Share(7, 14)
    assert found.annotated == shape.Share(1, 2)
    assert found.documented == shape.Share(1, 1)


def test_a_yield_that_nobody_awaits_is_no_trap() -> None:
    assert shape.traps(source(MODULE)) == ["trap"]


def test_one_yield_of_the_whole_package_suspends_a_thread() -> None:
    assert shape.suspending() == ["trap"]


@pytest.mark.parametrize(
    ("path", "says", "named"),
    [
        ("rmap.py", "Linux: mm/rmap.c.", True),
        (
            "pgtable.py",
            "Linux: arch/x86/include/asm/pgtable*.h, and\nmm/memory.c.",
            True,
        ),
        ("gup.py", "Linux: mm/memory.c:__get_user_pages.", False),
        ("audit.py", "Ours, beside mm/audit.c.", False),
    ],
)
def test_a_module_has_the_kernels_name_if_its_docstring_says_so(
    path: str, says: str, named: bool
) -> None:
    text = f'"""A chapter.\n\n{says}\n\nNot here: Linux: mm/gup.c.\n"""\n'
    assert shape.is_named_for_the_kernels(source(text, path)) == named


def test_what_is_longest_has_its_reason_and_nothing_else_has_one() -> None:
    sizes = shape.longest(shape.every_source())
    assert sizes.keys() == shape.REASONS.keys(), (
        "say in REASONS of tests/tools/shape.py why, or make it shorter"
    )


def test_what_a_design_changes_is_what_diff_shows() -> None:
    found = {design.name: design for design in shape.designs()}
    hold_lock = found["hold-lock"]
    assert (hold_lock.base, hold_lock.added) == ("unprotected", {})
    lines = changed_lines("unprotected", "hold-lock")
    assert hold_lock.modified == {"shift_arg_pages": lines}


def changed_lines(one: str, other: str) -> int:
    text = difference_text(difference(one, other))
    body = text.split("\n\n")[-1].splitlines()
    return sum(line[0] in "+-" for line in body)


def test_the_drawing_of_the_rooms_has_every_import_and_no_other() -> None:
    text = rooms.drawing(rooms.rooms(), rooms.imports())
    assert read_back(text) == imports_of_the_rooms()
    assert max(map(len, text.splitlines())) <= 80


def test_the_map_has_each_room_after_all_that_it_imports() -> None:
    listed = re.findall(r"`(\w+)`", kmm.__doc__ or "")
    assert sorted(listed) == sorted(rooms.rooms())
    taken = rooms.imports()
    for place, room in enumerate(listed):
        assert taken[room] <= {*listed[:place]}


def imports_of_the_rooms() -> set[tuple[str, str]]:
    """Asked of another program than the one that draws."""
    graph = grimp.build_graph("kmm", exclude_type_checking_imports=True)
    names = {*rooms.rooms()}
    found = set()
    for module in graph.modules:
        for imported in graph.find_modules_directly_imported_by(module):
            pair = room_of(module), room_of(imported)
            if {*pair} <= names and pair[0] != pair[1]:
                found.add(pair)
    return found


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def read_back(text: str) -> set[tuple[str, str]]:
    """Follow each dot of a line to the foot of its shaft."""
    lines = text.splitlines()
    width = max(map(len, lines))
    rows = [line.ljust(width) for line in lines]
    feet = {
        row.index("▼"): name_in(below) for row, below in pairwise(rows) if "▼" in row
    }
    return {
        (name_in(row), feet[column])
        for row in rows
        for column, mark in enumerate(row)
        if mark == "●"
    }


def name_in(row: str) -> str:
    name = re.search(r"│ (\w+) [│├]", row)
    assert name is not None, row
    return name[1]


def test_a_drawing_of_three_rooms() -> None:
    taken = {
        "face": frozenset({"heart", "ground"}),
        "heart": frozenset({"ground"}),
        "ground": frozenset[str](),
    }
    expected = """\
    ┌──────┐
    │ face ├─●───●
    └──────┘ │   │
       ┌─────▼─┐ │
       │ heart ├─●
       └───────┘ │
          ┌──────▼─┐
          │ ground │
          └────────┘"""
    assert rooms.drawing([*taken], taken) == dedent(expected)


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("from ..sim import trap, locks", ["kmm.sim.trap", "kmm.sim.locks"]),
        ("from .. import fs", ["kmm.fs"]),
        ("from . import vma", ["kmm.mm.vma"]),
        ("import kmm.hw.cpu", ["kmm.hw.cpu"]),
        ("def late():\n    from ..hw.cpu import Cpu", ["kmm.hw.cpu.Cpu"]),
        ("if TYPE_CHECKING:\n    from ..designs import Answer", []),
    ],
)
def test_imports_are_read_wherever_they_stand_but_for_annotations(
    text: str, modules: list[str]
) -> None:
    assert [*rooms.modules_named(ast.parse(text), ("kmm", "mm"))] == modules
