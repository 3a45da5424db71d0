from __future__ import annotations

import pytest

from kmm.designs import ALIASES, KERNELS, QUESTIONS
from kmm.report.listing import KINDS, listing_json, listing_text
from kmm.scenarios import RACES
from kmm.workloads.benchmarks import BENCHMARKS

WRITTEN = ["races", "designs", "kernels", "workloads"]


@pytest.mark.parametrize("kind", KINDS)
def test_json_of_a_kind_is_a_list_of_things_with_a_name_and_a_title(kind: str) -> None:
    found = listing_json(kind)
    assert list(found) == [kind]
    for row in found[kind]:
        assert isinstance(row["name"], str)
        assert row["name"]
        assert isinstance(row["title"], str)
        assert row["title"]


def test_everything_that_there_is_is_listed() -> None:
    def names(kind: str) -> list[str]:
        return [row["name"] for row in listing_json(kind)[kind]]

    assert names("races") == list(RACES)
    assert names("kernels") == list(KERNELS)
    assert names("designs") == [a for answers in QUESTIONS.values() for a in answers]
    text = listing_text(list(KINDS))
    for kind in WRITTEN:
        assert all(f"  {name} " in text for name in names(kind))


def test_a_kernel_is_listed_with_its_answers_and_aliases() -> None:
    rows = {row["name"]: row for row in listing_json("kernels")["kernels"]}
    assert rows["2.6.35"]["exec-stack"] == "skip-temporary"
    assert rows[ALIASES["vanilla"]]["aliases"] == ["vanilla"]
    assert rows["v4"]["rmap-walk"] == "heavy-lock"
    assert "(also: vanilla)" in listing_text(["kernels"])


def test_the_fixes_that_all_kernels_have_are_told_with_their_answers() -> None:
    told = " ".join(listing_text(["kernels"], stories=True).split())
    assert told.endswith("Linux 2.6.35).")
    assert "pte-peek=locked (486cf46f3f9b, Linux 3.1)" in told
    assert "486cf46f3f9b" not in listing_text(["kernels"])


def test_designs_stand_below_the_question_that_they_answer() -> None:
    lines = listing_text(["designs"]).splitlines()
    question = next(
        i for i, line in enumerate(lines) if line.startswith(" exec-stack:")
    )
    answer = next(i for i, line in enumerate(lines) if "skip-temporary" in line)
    other = next(i for i, line in enumerate(lines) if line.startswith(" pte-peek:"))
    assert question < answer < other


@pytest.mark.parametrize("stories", [False, True])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_listing_fits_the_width(width: int, stories: bool) -> None:
    for line in listing_text(list(KINDS), width, stories).splitlines():
        assert len(line) <= width


def test_more_is_told_on_request() -> None:
    assert "from: Mel Gorman, 10 May 2010" in listing_text(["designs"], 120, True)
    assert "Mel Gorman" not in listing_text(["designs"], 120)
    assert "rmap-walk=heavy-lock" in listing_text(["kernels"], 120, True)


def test_what_is_not_written_yet_takes_one_line() -> None:
    assert listing_text(["lessons"]) == "No lessons."
    assert listing_text(list(KINDS)).endswith("No lessons, exercises.")


def test_rows_of_other_rooms_are_handed_in() -> None:
    row = {"name": "x", "title": "an x", "kind": "design", "points": 3, "lesson": "l"}
    more = {"exercises": lambda: [row]}
    assert listing_json("exercises", more) == {"exercises": [row]}
    text = listing_text(["exercises"], stories=True, more=more)
    assert "x  an x (design, 3 points)" in text
    assert "lesson: l" in text


def test_every_workload_is_listed_with_the_command_that_runs_it() -> None:
    rows = {
        row["name"]: row["command"] for row in listing_json("workloads")["workloads"]
    }
    assert {name: rows[name] for name in BENCHMARKS} == dict.fromkeys(
        BENCHMARKS, "kmm bench"
    )
    assert set(rows.values()) == {"kmm bench", "kmm stress", "kmm cost"}
    assert "(kmm stress)" in listing_text(["workloads"])
