"""Taps on fields: they are heard while it lasts, and work as they did."""

from __future__ import annotations

import pytest
from attrs import define

from kmm.sim.taps import instrumented


@define(eq=False)
class Struct:
    name: str
    number: int = 0
    flags: int = 0

    @property
    def double(self) -> int:
        return self.number * 2


class Unslotted:
    """A structure without slots, and without a name."""

    def __init__(self) -> None:
        self.number = 0


ALL = {Struct: ("number", "flags"), Unslotted: ("number",)}


def test_classes_are_afterwards_as_they_were() -> None:
    before = dict(vars(Struct)), dict(vars(Unslotted))
    with instrumented(ALL, {Struct: ("flags",)}):
        assert dict(vars(Struct)) != before[0]
    assert (dict(vars(Struct)), dict(vars(Unslotted))) == before


def test_classes_are_as_they_were_even_after_an_error() -> None:
    before = dict(vars(Struct))
    with pytest.raises(ZeroDivisionError), instrumented(ALL):
        raise ZeroDivisionError
    assert dict(vars(Struct)) == before


def test_fields_work_as_before_while_they_are_heard() -> None:
    with instrumented(ALL, {Struct: ("flags",)}):
        cell, bare = Struct("cell", number=3), Unslotted()
        cell.number += 1
        cell.flags |= 6
        bare.number = 5
        assert (cell.number, cell.double, cell.flags, bare.number) == (4, 8, 6, 5)
        assert type(cell.flags & 2) is int
        with pytest.raises(AttributeError):
            Struct.__new__(Struct).number  # noqa: B018
        with pytest.raises(AttributeError):
            Unslotted.__new__(Unslotted).number  # noqa: B018
    assert (cell.number, cell.flags, bare.number) == (4, 6, 5)
