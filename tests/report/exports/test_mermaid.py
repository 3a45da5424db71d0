from __future__ import annotations

import re

import pytest
from attrs import evolve
from report.exported import PLAYED, failing, flushing, run, shown, whole
from report.runs import BUG_LINE

from kmm.report.exports.mermaid import escaped, mermaid_diagram

# Of the grammar of sequence diagrams, what is used here.  A bare # or ; would end a
# line early, and < begin a tag.
TEXT = r"(?:[^#;<&\n]|#\d+;)+"
LINES = re.compile(
    rf"""  participant T\d+ as {TEXT}
       |  Note over T\d+(?:,T\d+)?: {TEXT}
       |  T\d+-\)T\d+: {TEXT}""".replace("\n       ", "")
)


@pytest.mark.parametrize("which", PLAYED)
def test_every_line_is_a_participant_a_note_or_an_arrow(which: str) -> None:
    head, *lines = mermaid_diagram(run(PLAYED[which]())).splitlines()
    assert head == "sequenceDiagram"
    for line in lines:
        assert LINES.fullmatch(line), line
    named = set(re.findall(r"participant (T\d+)", "\n".join(lines)))
    used = {name for line in lines for name in re.findall(r"\bT\d+\b", line[:24])}
    assert used == named


def test_both_cpus_and_the_bug_are_drawn() -> None:
    lines = mermaid_diagram(run(failing())).splitlines()
    assert lines[1:3] == [
        "  participant T0 as CPU 0 compact",
        "  participant T1 as CPU 1 date",
    ]
    assert lines[-1] == f"  Note over T1: {BUG_LINE}"


def test_who_gives_back_what_another_waits_for_points_at_it() -> None:
    lines = mermaid_diagram(run(failing())).splitlines()
    arrows = [line for line in lines if "-)" in line]
    # At step 80 it is given back too, but taken again before the other comes.
    assert arrows == ["  T0-)T1: 84 gives back anon_vma#35;1.lock"]


def test_a_failure_of_nobody_stands_over_all() -> None:
    recording = whole(failing())
    assert recording.failure is not None
    nobodys = evolve(recording, failure=evolve(recording.failure, thread=None))
    lines = mermaid_diagram(run(shown(nobodys))).splitlines()
    assert lines[-1] == f"  Note over T0,T1: {BUG_LINE}"


def test_what_would_end_a_line_or_begin_a_tag_is_escaped() -> None:
    assert escaped("a#1; <b>\n&c") == "a#35;1#59; #60;b> #38;c"
    recording = whole(flushing())
    named = tuple(evolve(t, comm="a;<b>#") for t in recording.threads)
    lines = mermaid_diagram(run(shown(evolve(recording, threads=named)))).splitlines()
    assert lines[1] == "  participant T0 as CPU 0 a#59;#60;b>#35;"
