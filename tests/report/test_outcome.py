from __future__ import annotations

import json

import pytest
from attrs import evolve, fields
from report.runs import BUG_LINE, hunted, recorded, single

from kmm.designs import find_kernel
from kmm.mm.kernel import Config
from kmm.report.outcome import (
    BOUNDS,
    answer,
    as_json,
    as_text,
    bounds,
    plural,
    slice_json,
)
from kmm.scenarios import find_race, play
from kmm.scenarios.play import Played
from kmm.sim.schedule import context_switches
from kmm.sim.strategies import RandomWalk


def described(played: Played) -> dict[str, object]:
    found = as_json(played, kernel_name="vanilla", seed=3, seconds=0.12345)
    whole: dict[str, object] = json.loads(json.dumps(found))
    return whole


def test_a_race_that_can_fail_is_answered_sometimes() -> None:
    assert answer(hunted("2.6.34")) == "Sometimes: execution 9 of the search failed."


def test_a_proof_says_never_how_many_executions_and_within_which_bounds() -> None:
    text = answer(hunted("v6"))
    executions = hunted("v6").coverage.executions
    assert text.startswith(f"Never: proved by {executions:,} executions")
    assert "2 threads, 2 CPUs, 16 page frames, 6 pages of shift" in text


def test_a_budget_that_was_spent_is_not_seen_and_no_proof() -> None:
    text = answer(hunted("v6", budget=2))
    assert text.startswith("Not seen in 2 executions (")
    assert text.endswith("this is no proof.")


def test_one_run_that_went_well_says_nothing_of_the_others() -> None:
    assert answer(single()).startswith("Not seen: this run went well.")


def test_an_interrupted_search_says_what_it_had_covered() -> None:
    def press_ctrl_c(_: object) -> bool:
        raise KeyboardInterrupt

    race, kernel = find_race("exec-stack"), find_kernel("v6")
    played = play.hunt(race, kernel, RandomWalk(0), progress=press_ctrl_c)
    assert answer(played).startswith("Not seen: interrupted after 1 execution (")
    assert described(played)["stopped"] == "interrupt"
    assert described(played)["verdict"] == "survived"


def test_the_report_gives_question_answer_oops_drawing_and_replay_in_order() -> None:
    text = as_text(hunted("2.6.34"))
    landmarks = [
        "exec-stack on 2.6.34",
        "exec-stack=unprotected",
        "Can a migration entry outlive its migration",
        "Sometimes:",
        BUG_LINE,
        "Call Trace:",
        "CPU 0: compact:3977",
        "3 context switches",
        f"kmm replay {hunted('2.6.34').token}",
    ]
    positions = [text.find(landmark) for landmark in landmarks]
    assert -1 not in positions
    assert positions == sorted(positions)


def test_the_schedule_is_the_last_word_of_the_report() -> None:
    assert as_text(hunted("2.6.34")).split()[-1] == str(hunted("2.6.34").token)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("kernel", ["2.6.34", "v4", "v6"])
def test_a_report_fits_the_width(kernel: str, width: int) -> None:
    for line in as_text(hunted(kernel), width, stories=True, seconds=1.0).splitlines():
        assert len(line) <= width, line


def test_the_story_is_told_only_on_request() -> None:
    race = find_race("exec-stack")
    told = " ".join(as_text(hunted("2.6.34"), stories=True).split())
    assert " ".join(race.story.split()) in told
    assert race.story[:40] not in as_text(hunted("2.6.34"))


def test_json_of_a_bug_has_what_others_rely_on() -> None:
    played = hunted("2.6.34")
    found = described(played)
    assert found["race"] == "exec-stack"
    assert found["kernel"] == {
        "name": "vanilla",
        "rmap-walk": "local-lock",
        "exec-stack": "unprotected",
        "take-all-locks": "newest-first",
        "anon-vma-pin": "refcount",
        "pte-peek": "locked",
        "tlb-flush": "flush",
        "call-rules": "2.6.34",
    }
    assert found["verdict"] == "bug"
    assert found["strategy"] == "dpor"
    assert found["seed"] == 3
    assert found["schedule"] == str(played.token)
    assert found["executions"] == 9
    assert found["context_switches"] == context_switches(recorded(played).choices)
    assert found["seconds"] == 0.123
    failure = found["failure"]
    assert isinstance(failure, dict)
    assert failure["kind"] == "bug_on"
    assert failure["message"] == BUG_LINE
    assert failure["thread"] == "date:4021"
    assert failure["cpu"] == 1
    assert failure["trace"][0] == "migration_entry_to_page"
    assert failure["trace"][-1] == "execve"


def test_json_has_the_steps_that_matter_with_values_locks_and_places() -> None:
    """Numbered as in the drawing and in `kmm replay --step`; the values are raw."""
    found = slice_json(recorded(hunted("2.6.34")))
    assert described(hunted("2.6.34"))["slice"] == found
    moved = next(one for one in found if one["function"] == "store_bounds")
    assert moved.pop("line") > 0
    assert moved == {
        "step": 53,
        "cpu": 1,
        "thread": "date:4021",
        "function": "store_bounds",
        "file": "kmm/mm/vma.py",
        "kind": "write",
        "target": "vma#1.vm_start",
        "before": 0x7FFFFFFFE000,
        "after": 0x7FFFFFFF8000,
        "held": ["mm#1.mmap_sem"],
    }
    assert [one["step"] for one in found] == sorted(one["step"] for one in found)
    assert found[-1]["target"] == "PG_locked of page 0xc"


def test_json_of_a_proof_has_no_failure_and_no_schedule() -> None:
    found = described(hunted("v6"))
    assert found["slice"] == []
    assert found["verdict"] == "proved"
    assert (found["failure"], found["schedule"]) == (None, None)
    assert found["context_switches"] is None
    assert found["stopped"] is None


def test_json_of_a_spent_budget_says_so_and_proves_nothing() -> None:
    found = described(hunted("v6", budget=2))
    assert (found["verdict"], found["stopped"]) == ("survived", "budget")
    assert found["executions"] == 2


@pytest.mark.parametrize(
    ("count", "noun", "words"),
    [
        (0, "step", "0 steps"),
        (1, "step", "1 step"),
        (1, "context switch", "1 context switch"),
        (3, "context switch", "3 context switches"),
        (40090, "step", "40,090 steps"),
    ],
)
def test_counts_are_in_good_english(count: int, noun: str, words: str) -> None:
    assert plural(count, noun) == words


def test_every_setting_has_words_that_may_bound_a_proof() -> None:
    race = find_race("exec-stack")
    sizes = tuple(one.name for one in fields(Config))
    config = evolve(race.config, nodes=2, swap_slots=8, min_free_kbytes=None)
    bounded = evolve(race, config=config, sizes=sizes)
    text = bounds(evolve(single(), race=bounded))
    for words in (
        "2 nodes of memory",
        "8 swap slots",
        "pageblock order 9",
        "tlb size ",
    ):
        assert words in text
    json.dumps(bounded.bounds)


def test_setting_bounds_are_those_that_a_machine_has() -> None:
    assert set(BOUNDS) <= {"threads", *(one.name for one in fields(Config))}
