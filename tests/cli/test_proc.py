"""`kmm proc`: which file, of which moment, and what it says if there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli.running import fresh_kmm, kmm, refused

BUDDYINFO = "/proc/buddyinfo"


@pytest.fixture(scope="module")
def witness() -> dict[str, Any]:
    """A run of exec-stack that fails: a migration entry is left behind."""
    return kmm("hunt", "exec-stack", "--json").json


@pytest.fixture(scope="module")
def schedule(witness: dict[str, Any]) -> str:
    found: str = witness["schedule"]
    return found


def test_without_a_path_the_files_are_listed_with_what_is_in_them() -> None:
    ran = kmm("proc")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert all(len(line) < 80 for line in lines)
    paths = [line.split()[0] for line in lines]
    assert BUDDYINFO in paths
    assert "/proc/4021/smaps" in paths
    assert "/sys/kernel/mm/ksm/run" in paths


def test_without_a_schedule_it_is_the_start_of_a_race() -> None:
    ran = kmm("proc", "/proc/4022/maps", "--race", "tlb-flushed")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
    assert kmm("proc", "/proc/4021/status").out.startswith("Name:\tsh\n")


def test_a_schedule_is_shown_at_its_end_or_before_a_step(schedule: str) -> None:
    first = kmm("proc", "/proc/4021/status", schedule, "--step", "1")
    assert first == kmm("proc", "/proc/4021/status")
    assert first.out.startswith("Name:\tsh\n")
    end = kmm("proc", "/proc/4021/status", schedule)
    assert end.out.startswith("Name:\tdate\n")
    assert "VmSize:\t     132 kB\n" in end.out
    assert (first.code, end.code) == (0, 0)


def test_steps_have_the_numbers_that_a_replay_prints(schedule: str) -> None:
    steps = kmm("replay", schedule, "--step").out.splitlines()
    (number,) = (
        int(line.split()[0])
        for line in steps
        if "vma#1.vm_start 0x7fffffffe000 -> 0x7fffffff8000" in line
    )
    before, after = (
        kmm("proc", "/proc/4021/maps", schedule, "--step", str(step)).out
        for step in (number, number + 1)
    )
    assert before.startswith("7fffffffe000-7ffffffff000 rw-p")
    assert after.startswith("7fffffff8000-7ffffffff000 rw-p")


def test_the_entry_that_the_bug_is_about_can_be_seen(schedule: str) -> None:
    ran = kmm("proc", "/proc/4021/pagemap", schedule)
    (line,) = (line for line in ran.out.splitlines() if "migration entry" in line)
    assert line.startswith("7fffffff8000  46")


def test_the_last_step_and_the_end_are_two_moments(witness: dict[str, Any]) -> None:
    steps = witness["schedule_steps"]
    for step, code in ((steps, 0), (steps + 1, 0), (steps + 2, 2)):
        ran = kmm("proc", BUDDYINFO, witness["schedule"], "--step", str(step))
        assert ran.code == code
    assert refused(ran, f"the run has {steps} steps, and {steps + 1} is after the last")


def test_a_schedule_may_be_in_a_file_or_come_by_standard_input(
    schedule: str, tmp_path: Path
) -> None:
    path = "/proc/4021/smaps"
    expected = kmm("proc", path, schedule)
    file = tmp_path / "witness.json"
    kmm("hunt", "exec-stack", "--json", "-o", str(file))
    assert kmm("proc", path, str(file)) == expected
    assert fresh_kmm("proc", path, "-", stdin=schedule) == expected


@pytest.mark.parametrize("form", ["schedule", "file"])
def test_a_schedule_alone_lists_the_files_of_its_moment(
    form: str, schedule: str, tmp_path: Path
) -> None:
    file = tmp_path / "witness"
    file.write_text(schedule)
    ran = kmm("proc", str(file) if form == "file" else schedule)
    assert ran.code == 0
    assert "date: its VMAs" in ran.out


def test_json_says_which_moment_it_is(schedule: str) -> None:
    ran = kmm("proc", BUDDYINFO, schedule, "--step", "7", "--json")
    assert ran.out.count("\n") == 1
    found = ran.json
    assert found["race"] == "exec-stack"
    assert found["kernel"]["name"] == "2.6.34"
    assert (found["schedule"], found["step"]) == (schedule, 7)
    assert found["path"] == BUDDYINFO
    assert found["text"] == kmm("proc", BUDDYINFO, schedule, "--step", "7").out


def test_json_of_a_listing_has_paths_and_titles() -> None:
    found = kmm("proc", "--json", "--kernel", "vanilla").json
    assert found["kernel"]["name"] == "vanilla"
    assert (found["schedule"], found["step"]) == (None, 1)
    assert {"path": BUDDYINFO, "title": "free blocks by order"} in found["files"]


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("/proc/vmstt",), "did you mean /proc/vmstat"),
        (("vmstat",), "did you mean /proc/vmstat? (kmm proc lists all)"),
        (("",), "no file is called ''"),
        (("/proc/" + "x" * 5000,), "no file is called"),
        (("/proc/\x1b[2J",), "no file is called"),
        ((BUDDYINFO, "garbage"), "neither a file nor a schedule"),
        ((BUDDYINFO, "exec-stack/2.6.34/5a/0000"), "cut off"),
        ((BUDDYINFO, "nope/2.6.34/5a/0000"), "no race is called 'nope'"),
        ((BUDDYINFO, "--step", "3"), "--step is of a run, so it needs a schedule"),
        ((BUDDYINFO, "--race", "nope"), "no race is called 'nope'"),
        ((BUDDYINFO, "--kernel", "nope"), "no kernel is called 'nope'"),
        ((BUDDYINFO, "--design", "nope"), "--design takes QUESTION=ANSWER"),
        ((BUDDYINFO, "exec-stack/2.6.34/5a/0", "--step", "0"), "not a whole number"),
    ],
)
def test_what_is_not_there_is_refused(arguments: tuple[str, ...], cause: str) -> None:
    assert refused(kmm("proc", *arguments), cause)


@pytest.mark.parametrize(
    "option",
    [("--race", "exec-stack"), ("--kernel", "v6"), ("--design", "pte-peek=locked")],
)
def test_a_schedule_names_its_own_race_and_kernel(
    option: tuple[str, str], schedule: str
) -> None:
    assert refused(kmm("proc", BUDDYINFO, schedule, *option), "names its own")
