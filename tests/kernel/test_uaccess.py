"""Copying to and from a program's memory."""

from __future__ import annotations

import pytest
from areas import AREA
from users import NOWHERE, PAGES, user

from kmm.hw.memory import PAGE_SIZE, VirtAddr
from kmm.kernel.uaccess import access_ok, copy_from_user, copy_to_user, pieces
from kmm.mm.mmap import TASK_SIZE

END = AREA + PAGES * PAGE_SIZE


@pytest.mark.parametrize(
    ("address", "size", "ok"),
    [
        (0, 1, True),
        (TASK_SIZE - 1, 1, True),
        (TASK_SIZE, 0, True),
        (TASK_SIZE - 1, 2, False),
        (TASK_SIZE, 1, False),
        (-1, 1, False),
    ],
)
def test_a_programs_memory_ends_somewhere(address: int, size: int, ok: bool) -> None:
    assert access_ok(address, size) is ok


def test_a_range_is_cut_where_pages_end() -> None:
    assert list(pieces(PAGE_SIZE - 1, PAGE_SIZE + 2)) == [
        (PAGE_SIZE - 1, 1),
        (PAGE_SIZE, PAGE_SIZE),
        (2 * PAGE_SIZE, 1),
    ]
    assert list(pieces(AREA, 0)) == []


def test_what_is_stored_over_the_end_of_a_page_is_found_again() -> None:
    u = user()
    where = AREA + PAGE_SIZE - 3
    assert u.run(copy_to_user(u.task, where, b"abcdef")) == 0
    assert u.process.load(VirtAddr(where), 3) == b"abc"
    assert u.run(copy_from_user(u.task, where, 6)) == b"abcdef"


def test_what_cannot_be_stored_is_counted() -> None:
    u = user()
    assert u.run(copy_to_user(u.task, END - 4, b"abcdef")) == 2
    assert u.process.load(VirtAddr(END - 4), 4) == b"abcd"
    assert u.run(copy_to_user(u.task, NOWHERE, b"abcdef")) == 6
    assert u.run(copy_to_user(u.task, TASK_SIZE, b"abcdef")) == 6


def test_what_cannot_all_be_read_is_not_read() -> None:
    u = user()
    assert u.run(copy_from_user(u.task, END - 4, 6)) is None
    assert u.run(copy_from_user(u.task, NOWHERE, 1)) is None
    assert u.run(copy_from_user(u.task, TASK_SIZE, 1)) is None
    assert u.run(copy_from_user(u.task, TASK_SIZE, 0)) == b""
    u.audit()
