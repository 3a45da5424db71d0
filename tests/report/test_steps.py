from __future__ import annotations

import re

from report.runs import hunted, recorded

from kmm.report.steps import step_lines


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
