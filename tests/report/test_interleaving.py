from __future__ import annotations

import re

import pytest
from report.runs import (
    BUG_LINE,
    deadlocked,
    hunted,
    in_a_circle,
    recorded,
    single,
    witness,
)

from kmm.report.causes import causes
from kmm.report.interleaving import lanes

WIDTHS = (60, 80, 120)
STORY = {
    # In this order: the migration entry goes in, the stack moves, the second walk finds
    # the vma half changed and the page not in it, and exec meets the entry.
    "2.6.34": (
        "pte ..e000 empty -> migration(0xc)",
        "vma#1.vm_start is ..e000",
        "vma#1.vm_start ..e000 -> ..8000",
        "pte ..e000 migration(0xc) -> empty",
        "pte ..8000 empty -> migration(0xc)",
        "vma#1.vm_end ..f000 -> ..9000",
        "vma#1.vm_end is ..9000",
        "gives back PG_locked(0xc)",
        "pte ..8000 is migration(0xc)",
        "PG_locked(0xc) is free",
    ),
    # The new place is looked at before the entry is there, the old one after it left.
    "v4": (
        "pte ..e000 empty -> migration(0xc)",
        "vma#1.vm_start ..e000 -> ..8000",
        "vma#1.vm_start is ..8000",
        "pte ..8000 is empty",
        "pte ..e000 migration(0xc) -> empty",
        "pte ..8000 empty -> migration(0xc)",
        "pte ..e000 is empty",
        "gives back PG_locked(0xc)",
        "pte ..8000 is migration(0xc)",
        "PG_locked(0xc) is free",
    ),
}
STEP = re.compile(r" *(?P<number>\d+) (?P<lanes>[0-9| ]{4})(?P<function>\w+)\b")


def drawn(kernel: str, width: int) -> list[str]:
    return lanes(recorded(hunted(kernel)), width)


def joined(lines: list[str]) -> str:
    """The text of the drawing in one line, without what stands left of it."""
    return " ".join(" ".join(line[9:] for line in lines).split())


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kernel", STORY)
def test_no_line_is_wider_than_asked_for(kernel: str, width: int) -> None:
    assert max(len(line) for line in drawn(kernel, width)) <= width


@pytest.mark.parametrize(
    ("kernel", "width", "most"),
    [("2.6.34", 80, 15), ("v4", 80, 18), ("2.6.34", 120, 14), ("2.6.34", 60, 26)],
)
def test_the_drawing_is_short(kernel: str, width: int, most: int) -> None:
    assert len(drawn(kernel, width)) <= most


def test_the_head_says_who_is_in_which_lane() -> None:
    head = drawn("2.6.34", 80)[0]
    assert head.startswith("step CPU 0: compact:3977  CPU 1: date:4021   ")
    assert head.endswith("   [locks] place")
    assert len(head) == 80


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kernel", STORY)
def test_each_step_is_in_the_lane_of_its_cpu(kernel: str, width: int) -> None:
    recording = recorded(hunted(kernel))
    rows = [match for line in drawn(kernel, width) if (match := STEP.match(line))]
    assert len(rows) == len(STORY[kernel])
    for row in rows:
        step = recording.steps[int(row["number"]) - 1]
        assert row["lanes"].split() == [["0", "|"], ["|", "1"]][step.thread]
        assert row["function"] in [place.function for place in step.trace]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kernel", STORY)
def test_the_story_is_told_in_order_and_with_its_values(
    kernel: str, width: int
) -> None:
    text = joined(drawn(kernel, width))
    position = 0
    for words in STORY[kernel]:
        # At 60 columns a line may break, with locks in between: look for both ends.
        for part in words.split(" -> ") if width == 60 else [words]:
            position = text.find(part, position)
            assert position >= 0, words


@pytest.mark.parametrize("width", [80, 120])
def test_the_locks_that_could_have_kept_the_other_out_are_shown(width: int) -> None:
    """The walk holds the anon_vma's lock where exec changes the bounds without it."""
    text = joined(drawn("2.6.34", width))
    for words in (
        "vma#1.vm_start is ..e000 [anon_vma#1] rmap.py",
        "vma#1.vm_start ..e000 -> ..8000 [mmap_sem] vma.py",
        "vma#1.vm_end is ..9000 [anon_vma#1] rmap.py",
        "gives back PG_locked(0xc) [-] migrate.py",
    ):
        assert words in text


