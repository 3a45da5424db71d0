"""The log: a column a CPU where there is room."""

from __future__ import annotations

from kmm.tui.logbook import LogEntry, has_columns, log_lines

ENTRIES = [
    LogEntry(46, 1, 1, "setup_arg_pages(): takes mm#1.mmap_sem"),
    LogEntry(47, 0, 0, "move_ptes(): pte 0x7fffffff8000 empty -> migration entry"),
]


def texts(threads: int, width: int) -> list[str]:
    return [line.text for line in log_lines(ENTRIES, threads, width)]


def test_with_room_each_cpu_has_a_column() -> None:
    assert has_columns(2, 80)
    second = " " * 39  # the first column and the space between them
    assert texts(2, 80) == [
        f" 46 {second}setup_arg_pages(): takes",
        f"    {second}  mm#1.mmap_sem",
        " 47 move_ptes(): pte 0x7fffffff8000 empty",
        "      -> migration entry",
    ]


def test_without_room_each_line_names_its_cpu() -> None:
    assert not has_columns(2, 60)
    assert texts(2, 60) == [
        " 46 CPU 1 setup_arg_pages(): takes mm#1.mmap_sem",
        " 47 CPU 0 move_ptes(): pte 0x7fffffff8000 empty -> migration entry",
    ]


def test_the_last_step_stands_out() -> None:
    looks = [line.look for line in log_lines(ENTRIES, 2, 60)]
    assert looks == ["", "loud"]


def test_no_steps_no_lines() -> None:
    assert list(log_lines([], 2, 80)) == []
