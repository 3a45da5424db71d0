"""Doubly linked lists, as the kernel threads them through its structures.

Linux: include/linux/list.h.  Something is on a list at most once, may be taken out of
the middle at once, and goes in at either end.  Which end decides what happens next in
many places (the page freed last is handed out first, parents are walked before
children), so the two ways in have the kernel's names.

It is for lists that may be long, from whose middle things are taken: of free pages and
the LRU.  Short ones are Python's lists, with the head at index 0.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Generic, TypeVar

from ..sim.failure import ModelFailure

T = TypeVar("T")


class ListCorruption(ModelFailure):
    """Something was linked twice, or unlinked from where it was not.

    In the words of lib/list_debug.c; Linux goes on after them.
    """


def list_add_corruption(element: object) -> ListCorruption:
    name = getattr(element, "name", element)
    return ListCorruption("list_add corruption.", f"{name} is on the list already")


def list_del_corruption(element: object) -> ListCorruption:
    name = getattr(element, "name", element)
    return ListCorruption("list_del corruption.", f"{name} is not on the list")


def list_del(linked: list[T], element: T) -> None:
    """Take something off a short list.  Raises ListCorruption if it is not on it."""
    try:
        linked.remove(element)
    except ValueError:
        raise list_del_corruption(element) from None


class ListHead(Generic[T]):
    """struct list_head, with what is linked to it.

    Elements are told apart by identity; the lock that protects the list is named where
    the list is.
    """

    __slots__ = ("linked",)

    def __init__(self) -> None:
        self.linked: OrderedDict[T, None] = OrderedDict()

    def add(self, element: T) -> None:
        """list_add: put it at the head.  Raises ListCorruption if it is on the list."""
        if element in self.linked:
            raise list_add_corruption(element)
        self.linked[element] = None
        self.linked.move_to_end(element, last=False)

    def add_tail(self, element: T) -> None:
        """list_add_tail.  Raises ListCorruption if it is on the list."""
        if element in self.linked:
            raise list_add_corruption(element)
        self.linked[element] = None

    def delete(self, element: T) -> None:
        """list_del.  Raises ListCorruption if it is not on this list."""
        try:
            del self.linked[element]
        except KeyError:
            raise list_del_corruption(element) from None

    def first(self) -> T:
        """What is at the head.  Raises StopIteration if the list is empty."""
        return next(iter(self.linked))

    def last(self) -> T:
        """What is at the tail.  Raises StopIteration if the list is empty."""
        return next(reversed(self.linked))

    def pop(self) -> T:
        """Take the head off.  Raises KeyError if the list is empty."""
        return self.linked.popitem(last=False)[0]

    def pop_tail(self) -> T:
        """Take the tail off.  Raises KeyError if the list is empty."""
        return self.linked.popitem()[0]

    def __iter__(self) -> Iterator[T]:
        return iter(self.linked)

    def __reversed__(self) -> Iterator[T]:
        return reversed(self.linked)

    def __contains__(self, element: T) -> bool:
        return element in self.linked

    def __len__(self) -> int:
        return len(self.linked)
