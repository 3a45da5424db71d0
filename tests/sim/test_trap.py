"""The rules by which operations may be swapped, or make each other possible."""

from itertools import product

import pytest

from kmm.sim.trap import COMMUTING, ENABLING, READ, WRITE, Kind, Op


def test_whether_two_kinds_commute_does_not_depend_on_their_order() -> None:
    assert {(b, a) for a, b in COMMUTING} == COMMUTING


def test_what_makes_possible_never_commutes_with_what_it_makes_possible() -> None:
    assert not COMMUTING & ENABLING


@pytest.mark.parametrize(("one", "other"), list(product(Kind, Kind)))
def test_operations_on_different_objects_never_conflict(one: Kind, other: Kind) -> None:
    assert not Op(one, "this").conflicts(Op(other, "that"))


def test_reads_of_one_object_may_be_swapped_but_not_a_write_with_either() -> None:
    read, write = Op(READ, "cell"), Op(WRITE, "cell")
    assert not read.conflicts(Op(READ, "cell"))
    assert read.conflicts(write)
    assert write.conflicts(read)
    assert write.conflicts(Op(WRITE, "cell"))


class TwoOp(Op):
    """One object is read, and another written."""

    __slots__ = ("also",)

    def __init__(self, source: str, to: str) -> None:
        super().__init__(WRITE, to)
        self.also = ((READ, source),)


def test_of_two_objects_each_may_be_what_an_operation_conflicts_on() -> None:
    copy = TwoOp("this", "that")
    for write in (Op(WRITE, "this"), Op(WRITE, "that"), Op(READ, "that")):
        assert copy.conflicts(write)
        assert write.conflicts(copy)
    for read in (Op(READ, "this"), TwoOp("this", "other"), TwoOp("other", "else")):
        assert not copy.conflicts(read)
        assert not read.conflicts(copy)
    assert copy.conflicts(TwoOp("that", "other"))
    assert copy.touches == ((WRITE, "that"), (READ, "this"))
