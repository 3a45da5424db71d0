"""The log: a column a CPU where there is room."""

from __future__ import annotations

from kmm.tui.logbook import LogEntry, entry_lines, has_columns
from kmm.tui.widgets.log import LogPane

ENTRIES = [
    LogEntry(46, 1, 1, "setup_arg_pages(): takes mm#1.mmap_sem"),
    LogEntry(47, 0, 0, "move_ptes(): pte 0x7fffffff8000 empty -> migration entry"),
]


def texts(threads: int, width: int) -> list[str]:
    found = [entry_lines(entry, threads, width) for entry in ENTRIES]
    return [line.text for lines in found for line in lines]


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
    pane = LogPane("5 Log", id="log")
    pane.entries, pane.names = ENTRIES, ["one", "two"]
    rows, seen = pane.laid_out(60)
    assert not rows[0].spans
    assert rows[-1].spans[0].style == "bold"
    assert seen == [len(rows) - 1]


def test_no_steps_no_lines() -> None:
    assert LogPane("5 Log", id="log").laid_out(80) == ([], [])
