"""What run, hunt, prove and replay return."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from api.pages import page
from attrs import evolve
from cli.running import kmm as command
from report.runs import hunted, single

import kmm
from kmm.api import Run
from kmm.report.outcome import as_text
from kmm.scenarios.play import Played

pytestmark = pytest.mark.slow


def failing() -> Run:
    return Run(hunted("2.6.34"))


def proved() -> Run:
    return Run(hunted("2.6.35"))


def test_a_hunt_is_the_commands() -> None:
    ran = command("hunt", "exec-stack", "--json").json
    found = kmm.hunt("exec-stack").json()
    assert {**found, "seconds": 0} == {**ran, "seconds": 0}


def test_a_run_with_a_seed_is_the_commands() -> None:
    ran = command("run", "stack-growth", "--seed", "3", "--kernel", "v6", "--json").json
    found = kmm.run("stack-growth", kernel="v6", seed=3).json()
    assert {**found, "seconds": 0} == {**ran, "seconds": 0}


def test_a_design_and_a_trigger_are_taken() -> None:
    found = kmm.run(
        "exec-stack",
        kernel="v6",
        design={"pte-peek": "unlocked"},
        trigger="hot-remove",
    )
    assert found.race == "exec-stack:hot-remove"
    assert found.kernel == "v6,pte-peek=unlocked"


def test_a_run_says_what_it_is_in_a_line_and_in_full() -> None:
    run = failing()
    assert repr(run) == (
        "<kmm run: exec-stack on 2.6.34: bug, "
        "kernel BUG at include/linux/swapops.h:105!>"
    )
    assert repr(proved()) == "<kmm run: exec-stack on 2.6.35: proved>"
    assert str(run) == as_text(run.played)


def test_a_run_has_its_steps_as_rows() -> None:
    run = failing()
    assert len(run.steps) == len(run) == 105
    assert run.steps[46] == {
        "step": 47,
        "cpu": 0,
        "thread": "compact:3977",
        "function": "vma_address",
        "does": "vma#1.vm_start is 0x7fffffffe000",
    }


def test_a_notebook_shows_the_oops_and_a_column_for_each_cpu() -> None:
    shown = page(failing())
    assert "kernel BUG at include/linux/swapops.h:105!" in shown.text
    head, *rows = shown.rows
    assert head[:3] == ["step", "CPU 0: compact:3977", "CPU 1: date:4021"]
    (look,) = [row for row in rows if row[0] == "47"]
    assert look[1:] == [
        "vma_address: vma#1.vm_start is 0x7fffffffe000",
        "",
        "anon_vma#1.lock",
        look[-1],
    ]
    assert look[-1].startswith("kmm/mm/rmap.py:")
    assert rows[-1][:3] == ["", "", "kernel BUG at include/linux/swapops.h:105!"]
    assert f"kmm replay {failing().schedule}" in shown.texts


def test_a_notebook_shows_a_proof_and_a_run_that_went_well() -> None:
    assert "Never: proved by" in page(proved()).text
    assert "this run went well" in page(Run(single())).text


def test_what_is_shown_is_escaped() -> None:
    played = hunted("2.6.34")
    assert played.recording is not None
    assert played.recording.failure is not None
    failure = evolve(played.recording.failure, message="<b onclick=x>&amp;")
    bad: Played = evolve(played, recording=evolve(played.recording, failure=failure))
    assert "<b onclick=x>&amp;" in page(Run(bad)).text


def test_a_run_goes_into_another_programs_file(tmp_path: Path) -> None:
    file = tmp_path / "race.json"
    assert failing().export("perfetto", file) is None
    assert file.read_text() == failing().export("perfetto")
    assert json.loads(file.read_text())["traceEvents"]


def test_a_moment_is_exported_if_one_is_named() -> None:
    found = failing().export("dot", moment=79)
    assert isinstance(found, str)
    assert "after 79 steps" in found


def test_a_replay_takes_a_file_that_a_command_wrote(tmp_path: Path) -> None:
    file = tmp_path / "witness.json"
    command("hunt", "exec-stack", "--json", "-o", str(file))
    assert kmm.replay(file).schedule == failing().schedule


def test_a_schedule_that_names_a_moment_is_looked_at_there() -> None:
    run = kmm.replay(f"{failing().schedule}@47")
    assert run.moment().number == 47


@pytest.mark.parametrize(
    ("call", "cause"),
    [
        (lambda: kmm.hunt("exec-stck"), "did you mean exec-stack"),
        (lambda: kmm.run("exec-stack", kernel="v9"), "no kernel is called 'v9'"),
        (lambda: kmm.run("exec-stack", strategy="person"), "no strategy is called"),
        (lambda: kmm.hunt("exec-stack", strategy="dpr"), "did you mean dpor"),
        (lambda: kmm.prove("exec-stack", strategy="random"), "no strategy is called"),
        (lambda: kmm.prove("exec-stack", bound=3), "bound is for preemptions"),
        (lambda: kmm.hunt("exec-stack", workers=2, strict=True), "--strict looks at"),
        (lambda: kmm.run("exec-stack", design={"x": "y"}), "no question is called"),
        (lambda: kmm.hunt("exec-stack", executor="x"), "takes dask://HOST:PORT"),
        (lambda: kmm.replay("nonsense"), "neither a file nor a schedule"),
        (lambda: failing().moment(106), "the run has 105 steps"),
        (lambda: failing().export("gif"), "no format is called 'gif'"),
        (lambda: failing().export("svg", moment=999), "has 105 steps"),
        (lambda: proved().moment(), "There is no run to look at; try kmm.run"),
        (lambda: proved().export("svg"), "no run failed"),
    ],
)
def test_bad_input_is_a_value_error_with_the_commands_line(
    call: object, cause: str
) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match=cause):
        call()


def test_a_search_stops_when_its_time_is_up() -> None:
    found = kmm.hunt("exec-stack", kernel="v6", strategy="dpor", seconds=0.01)
    assert (found.verdict, found.played.stopped) == ("survived", "budget")
