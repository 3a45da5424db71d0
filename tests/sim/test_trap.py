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