@pytest.mark.parametrize("width", WIDTHS)
def test_each_step_says_where_in_the_source_it_was_taken(width: int) -> None:
    text = "\n".join(drawn("2.6.34", width))
    where = [cause.place for cause in causes(recorded(hunted("2.6.34")))]
    assert re.findall(r"\] +(\w+\.py:\d+)$", text, re.MULTILINE) == [
        f"{place.file.rpartition('/')[2]}:{place.line}" for place in where if place
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_said_shorter_is_explained(width: int) -> None:
    text = " ".join(drawn("2.6.34", width)[-4:])
    for words in ("ptl: page_table_lock", "..8000: 0x7fffffff8000", "[locks] held"):
        assert words in text
    assert "migration(0xc): migration entry for page 0xc" in text


def test_nothing_is_explained_that_is_not_there() -> None:
    text = " ".join(lanes(deadlocked(), 80))
    for word in ("ptl", "migration", "0x"):
        assert word not in text


@pytest.mark.parametrize("kernel", STORY)
def test_the_drawing_ends_in_the_bug_in_the_lane_of_who_met_it(kernel: str) -> None:
    assert f"     | 1 {BUG_LINE}" in drawn(kernel, 80)


def test_a_wide_drawing_stands_in_columns() -> None:
    rows = [line for line in drawn("2.6.34", 120) if STEP.match(line)]
    assert len({line.index("[") for line in rows}) == 1
    assert len({line.rindex("  ") for line in rows}) == 1


def test_a_deadlock_is_drawn_by_the_locks_that_it_is_about() -> None:
    lines = lanes(deadlocked(), 60)
    assert [line.rpartition("[")[0].rstrip() for line in lines[1:5]] == [
        "   1 0 | take  takes one",
        "   2 | 1 take  takes two",
        "     0 | take  waits for two, held by b:2",
        "     | 1 take  waits for one, held by a:1",
    ]
    assert [re.findall(r"\[.*?\]", line) for line in lines[1:5]] == [
        ["[-]"],
        ["[-]"],
        ["[one]"],
        ["[two]"],
    ]


def test_three_cpus_have_three_lanes() -> None:
    lines = lanes(in_a_circle(), 80)
    assert lines[0].startswith("step CPU 0: a:1  CPU 1: b:2  CPU 2: c:3")
    assert [line.partition("  [")[0].rstrip() for line in lines[1:7]] == [
        "   1 0 | | take  takes one",
        "   2 | 1 | take  takes two",
        "   3 | | 2 take  takes three",
        "     0 | | take  waits for two, held by b:2",
        "     | 1 | take  waits for three, held by c:3",
        "     | | 2 take  waits for one, held by a:1",
    ]


def test_addresses_are_cut_only_as_far_as_they_can_be_told_apart() -> None:
    lines = lanes(recorded(single()), 80)
    text = "\n".join(lines[1:])
    assert "..fe000" in text
    assert "..f8000 " in text
    assert "..8000" not in text


def test_of_addresses_that_begin_alike_one_is_explained() -> None:
    """The others are that one with other last digits."""
    text = " ".join(lanes(witness("mremap-merge", "v6"), 80))
    assert "pte ..10000 " in text
    assert "pte ..01000 " in text
    assert text.count("0x7f00000") == 1


def test_addresses_that_begin_otherwise_are_all_explained() -> None:
    text = " ".join(lanes(witness("stack-growth", "2.6.34"), 80))
    assert "..0000: 0x7f0000000000" in text
    assert "..f000: 0x7efffffff000" in text


def test_a_failure_that_nobody_met_is_in_no_lane() -> None:
    lines = lanes(witness("tlb-stale", "2.6.34"), 80)
    assert (
        "     | | writer[4022]: wrote b'two' at 0x7f0000000000, memory holds b'one'"
    ) in lines


def test_a_run_that_went_well_is_drawn_too() -> None:
    lines = lanes(recorded(single()), 80)
    for function in ("store_bounds:", "restore_pte:"):
        assert any(function in line for line in lines)
    assert not any("BUG" in line for line in lines)
