"""What a reader of Chrome's trace format relies on, checked event by event."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from report.exported import PLAYED, failing, run, whole
from report.runs import BUG_LINE

from kmm.report.exports.perfetto import CPUS, LOCKS, perfetto_trace
from kmm.report.exports.wakeups import wakeups

Event = dict[str, Any]


def events_of(which: str) -> list[Event]:
    return list(json.loads(perfetto_trace(run(PLAYED[which]())))["traceEvents"])


def of(events: list[Event], *phases: str) -> list[Event]:
    return [event for event in events if event["ph"] in phases]


def slices(events: list[Event]) -> list[Event]:
    """Each beginning, with what it lasts; raises AssertionError if one has no end."""
    found, open_ones = [], dict[tuple[int, int], list[Event]]()
    for event in of(events, "B", "E"):
        inside = open_ones.setdefault((event["pid"], event["tid"]), [])
        if event["ph"] == "B":
            inside.append({**event})
            found.append(inside[-1])
        else:
            began = inside.pop()  # IndexError if nothing had begun
            began["dur"] = event["ts"] - began["ts"]
    assert not any(open_ones.values())
    return found


def tracks(events: list[Event]) -> dict[tuple[int, int], list[Event]]:
    found: dict[tuple[int, int], list[Event]] = {}
    for event in slices(events):
        found.setdefault((event["pid"], event["tid"]), []).append(event)
    return found


@pytest.mark.parametrize("which", PLAYED)
def test_every_event_has_what_its_phase_needs(which: str) -> None:
    needs = {
        "M": {"name", "pid", "tid", "args"},
        "B": {"name", "ts", "pid", "tid"},
        "E": {"ts", "pid", "tid"},
        "s": {"name", "cat", "id", "ts", "pid", "tid"},
        "f": {"name", "cat", "id", "ts", "pid", "tid", "bp"},
        "i": {"name", "ts", "pid", "tid", "s"},
    }
    for event in events_of(which):
        assert needs[event["ph"]] <= event.keys(), event


@pytest.mark.parametrize("which", PLAYED)
def test_time_never_goes_back(which: str) -> None:
    times = [event["ts"] for event in of(events_of(which), "B", "E", "s", "f", "i")]
    assert times == sorted(times)
    assert times[0] >= 0


@pytest.mark.parametrize("which", PLAYED)
def test_every_beginning_has_its_end_and_lasts(which: str) -> None:
    assert all(one["dur"] > 0 for one in slices(events_of(which)))


@pytest.mark.parametrize("which", PLAYED)
def test_a_step_contains_nothing_and_begins_when_its_number_says(which: str) -> None:
    for found in tracks(events_of(which)).values():
        for one, following in pairwise(found):
            if "step" in one["args"]:
                assert (one["ts"], one["dur"]) == (one["args"]["step"] - 1, 1)
                assert following["ts"] >= one["ts"] + one["dur"]


@pytest.mark.parametrize("which", PLAYED)
def test_every_track_has_one_name_and_every_name_a_track(which: str) -> None:
    events = events_of(which)
    named = [e for e in of(events, "M") if e["name"] == "thread_name"]
    counted = Counter((event["pid"], event["tid"]) for event in named)
    assert set(counted.values()) == {1}
    assert {*tracks(events)} <= {*counted}
    groups = {e["pid"] for e in of(events, "M") if e["name"] == "process_name"}
    assert groups == {pid for pid, _ in counted}


@pytest.mark.parametrize("which", PLAYED)
def test_arrows_come_in_pairs_and_both_ends_are_in_steps(which: str) -> None:
    events = events_of(which)
    steps = [e for e in slices(events) if "step" in e["args"]]
    begins = {event["id"]: event for event in of(events, "s")}
    ends = {event["id"]: event for event in of(events, "f")}
    assert begins.keys() == ends.keys()
    assert len(begins) == len(of(events, "s"))
    for number, begin in begins.items():
        end = ends[number]
        assert begin["ts"] < end["ts"]
        for arrow in (begin, end):
            inside = [
                one
                for one in steps
                if one["tid"] == arrow["tid"]
                and one["ts"] <= arrow["ts"] < one["ts"] + one["dur"]
            ]
            assert len(inside) == 1


def test_an_arrow_for_each_thread_that_was_let_go_on() -> None:
    went_on = [w for w in wakeups(whole(failing())) if w.goes_on is not None]
    assert len(of(events_of("failing"), "s")) == len(went_on) > 0


def test_a_slice_for_each_step_on_the_track_of_its_cpu() -> None:
    recording = whole(failing())
    events = events_of("failing")
    names = {
        event["tid"]: event["args"]["name"]
        for event in of(events, "M")
        if event["name"] == "thread_name" and event["pid"] == CPUS
    }
    assert names == {1: "CPU 0: compact:3977", 2: "CPU 1: date:4021"}
    steps = [e for e in slices(events) if "step" in e["args"]]
    assert [e["ts"] for e in steps] == list(range(len(recording.steps)))
    assert all(e["args"]["step"] == e["ts"] + 1 for e in steps)
    assert [e["tid"] - 1 for e in steps] == list(recording.choices)


def test_a_step_lies_in_the_functions_that_its_trace_names() -> None:
    recording = whole(failing())
    events = events_of("failing")
    for step in (recording.steps[46], recording.steps[52]):
        around = {
            event["name"]
            for event in slices(events)
            if event["pid"] == CPUS
            and event["tid"] == step.thread + 1
            and event["ts"] <= step.number < event["ts"] + event["dur"]
        }
        kernel = {p.function for p in step.trace if not p.file.startswith("kmm/hw")}
        assert kernel <= around


@pytest.mark.parametrize("which", ["failing", "with two address spaces"])
def test_a_lock_is_drawn_exactly_where_it_is_held(which: str) -> None:
    recording = whole(PLAYED[which]())
    events = events_of(which)
    names = {
        (e["pid"], e["tid"]): e["args"]["name"]
        for e in of(events, "M")
        if e["name"] == "thread_name"
    }
    drawn = {
        (names[track], one["name"].partition(": ")[2], moment)
        for track, slices in tracks(events).items()
        if track[0] == LOCKS
        for one in slices
        for moment in range(one["ts"], one["ts"] + one["dur"])
    }
    held = {
        (lock, recording.threads[thread].name, number)
        for number, moment in enumerate(recording.moments)
        for thread, locks in enumerate(moment.held)
        for lock in locks
        if not lock.startswith("interrupts")
    }
    assert drawn == held


@pytest.mark.parametrize("which", ["with no memory, deadlocked", "livelocked"])
def test_slices_of_waiting_are_where_the_thread_is_blocked(which: str) -> None:
    recording = whole(PLAYED[which]())
    waiting = {
        (one["tid"] - 1, moment)
        for one in slices(events_of(which))
        if one["name"].startswith("waits for ") and "step" not in one["args"]
        for moment in range(one["ts"], one["ts"] + one["dur"])
    }
    blocked = {
        (thread, number)
        for number, moment in enumerate(recording.moments)
        for thread, is_blocked in enumerate(moment.blocked)
        if is_blocked
    }
    assert waiting == blocked


def test_the_bug_is_an_instant_of_the_whole_trace_at_its_end() -> None:
    instants = of(events_of("failing"), "i")
    (bug,) = [event for event in instants if event["s"] == "g"]
    assert bug["name"] == BUG_LINE
    assert (bug["tid"], bug["ts"]) == (2, len(whole(failing()).steps))


def test_a_change_of_a_vma_is_an_instant_in_the_step_that_made_it() -> None:
    instants = of(events_of("failing"), "i")
    (moved,) = [e for e in instants if e["name"].startswith("vma#1.vm_end")]
    assert moved["name"] == "vma#1.vm_end  0x7ffffffff000 -> 0x7fffffff9000"
    assert (moved["tid"], int(moved["ts"])) == (2, 75)
    assert all(a["ts"] <= b["ts"] for a, b in pairwise(instants))
