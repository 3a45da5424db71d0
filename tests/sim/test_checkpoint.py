"""What is put back is as it was: all of it, and nobody who refers to it can tell."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from functools import partial

import pytest
from attrs import define, field, frozen

from kmm.sim.checkpoint import Checkpoint, reached


@define(eq=False)
class Slotted:
    number: int = 0
    others: list[object] = field(factory=list)
    late: int = field(init=False)


class Open:
    def __init__(self) -> None:
        self.number = 0


class Derived(Slotted):
    """Slots, and a dictionary besides."""


class Caching:
    CACHES = ("found",)

    def __init__(self) -> None:
        self.number = 0
        self.found: dict[int, int] = {}


@frozen
class Wrapped:
    inner: Slotted


def test_fields_are_put_back_whatever_they_are_kept_in() -> None:
    slotted, plain, derived = Slotted(1), Open(), Derived(3)
    derived.more = 7  # type: ignore[attr-defined]
    kept = Checkpoint([slotted, plain, derived])
    slotted.number = plain.number = derived.number = 9
    derived.more = 9  # type: ignore[attr-defined]
    kept.restore()
    assert (slotted.number, plain.number, derived.number) == (1, 0, 3)
    assert vars(derived) == {"more": 7}


def test_what_was_not_set_is_not_set_again() -> None:
    slotted, plain = Slotted(), Open()
    kept = Checkpoint([slotted, plain])
    slotted.late = 1
    plain.more = 1  # type: ignore[attr-defined]
    kept.restore()
    assert not hasattr(slotted, "late")
    assert not hasattr(plain, "more")


@pytest.mark.parametrize(
    ("container", "change"),
    [
        ([1, 2], lambda c: c.reverse()),
        ([], lambda c: c.append(1)),
        ({"b": 1, "a": 2}, lambda c: c.pop("b")),
        ({}, lambda c: c.update(a=1)),
        ({1, 2}, lambda c: c.clear()),
        (bytearray(b"data"), lambda c: c.extend(b"more")),
        (Counter("aab"), lambda c: c.subtract("a")),
        (OrderedDict(a=1, b=2), lambda c: c.move_to_end("a")),
    ],
)
def test_containers_keep_their_contents_in_order(
    container: object, change: Callable[[object], None]
) -> None:
    before = repr(container)
    kept = Checkpoint([container])
    change(container)
    assert repr(container) != before
    kept.restore()
    assert repr(container) == before


def test_what_functions_refer_to_is_put_back() -> None:
    found: list[list[int]] = [[] for _ in range(5)]
    in_closure, in_default, in_keyword, in_partial, in_owner = found

    def closure() -> None:
        in_closure.append(1)

    def default(where: list[int] = in_default) -> None:
        where.append(1)

    def keyword(*, where: list[int] = in_keyword) -> None:
        where.append(1)

    calls: list[Callable[[], None]] = [
        closure,
        default,
        keyword,
        partial(in_partial.append, 1),
        Owner(in_owner).call,
    ]
    kept = Checkpoint(calls)
    for call in calls:
        call()
    assert found == [[1]] * 5
    kept.restore()
    assert found == [[]] * 5


class Owner:
    def __init__(self, where: list[int]) -> None:
        self.where = where

    def call(self) -> None:
        self.where.append(1)


def test_objects_stay_who_they_are_and_circles_are_no_trouble() -> None:
    one, other = Slotted(), Slotted()
    one.others, other.others = [other], [one]
    kept = Checkpoint(one)
    one.others.append(Slotted())
    other.number = 5
    kept.restore()
    assert one.others == [other]
    assert other.others == [one]
    assert other.number == 0


def test_it_can_be_put_back_more_than_once() -> None:
    slotted = Slotted(1, [2])
    kept = Checkpoint(slotted)
    for number in range(3):
        slotted.number, slotted.others = number, [number]
        slotted.others.append(1)
        kept.restore()
        assert (slotted.number, slotted.others) == (1, [2])


def test_what_is_frozen_is_walked_past() -> None:
    wrapped = Wrapped(Slotted(1))
    kept = Checkpoint(wrapped)
    wrapped.inner.number = 2
    kept.restore()
    assert wrapped.inner.number == 1


def test_caches_are_left_alone() -> None:
    caching = Caching()
    kept = Checkpoint(caching)
    caching.number, caching.found[1] = 1, 1
    kept.restore()
    assert caching.number == 0
    assert caching.found == {1: 1}
    assert caching.found not in list(reached(caching))


def test_what_has_begun_to_run_is_refused() -> None:
    async def body() -> None: ...

    running = body()
    with pytest.raises(TypeError, match="cannot be put back"):
        Checkpoint([running])
    running.close()
