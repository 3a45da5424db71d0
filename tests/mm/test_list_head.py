"""Lists of the kernel's kind: in at either end, out anywhere, at most once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmm.mm.list_head import ListCorruption, ListHead, list_del


def linked(*elements: int) -> ListHead[int]:
    made: ListHead[int] = ListHead()
    for element in elements:
        made.add_tail(element)
    return made


def test_what_is_added_last_comes_first() -> None:
    made = linked(1)
    made.add(2)
    assert list(made) == [2, 1]


def test_what_is_added_at_the_tail_comes_last() -> None:
    made = linked(1)
    made.add_tail(2)
    assert list(made) == [1, 2]


def test_looking_at_an_end_leaves_the_list_as_it_is() -> None:
    made = linked(1, 2, 3)
    assert (made.first(), made.last()) == (1, 3)
    assert list(made) == [1, 2, 3]


def test_an_empty_list_has_no_ends() -> None:
    made = linked()
    assert not made
    for look in (made.first, made.last):
        with pytest.raises(StopIteration):
            look()
    for take in (made.pop, made.pop_tail):
        with pytest.raises(KeyError):
            take()


def test_nothing_is_on_a_list_twice() -> None:
    made = linked(1, 2)
    for add in (made.add, made.add_tail):
        with pytest.raises(ListCorruption, match="list_add corruption"):
            add(1)
    assert list(made) == [1, 2]


def test_only_what_is_on_the_list_can_be_taken_off() -> None:
    made = linked(1, 2)
    with pytest.raises(ListCorruption, match="list_del corruption") as caught:
        made.delete(3)
    assert caught.value.details == ("3 is not on the list",)
    assert list(made) == [1, 2]


def test_what_is_taken_off_a_short_list_must_be_on_it_too() -> None:
    short = [1, 2]
    list_del(short, 1)
    assert short == [2]
    with pytest.raises(ListCorruption, match="list_del corruption"):
        list_del(short, 1)


# Each number goes in by one way, or comes out, whichever is possible.
@given(st.lists(st.tuples(st.sampled_from(["head", "tail", "pop"]), st.integers(0, 5))))
def test_the_order_is_that_of_a_plain_list(changes: list[tuple[str, int]]) -> None:
    made, plain = linked(), list[int]()
    for how, element in changes:
        if how == "pop" and plain:
            if element % 2:
                assert made.pop() == plain.pop(0)
            else:
                assert made.pop_tail() == plain.pop()
        elif element in plain:
            made.delete(element)
            plain.remove(element)
        elif how == "head":
            made.add(element)
            plain.insert(0, element)
        else:
            made.add_tail(element)
            plain.append(element)
        assert (list(made), len(made)) == (plain, len(plain))
        assert list(reversed(made)) == plain[::-1]
        assert [number for number in range(6) if number in made] == sorted(plain)
