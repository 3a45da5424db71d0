from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from report.runs import BUG_LINE, hunted, recorded, single

from kmm.report.export import EXPORTS, step_lines
from kmm.report.oops import oops
from kmm.scenarios.play import Played

PLAYED: dict[str, Callable[[], Played]] = {
    "failing": lambda: hunted("2.6.34"),
    "surviving": single,
}


@pytest.mark.parametrize("which", PLAYED)
@pytest.mark.parametrize("form", EXPORTS)
def test_every_export_is_text_that_ends_its_last_line(form: str, which: str) -> None:
    text = EXPORTS[form](PLAYED[which]())
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_each_step_has_a_line_with_its_number_cpu_and_function() -> None:
    recording = recorded(hunted("2.6.34"))
    lines = step_lines(recording)
    assert len(lines) == len(recording.steps)
    for number, (line, step) in enumerate(
        zip(lines, recording.steps, strict=True), start=1
    ):
        found = re.match(r" *(\d+)  CPU (\d)  \w+\(\) +\S", line)
        assert found, line
        assert int(found[1]) == number
        assert int(found[2]) == recording.threads[step.thread].cpu


def test_json_has_every_step_and_the_state_before_and_after_each() -> None:
    played = hunted("2.6.34")
    whole = json.loads(EXPORTS["json"](played))
    recording = recorded(played)
    assert whole["schedule"] == str(played.token)
    assert [t["comm"] for t in whole["threads"]] == [
        "compact",
        "date",
        "irq",
        "irq",
    ]
    numbers = range(1, len(recording.steps) + 1)  # as `--step` and the drawing have
    assert [s["number"] for s in whole["steps"]] == list(numbers)
    assert len(whole["states"]) == len(whole["steps"]) + 1
    assert whole["failure"]["message"] == BUG_LINE
    changed = [s for s in whole["steps"] if s["label"] == "vma#1.vm_start"]
    assert any(s["before"] != s["after"] for s in changed)


def test_json_of_a_run_that_went_well_has_no_failure() -> None:
    assert json.loads(EXPORTS["json"](single()))["failure"] is None


def test_mermaid_draws_both_cpus_and_the_bug() -> None:
    lines = EXPORTS["mermaid"](hunted("2.6.34")).splitlines()
    assert lines[0] == "sequenceDiagram"
    assert lines[1:3] == [
        "  participant T0 as CPU 0 compact",
        "  participant T1 as CPU 1 date",
    ]
    assert lines[-1] == f"  Note over T1: {BUG_LINE}"
    # A bare # or ; would end a line early.
    assert all(
        re.fullmatch(r"  Note over T[01]: ([^#;]|#35;)+", line) for line in lines[3:]
    )


def test_perfetto_has_a_slice_for_each_step_on_the_track_of_its_cpu() -> None:
    recording = recorded(hunted("2.6.34"))
    events = json.loads(EXPORTS["perfetto"](hunted("2.6.34")))["traceEvents"]
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M"}
    assert names == {0: "CPU 0: compact:3977", 1: "CPU 1: date:4021"}
    slices = [e for e in events if e["ph"] == "X"]
    assert [e["ts"] for e in slices] == list(range(len(recording.steps)))
    assert all(e["args"]["step"] == e["ts"] + 1 for e in slices)
    assert [e["tid"] for e in slices] == list(recording.choices)


def test_text_is_the_oops_and_the_drawing() -> None:
    played = hunted("2.6.34")
    text = EXPORTS["text"](played)
    assert text.startswith(oops(recorded(played), "2.6.34"))
    assert "step CPU 0: compact:3977" in text
    assert EXPORTS["text"](single()).startswith("step CPU 0: compact:3977")
