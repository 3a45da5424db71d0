"""The whole recording as JSON, and as an event a line."""

from __future__ import annotations

import json
from typing import Any

from report.exported import failing, run, whole
from report.runs import BUG_LINE, single

from kmm.report.exports.json_lines import json_events
from kmm.report.exports.whole_json import json_object
from kmm.scenarios.play import Played


def test_json_has_every_step_and_the_state_before_and_after_each() -> None:
    played = failing()
    found = json.loads(json_object(run(played)))
    recording = whole(played)
    assert found["schedule"] == str(played.token)
    assert [t["comm"] for t in found["threads"]] == ["compact", "date", "irq", "irq"]
    numbers = range(1, len(recording.steps) + 1)  # as `--step` and the drawing have
    assert [s["number"] for s in found["steps"]] == list(numbers)
    assert len(found["states"]) == len(found["steps"]) + 1
    assert found["failure"]["message"] == BUG_LINE
    changed = [s for s in found["steps"] if s["label"] == "vma#1.vm_start"]
    assert any(s["before"] != s["after"] for s in changed)


def test_json_of_a_run_that_went_well_has_no_failure() -> None:
    assert json.loads(json_object(run(single())))["failure"] is None


def events(played: Played) -> list[dict[str, Any]]:
    return [json.loads(line) for line in json_events(run(played)).splitlines()]


def test_events_begin_with_the_run_and_end_with_how_it_ended() -> None:
    played = failing()
    first, *steps, last = events(played)
    assert (first["event"], first["schedule"]) == ("run", str(played.token))
    assert [s["number"] for s in steps] == [*range(1, len(whole(played).steps) + 1)]
    assert {s["event"] for s in steps} == {"step"}
    assert last["event"] == "end"
    assert (last["verdict"], last["failure"]["message"]) == ("bug", BUG_LINE)
    assert events(single())[-1]["failure"] is None


def test_an_event_says_what_its_step_changed_and_whom_it_let_go_on() -> None:
    steps = events(failing())[1:-1]
    (moved,) = [s for s in steps if any("vm_end" in c["what"] for c in s["changes"])]
    assert moved["number"] == 76
    assert {
        "what": "vma#1.vm_end",
        "before": "0x7ffffffff000",
        "after": "0x7fffffff9000",
    } in moved["changes"]
    assert [s["number"] for s in steps if s["wakes"] == [1]] == [80, 84]


def test_an_event_has_the_locks_that_its_own_thread_holds_after_it() -> None:
    recording = whole(failing())
    for found, step in zip(events(failing())[1:-1], recording.steps, strict=True):
        held = recording.moments[step.number + 1].held[step.thread]
        assert found["held"] == list(held)
